/** The corner that tells how the service is: ready or not, which version answers, requests a second. */

import { byId } from "../dom.js";

/** @typedef {import("./api.js").Service} Service */

const SECONDS = 10;

export class Status {
  #service;
  /** @type {{count: number, when: number} | null} */
  #before = null;
  #dot = byId("status", HTMLElement);
  #ready = byId("status-ready", HTMLElement);
  #version = byId("status-version", HTMLElement);
  #rate = byId("status-rate", HTMLElement);

  /** @param {Service} service */
  constructor(service) {
    this.#service = service;
  }

  /** Look now, and from now on while somebody can see it. */
  start() {
    void this.#look();
    // a rate needs two looks
    setTimeout(() => void this.#look(), 2000);
    setInterval(() => {
      if (!document.hidden) void this.#look();
    }, SECONDS * 1000);
  }

  /** @param {{name: string, version: string}} model The one that answered last. */
  answeredBy(model) {
    this.#version.textContent = `version ${model.version}`;
    this.#version.title = model.name;
  }

  async #look() {
    const isReady = await this.#isReady();
    this.#dot.dataset.state = isReady ? "ready" : "down";
    this.#ready.textContent = isReady ? "ready" : "not ready";
    const rate = isReady ? await this.#requestsPerSecond() : null;
    this.#rate.hidden = rate === null;
    if (rate !== null) this.#rate.textContent = `${rate < 10 ? rate.toFixed(1) : Math.round(rate)} requests/s`;
  }

  async #isReady() {
    try {
      const response = await this.#service.fetched("readyz");
      // a connection is busy until its answer is read
      await response.text();
      return response.ok;
    } catch {
      return false;
    }
  }

  /** Return null where metrics may not be read, and at the first look. */
  async #requestsPerSecond() {
    try {
      const response = await this.#service.fetched("metrics");
      const exposition = await response.text();
      if (!response.ok) return null;
      const count = requestsIn(exposition);
      const when = performance.now();
      const before = this.#before;
      this.#before = { count, when };
      // a service that was started anew counts from 0
      if (!before || count < before.count) return null;
      return ((count - before.count) / (when - before.when)) * 1000;
    } catch {
      return null;
    }
  }
}

/** @param {string} exposition Metrics as text, as Prometheus reads them. */
function requestsIn(exposition) {
  let sum = 0;
  for (const [, value] of exposition.matchAll(/^pricerange_requests_total\{.*\} (\S+)$/gm)) sum += Number(value);
  return sum;
}
