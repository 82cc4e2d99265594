/** The answer to the phone: its price range, four probabilities, the prediction set, and whether to believe it. */

import { byId, element } from "../dom.js";
import { capital, percent } from "./percent.js";

/**
 * @typedef {import("../service/api.js").Answer} Answer
 * @typedef {{row: HTMLElement, bar: HTMLElement, share: HTMLElement}} Bar
 */

const PAUSE_MS = 800;

export class AnswerView {
  #labels;
  /** @type {Bar[]} */
  #bars;
  #root = byId("answer", HTMLElement);
  #label = byId("answer-label", HTMLElement);
  #sure = byId("answer-sure", HTMLElement);
  #set = byId("set-ranges", HTMLElement);
  #abstain = byId("set-abstain", HTMLElement);
  #belief = byId("belief", HTMLElement);
  #decision = byId("decision", HTMLElement);
  #error = byId("answer-error", HTMLElement);
  #spoken = byId("spoken", HTMLElement);
  #pinned = byId("pinned", HTMLElement);
  #timer = 0;

  /** @param {string[]} labels The price ranges, lowest first */
  constructor(labels) {
    this.#labels = labels;
    this.#bars = labels.map((label, place) => {
      const bar = element("span", { class: `fill range-${place}` });
      const share = element("span", { class: "share" });
      const row = element(
        "li",
        {},
        element("span", { class: "name" }, capital(label)),
        element("span", { class: "track", "aria-hidden": "true" }, bar),
        share,
      );
      return { row, bar, share };
    });
    byId("bars", HTMLElement).replaceChildren(...this.#bars.map((bar) => bar.row));
    // on small screens, while the answer itself is out of sight
    new IntersectionObserver(([seen]) => {
      this.#pinned.hidden = seen?.isIntersecting ?? true;
    }).observe(byId("bars", HTMLElement));
  }

  /** @param {Answer} answer */
  show(answer) {
    this.#root.dataset.state = "answered";
    this.#error.textContent = "";
    this.#label.textContent = capital(answer.label);
    this.#sure.textContent = `${percent(answer.probabilities[answer.price_range] ?? 0)} probable`;
    byId("pinned-label", HTMLElement).textContent = this.#label.textContent;
    byId("pinned-sure", HTMLElement).textContent = this.#sure.textContent;
    for (const [place, probability] of answer.probabilities.entries()) {
      const bar = this.#bars[place];
      if (!bar) continue;
      bar.bar.style.setProperty("--share", String(probability));
      bar.share.textContent = percent(probability);
      bar.row.classList.toggle("is-answer", place === answer.price_range);
    }
    const inSet = answer.prediction_set ?? [];
    this.#set.replaceChildren(
      ...inSet.map((place) => element("li", { class: `chip range-${place}` }, capital(this.#labels[place] ?? ""))),
    );
    this.#abstain.hidden = !answer.abstain;
    this.#decision.hidden = !answer.decision;
    if (answer.decision) {
      const { label, expected_cost: cost } = answer.decision;
      this.#decision.textContent = `By the costs of mistakes: decide for ${label}, expected cost ${cost.toPrecision(3)}.`;
    }
    this.#showBelief(answer);
    this.#speak(`${this.#label.textContent}, ${this.#sure.textContent}. ${this.#belief.textContent}`);
  }

  /**
   * @param {string} detail What the service said instead of an answer
   * @param {boolean} mayPass Whether the same question may get an answer
   */
  fail(detail, mayPass) {
    this.#root.dataset.state = "failed";
    byId("again", HTMLElement).hidden = !mayPass;
    this.#error.textContent = detail;
    this.#speak(detail);
  }

  /** @param {Answer} answer */
  #showBelief({ applicability }) {
    this.#belief.hidden = !applicability;
    if (!applicability) return;
    this.#belief.dataset.state = applicability.in_range ? "inside" : "outside";
    this.#belief.textContent = applicability.in_range
      ? "This phone is like those that the model learned from."
      : (applicability.note ?? "This phone is unlike those that the model learned from.");
  }

  /**
   * Let a screen reader say it, once nothing moves any more.
   * @param {string} text
   */
  #speak(text) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#spoken.textContent = text;
    }, PAUSE_MS);
  }
}
