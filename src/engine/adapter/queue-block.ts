/** A receive queue in host memory: its block, its free ring and its completion ring. */
import {
  C_COOKIE,
  C_FENCE,
  C_FLAGS,
  COMPLETION_SIZE,
  FREE_COOKIE,
  FREE_SIZE,
  Q_BYTES,
  Q_COMPLETION_RING,
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
  QUEUE_HOST_BUFFERS,
  QUEUE_SHARED_MEMORY,
  QUEUE_SIZE,
} from '../kernel/layout';
import type { BufferMode } from '../../contract/model';
import type { HostMemory } from '../memory/host-memory';
import {
  createCompletionRing,
  createFreeRing,
  resetRing,
  ringEntries,
  ringFill,
} from '../thread/rings';

/** Receive buffers that can be posted: for a VM's queue, and for the default queue, which serves many. */
const FREE_ENTRIES = 1024;
const DEFAULT_FREE_ENTRIES = 4096;

export interface QueueCounters {
  readonly frames: number;
  readonly bytes: number;
  readonly dropped: number;
  readonly indications: number;
  readonly interrupts: number;
}

export class QueueBlock {
  readonly queueId: number;
  readonly address: number;
  readonly #memory: HostMemory;
  readonly #freeRing: number;
  readonly #completionRing: number;

  constructor(memory: HostMemory, queueId: number) {
    this.#memory = memory;
    this.queueId = queueId;
    this.address = memory.take(QUEUE_SIZE, 'A queue block');
    const entries = queueId === 0 ? DEFAULT_FREE_ENTRIES : FREE_ENTRIES;
    this.#freeRing = createFreeRing(memory, entries);
    // More than all buffers that can be posted, with room for fences.
    this.#completionRing = createCompletionRing(memory, 2 * entries);
    memory.setU32(this.address + Q_ID, queueId);
    memory.setU32(this.address + Q_FREE_RING, this.#freeRing);
    memory.setU32(this.address + Q_COMPLETION_RING, this.#completionRing);
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
    this.#memory.setU32(this.address + Q_HOLD, 0);
    this.#memory.setU32(this.address + Q_FENCES, 0);
    this.#memory.setU32(this.address + Q_FENCES_PASSED, 0);
  }

  /** Frames completed and not yet harvested; may be late. */
  pendingFrames(): number {
    const fences =
      this.#memory.getU32(this.address + Q_FENCES) -
      this.#memory.getU32(this.address + Q_FENCES_PASSED);
    return Math.max(0, ringFill(this.#memory, this.#completionRing) - fences);
  }

  postedBuffers(): number {
    return ringFill(this.#memory, this.#freeRing);
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
    };
  }

  free(): void {
    this.#memory.give(this.#freeRing);
    this.#memory.give(this.#completionRing);
    this.#memory.give(this.address);
  }
}
