/**
 * How a source waits for room in a wire ring, which nobody announces: a few more tries after the I/O
 * that is ready, because the consumer may be just at work, then about a millisecond at a time.
 */
const QUICK_TRIES = 4;
const RETRY_MS = 1;

export class FullRing {
  #tries = 0;

  /** Frames went in. */
  moved(): void {
    this.#tries = 0;
  }

  /** Delay of the next try; 0 = after the I/O that is ready. */
  delayMs(): number {
    this.#tries += 1;
    return this.#tries <= QUICK_TRIES ? 0 : RETRY_MS;
  }
}
