/** Why: what each feature adds to the expected price range, or takes away from it, as signed bars. */

import { byId, element } from "../dom.js";
import { withUnit } from "../phone/features.js";

/**
 * @typedef {import("../phone/features.js").Feature} Feature
 * @typedef {import("../service/api.js").Explanation} Explanation
 * @typedef {import("../phone/phone.js").Values} Values
 */

const MOST = 8;

/**
 * @param {Explanation} explanation
 * @param {Feature[]} features
 * @param {Values} values Of the phone that is explained
 */
export function showReasons(explanation, features, values) {
  const byName = new Map(features.map((feature) => [feature.name, feature]));
  const { base, value, exact, reasons } = explanation;
  const largest = Math.max(...reasons.map((reason) => Math.abs(reason.score)), 1e-9);
  byId("reasons-sum", HTMLElement).textContent =
    `From ${base.score.toFixed(2)}, phones in general, to ${value.score.toFixed(2)}, this one; ` +
    `0 is low and 3 very high.${exact ? "" : " Estimated by a sample."}`;
  const rows = reasons.slice(0, MOST).map((reason) => {
    const feature = byName.get(reason.feature);
    const shown = feature ? withUnit(feature, Number(values[reason.feature])) : "";
    const bar = element("span", { class: reason.score < 0 ? "fill less" : "fill more" });
    bar.style.setProperty("--share", String(Math.abs(reason.score) / largest));
    return element(
      "li",
      {},
      element(
        "span",
        { class: "name" },
        feature?.label ?? reason.feature,
        element("span", { class: "hint" }, ` ${shown}`),
      ),
      element("span", { class: "axis", "aria-hidden": "true" }, bar),
      element("span", { class: "share" }, signed(reason.score)),
    );
  });
  byId("reasons", HTMLElement).replaceChildren(...rows);
}

/** @param {number} score */
function signed(score) {
  const text = Math.abs(score).toFixed(2);
  return text === "0.00" ? "0.00" : `${score < 0 ? "\u2212" : "+"}${text}`;
}
