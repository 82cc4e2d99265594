/** One feature's controls: a number with a slider, or a switch; and what is said of its value below them. */

import { element } from "../dom.js";
import { symbolOf, withUnit } from "./features.js";
import { valueOf } from "./numbers.js";
import { Scale } from "./scale.js";

/**
 * @typedef {import("./features.js").Feature} Feature
 * @typedef {import("./phone.js").Phone} Phone
 * @typedef {import("./phone.js").Value} Value
 *
 * @typedef {object} Field
 * @property {HTMLElement} root
 * @property {() => void} show Let the controls tell the phone's value
 * @property {(error: string, outside: string) => void} mark Say what is wrong with it; nothing where both are empty
 */

const POSITIONS = 1000;

/**
 * @param {Feature} feature
 * @param {Phone} phone
 * @returns {Field}
 */
export function fieldOf(feature, phone) {
  return feature.kind === "yes/no" ? switchOf(feature, phone) : sliderOf(feature, phone);
}

/** @param {Feature} feature @param {Phone} phone @returns {Field} */
function switchOf(feature, phone) {
  const id = `feature-${feature.name}`;
  const input = element("input", { id, type: "checkbox", role: "switch", "aria-describedby": `${id}-note` });
  const note = noteOf(id);
  const root = element("div", { class: "field switch" }, element("label", { for: id }, input, feature.label), note);
  input.addEventListener("change", () => phone.set({ [feature.name]: input.checked ? 1 : 0 }, "moved"));
  return {
    root,
    show: () => {
      input.checked = phone.value(feature.name) === 1;
    },
    mark: (error, outside) => marked(root, input, note, error, outside),
  };
}

/** @param {Feature} feature @param {Phone} phone @returns {Field} */
function sliderOf(feature, phone) {
  const id = `feature-${feature.name}`;
  const scale = new Scale(feature);
  const number = element("input", {
    id,
    type: "text",
    inputmode: feature.kind === "number" ? "decimal" : "numeric",
    autocomplete: "off",
    "aria-describedby": `${id}-note`,
  });
  const range = element("input", { type: "range", min: 0, max: POSITIONS, "aria-labelledby": `${id}-label` });
  range.style.setProperty("--from", String(scale.from));
  range.style.setProperty("--to", String(scale.to));
  const note = noteOf(id);
  const root = element(
    "div",
    { class: "field slider" },
    element(
      "label",
      { for: id, id: `${id}-label` },
      feature.label,
      feature.hint ? element("span", { class: "hint" }, ` ${feature.hint}`) : "",
    ),
    range,
    element("span", { class: "number" }, number, element("span", { class: "unit" }, symbolOf(feature))),
    note,
  );
  /** @param {Value} value */
  const set = (value) => phone.set({ [feature.name]: value }, "moved");
  /** @param {number} steps */
  const stepBy = (steps) => {
    const value = phone.value(feature.name);
    if (typeof value === "number") set(scale.rounded(value + steps * scale.step));
  };

  range.addEventListener("input", () => set(scale.valueAt(range.valueAsNumber / POSITIONS)));
  range.addEventListener("keydown", (event) => {
    const steps = STEPS[event.key];
    if (steps === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    stepBy(steps);
  });
  number.addEventListener("input", () => set(number.value.trim() ? valueOf(feature, number.value) : ""));
  // what was typed is shown as it was understood
  number.addEventListener("blur", show);
  number.addEventListener("keydown", (event) => {
    if (event.key === "Enter") show();
    if (event.key !== "ArrowUp" && event.key !== "ArrowDown") return;
    event.preventDefault();
    stepBy(event.key === "ArrowUp" ? 1 : -1);
    show();
  });

  function show() {
    number.value = String(phone.value(feature.name));
    showSlider();
  }
  function showSlider() {
    const value = phone.value(feature.name);
    const share = typeof value === "number" ? Math.min(1, Math.max(0, scale.shareOf(value))) : 0;
    range.valueAsNumber = Math.round(share * POSITIONS);
    range.style.setProperty("--share", String(share));
    range.setAttribute("aria-valuetext", typeof value === "number" ? withUnit(feature, value) : "no number");
  }
  return {
    root,
    // a text that is being typed stays as it is
    show: () => (document.activeElement === number && document.hasFocus() ? showSlider() : show()),
    mark: (error, outside) => marked(root, number, note, error, outside),
  };
}

/** @type {Record<string, number>} */
const STEPS = { ArrowUp: 1, ArrowRight: 1, ArrowDown: -1, ArrowLeft: -1, PageUp: 10, PageDown: -10 };

/** @param {string} id */
function noteOf(id) {
  return element("p", { id: `${id}-note`, class: "note" });
}

/**
 * @param {HTMLElement} root
 * @param {HTMLInputElement} input
 * @param {HTMLElement} note
 * @param {string} error
 * @param {string} outside
 */
function marked(root, input, note, error, outside) {
  root.classList.toggle("is-wrong", error !== "");
  root.classList.toggle("is-outside", outside !== "" && error === "");
  if (error) input.setAttribute("aria-invalid", "true");
  else input.removeAttribute("aria-invalid");
  const text = error || outside;
  if (note.textContent !== text) note.textContent = text;
}
