/**
 * Serving threads for queues: a few are started ahead and parked idle, because starting one takes
 * tens of milliseconds. A parked thread sleeps and owns nothing.
 */
import {
  T_ADAPTER,
  T_POOL_FREE,
  T_QUEUE,
  R_HEAD,
  R_NEXT,
  R_RECLAIMED,
  R_TAIL,
} from '../kernel/layout';
import type { HostMemory } from '../memory/host-memory';
import type { EngineThread } from '../thread/engine-thread';
import type { ThreadTable } from '../thread/thread-table';

/** Frames that a VM queue's thread can have under way: 4 MiB of buffers. */
export const QUEUE_POOL_BUFFERS = 2048;
/** The default queue's thread serves many NICs. */
export const DEFAULT_POOL_BUFFERS = 8192;
const PARKED = 1;
const BUFFERS_BACK_POLL_MS = 1;

export class QueueThreads {
  readonly #memory: HostMemory;
  readonly #threads: ThreadTable;
  readonly #parked: EngineThread[] = [];
  #starting = 0;
  #started = 0;

  constructor(memory: HostMemory, threads: ThreadTable) {
    this.#memory = memory;
    this.#threads = threads;
  }

  /** Starts the parked ones. */
  async fill(): Promise<void> {
    while (this.#parked.length + this.#starting < PARKED) await this.#startOne();
  }

  /** A thread for a queue, pinned to its processor. Another one is started for the next queue. */
  async take(name: string, processor: number): Promise<EngineThread> {
    const thread = this.#parked.pop() ?? (await this.#start());
    // Failing to start one ahead costs nothing: the next queue tries again and says why.
    void this.fill().catch(() => undefined);
    thread.name = name;
    thread.processor = processor;
    await thread.request({ kind: 'pin', processor });
    return thread;
  }

  /** Gives a thread work: from its next turn on it serves the queue. */
  assign(thread: EngineThread, adapter: number, queue: number): void {
    this.#memory.setU32(thread.thread + T_ADAPTER, adapter);
    // The block and its rings are complete before the thread can see them.
    Atomics.store(this.#memory.i32, (thread.thread + T_QUEUE) >>> 2, queue);
  }

  /** Takes the queue away and waits until every buffer of the thread's pool is back. */
  async release(thread: EngineThread): Promise<void> {
    await this.idle(thread);
    thread.name = 'parked queue thread';
    this.#parked.push(thread);
  }

  /** The thread (alive or not) serves nothing from here on, and its pool is whole again. */
  async idle(thread: EngineThread): Promise<void> {
    const { i32 } = this.#memory;
    Atomics.store(i32, (thread.thread + T_QUEUE) >>> 2, 0);
    if (thread.isAlive) await thread.request({ kind: 'sync' });
    const rings = this.#threads.ringsFrom(thread.index);
    const word = (ring: number, field: number): number => Atomics.load(i32, (ring + field) >>> 2);
    while (rings.some((ring) => word(ring, R_HEAD) !== word(ring, R_TAIL))) {
      await new Promise((resolve) => setTimeout(resolve, BUFFERS_BACK_POLL_MS));
    }
    for (const ring of rings) {
      Atomics.store(i32, (ring + R_RECLAIMED) >>> 2, word(ring, R_HEAD));
      Atomics.store(i32, (ring + R_NEXT) >>> 2, word(ring, R_TAIL));
    }
    this.#threads.resetPool(thread.index);
  }

  /** Free buffers of a thread's pool; may be late. */
  freeBuffers(thread: EngineThread): number {
    return this.#memory.getU32(thread.thread + T_POOL_FREE);
  }

  async #startOne(): Promise<void> {
    this.#starting++;
    try {
      this.#parked.push(await this.#start());
    } finally {
      this.#starting--;
    }
  }

  #start(): Promise<EngineThread> {
    this.#started++;
    return this.#threads.start({
      role: 'queue',
      name: `queue thread ${this.#started}`,
      poolBuffers: QUEUE_POOL_BUFFERS,
    });
  }
}
