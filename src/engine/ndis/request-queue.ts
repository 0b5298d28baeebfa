/**
 * One request at a time, in the order of arrival (`docs/vmq-reference.md` §6.7). A request that
 * does not settle blocks those behind it; {@link RequestQueue.pending} is how that is seen.
 */
export class RequestQueue<Label> {
  #tail: Promise<void> = Promise.resolve();
  #current: Label | undefined;
  #waiting = 0;

  /** The request that runs now, if any, and how many wait behind it. */
  get pending(): { readonly current: Label; readonly waiting: number } | undefined {
    return this.#current === undefined
      ? undefined
      : { current: this.#current, waiting: this.#waiting };
  }

  /** Runs `work` when all earlier requests have settled. `begin` makes its label at that moment. */
  run<Result>(begin: () => Label, work: (label: Label) => Promise<Result>): Promise<Result> {
    this.#waiting += 1;
    const result = this.#tail.then(async () => {
      this.#waiting -= 1;
      const label = begin();
      this.#current = label;
      try {
        return await work(label);
      } finally {
        this.#current = undefined;
      }
    });
    this.#tail = result.then(settled, settled);
    return result;
  }
}

/** The outcome belongs to the one who asked; the next request starts either way. */
function settled(): void {
  return undefined;
}
