/** A list that keeps its newest entries. */
export class BoundedLog<Entry> {
  #entries: Entry[] = [];

  constructor(readonly capacityEntries: number) {}

  add(entry: Entry): void {
    this.#entries.push(entry);
    if (this.#entries.length > this.capacityEntries) this.#entries.shift();
  }

  /** A copy, oldest first. */
  entries(): readonly Entry[] {
    return [...this.#entries];
  }
}
