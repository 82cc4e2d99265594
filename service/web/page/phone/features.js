/** The features of a phone, as the service's OpenAPI document and the model's passport describe them. */

/**
 * @typedef {object} Feature
 * @property {string} name
 * @property {string} label What it is, in a few words
 * @property {string} hint What else is said of its values; may be empty
 * @property {string} unit May be empty
 * @property {"yes/no" | "whole number" | "number"} kind
 * @property {number} low The physical limits, both included
 * @property {number} high
 * @property {number} example
 * @property {{low: number, high: number} | null} learned The range of the training rows
 * @property {boolean} active Whether the model gives it weight
 *
 * @typedef {{description?: string, type?: string, minimum?: number, maximum?: number, examples?: number[],
 *   enum?: unknown[], anyOf?: {type?: string}[]}} Property
 * @typedef {{components: {schemas: {Phone: {properties: Record<string, Property>}}},
 *   paths: Record<string, unknown>}} OpenApi
 * @typedef {{name: string, version: string, labels: string[], prediction_sets: object | null,
 *   feature_ranges: Record<string, {low: number, high: number}>,
 *   training_region: {features: string[]} | null}} Passport
 */

/**
 * @param {OpenApi} openApi
 * @param {Passport} passport
 * @returns {Feature[]} In the order of a table's columns
 */
export function featuresOf(openApi, passport) {
  const active = passport.training_region?.features;
  return Object.entries(openApi.components.schemas.Phone.properties).map(([name, property]) => {
    const [, meaning = name, unit = ""] = /^(.*?)(?: \(([^()]*)\))?$/.exec(property.description ?? name) ?? [];
    const [label = meaning, ...hints] = meaning.split(", ");
    const kind = kindOf(property);
    return {
      name,
      label,
      hint: hints.join(", "),
      unit,
      kind,
      low: property.minimum ?? 0,
      high: property.maximum ?? 1,
      example: property.examples?.[0] ?? 0,
      learned: kind === "yes/no" ? null : (passport.feature_ranges?.[name] ?? null),
      active: active?.includes(name) ?? true,
    };
  });
}

/** @param {Property} property */
function kindOf(property) {
  if (property.enum || property.anyOf?.some((one) => one.type === "boolean")) return "yes/no";
  return property.type === "integer" ? "whole number" : "number";
}

/** @type {Record<string, string>} */
const SYMBOLS = { megapixel: "MP" };

/**
 * Return a feature's unit as it is written behind numbers.
 * @param {Pick<Feature, "unit">} feature
 */
export function symbolOf({ unit }) {
  return SYMBOLS[unit] ?? unit;
}

/**
 * Write a value with its unit.
 * @param {Feature} feature
 * @param {number} value
 */
export function withUnit(feature, value) {
  if (feature.kind === "yes/no") return value ? "yes" : "no";
  return feature.unit ? `${value} ${symbolOf(feature)}` : String(value);
}
