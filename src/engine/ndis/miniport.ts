/**
 * What the NDIS layer asks of an adapter's driver: the six requests of `docs/vmq-reference.md` §9.2
 * that reach a miniport. Implemented in `engine/adapter`.
 *
 * The layer has validated a request before it calls, and it calls one method at a time: the next
 * call comes after the promise of the last one has settled (§6.7). A promise resolves to
 * `NDIS_STATUS_SUCCESS`, or to another status after which the miniport is as it was before. It may
 * also reject with an `NdisStatusError` that says why; any other rejection counts as
 * `NDIS_STATUS_FAILURE`.
 */
import type { AdvertisedCapabilities } from './capability-rules';
import type { ReceiveQueueParameters } from './queue-parameters';
import type { ReceiveFilter } from './receive-filter';
import type { NdisStatus } from './status';

/** Answer to an allocation. */
export interface AllocationOutcome {
  readonly status: NdisStatus;
  /** Index of the queue's interrupt, filled in by the miniport (§11 point 7). Default 0. */
  readonly msixTableEntry?: number;
  /** Queues of one domain share an interrupt (§6.6). Default 0: it shares with nobody. */
  readonly interruptCoalescingDomainId?: number;
}

/** One queue of a completed batch. */
export interface QueueCompletion {
  readonly queueId: number;
  /**
   * Filters that were set while the allocation was incomplete. The miniport makes them active
   * together with the buffers: when this queue's status is success, its frames arrive on it.
   */
  readonly filters: readonly ReceiveFilter[];
}

/** The driver of one adapter. */
export interface Miniport {
  /** Read once, at initialisation; later changes are announced to the layer. */
  readonly capabilities: AdvertisedCapabilities;

  /** Reserves a thread and rings (§3.4). `parameters.queueId` is `queueId`. */
  allocateQueue(queueId: number, parameters: ReceiveQueueParameters): Promise<AllocationOutcome>;

  /**
   * Makes buffers and activates the filters set so far. One status per queue, in the order given;
   * a failure concerns its queue alone, and that queue can be completed again (Appendix A 18).
   */
  completeAllocation(queues: readonly QueueCompletion[]): Promise<readonly NdisStatus[]>;

  /**
   * Adds a filter. `activate`: the queue is complete (or is queue 0), so frames follow the filter at
   * once, possibly before the promise resolves. Otherwise the place in the table is only reserved
   * and the filter comes again with {@link completeAllocation}.
   */
  setFilter(filter: ReceiveFilter, activate: boolean): Promise<NdisStatus>;

  /**
   * Removes a filter. Resolves at the fence of the handover: what was accepted is delivered.
   * `last`: the queue has no filter after this and is then empty (§3.7).
   */
  clearFilter(filter: ReceiveFilter, last: boolean): Promise<NdisStatus>;

  /** Puts changed parameters into effect. `changed` has the change bits of §3.5. */
  setQueueParameters(
    queueId: number,
    parameters: ReceiveQueueParameters,
    changed: number,
  ): Promise<NdisStatus>;

  /**
   * Stops DMA, calls `dmaStopped` exactly once, and resolves when all buffers are back and given up
   * (§3.8). After `dmaStopped` the only good answer is success. A refusal comes before it.
   */
  freeQueue(queueId: number, dmaStopped: () => void): Promise<NdisStatus>;

  // Life of the adapter (§6.5). None of these can be refused.

  /** No frame in or out. Resolves when all that was indicated has come back; queues and filters stay. */
  pause(): Promise<void>;
  /** Frames move again. */
  restart(): Promise<void>;
  /** Hardware and queues as they were before; {@link restart} or {@link pause} follows. */
  reset(): Promise<void>;
  /** Queues and filters have been taken away; the end until {@link initialise}. */
  halt(): Promise<void>;
  initialise(): Promise<void>;
  /** The hardware is gone. Called at once, whatever runs; queues and filters are taken away after it. */
  surpriseRemoval(): Promise<void>;
}
