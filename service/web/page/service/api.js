/** The service's HTTP interface: requests with the key, if there is one, and errors in the service's own words. */

/**
 * @typedef {{detail: string, pointer: string}} Problem
 * @typedef {{in_range: boolean, outside?: {feature: string, low: number, high: number}[],
 *   distance?: {value: number, limit: number}, note?: string}} Applicability
 * @typedef {{price_range: number, label: string, probabilities: number[], applicability?: Applicability,
 *   decision?: {price_range: number, label: string, expected_cost: number}}} AnswerOfPhone
 * @typedef {AnswerOfPhone & {prediction_set?: number[], abstain?: boolean, sets?: {level: number},
 *   explanation?: Explanation, model: {name: string, version: string}}} Answer
 * @typedef {{score: number, probability: number}} Quantities
 * @typedef {{value: Quantities, base: Quantities, exact: boolean,
 *   reasons: ({feature: string} & Quantities)[]}} Explanation
 */

/** What the service, or the way to it, said instead of an answer. `status` is 0 where nothing came back. */
export class ServiceError extends Error {
  /**
   * @param {number} status
   * @param {string} detail
   * @param {Problem[]} problems
   */
  constructor(status, detail, problems = []) {
    super(detail);
    this.status = status;
    this.problems = problems;
  }

  /**
   * Read the body of an error: RFC 9457 from the service, anything from a proxy before it.
   * @param {number} status
   * @param {string} text
   */
  static of(status, text) {
    try {
      const { detail, errors } = JSON.parse(text);
      if (typeof detail === "string") return new ServiceError(status, detail, errors ?? []);
    } catch {
      // not the service's own
    }
    return new ServiceError(status, `The service answered with status ${status}.`);
  }

  static unreachable() {
    return new ServiceError(0, "The service cannot be reached.");
  }
}

/** How often a request is repeated that was not taken, and the seconds waited at most before each time. */
const MOST_REPEATS = 2;
const LONGEST_PAUSE = 5;

/**
 * Return after how many seconds a request may be repeated, if the answer says so: the service is full, or ends.
 * @param {Response} response
 */
function pauseOf(response) {
  const told = response.headers.get("Retry-After");
  const seconds = response.status === 503 && told !== null ? Number(told) : Number.NaN;
  return seconds <= LONGEST_PAUSE ? seconds : null;
}

/** The service that this page is from. */
export class Service {
  /** Kept in memory only: a reload forgets it. */
  #key = "";
  /** @type {Promise<string> | null} */
  #asking = null;
  #askForKey;

  /** @param {(why: string) => Promise<string>} askForKey Rejects where the user gives none. */
  constructor(askForKey) {
    this.#askForKey = askForKey;
  }

  get hasKey() {
    return this.#key !== "";
  }

  /** @returns {Record<string, string>} */
  get headers() {
    return this.#key ? { Authorization: `Bearer ${this.#key}` } : {};
  }

  /**
   * Return the answer as it comes, whatever its status; a path is relative to the page. Asks for no key.
   *
   * A browser drops all connections where the network changes. Nothing that the page asks for changes anything,
   * so it is asked once more.
   * @param {string} path
   * @param {RequestInit} request
   */
  async fetched(path, request = {}) {
    const ask = () => fetch(path, { ...request, headers: { ...request.headers, ...this.headers } });
    try {
      return await ask().catch(ask);
    } catch {
      throw ServiceError.unreachable();
    }
  }

  /**
   * Return an answer with a good status, after asking for a key where one is needed. Throws `ServiceError`.
   *
   * A request that was not taken is repeated when the service says that it may be.
   * @param {string} path
   * @param {RequestInit} request
   * @param {number} repeats
   * @returns {Promise<Response>}
   */
  async answered(path, request = {}, repeats = MOST_REPEATS) {
    const key = this.#key;
    const response = await this.fetched(path, request);
    if (response.ok) return response;
    const pause = repeats ? pauseOf(response) : null;
    if (pause !== null) {
      await new Promise((resolve) => setTimeout(resolve, 1000 * pause));
      return this.answered(path, request, repeats - 1);
    }
    const error = ServiceError.of(response.status, await response.text());
    if (error.status !== 401) throw error;
    await this.unlock(error.message, key);
    return this.answered(path, request);
  }

  /**
   * Ask for a key, once for all requests that wait for one; `refused` is the key that was not taken.
   * @param {string} why
   * @param {string} refused
   */
  async unlock(why, refused = this.#key) {
    if (this.#key !== refused) return;
    this.#asking ??= this.#askForKey(why).finally(() => {
      this.#asking = null;
    });
    this.#key = await this.#asking;
  }

  /** @param {string} path */
  async get(path) {
    return (await this.answered(path)).json();
  }

  /**
   * @param {string} path
   * @param {unknown} body
   */
  async post(path, body) {
    const headers = { "Content-Type": "application/json" };
    return (await this.answered(path, { method: "POST", headers, body: JSON.stringify(body) })).json();
  }
}
