/** All features' controls, and the errors and ranges that they are marked by. */

import { byId, element } from "../dom.js";
import { symbolOf } from "./features.js";
import { fieldOf } from "./field.js";

/**
 * @typedef {import("./phone.js").Phone} Phone
 * @typedef {import("./field.js").Field} Field
 * @typedef {import("../service/api.js").Applicability} Applicability
 * @typedef {import("../service/api.js").Problem} Problem
 */

export class Form {
  /** @type {Map<string, Field>} */
  #fields;
  #phone;
  #rest = byId("rest", HTMLDetailsElement);

  /**
   * Make the controls: those of features with weight first, the others behind them.
   * @param {Phone} phone
   */
  constructor(phone) {
    this.#phone = phone;
    this.#fields = new Map(phone.features.map((feature) => [feature.name, fieldOf(feature, phone)]));
    for (const feature of phone.features) {
      const group = feature.active ? "active" : "inactive";
      const place = byId(feature.kind === "yes/no" ? `${group}-switches` : group, HTMLElement);
      const root = this.#fields.get(feature.name)?.root;
      if (root) place.append(root);
    }
    const without = phone.features.filter((feature) => !feature.active).length;
    this.#rest.hidden = without === 0;
    byId("rest-title", HTMLElement).replaceChildren(
      element("span", {}, `${without} more features`),
      element("span", { class: "hint" }, " this model gives them no weight"),
    );
    phone.onChange(() => this.show());
    this.show();
  }

  show() {
    for (const field of this.#fields.values()) field.show();
  }

  /**
   * Mark each feature that lies outside the training range, and no other.
   * @param {Applicability | undefined} applicability
   */
  markOutside(applicability) {
    const outside = new Map(applicability?.outside?.map((one) => [one.feature, one]));
    for (const feature of this.#phone.features) {
      const found = outside.get(feature.name);
      const range = found && `${found.low} to ${found.high}${feature.unit && ` ${symbolOf(feature)}`}`;
      this.#fields.get(feature.name)?.mark("", range ? `Outside the training range, ${range}` : "");
    }
  }

  /**
   * Mark the features that errors point to, and return what points to none.
   * @param {Problem[]} problems
   */
  markWrong(problems) {
    const byName = new Map(problems.map((problem) => [problem.pointer.split("/").at(-1) ?? "", problem.detail]));
    for (const [name, field] of this.#fields) field.mark(byName.get(name) ?? "", "");
    const isClosed = this.#phone.features.some((feature) => !feature.active && byName.has(feature.name));
    if (isClosed) this.#rest.open = true;
    return problems.filter((problem) => !this.#fields.has(problem.pointer.split("/").at(-1) ?? ""));
  }
}
