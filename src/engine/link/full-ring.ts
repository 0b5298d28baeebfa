/**
 * How a source waits for room in a wire ring, which nobody announces. At full rate a ring is full
 * most of the time, and timers are too coarse: long frames fill it in a fraction of a millisecond.
 * So the thread first sleeps for a moment, which also leaves the processor to the consumer; only
 * when that did not help a few times, timers follow, and a ring that nobody reads costs next to
 * nothing.
 */
const MOMENT_MS = 0.15;
const MOMENTS = 6;
const RETRY_MS = 1;
/** Nobody else knows this word: waiting on it is sleeping. */
const NEVER = new Int32Array(new SharedArrayBuffer(4));

export class FullRing {
  #tries = 0;

  /** Frames went in. */
  moved(): void {
    this.#tries = 0;
  }

  /** May sleep for a moment. Returns the delay of the next try; 0 = after the I/O that is ready. */
  delayMs(): number {
    this.#tries += 1;
    if (this.#tries > MOMENTS) return RETRY_MS;
    Atomics.wait(NEVER, 0, 0, MOMENT_MS);
    return 0;
  }
}
