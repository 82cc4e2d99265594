/** The address that holds the phone: `#ram=2800&fc=5`. A phone set at once is a step of the browser's history. */

import { valueOf } from "./numbers.js";

/** @typedef {import("./phone.js").Phone} Phone */

const PAUSE_MS = 300;

/**
 * Let the phone be what the address says, and the address what the phone is.
 * @param {Phone} phone
 */
export function keepInLink(phone) {
  take(phone);
  let timer = 0;
  let fragment = fragmentOf(phone);
  phone.onChange((change) => {
    const before = fragment;
    fragment = fragmentOf(phone);
    clearTimeout(timer);
    if (change === "set") {
      history.replaceState(null, "", before);
      history.pushState(null, "", fragment);
    } else {
      // browsers bound how often an address changes
      timer = setTimeout(() => history.replaceState(null, "", fragment), PAUSE_MS);
    }
  });
  window.addEventListener("popstate", () => take(phone));
}

/** @param {Phone} phone */
export function linkTo(phone) {
  return new URL(fragmentOf(phone), location.href).href;
}

/** @param {Phone} phone */
function fragmentOf(phone) {
  const pairs = Object.entries(phone.values).map(([name, value]) => [name, String(value)]);
  return `#${new URLSearchParams(pairs)}`;
}

/** @param {Phone} phone */
function take(phone) {
  const told = new URLSearchParams(location.hash.slice(1));
  const values = phone.example;
  for (const feature of phone.features) {
    const text = told.get(feature.name);
    if (text) values[feature.name] = Number.isFinite(Number(text)) ? Number(text) : valueOf(feature, text);
  }
  phone.set(values, "moved");
}
