/** The first rows of a file, as the service answers them, with the cells that it cannot read marked. */

import { element } from "../dom.js";
import { delimiterOf, plainName, rowsOf } from "./cells.js";

/**
 * @typedef {import("../phone/features.js").Feature} Feature
 * @typedef {{price_range: number | null, label: string | null, error?: string | null}} RowAnswer
 * @typedef {{names: string[], rows: string[][], part: Blob}} Beginning What is shown, and the bytes that it is from
 */

const ROWS = 20;
const MOST_BYTES = 65_536;

/**
 * Read the first rows of a file: never more than its first 64 KiB.
 * @param {File} file
 * @param {boolean} isLines Whether each line is a JSON object
 * @returns {Promise<Beginning>}
 */
export async function beginningOf(file, isLines) {
  const bytes = new Uint8Array(await file.slice(0, MOST_BYTES).arrayBuffer());
  const end = endOfRows(bytes, isLines ? ROWS : ROWS + 1, bytes.length === file.size, isLines);
  const text = new TextDecoder().decode(bytes.subarray(0, end));
  return { ...(isLines ? tableOfLines(text) : tableOfCsv(text)), part: file.slice(0, end) };
}

/**
 * Return how many bytes the first rows take; a line break within quotes ends none.
 * @param {Uint8Array} bytes
 * @param {number} most
 * @param {boolean} isWhole Whether the last row is complete without a line break
 * @param {boolean} isLines
 */
function endOfRows(bytes, most, isWhole, isLines) {
  let [rows, end, isQuoted] = [0, 0, false];
  for (const [place, byte] of bytes.entries()) {
    if (byte === 0x22 && !isLines) isQuoted = !isQuoted;
    if (byte !== 0x0a || isQuoted) continue;
    end = place + 1;
    rows += 1;
    if (rows === most) return end;
  }
  return isWhole ? bytes.length : end;
}

/** @param {string} text */
function tableOfCsv(text) {
  const bare = text.replace(/^\ufeff/, "");
  const [names = [], ...rows] = rowsOf(bare, delimiterOf(bare.split(/\r?\n/, 1)[0] ?? ""));
  return { names, rows };
}

/** @param {string} text */
function tableOfLines(text) {
  const lines = text.split(/\r?\n/).filter((line) => line.trim());
  const phones = lines.map((line) => {
    try {
      const phone = JSON.parse(line);
      return typeof phone === "object" && phone && !Array.isArray(phone) ? phone : {};
    } catch {
      return {};
    }
  });
  const names = [...new Set(phones.flatMap((phone) => Object.keys(phone)))];
  return { names, rows: phones.map((phone) => names.map((name) => shown(phone[name]))) };
}

/** @param {unknown} value */
function shown(value) {
  if (value === undefined) return "";
  return typeof value === "string" ? value : JSON.stringify(value);
}

/**
 * Whether numbers are written with decimal commas: some cell is, and none has a decimal point.
 * @param {Beginning} beginning
 */
export function hasDecimalCommas({ rows }) {
  const cells = rows.flat();
  return cells.some((cell) => /^\s*-?\d*,\d+\s*$/.test(cell)) && !cells.some((cell) => /^\s*-?\d+\.\d{1,2}\s*$/.test(cell));
}

/**
 * Make the table: the answer first, then what the file says, a bad cell with the service's words below its row.
 * @param {Beginning} beginning
 * @param {RowAnswer[]} answers
 * @param {Feature[]} features
 * @returns {{table: HTMLTableElement, bad: number}}
 */
export function previewOf({ names, rows }, answers, features) {
  const known = new Map(features.map((feature) => [plainName(feature.name), feature.name]));
  const head = element("tr", {}, ...["Row", "Answer", ...names].map((name) => element("th", { scope: "col" }, name)));
  const body = answers.flatMap(({ label, error }, row) => {
    const wrong = error ? featuresIn(error, features) : new Set();
    const cells = names.map((name, place) => {
      const isWrong = wrong.has(known.get(plainName(name)) ?? "");
      const text = rows[row]?.[place] ?? "";
      return isWrong
        ? element("td", { class: "is-wrong" }, element("strong", {}, text || "empty"))
        : element("td", {}, text);
    });
    const verdict = error ? element("td", { class: "is-wrong" }, "none") : element("td", { class: "label" }, label ?? "");
    const tr = element("tr", {}, element("th", { scope: "row" }, String(row + 1)), verdict, ...cells);
    if (!error) return [tr];
    const why = element("td", { colspan: names.length + 1, class: "why" }, element("span", {}, error));
    return [tr, element("tr", { class: "why-row" }, element("td", {}), why)];
  });
  const table = element("table", {}, element("thead", {}, head), element("tbody", {}, ...body));
  return { table, bad: answers.filter(({ error }) => error).length };
}

/**
 * Return the features that an error is about: each of its sentences begins with one.
 * @param {string} error
 * @param {Feature[]} features
 */
function featuresIn(error, features) {
  const names = features.map(({ name }) => name).filter((name) => new RegExp(`(^|; )${name} (must|is)\\b`).test(error));
  return new Set(names);
}
