/**
 * Whether a thread without work looks again or sleeps. To fall asleep and be woken costs several
 * microseconds on either side, so a thread whose work comes at shorter intervals than that does better to
 * look again; one whose work is rare must sleep at once, or it would burn a processor for nothing.
 *
 * The time that a thread may look again follows what was: a short sleep would better have been none and
 * doubles it, a long one ends it. Between two looks the thread yields its processor. Where others take it,
 * each look costs them a switch, which is what a sleep would cost, so there are only a few. Times in
 * nanoseconds.
 */
export class IdlePolling {
  #budgetNs = 0;
  /** Since when there is no work; 0: there was some a moment ago. */
  #idleSinceNs = 0;
  /** Looks since then between which other threads ran. */
  #sharedLooks = 0;

  /** Longest time without work before the thread sleeps. */
  get budgetNs(): number {
    return this.#budgetNs;
  }

  /** The last turn moved something. */
  worked(): void {
    this.#idleSinceNs = 0;
    this.#sharedLooks = 0;
  }

  /** It has yielded its processor for this long. */
  yielded(ns: number): void {
    if (ns > OTHERS_RAN_NS) this.#sharedLooks++;
  }

  /** The last turn moved nothing: whether to look again rather than to sleep. */
  looksAgain(nowNs: number): boolean {
    if (this.#budgetNs === 0 || this.#sharedLooks >= MOST_SHARED_LOOKS) return false;
    if (this.#idleSinceNs === 0) this.#idleSinceNs = nowNs;
    return nowNs - this.#idleSinceNs < this.#budgetNs;
  }

  /** It has slept. */
  slept(ns: number): void {
    this.worked();
    const isShort = ns <= SHORT_SLEEP_NS;
    this.#budgetNs = isShort ? Math.min(MOST_NS, Math.max(LEAST_NS, 2 * this.#budgetNs)) : 0;
  }
}

/** A yield that took longer than this let another thread run. */
export const OTHERS_RAN_NS = 3000;
const MOST_SHARED_LOOKS = 3;
/** A sleep that cost more than it saved. */
const SHORT_SLEEP_NS = 40_000;
const LEAST_NS = 5000;
const MOST_NS = 40_000;
