/** A phone that somebody pastes: a JSON object, or a row of a table, with its header or in the table's order. */

import { delimiterOf, plainName, rowsOf } from "../table/cells.js";
import { valueOf } from "./numbers.js";

/**
 * @typedef {import("./features.js").Feature} Feature
 * @typedef {import("./phone.js").Values} Values
 */

/**
 * Return the values of the features that a text names. Throws an Error that says what was expected.
 * @param {string} text
 * @param {Feature[]} features
 * @returns {Values}
 */
export function readPasted(text, features) {
  const whole = text.normalize("NFKC").trim();
  if (whole.startsWith("{")) return ofNames(pairsOfJson(whole), features);
  const delimiter = delimiterOf(whole.split(/\r?\n/, 1)[0] ?? "");
  const [first = [], second] = rowsOf(whole, delimiter);
  const names = new Set(features.map((feature) => plainName(feature.name)));
  if (first.some((cell) => names.has(plainName(cell)))) {
    if (!second) throw new Error("There is a header and no row below it.");
    return ofNames(new Map(first.map((name, place) => [name, second[place] ?? ""])), features);
  }
  // a table that models are trained on has the price range in one more column
  if (first.length !== features.length && first.length !== features.length + 1) {
    throw new Error(
      `Expected a JSON object, a row with its header, or ${features.length} values ` +
        `from ${features[0]?.name} to ${features.at(-1)?.name}; found ${first.length}.`,
    );
  }
  return Object.fromEntries(features.map((feature, place) => [feature.name, valueOf(feature, first[place] ?? "")]));
}

/**
 * @param {string} text
 * @returns {Map<string, unknown>}
 */
function pairsOfJson(text) {
  let found;
  try {
    found = JSON.parse(text);
  } catch (error) {
    throw new Error(`This is not valid JSON: ${error instanceof Error ? error.message : error}`);
  }
  // also the body of a request about a phone
  const phone = typeof found.phone === "object" && found.phone ? found.phone : found;
  return new Map(Object.entries(phone));
}

/**
 * @param {Map<string, unknown>} pairs
 * @param {Feature[]} features
 */
function ofNames(pairs, features) {
  const byName = new Map([...pairs].map(([name, value]) => [plainName(name), value]));
  /** @type {Values} */
  const values = {};
  for (const feature of features) {
    const value = byName.get(plainName(feature.name));
    if (value === undefined) continue;
    values[feature.name] = typeof value === "number" ? value : valueOf(feature, String(value));
  }
  if (!Object.keys(values).length) {
    throw new Error(`None of these is a feature of a phone: ${[...pairs.keys()].slice(0, 5).join(", ")}.`);
  }
  return values;
}
