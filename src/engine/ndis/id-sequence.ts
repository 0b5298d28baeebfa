/**
 * Ids given out in turn: each is the lowest free one above the last, beginning again at 1. So an id
 * is not used again until all others have been, and a stale one does not name something new
 * (`docs/vmq-reference.md` §7.5). 0 is never given out.
 */
export class IdSequence {
  #last = 0;

  /** @param maximum largest id that is given out. */
  constructor(readonly maximum: number) {}

  /** The id given out last; 0 before the first. */
  get last(): number {
    return this.#last;
  }

  /** The id that is next, or `undefined` if all are live. Gives nothing out yet. */
  peek(isLive: (id: number) => boolean): number | undefined {
    for (let step = 1; step <= this.maximum; step++) {
      const id = ((this.#last + step - 1) % this.maximum) + 1;
      if (!isLive(id)) return id;
    }
    return undefined;
  }

  /** Gives out an id that {@link peek} has named. */
  take(id: number): void {
    this.#last = id;
  }
}
