/** How the four probabilities run over the values of one feature, one above the other. */

import { byId, drawn, element } from "../dom.js";
import { withUnit } from "../phone/features.js";
import { capital } from "./percent.js";

/**
 * @typedef {import("../phone/features.js").Feature} Feature
 * @typedef {{feature: string, active: boolean,
 *   curve: {value: number, price_range: number, probabilities: number[]}[]}} Curve
 */

const WIDTH = 600;
const HEIGHT = 220;

export class CurveView {
  #labels;
  #place = byId("curve", HTMLElement);
  #told = byId("curve-told", HTMLElement);
  /** @type {{low: number, high: number} | null} */
  #shown = null;

  /** @param {string[]} labels */
  constructor(labels) {
    this.#labels = labels;
  }

  /**
   * @param {Curve} answer
   * @param {Feature} feature
   * @param {number} value Of the phone, which is marked
   */
  show({ curve }, feature, value) {
    const [first, last] = [curve[0], curve.at(-1)];
    if (!first || !last || first.value === last.value) {
      this.#shown = null;
      this.#place.replaceChildren();
      this.#told.textContent = "There is no curve over one value.";
      return;
    }
    const low = first.value;
    const high = last.value;
    this.#shown = { low, high };
    /** @param {number} one */
    const x = (one) => ((one - low) / (high - low)) * WIDTH;
    /** @param {number} share */
    const y = (share) => (1 - share) * HEIGHT;

    const above = curve.map(() => 0);
    const areas = this.#labels.map((_, place) => {
      const floor = [...above];
      for (const [each, point] of curve.entries()) above[each] = (above[each] ?? 0) + (point.probabilities[place] ?? 0);
      const upper = curve.map((point, each) => `${x(point.value).toFixed(1)},${y(above[each] ?? 0).toFixed(1)}`);
      const lower = curve.map((point, each) => `${x(point.value).toFixed(1)},${y(floor[each] ?? 0).toFixed(1)}`);
      return drawn("polygon", { class: `range-${place}`, points: [...upper, ...lower.reverse()].join(" ") });
    });
    const marker = drawn(
      "g",
      { class: "mark" },
      drawn("line", { class: "halo", y1: 0, y2: HEIGHT }),
      drawn("line", { class: "marker", y1: 0, y2: HEIGHT }),
    );
    const chart = drawn(
      "svg",
      { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true" },
      ...areas,
      marker,
    );
    const turns = curve.filter((point, each) => point.price_range !== curve[each - 1]?.price_range);
    this.#place.replaceChildren(
      this.#names(turns, low, high),
      chart,
      element(
        "p",
        { class: "ends", "aria-hidden": "true" },
        element("span", {}, withUnit(feature, low)),
        element("span", {}, withUnit(feature, high)),
      ),
    );
    this.#told.textContent = this.#sentence(turns, feature);
    this.mark(value);
  }

  /** @param {number} value Where the phone is now. */
  mark(value) {
    const marker = this.#place.querySelector(".mark");
    if (!marker || !this.#shown) return;
    marker.classList.toggle("is-nowhere", !Number.isFinite(value));
    if (!Number.isFinite(value)) return;
    const { low, high } = this.#shown;
    const place = Math.min(WIDTH, Math.max(0, ((value - low) / (high - low)) * WIDTH));
    marker.setAttribute("transform", `translate(${place})`);
    marker.classList.toggle("is-beyond", value < low || value > high);
  }

  /**
   * Make the names of the price ranges, each above the middle of its own values.
   * @param {Curve["curve"]} turns The first points of each price range
   * @param {number} low
   * @param {number} high
   */
  #names(turns, low, high) {
    const names = turns.map((point, each) => {
      const name = element("span", {}, capital(this.#labels[point.price_range] ?? ""));
      const share = (point.value + (turns[each + 1]?.value ?? high) - 2 * low) / 2 / (high - low);
      name.style.setProperty("--share", String(Math.min(0.94, Math.max(0.06, share))));
      return name;
    });
    return element("p", { class: "names", "aria-hidden": "true" }, ...names);
  }

  /**
   * Say which price range comes from where: what the picture shows.
   * @param {Curve["curve"]} turns
   * @param {Feature} feature
   */
  #sentence(turns, feature) {
    const parts = turns.map((point, each) => {
      const label = this.#labels[point.price_range] ?? "";
      return each === 0 ? capital(label) : `${label} from ${withUnit(feature, point.value)}`;
    });
    return parts.length === 1 ? `${parts[0]} at all of these values.` : `${parts.join(", ")}.`;
  }
}
