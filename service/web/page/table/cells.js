/** Rows and cells of CSV, as far as they are shown: what counts is how the service reads the file itself. */

const DELIMITERS = ["\t", ";", "|", ","];

/**
 * Return what separates the cells of a line: of all that occur outside quotes, what occurs most.
 * @param {string} line
 */
export function delimiterOf(line) {
  const counts = DELIMITERS.map((delimiter) => rowsOf(line, delimiter)[0]?.length ?? 0);
  const most = Math.max(...counts);
  return DELIMITERS[counts.indexOf(most)] ?? ",";
}

/**
 * Return the cells of each row (RFC 4180): a quoted cell may hold delimiters, line breaks and doubled quotes.
 * @param {string} text
 * @param {string} delimiter
 * @returns {string[][]}
 */
export function rowsOf(text, delimiter) {
  /** @type {string[][]} */
  const rows = [];
  /** @type {string[]} */
  let row = [];
  const mark = delimiter === "|" ? "\\|" : delimiter;
  const cell = new RegExp(`(?:"((?:[^"]|"")*)"(?=[\\r\\n${mark}]|$)|([^\\r\\n${mark}]*))(\\r\\n|[\\r\\n${mark}]|$)`, "gy");
  for (const [, quoted, bare, end] of text.matchAll(cell)) {
    row.push(quoted === undefined ? (bare ?? "") : quoted.replaceAll('""', '"'));
    if (end === delimiter) continue;
    if (row.length > 1 || row[0]) rows.push(row);
    row = [];
    if (end === "") break;
  }
  return rows;
}

/**
 * Return a column's name as the service compares names: without capitals, blanks, underscores and hyphens.
 * @param {string} name
 */
export function plainName(name) {
  return name.toLowerCase().replaceAll(/[\s_-]/g, "");
}
