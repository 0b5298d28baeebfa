/**
 * Shared memory of receive queues as NdisAllocateSharedMemory accounts for it (`docs/vmq-reference.md`
 * §5.1): for which queue, for what, how much, and who supplies it. The bytes themselves are the
 * miniport's matter.
 */

/** NDIS_SHARED_MEMORY_USAGE, as far as a receive queue needs it. */
export type SharedMemoryUsage = 'Receive' | 'ReceiveLookahead' | 'ReceivePostLookahead';

/** NDIS_SHARED_MEMORY_PARAMETERS, as far as a receive queue needs it. */
export interface SharedMemoryParameters {
  readonly queueId: number;
  readonly usage: SharedMemoryUsage;
  readonly lengthBytes: number;
  /** Who supplies the memory: NDIS from the host, or the switch from the VM. */
  readonly provider: 'host' | 'vm';
}

/** One allocation. */
export interface SharedMemoryAllocation extends SharedMemoryParameters {
  /** Goes into receive indications. */
  readonly sharedMemoryHandle: number;
  /** Any node will do: the host's memory is one. */
  readonly preferredNode: null;
}

export class SharedMemory {
  readonly #allocations = new Map<number, SharedMemoryAllocation>();
  #lastHandle = 0;

  allocate(parameters: SharedMemoryParameters): SharedMemoryAllocation {
    this.#lastHandle += 1;
    const sharedMemoryHandle = this.#lastHandle;
    const allocation = { ...parameters, sharedMemoryHandle, preferredNode: null };
    this.#allocations.set(sharedMemoryHandle, allocation);
    return allocation;
  }

  /** Gives back all that a queue has. */
  freeQueue(queueId: number): void {
    for (const { sharedMemoryHandle } of this.of(queueId))
      this.#allocations.delete(sharedMemoryHandle);
  }

  /** What a queue has, in the order of allocation. */
  of(queueId: number): readonly SharedMemoryAllocation[] {
    return [...this.#allocations.values()].filter((entry) => entry.queueId === queueId);
  }
}
