/**
 * Where a value lies on a slider. The range that the model learned from takes most of it, evenly; what lies
 * beyond, up to the physical limits, takes its ends and is ever closer together.
 */

/** @typedef {import("./features.js").Feature} Feature */

const END = 0.14;

export class Scale {
  #low;
  #high;
  /** @type {{low: number, high: number}} */
  #band;
  #perShare;
  #below;
  #above;

  /** @param {Feature} feature */
  constructor(feature) {
    this.#low = feature.low;
    this.#high = feature.high;
    this.#band = feature.learned ?? { low: feature.low, high: feature.high };
    /** Where the band begins and ends, as shares of the slider. */
    this.from = this.#band.low > this.#low ? END : 0;
    this.to = this.#band.high < this.#high ? 1 - END : 1;
    this.#perShare = (this.#band.high - this.#band.low || 1) / (this.to - this.from);
    this.#below = curvature((this.#band.low - this.#low) / (this.#perShare * END));
    this.#above = curvature((this.#high - this.#band.high) / (this.#perShare * END));
    /** The step of a key: a hundredth of the band or less, 1, 2 or 5 times a power of ten. */
    this.step = Math.max(roundStep((this.#band.high - this.#band.low) / 100), feature.kind === "number" ? 0 : 1);
    this.digits = Math.max(0, -Math.floor(Math.log10(this.step)));
  }

  /** @param {number} value */
  shareOf(value) {
    if (value < this.#band.low) return this.from - END * unbent((this.#band.low - value) / this.#unit, this.#below);
    if (value > this.#band.high) return this.to + END * unbent((value - this.#band.high) / this.#unit, this.#above);
    return this.from + (value - this.#band.low) / this.#perShare;
  }

  /**
   * Return the value at a share, as a multiple of the step; the ends are the limits themselves.
   * @param {number} share
   */
  valueAt(share) {
    if (share <= 0) return this.#low;
    if (share >= 1) return this.#high;
    if (share < this.from) return this.rounded(this.#band.low - this.#unit * bent((this.from - share) / END, this.#below));
    if (share > this.to) return this.rounded(this.#band.high + this.#unit * bent((share - this.to) / END, this.#above));
    return this.rounded(this.#band.low + (share - this.from) * this.#perShare);
  }

  /** @param {number} value */
  rounded(value) {
    const stepped = Number((Math.round(value / this.step) * this.step).toFixed(this.digits));
    return Math.min(this.#high, Math.max(this.#low, stepped));
  }

  /** What an end would hold if it were as wide apart as the band. */
  get #unit() {
    return this.#perShare * END;
  }
}

/** @param {number} share @param {number} k */
function bent(share, k) {
  return Math.abs(k) < 1e-6 ? share : Math.expm1(k * share) / k;
}

/** @param {number} length @param {number} k */
function unbent(length, k) {
  return Math.abs(k) < 1e-6 ? length : Math.log1p(k * length) / k;
}

/**
 * Return k for which (e^k - 1) / k is `length`: the bend with which an end begins as the band ends.
 * @param {number} length
 */
function curvature(length) {
  if (length <= 0) return 0;
  let [low, high] = [-50, 50];
  for (let turn = 0; turn < 60; turn++) {
    const middle = (low + high) / 2;
    if (bent(1, middle) < length) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** @param {number} step */
function roundStep(step) {
  const power = 10 ** Math.floor(Math.log10(step));
  const digit = step / power;
  return (digit >= 5 ? 5 : digit >= 2 ? 2 : 1) * power;
}
