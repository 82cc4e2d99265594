/** A file of phones: dropped or chosen, its beginning shown, sent as a whole, and its answer offered for download. */

import { byId, element } from "../dom.js";
import { ServiceError } from "../service/api.js";
import { beginningOf, hasDecimalCommas, previewOf } from "./preview.js";
import { sent } from "./upload.js";

/**
 * @typedef {import("../phone/features.js").Feature} Feature
 * @typedef {import("../service/api.js").Service} Service
 * @typedef {import("./preview.js").Beginning} Beginning
 */

const CSV = "text/csv";
const LINES = "application/x-ndjson";
/** As many columns as the service hands through, with names that a request can list. */
const MOST_KEPT = 50;
const KEEPABLE = /^[^,"\\\p{C}]+$/u;

export class TableView {
  #service;
  #features;
  /** @type {File | null} */
  #file = null;
  /** @type {Beginning | null} */
  #beginning = null;
  #running = new AbortController();
  #link = "";
  /** How often the first rows were looked at: of two looks under way only the last is shown. */
  #looks = 0;
  #choices = byId("table-choices", HTMLFieldSetElement);
  #options = byId("table-options", HTMLElement);
  #decimal = byId("table-decimal", HTMLSelectElement);
  #keep = byId("table-keep", HTMLInputElement);
  #sets = byId("table-sets", HTMLInputElement);
  #preview = byId("table-preview", HTMLElement);
  #told = byId("table-told", HTMLElement);
  #progress = byId("table-progress", HTMLProgressElement);
  #work = byId("table-work", HTMLElement);
  #start = byId("table-start", HTMLButtonElement);

  /**
   * @param {Service} service
   * @param {Feature[]} features
   * @param {boolean} hasSets Whether the model has prediction sets
   */
  constructor(service, features, hasSets) {
    this.#service = service;
    this.#features = features;
    this.#sets.disabled = !hasSets;
    const chooser = byId("table-file", HTMLInputElement);
    chooser.addEventListener("change", () => {
      const file = chooser.files?.[0];
      if (file) void this.take(file);
      chooser.value = "";
    });
    for (const option of [this.#decimal, this.#keep, this.#sets]) {
      option.addEventListener("change", () => void this.#showPreview());
    }
    this.#start.addEventListener("click", () => void this.#send());
    byId("table-cancel", HTMLButtonElement).addEventListener("click", () => this.#running.abort());
  }

  /** @param {File} file */
  async take(file) {
    this.#running.abort();
    this.#file = file;
    this.#beginning = null;
    byId("table-name", HTMLElement).textContent = `${file.name}, ${size(file.size)}`;
    this.#looks += 1;
    this.#options.hidden = false;
    this.#setSending(false);
    this.#start.disabled = true;
    this.#preview.replaceChildren();
    this.#tell("");
    const beginning = await beginningOf(file, isLines(file)).catch(() => null);
    if (file !== this.#file) return;
    if (!beginning) return this.#tell("This cannot be read: it is a folder, or a file that is gone.", true);
    this.#beginning = beginning;
    this.#decimal.disabled = isLines(file);
    this.#decimal.value = !isLines(file) && hasDecimalCommas(this.#beginning) ? "," : ".";
    await this.#showPreview();
  }

  /** Answer the first rows, and mark what is wrong with them. */
  async #showPreview() {
    const [file, beginning] = [this.#file, this.#beginning];
    if (!file || !beginning) return;
    this.#looks += 1;
    const look = this.#looks;
    try {
      const response = await this.#service.answered(this.#path(file, beginning), {
        method: "POST",
        headers: { "Content-Type": mediaTypeOf(file), Accept: "application/json" },
        body: beginning.part,
      });
      const { predictions } = await response.json();
      if (look !== this.#looks) return;
      if (!predictions.length) return this.#showNoRows(file, beginning);
      const { table, bad } = previewOf(beginning, predictions, this.#features);
      this.#preview.replaceChildren(table);
      const rows = `The first ${predictions.length === 1 ? "row" : `${predictions.length} rows`}`;
      this.#tell(bad ? `${rows}: ${bad} cannot be answered. Marked cells say why.` : `${rows}: all can be answered.`, bad > 0);
      this.#start.disabled = false;
    } catch (error) {
      if (look !== this.#looks) return;
      this.#preview.replaceChildren();
      this.#tell(wordsOf(error), true);
      this.#start.disabled = true;
    }
  }

  /**
   * @param {File} file
   * @param {Beginning} beginning
   */
  #showNoRows(file, { part }) {
    const isAll = part.size === file.size;
    this.#preview.replaceChildren();
    this.#tell(isAll ? "There are no rows in this file." : "The first row is too long to be shown here.", isAll);
    this.#start.disabled = isAll;
  }

  async #send() {
    const [file, beginning] = [this.#file, this.#beginning];
    if (!file || !beginning) return;
    this.#running = new AbortController();
    this.#setSending(true);
    const began = performance.now();
    try {
      const path = this.#path(file, beginning);
      const { answer, readAs } = await sent(
        this.#service,
        path,
        file,
        mediaTypeOf(file),
        (way, share) => this.#showProgress(way, share),
        this.#running.signal,
      );
      this.#offer(file, answer, (performance.now() - began) / 1000, readAs);
    } catch (error) {
      if (file !== this.#file) return;
      this.#tell(wordsOf(error), !(error instanceof DOMException));
    } finally {
      if (file === this.#file) this.#setSending(false);
    }
  }

  /** @param {boolean} isSending What is sent cannot be chosen meanwhile. */
  #setSending(isSending) {
    this.#work.hidden = !isSending;
    this.#choices.disabled = isSending;
    this.#start.disabled = isSending;
  }

  /**
   * @param {"there" | "back"} way
   * @param {number} share
   */
  #showProgress(way, share) {
    // the service reads no faster than it answers: what is sent is, but for little, answered
    const done = way === "there" ? 0.9 * share : 0.9 + 0.1 * (Number.isNaN(share) ? 0 : share);
    this.#progress.value = done;
    const text = way === "back" ? "Fetching the answer" : share < 1 ? "Answering" : "Waiting for the last rows";
    byId("table-phase", HTMLElement).textContent = `${text}: ${Math.floor(done * 100)} %`;
  }

  /**
   * @param {File} file
   * @param {Blob} answer
   * @param {number} seconds
   * @param {string} readAs
   */
  #offer(file, answer, seconds, readAs) {
    URL.revokeObjectURL(this.#link);
    this.#link = URL.createObjectURL(answer);
    const name = file.name.replace(/(\.[^.]*)?$/, isLines(file) ? ".answers.ndjson" : ".answers.csv");
    const link = element("a", { href: this.#link, download: name, class: "button primary", id: "table-answer" }, `Save ${name}`);
    const guessed = readAs ? ` Read as: ${readAs}.` : "";
    this.#told.replaceChildren(
      element("span", {}, `Answered in ${seconds.toFixed(1)} s, ${size(answer.size)}.${guessed}`),
      link,
    );
    this.#told.dataset.state = "done";
    link.focus();
  }

  /**
   * @param {File} file
   * @param {Beginning} beginning
   */
  #path(file, { names }) {
    const query = new URLSearchParams({ on_bad_row: "null" });
    if (!isLines(file) && this.#decimal.value !== ".") query.set("decimal", this.#decimal.value);
    const canKeep = names.length > 0 && names.length <= MOST_KEPT && names.every((name) => KEEPABLE.test(name));
    if (this.#keep.checked && canKeep && new Set(names).size === names.length) query.set("columns", names.join(","));
    if (this.#sets.checked) query.set("sets", "0.9");
    return `predict/batch?${query}`;
  }

  /**
   * @param {string} text
   * @param {boolean} isWrong
   */
  #tell(text, isWrong = false) {
    this.#told.textContent = text;
    this.#told.dataset.state = isWrong ? "wrong" : "";
  }
}

/** @param {File} file */
function isLines(file) {
  return /\.(ndjson|jsonl)$/i.test(file.name);
}

/** @param {File} file */
function mediaTypeOf(file) {
  return isLines(file) ? LINES : CSV;
}

/** @param {unknown} error */
function wordsOf(error) {
  return error instanceof ServiceError || error instanceof DOMException ? error.message : "No key was given.";
}

/** @param {number} bytes */
function size(bytes) {
  const [unit, times] = bytes < 1e6 ? ["KB", 1e3] : ["MB", 1e6];
  return `${(bytes / Number(times)).toFixed(bytes < 1e7 ? 1 : 0)} ${unit}`;
}
