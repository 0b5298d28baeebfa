/** A receive queue in host memory: its block, its free ring and its completion ring. */
import {
  C_COOKIE,
  C_FENCE,
  C_FLAGS,
  COMPLETION_SIZE,
  FREE_COOKIE,
  FREE_SIZE,
  INDICATED_RESOURCES,
  INDICATED_SHARED_MEMORY,
  INDICATED_SINGLE_QUEUE,
  LATENCY_BUCKETS,
  LOOKAHEAD_BUFFER,
  Q_BYTES,
  Q_COMPLETION_RING,
  Q_DOMAIN,
  Q_DROPPED,
  Q_FENCES,
  Q_FENCES_PASSED,
  Q_FRAMES,
  Q_FREE_RING,
  Q_HOLD,
  Q_ID,
  Q_INDICATIONS,
  Q_INTERRUPTS,
  Q_MODE,
  Q_NIC,
  Q_THREAD,
  Q_UNSIGNALLED,
  Q_LAST_FLAGS,
  Q_LAST_FRAMES,
  Q_LATENCY,
  Q_LONGEST_NS,
  Q_LOOKAHEAD,
  Q_LOOKAHEAD_SIZE,
  Q_LOW_RESOURCES,
  Q_OLDEST_NS,
  Q_SENT,
  Q_SENT_BYTES,
  QUEUE_HOST_BUFFERS,
  QUEUE_SHARED_MEMORY,
  QUEUE_SIZE,
} from '../kernel/layout';
import type { LatencyBuckets } from '../../contract/latency';
import type { BufferMode } from '../../contract/model';
import type { HostMemory } from '../memory/host-memory';
import {
  createCompletionRing,
  createFreeRing,
  ringCapacity,
  resetRing,
  ringEntries,
  ringFill,
} from '../thread/rings';

/** Receive buffers that can be posted: for a VM's queue at least, and for the default queue, which serves many. */
const LEAST_FREE_ENTRIES = 1024;
export const DEFAULT_FREE_ENTRIES = 4096;

export interface QueueCounters {
  readonly frames: number;
  readonly bytes: number;
  readonly dropped: number;
  readonly indications: number;
  readonly interrupts: number;
  /** Indications made while receive buffers were short (`NDIS_RECEIVE_FLAGS_RESOURCES`). */
  readonly lowResources: number;
  /** Frames that the adapter sent on this queue. */
  readonly sentFrames: number;
  readonly sentBytes: number;
}

/** How long frames of a queue took to their guest, since it was allocated (`contract/latency.ts`). */
export interface QueueLatency {
  readonly buckets: LatencyBuckets;
  readonly longestNs: number;
}

/** The out-of-band data and the flags of a receive indication (reference §6.2). */
export interface ReceiveIndication {
  readonly frames: number;
  readonly queueId: number;
  /** Always 0: filters without an id bit count ask for none. */
  readonly filterId: 0;
  /** The default virtual port. */
  readonly vPortId: 0;
  /** The default port of the miniport. */
  readonly portNumber: 0;
  readonly isSingleQueue: boolean;
  readonly isSharedMemoryInfoValid: boolean;
  readonly isLowResources: boolean;
}

export class QueueBlock {
  readonly queueId: number;
  readonly address: number;
  readonly #memory: HostMemory;
  /** Rings, 0 before they are made. */
  #freeRing = 0;
  #completionRing = 0;
  /** Lookahead buffers; 0: none were ever needed. */
  #lookahead = 0;

  constructor(memory: HostMemory, queueId: number) {
    this.#memory = memory;
    this.queueId = queueId;
    this.address = memory.take(QUEUE_SIZE, 'A queue block');
    memory.setU32(this.address + Q_ID, queueId);
  }

