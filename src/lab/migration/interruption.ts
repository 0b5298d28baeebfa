/**
 * Ends a wait from outside: once raised, every wait in progress and every later one rejects with
 * the reason, whatever the awaited process does.
 */
export class Interruption {
  #reason: Error | undefined;
  readonly #waiting = new Set<(reason: Error) => void>();

  /** Raises it; only the first reason counts. */
  raise(reason: Error): void {
    if (this.#reason !== undefined) return;
    this.#reason = reason;
    for (const reject of this.#waiting) reject(reason);
    this.#waiting.clear();
  }

  throwIfRaised(): void {
    if (this.#reason !== undefined) throw this.#reason;
  }

  /** Waits for `promise`, or rejects as soon as the interruption is raised. */
  race<T>(promise: Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const interrupted = (reason: Error): void => reject(reason);
      if (this.#reason !== undefined) reject(this.#reason);
      else this.#waiting.add(interrupted);
      const forget = (): void => {
        this.#waiting.delete(interrupted);
      };
      promise.then(
        (value) => {
          forget();
          resolve(value);
        },
        (error: unknown) => {
          forget();
          reject(error instanceof Error ? error : new Error(String(error)));
        },
      );
    });
  }
}
