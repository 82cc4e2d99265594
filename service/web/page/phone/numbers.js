/** Numbers as people write them: 2.2 and 2,2, 1.520 and 1,520 and 1 520, full-width digits, with a unit or without. */

import { symbolOf } from "./features.js";

/** @typedef {import("./features.js").Feature} Feature */

const YES = ["1", "true", "yes", "ja", "oui", "是"];
const NO = ["0", "false", "no", "nein", "non", "否"];

/**
 * Return a feature's value as a number; a text that is none as it stands, for the service to say so.
 *
 * A mark before three digits may part thousands or decimals: what keeps the feature's rule is taken, and of
 * two that do, thousands where numbers are whole, decimals elsewhere.
 * @param {Feature} feature
 * @param {string} text
 * @returns {number | string}
 */
export function valueOf(feature, text) {
  // compatibility composition makes ASCII of full-width digits, points and commas, and blanks of narrow ones
  const written = text.normalize("NFKC").replaceAll("。", ".").trim();
  if (feature.kind === "yes/no") {
    const word = written.toLowerCase();
    if (YES.includes(word)) return 1;
    return NO.includes(word) ? 0 : text;
  }
  const readings = readingsOf(withoutUnit(written, feature).replaceAll("\u2212", "-"));
  if (feature.kind === "whole number") readings.reverse();
  return readings.find((value) => keepsRule(feature, value)) ?? readings[0] ?? text;
}

/**
 * Return all numbers that a text may mean, decimals first.
 * @param {string} text
 */
function readingsOf(text) {
  const bare = text.replace(/(?<=\d)[\s'’_](?=\d{3}(?!\d))/g, "");
  const readings = [];
  if (/^[+-]?(\d+([.,]\d*)?|[.,]\d+)(e[+-]?\d+)?$/i.test(bare)) readings.push(Number(bare.replace(",", ".")));
  // thousands: the same mark each time, perhaps the other one before decimals
  if (/^[+-]?\d{1,3}(\.\d{3})+(,\d+)?$/.test(bare)) {
    readings.push(Number(bare.replaceAll(".", "").replace(",", ".")));
  } else if (/^[+-]?\d{1,3}(,\d{3})+(\.\d+)?$/.test(bare)) {
    readings.push(Number(bare.replaceAll(",", "")));
  }
  return readings;
}

/**
 * @param {string} text
 * @param {Feature} feature
 */
function withoutUnit(text, feature) {
  const unit = [feature.unit, symbolOf(feature)].find((one) => one && text.toLowerCase().endsWith(one.toLowerCase()));
  return unit ? text.slice(0, -unit.length).trim() : text;
}

/**
 * @param {Feature} feature
 * @param {number} value
 */
function keepsRule(feature, value) {
  const isWhole = feature.kind === "number" || Number.isInteger(value);
  return isWhole && feature.low <= value && value <= feature.high;
}
