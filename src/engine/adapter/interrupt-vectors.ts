/**
 * The interrupt vectors of an adapter (`docs/vmq-reference.md` §6.6). Where vectors coalesce, queues
 * on one processor share one: they are an interrupt coalescing domain. Elsewhere each queue has its own.
 */

/** A queue's vector. */
export interface InterruptVector {
  /** Index in the MSI-X table. */
  readonly entry: number;
  /** Domain of queues that share an interrupt; 0: it is the queue's own. */
  readonly domainId: number;
}

interface Entry {
  /** Processor that it interrupts. */
  processor: number;
  queues: number;
}

export class InterruptVectors {
  readonly #entries: (Entry | undefined)[];
  readonly #coalesces: boolean;

  /** @param count size of the table. */
  constructor(count: number, coalesces: boolean) {
    this.#entries = Array.from({ length: count }, () => undefined);
    this.#coalesces = coalesces;
  }

  get count(): number {
    return this.#entries.length;
  }

  /** A vector towards a processor; undefined when none is left. */
  take(processor: number): InterruptVector | undefined {
    const shared = this.#coalesces
      ? this.#entries.findIndex((entry) => entry?.processor === processor)
      : -1;
    const index = shared >= 0 ? shared : this.#entries.findIndex((entry) => entry === undefined);
    if (index < 0) return undefined;
    const entry = this.#entries[index] ?? { processor, queues: 0 };
    entry.queues += 1;
    this.#entries[index] = entry;
    return { entry: index, domainId: this.#coalesces ? index + 1 : 0 };
  }

  release({ entry: index }: InterruptVector): void {
    const entry = this.#entries[index];
    if (!entry) return;
    entry.queues -= 1;
    if (entry.queues === 0) this.#entries[index] = undefined;
  }
}
