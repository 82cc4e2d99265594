/** One question in flight, and the newest next: what is asked while a slider moves never becomes a queue. */

/**
 * @template Question, Answer
 */
export class Latest {
  #ask;
  #told;
  #failed;
  #busy = false;
  /** @type {{question: Question} | null} */
  #next = null;

  /**
   * @param {(question: Question) => Promise<Answer>} ask
   * @param {(answer: Answer, question: Question, isNewest: boolean) => void} told
   * @param {(error: unknown, isNewest: boolean) => void} failed
   */
  constructor(ask, told, failed) {
    this.#ask = ask;
    this.#told = told;
    this.#failed = failed;
  }

  /** @param {Question} question Replaces one that waits; is asked at once if none is in flight. */
  ask(question) {
    this.#next = { question };
    if (!this.#busy) void this.#run();
  }

  async #run() {
    this.#busy = true;
    while (this.#next) {
      const { question } = this.#next;
      this.#next = null;
      try {
        const answer = await this.#ask(question);
        this.#told(answer, question, this.#next === null);
      } catch (error) {
        this.#failed(error, this.#next === null);
      }
    }
    this.#busy = false;
  }
}
