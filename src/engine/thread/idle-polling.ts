/**
 * Whether a thread without work looks again or sleeps. To fall asleep and be woken costs several
 * microseconds on either side, so a thread whose work comes at shorter intervals than that does better to
 * look again; one whose work is rare must sleep at once, or it would burn a processor for nothing.
 *
 * The time that a thread may look again follows what was: a short sleep would better have been none and
 * doubles it, a long one halves it. Between two looks the thread yields its processor, so threads that share
 * one lose nothing by it. Times in nanoseconds.
 */
export class IdlePolling {
  #budgetNs = 0;
  /** Since when there is no work; 0: there was some a moment ago. */
  #idleSinceNs = 0;

  /** Longest time without work before the thread sleeps. */
  get budgetNs(): number {
    return this.#budgetNs;
  }

  /** The last turn moved something. */
  worked(): void {
    this.#idleSinceNs = 0;
  }

  /** The last turn moved nothing: whether to look again rather than to sleep. */
  looksAgain(nowNs: number): boolean {
    if (this.#budgetNs === 0) return false;
    if (this.#idleSinceNs === 0) this.#idleSinceNs = nowNs;
    return nowNs - this.#idleSinceNs < this.#budgetNs;
  }

  /** It has slept. */
  slept(ns: number): void {
    this.#idleSinceNs = 0;
    if (ns <= SHORT_SLEEP_NS)
      this.#budgetNs = Math.min(MOST_NS, Math.max(LEAST_NS, 2 * this.#budgetNs));
    else if (this.#budgetNs > LEAST_NS) this.#budgetNs /= 2;
    else this.#budgetNs = 0;
  }
}

/** A sleep that cost more than it saved. */
const SHORT_SLEEP_NS = 40_000;
const LEAST_NS = 5000;
const MOST_NS = 40_000;
