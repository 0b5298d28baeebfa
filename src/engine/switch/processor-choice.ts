/** Chooses the logical processor for a queue: the one with the fewest queues, in the order given. */
export class ProcessorChoice {
  readonly #queues: Map<number, number>;

  constructor(processors: readonly number[]) {
    this.#queues = new Map(processors.map((processor) => [processor, 0]));
  }

  leastUsed(): number {
    let best = 0;
    let fewest = Infinity;
    for (const [processor, queues] of this.#queues) {
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
