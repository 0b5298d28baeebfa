/**
 * Hands out regions of an address range, first fit, and joins neighbours when they come back. Pure
 * bookkeeping on the control thread; it never touches the memory itself.
 */

interface FreeSpan {
  start: number;
  length: number;
}

export class RegionAllocator {
  readonly #free: FreeSpan[];
  readonly #taken = new Map<number, number>();
  readonly #total: number;

  /** @param start first address; @param end address behind the last one. */
  constructor(start: number, end: number) {
    this.#free = [{ start, length: end - start }];
    this.#total = end - start;
  }

  get totalBytes(): number {
    return this.#total;
  }

  get usedBytes(): number {
    return this.#total - this.#free.reduce((sum, span) => sum + span.length, 0);
  }

  /** Largest region that could be taken now, before alignment. */
  get largestFreeBytes(): number {
    return this.#free.reduce((largest, span) => Math.max(largest, span.length), 0);
  }

  /** Address of a region of `length` bytes, or undefined when none is left. `alignment`: a power of two. */
  tryTake(length: number, alignment: number): number | undefined {
    for (const [index, span] of this.#free.entries()) {
      const start = Math.ceil(span.start / alignment) * alignment;
      const lead = start - span.start;
      if (lead + length > span.length) continue;
      const rest: FreeSpan[] = [];
      if (lead > 0) rest.push({ start: span.start, length: lead });
      const tail = span.length - lead - length;
      if (tail > 0) rest.push({ start: start + length, length: tail });
      this.#free.splice(index, 1, ...rest);
      this.#taken.set(start, length);
      return start;
    }
    return undefined;
  }

  /** Length of a taken region. @throws RangeError when nothing was taken there. */
  lengthOf(start: number): number {
    const length = this.#taken.get(start);
    if (length === undefined) throw new RangeError(`no region was taken at address ${start}`);
    return length;
  }

  /** Gives a region back. @throws RangeError when nothing was taken there. */
  give(start: number): void {
    const length = this.lengthOf(start);
    this.#taken.delete(start);
    const index = this.#free.findIndex((span) => span.start > start);
    const at = index < 0 ? this.#free.length : index;
    this.#free.splice(at, 0, { start, length });
    this.#join(at);
    if (at > 0) this.#join(at - 1);
  }

  #join(at: number): void {
    const span = this.#free[at];
    const next = this.#free[at + 1];
    if (!span || !next || span.start + span.length !== next.start) return;
    span.length += next.length;
    this.#free.splice(at + 1, 1);
  }
}