  /**
   * Makes its rings, if they are not there.
   * @param buffers that will be posted at most; a power of two.
   * @throws RefusalError `host-memory-exhausted`; nothing is taken then.
   */
  makeRings(buffers: number): void {
    if (this.#completionRing !== 0) return;
    const entries = Math.max(LEAST_FREE_ENTRIES, buffers);
    const freeRing = createFreeRing(this.#memory, entries);
    try {
      // More than all buffers that can be posted, with room for fences.
      this.#completionRing = createCompletionRing(this.#memory, 2 * entries);
    } catch (error) {
      this.#memory.give(freeRing);
      throw error;
    }
    this.#freeRing = freeRing;
    this.#memory.setU32(this.address + Q_FREE_RING, this.#freeRing);
    this.#memory.setU32(this.address + Q_COMPLETION_RING, this.#completionRing);
  }

  /**
   * Frames are split from now on, or no longer (0). While the adapter does not know it.
   * @throws RefusalError `host-memory-exhausted`; nothing is taken then.
   */
  setLookahead(bytes: number): void {
    if (bytes > 0 && this.#lookahead === 0) {
      const buffers = ringCapacity(this.#memory, this.#completionRing);
      this.#lookahead = this.#memory.take(buffers * LOOKAHEAD_BUFFER, 'Lookahead buffers');
    }
    this.#memory.setU32(this.address + Q_LOOKAHEAD, bytes > 0 ? this.#lookahead : 0);
    this.#memory.setU32(this.address + Q_LOOKAHEAD_SIZE, bytes);
  }

  /** Bytes of its lookahead buffers; 0: none. */
  get lookaheadAreaBytes(): number {
    if (this.#lookahead === 0) return 0;
    return ringCapacity(this.#memory, this.#completionRing) * LOOKAHEAD_BUFFER;
  }

  get hasRings(): boolean {
    return this.#completionRing !== 0;
  }

  /** Queues of one domain are interrupted together; 0: its interrupt is its own. */
  setCoalescingDomain(domainId: number): void {
    this.#memory.setU32(this.address + Q_DOMAIN, domainId);
  }

  /** Binds it to a thread block and, for a VM queue, to the NIC that it serves. While nobody uses it. */
  bind(thread: number, nic: number, mode: BufferMode): void {
    this.#memory.setU32(this.address + Q_THREAD, thread);
    this.#memory.setU32(this.address + Q_NIC, nic);
    this.#memory.setU32(
      this.address + Q_MODE,
      mode === 'shared-memory' ? QUEUE_SHARED_MEMORY : QUEUE_HOST_BUFFERS,
    );
  }

  /** Empties both rings. While neither the adapter nor a serving thread uses it. */
  reset(): void {
    resetRing(this.#memory, this.#freeRing);
    resetRing(this.#memory, this.#completionRing);
    this.forgetInterrupt();
    this.#memory.setU32(this.address + Q_HOLD, 0);
    this.#memory.setU32(this.address + Q_FENCES, 0);
    this.#memory.setU32(this.address + Q_FENCES_PASSED, 0);
    // A thread that died left it, and the next one would book the time until now.
    this.#memory.setF64(this.address + Q_OLDEST_NS, 0);
  }

  /** No completion waits for an interrupt. While the adapter does not know it. */
  forgetInterrupt(): void {
    this.#memory.setU32(this.address + Q_UNSIGNALLED, 0);
  }

  /** Frames completed and not yet harvested; may be late. */
  pendingFrames(): number {
    if (this.#completionRing === 0) return 0;
    const fences =
      this.#memory.getU32(this.address + Q_FENCES) -
      this.#memory.getU32(this.address + Q_FENCES_PASSED);
    return Math.max(0, ringFill(this.#memory, this.#completionRing) - fences);
  }

  postedBuffers(): number {
    return this.#freeRing === 0 ? 0 : ringFill(this.#memory, this.#freeRing);
  }

  /** Descriptor heads of guest buffers in its rings, filled or not; none in host-buffer mode. While nobody uses the rings. */
  guestBuffers(): readonly number[] {
    if (this.#memory.getU32(this.address + Q_MODE) !== QUEUE_SHARED_MEMORY) return [];
    const filled = ringEntries(this.#memory, this.#completionRing, COMPLETION_SIZE)
      .filter((entry) => ((this.#memory.u16[(entry + C_FLAGS) / 2] ?? 0) & C_FENCE) === 0)
      .map((entry) => this.#memory.getU32(entry + C_COOKIE));
    const empty = ringEntries(this.#memory, this.#freeRing, FREE_SIZE).map((entry) =>
      this.#memory.getU32(entry + FREE_COOKIE),
    );
    return [...filled, ...empty];
  }

  counters(): QueueCounters {
    const read = (field: number): number => this.#memory.getCounter(this.address + field);
    return {
      frames: read(Q_FRAMES),
      bytes: read(Q_BYTES),
      dropped: read(Q_DROPPED),
      indications: read(Q_INDICATIONS),
      interrupts: read(Q_INTERRUPTS),
      lowResources: read(Q_LOW_RESOURCES),
      sentFrames: read(Q_SENT),
      sentBytes: read(Q_SENT_BYTES),
    };
  }

  /** Its histogram of latencies; may be late by an indication. */
  latency(): QueueLatency {
    const buckets = Array.from({ length: LATENCY_BUCKETS }, (_, bucket) =>
      this.#memory.getCounter(this.address + Q_LATENCY + bucket * 8),
    );
    while (buckets.at(-1) === 0) buckets.pop();
    return { buckets, longestNs: this.#memory.getF64(this.address + Q_LONGEST_NS) };
  }

  /** What the last receive indication of the queue said (reference §6.2); undefined before the first. */
  lastIndication(): ReceiveIndication | undefined {
    const flags = this.#memory.getU32(this.address + Q_LAST_FLAGS);
    if (flags === 0) return undefined;
    return {
      frames: this.#memory.getU32(this.address + Q_LAST_FRAMES),
      queueId: this.queueId,
      filterId: 0,
      vPortId: 0,
      portNumber: 0,
      isSingleQueue: (flags & INDICATED_SINGLE_QUEUE) !== 0,
      isSharedMemoryInfoValid: (flags & INDICATED_SHARED_MEMORY) !== 0,
      isLowResources: (flags & INDICATED_RESOURCES) !== 0,
    };
  }

  free(): void {
    if (this.#freeRing !== 0) this.#memory.give(this.#freeRing);
    if (this.#completionRing !== 0) this.#memory.give(this.#completionRing);
    if (this.#lookahead !== 0) this.#memory.give(this.#lookahead);
    this.#memory.give(this.address);
  }
}
