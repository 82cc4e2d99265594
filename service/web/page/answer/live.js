/** The answer while the phone changes: probabilities at once, reasons and the curve as soon as it stands still. */

import { byId, element } from "../dom.js";
import { ServiceError } from "../service/api.js";
import { Latest } from "../service/latest.js";
import { AnswerView } from "./answer.js";
import { ChangeView } from "./change.js";
import { CurveView } from "./curve.js";
import { showReasons } from "./reasons.js";

/**
 * @typedef {import("../phone/phone.js").Phone} Phone
 * @typedef {import("../phone/phone.js").Values} Values
 * @typedef {import("../phone/form.js").Form} Form
 * @typedef {import("../phone/features.js").Passport} Passport
 * @typedef {import("../service/api.js").Answer} Answer
 * @typedef {import("../service/api.js").Service} Service
 * @typedef {import("../service/status.js").Status} Status
 */

const PAUSE_MS = 120;
const POINTS = 81;

export class Live {
  #phone;
  #form;
  #service;
  #status;
  #passport;
  #answer;
  #change;
  #curve;
  #level = byId("level", HTMLSelectElement);
  #feature = byId("curve-feature", HTMLSelectElement);
  #why = byId("why", HTMLElement);
  #timer = 0;
  /** The phone of the curve that is shown, but for its feature. */
  #curveOf = "";

  #answers = new Latest(
    /** @param {Values} values @returns {Promise<Answer>} */
    (values) => this.#service.post(this.#path("predict"), values),
    (answer, _, isNewest) => this.#answered(answer, isNewest),
    (error, isNewest) => isNewest && this.#failed(error),
  );
  #reasons = new Latest(
    /** @param {Values} values @returns {Promise<Answer>} */
    (values) => this.#service.post("predict/explain", values),
    ({ explanation }, values) => {
      this.#why.hidden = !explanation;
      if (explanation) showReasons(explanation, this.#phone.features, values);
    },
    () => {
      this.#why.hidden = true;
    },
  );
  #curves = new Latest(
    /** @param {{phone: Values, feature: string, points: number}} question */
    (question) => this.#service.post("predict/curve", question),
    (curve, { phone, feature: name }) => {
      const feature = this.#phone.features.find((each) => each.name === name);
      if (feature) this.#curve.show(curve, feature, Number(phone[name]));
    },
    () => {
      this.#curveOf = "";
    },
  );

  /**
   * @param {Phone} phone
   * @param {Form} form
   * @param {Service} service
   * @param {Status} status
   * @param {Passport} passport
   */
  constructor(phone, form, service, status, passport) {
    this.#phone = phone;
    this.#form = form;
    this.#service = service;
    this.#status = status;
    this.#passport = passport;
    this.#answer = new AnswerView(passport.labels);
    this.#change = new ChangeView(phone, service, passport.labels);
    this.#curve = new CurveView(passport.labels);
    byId("set", HTMLElement).hidden = !passport.prediction_sets;
  }

  start() {
    const features = this.#phone.features.filter((feature) => feature.active && feature.kind !== "yes/no");
    this.#feature.replaceChildren(...features.map(({ name, label }) => element("option", { value: name }, label)));
    this.#feature.value = features.some(({ name }) => name === "ram") ? "ram" : (features[0]?.name ?? "");
    this.#feature.addEventListener("change", () => this.#askCurve());
    this.#level.addEventListener("change", () => this.#answers.ask(this.#phone.values));
    byId("again", HTMLButtonElement).addEventListener("click", () => this.#answers.ask(this.#phone.values));
    this.#phone.onChange(() => {
      clearTimeout(this.#timer);
      this.#curve.mark(Number(this.#phone.value(this.#feature.value)));
      this.#answers.ask(this.#phone.values);
    });
    this.#answers.ask(this.#phone.values);
  }

  /** @param {string} path */
  #path(path) {
    return this.#passport.prediction_sets ? `${path}?sets=${this.#level.value}` : path;
  }

  /**
   * @param {Answer} answer
   * @param {boolean} isNewest
   */
  #answered(answer, isNewest) {
    this.#answer.show(answer);
    this.#form.markOutside(answer.applicability);
    this.#status.answeredBy(answer.model);
    this.#change.answered(answer.price_range);
    if (!isNewest) return;
    this.#timer = setTimeout(() => {
      this.#reasons.ask(this.#phone.values);
      this.#askCurve();
    }, PAUSE_MS);
  }

  /** Ask for a curve unless it would be the one that is shown. */
  #askCurve() {
    const phone = this.#phone.values;
    const feature = this.#feature.value;
    const of = JSON.stringify({ ...phone, [feature]: null });
    if (of === this.#curveOf || !feature) return;
    this.#curveOf = of;
    this.#curves.ask({ phone, feature, points: POINTS });
  }

  /** @param {unknown} error */
  #failed(error) {
    if (!(error instanceof ServiceError)) return this.#answer.fail("No key was given.", true);
    const others = this.#form.markWrong(error.problems);
    const isAtFields = error.problems.length > 0 && others.length === 0;
    const marked =
      error.problems.length === 1
        ? "A value of this phone cannot be taken; it is marked."
        : "Values of this phone cannot be taken; they are marked.";
    const detail = isAtFields ? marked : error.message;
    this.#answer.fail(detail, !isAtFields);
  }
}
