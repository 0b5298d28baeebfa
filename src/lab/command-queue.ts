/** Runs commands one after another, so that each sees the lab as the one before has left it. */
export class CommandQueue {
  #last: Promise<unknown> = Promise.resolve();

  /** Runs `command` when all earlier ones have ended, however they ended. */
  run<Result>(command: () => Promise<Result>): Promise<Result> {
    const result = this.#last.then(command);
    this.#last = result.catch(() => undefined);
    return result;
  }
}
