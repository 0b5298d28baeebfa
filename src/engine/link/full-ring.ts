/**
 * How a source waits for room in a wire ring, which nobody announces. At full rate a ring is full
 * most of the time, and timers are too coarse: long frames fill it in a fraction of a millisecond.
 * So the thread first yields its processor to the consumer and tries again; only when that did not help
 * for a while, timers follow, and a ring that nobody reads costs next to nothing.
 */
const YIELDING_NS = 500_000;
const RETRY_MS = 1;

export class FullRing {
  readonly #yieldProcessor: () => boolean;
  /** Since when nothing went in; 0: something did. */
  #fullSinceNs = 0;

  /** @param yieldProcessor false where that is not possible */
  constructor(yieldProcessor: () => boolean) {
    this.#yieldProcessor = yieldProcessor;
  }

  /** Frames went in. */
  moved(): void {
    this.#fullSinceNs = 0;
  }

  /** May yield. Returns the delay of the next try; 0 = after the I/O that is ready. */
  delayMs(nowNs: number): number {
    if (this.#fullSinceNs === 0) this.#fullSinceNs = nowNs;
    if (nowNs - this.#fullSinceNs > YIELDING_NS) return RETRY_MS;
    return this.#yieldProcessor() ? 0 : RETRY_MS;
  }
}
