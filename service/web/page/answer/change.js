/** What would make it high? One click asks for the smallest change, and sets it. */

import { byId, element } from "../dom.js";
import { withUnit } from "../phone/features.js";
import { ServiceError } from "../service/api.js";
import { capital, percent } from "./percent.js";

/**
 * @typedef {import("../phone/phone.js").Phone} Phone
 * @typedef {import("../phone/phone.js").Values} Values
 * @typedef {import("../service/api.js").Service} Service
 * @typedef {import("../service/api.js").AnswerOfPhone & {within: string,
 *   features: {feature: string, value: number, changed_to: number}[]}} ChangeOfPhone
 * @typedef {import("../service/api.js").AnswerOfPhone & {wanted: {price_range: number, label: string},
 *   changes: {one: ChangeOfPhone | null, two: ChangeOfPhone | null}}} WhatIf
 */

export class ChangeView {
  #phone;
  #service;
  #buttons;
  #told = byId("change", HTMLElement);
  #isSetting = false;

  /**
   * @param {Phone} phone
   * @param {Service} service
   * @param {string[]} labels
   */
  constructor(phone, service, labels) {
    this.#phone = phone;
    this.#service = service;
    this.#buttons = labels.map((label, place) => {
      const button = element("button", { type: "button", class: `wanted range-${place}` }, capital(label));
      button.addEventListener("click", () => void this.#ask(place));
      return button;
    });
    byId("wanted", HTMLElement).replaceChildren(...this.#buttons);
    phone.onChange(() => {
      if (!this.#isSetting) this.#told.replaceChildren();
    });
  }

  /** @param {number} place The price range that the phone is in: there is nothing to change. */
  answered(place) {
    for (const [each, button] of this.#buttons.entries()) {
      // a button with the focus that is disabled would lose it
      button.setAttribute("aria-disabled", String(each === place));
    }
  }

  /** @param {number} wanted */
  async #ask(wanted) {
    if (this.#buttons[wanted]?.getAttribute("aria-disabled") === "true") return;
    const before = this.#phone.values;
    try {
      const found = await this.#service.post("predict/what-if", { phone: before, price_range: wanted });
      this.#show(found, before);
    } catch (error) {
      const detail = error instanceof ServiceError ? error.message : "No key was given.";
      this.#told.replaceChildren(element("p", { class: "note" }, detail));
    }
  }

  /**
   * @param {WhatIf} found
   * @param {Values} before
   */
  #show({ changes, wanted }, before) {
    const change = changes.one ?? changes.two;
    if (!change) {
      this.#told.replaceChildren(
        element("p", {}, `No change of one feature or two was found that makes this phone ${wanted.label}.`),
      );
      return;
    }
    const other = changes.one && changes.two;
    this.#set(change, before);
    const back = element("button", { type: "button" }, "Undo");
    back.addEventListener("click", () => {
      this.#phone.set(before, "set");
      this.#told.replaceChildren();
    });
    const rows = [element("p", {}, element("strong", {}, this.#sentence(change)), ` ${likely(change)}`)];
    const buttons = [back];
    if (other) {
      const both = element("button", { type: "button" }, "Set these instead");
      both.addEventListener("click", () => this.#set(other, before));
      rows.push(element("p", {}, `Or both of these: ${this.#sentence(other)} ${likely(other)}`));
      buttons.unshift(both);
    }
    this.#told.replaceChildren(...rows, element("p", { class: "buttons" }, ...buttons));
  }

  /**
   * @param {ChangeOfPhone} change
   * @param {Values} before
   */
  #set(change, before) {
    this.#isSetting = true;
    const changed = change.features.map(({ feature, changed_to: value }) => [feature, value]);
    this.#phone.set({ ...before, ...Object.fromEntries(changed) }, "set");
    this.#isSetting = false;
  }

  /** @param {ChangeOfPhone} change */
  #sentence({ features }) {
    const parts = features.map(({ feature: name, value, changed_to: to }) => {
      const feature = this.#phone.features.find((each) => each.name === name);
      return feature ? `${feature.label} ${withUnit(feature, value)} → ${withUnit(feature, to)}` : name;
    });
    return `${parts.join(", ")}.`;
  }
}

/** @param {ChangeOfPhone} change */
function likely({ label, probabilities, price_range: place, within }) {
  const beyond = within === "training_range" ? "" : " Outside what the model learned from.";
  return `Then it is ${label}, ${percent(probabilities[place] ?? 0)} probable.${beyond}`;
}
