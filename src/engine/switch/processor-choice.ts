/** Chooses the logical processor for a queue: the one with the fewest queues, in the order given. */
export class ProcessorChoice {
  readonly #order: readonly number[];
  readonly #queues = new Map<number, number>();

  constructor(processors: readonly number[]) {
    this.#order = processors;
  }

  /** @param limit only the first so many processors: those that an interrupt vector can be had for. */
  leastUsed(limit = this.#order.length): number {
    let best = 0;
    let fewest = Infinity;
    for (const processor of this.#order.slice(0, Math.max(1, limit))) {
      const queues = this.#queues.get(processor) ?? 0;
      if (queues >= fewest) continue;
      best = processor;
      fewest = queues;
    }
    return best;
  }

  use(processor: number): void {
    this.#queues.set(processor, (this.#queues.get(processor) ?? 0) + 1);
  }

  release(processor: number): void {
    this.#queues.set(processor, Math.max(0, (this.#queues.get(processor) ?? 0) - 1));
  }
}
