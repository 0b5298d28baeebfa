/** One step of a source, run again when the step asks for it. Nothing runs while nothing is asked. */

/** Longest delay of one timer; a longer one is cut, and the step finds that nothing is due yet. */
const LONGEST_DELAY_MS = 3_600_000;

export class Ticker {
  readonly #step: () => void;
  #timer: NodeJS.Timeout | undefined;
  #immediate: NodeJS.Immediate | undefined;

  constructor(step: () => void) {
    this.#step = step;
  }

  /** Runs the step once after `delayMs`, in place of what was asked before; 0: after the I/O that is ready. */
  schedule(delayMs: number): void {
    this.cancel();
    if (delayMs <= 0) {
      this.#immediate = setImmediate(() => {
        this.#immediate = undefined;
        this.#step();
      });
      return;
    }
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined;
        this.#step();
      },
      Math.min(delayMs, LONGEST_DELAY_MS),
    );
  }

  cancel(): void {
    clearTimeout(this.#timer);
    clearImmediate(this.#immediate);
    this.#timer = undefined;
    this.#immediate = undefined;
  }
}
