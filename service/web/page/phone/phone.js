/** The phone that is asked about: a value for each feature, and who wants to know when one changes. */

/**
 * @typedef {import("./features.js").Feature} Feature
 * @typedef {number | string} Value A text is what somebody typed that is no number
 * @typedef {Record<string, Value>} Values
 * @typedef {"moved" | "set"} Change Moved little by little, or set at once and worth a step back
 */

export class Phone {
  /** @type {Values} */
  #values;
  /** @type {((change: Change) => void)[]} */
  #listeners = [];

  /** @param {Feature[]} features */
  constructor(features) {
    this.features = features;
    this.#values = this.example;
  }

  /** @returns {Values} */
  get example() {
    return Object.fromEntries(this.features.map((feature) => [feature.name, feature.example]));
  }

  /** @returns {Values} A copy, as a request has it */
  get values() {
    return { ...this.#values };
  }

  /** @param {string} name */
  value(name) {
    return this.#values[name] ?? 0;
  }

  /**
   * @param {Values} values Of some features
   * @param {Change} change
   */
  set(values, change) {
    const before = this.#values;
    this.#values = { ...before, ...values };
    if (Object.keys(values).some((name) => before[name] !== values[name])) {
      for (const listener of this.#listeners) listener(change);
    }
  }

  /** @param {(change: Change) => void} listener */
  onChange(listener) {
    this.#listeners.push(listener);
  }
}
