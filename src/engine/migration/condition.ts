/**
 * A condition that one party waits for and others bring about, on one thread. Plain fields hold the
 * state; whoever changes one calls `changed`. An interruption is final and beats the condition.
 *
 * ```
 * if (slot.busy) await condition.until(() => !slot.busy);   // waits
 * slot.busy = false; condition.changed();                   // elsewhere
 * ```
 */
interface Waiting {
  readonly holds: () => boolean;
  readonly resolve: () => void;
  readonly reject: (reason: Error) => void;
}

export class Condition {
  #waiting: Waiting | undefined;
  #interruption: Error | undefined;

  /** Why it was interrupted, or undefined. */
  get interruption(): Error | undefined {
    return this.#interruption;
  }

  /** Resolves once `holds()` is true; rejects with the interruption. One party at a time. */
  until(holds: () => boolean): Promise<void> {
    if (this.#waiting) throw new Error('condition: somebody waits already');
    if (this.#interruption) return Promise.reject(this.#interruption);
    if (holds()) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.#waiting = { holds, resolve, reject };
    });
  }

  changed(): void {
    const waiting = this.#waiting;
    if (!waiting?.holds()) return;
    this.#waiting = undefined;
    waiting.resolve();
  }

  /** Ends the present wait and all later ones with `reason`; the first reason stays. */
  interrupt(reason: Error): void {
    this.#interruption ??= reason;
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.reject(this.#interruption);
  }

  /** @throws the interruption. */
  check(): void {
    if (this.#interruption) throw this.#interruption;
  }
}
