/**
 * One software adapter: its block in host memory, the adapter thread that is its hardware, the
 * default queue with its thread, the filter table, and the NIC table. Control thread.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { RefusalError } from '../../shared/refusal-error';
import {
  A_INDEX,
  A_INTERRUPTS,
  A_IN_WIRES,
  A_LEARN_SECOND,
  A_MAC_TABLE,
  A_MODERATION_NS,
  A_NIC_LIMIT,
  A_NICS,
  A_QUEUES,
  A_REFUSES,
  A_THREAD,
  A_UPLINK,
  ADAPTER_SIZE,
  BUFFER_SIZE,
  MAC_TABLE_SIZE,
  MAX_NICS,
  MAX_WIRES,
} from '../kernel/layout';
import type { HostMemory } from '../memory/host-memory';
import type { ReceiveFilter } from '../ndis/receive-filter';
import { SharedMemory } from '../ndis/shared-memory';
import type { EngineThread } from '../thread/engine-thread';
import type { Kernel } from '../thread/kernel';
import { wireTakenByNow } from '../thread/rings';
import type { ThreadTable } from '../thread/thread-table';
import { buildFilterTable, type FilterTable } from './filter-table';
import { DEFAULT_FREE_ENTRIES, QueueBlock } from './queue-block';
import { drained, type Fence } from './handover';
import { DEFAULT_POOL_BUFFERS, type QueueThreads } from './queue-threads';

/** Learned MAC addresses are forgotten after this time without a frame from them. */
export const MAC_AGE_SECONDS = 300;

export interface AdapterParts {
  readonly memory: HostMemory;
  readonly kernel: Kernel;
  readonly threads: ThreadTable;
  readonly queueThreads: QueueThreads;
}

export class SoftwareAdapter {
  readonly index: number;
  readonly name: string;
  readonly parts: AdapterParts;
  /** Adapter block. */
  readonly block: number;
  readonly macTable: number;
  readonly defaultQueue: QueueBlock;
  readonly sharedMemory = new SharedMemory();
  readonly #nics: number;
  #thread: EngineThread | undefined;
  #defaultThread: EngineThread | undefined;
  #filters: FilterTable | undefined;

  constructor(index: number, name: string, parts: AdapterParts) {
    const { memory } = parts;
    this.index = index;
    this.name = name;
    this.parts = parts;
    this.block = memory.take(ADAPTER_SIZE, 'An adapter block');
    this.macTable = memory.take(MAC_TABLE_SIZE, 'A MAC table');
    this.#nics = memory.take(MAX_NICS * 4, 'A NIC table');
    this.defaultQueue = new QueueBlock(memory, 0);
    this.defaultQueue.makeRings(DEFAULT_FREE_ENTRIES);
    this.accountDefaultQueue();
    memory.setU32(this.block + A_INDEX, index);
    memory.setU32(this.block + A_MAC_TABLE, this.macTable);
    memory.setU32(this.block + A_NICS, this.#nics);
    memory.setU32(this.block + A_QUEUES, this.defaultQueue.address);
  }

  /** Starts the adapter thread and the default queue's thread. */
  async start(processors: { adapter: number; defaultQueue: number }): Promise<void> {
    const { memory, threads, queueThreads } = this.parts;
    this.#defaultThread = await threads.start({
      role: 'queue',
      name: `default queue of ${this.name}`,
      processor: processors.defaultQueue,
      poolBuffers: DEFAULT_POOL_BUFFERS,
    });
    this.defaultQueue.bind(this.#defaultThread.thread, 0, 'host-buffers');
    this.#thread = await threads.start({
      role: 'adapter',
      name: `adapter ${this.name}`,
      block: this.block,
      processor: processors.adapter,
    });
    memory.setU32(this.block + A_THREAD, this.#thread.thread);
    queueThreads.assign(this.#defaultThread, this.block, this.defaultQueue.address);
    // One turn: its receive buffers are posted before a frame can come.
    await this.#defaultThread.request({ kind: 'sync' });
  }

  get thread(): EngineThread {
    if (!this.#thread) throw new Error(`adapter ${this.name} has not been started`);
    return this.#thread;
  }

  get defaultThread(): EngineThread {
    if (!this.#defaultThread) throw new Error(`adapter ${this.name} has not been started`);
    return this.#defaultThread;
  }

  setModeration(microseconds: number): void {
    this.parts.memory.setF64(this.block + A_MODERATION_NS, microseconds * 1000);
  }

  /** The wire towards the uplink; 0: none. */
  setUplink(ring: number): void {
    Atomics.store(this.parts.memory.i32, (this.block + A_UPLINK) >>> 2, ring);
  }

  /**
   * Resolves when what serving threads have sent by now has left over the uplink, or after `longestMs`:
   * a wire that nobody reads takes nothing.
   */
  async uplinkSettled(longestMs: number): Promise<void> {
    const { memory, threads } = this.parts;
    await drained(memory, threads, this.thread);
    const ring = memory.getU32(this.block + A_UPLINK);
    if (ring === 0) return;
    const isTaken = wireTakenByNow(memory, ring);
    const deadline = performance.now() + longestMs;
    while (!isTaken() && performance.now() < deadline) await nextTurn();
  }

  /** Plugs a wire in. @throws RefusalError `invalid-value` when all places are taken. */
  plugWire(ring: number): void {
    const { i32 } = this.parts.memory;
    for (let i = 0; i < MAX_WIRES; i++) {
      if (Atomics.compareExchange(i32, (this.block + A_IN_WIRES + i * 4) >>> 2, 0, ring) === 0)
        return;
    }
    throw new RefusalError({
      code: 'invalid-value',
      what: `Another link cannot be plugged into ${this.name}.`,
      why: `An adapter takes ${MAX_WIRES} links, and all places are taken.`,
      remedy: 'Remove a link first.',
    });
  }

  /** Pulls a wire out; frames in it that the adapter has not taken are not received. Settles when the adapter has let go. */
  async unplugWire(ring: number): Promise<void> {
    const { i32 } = this.parts.memory;
    for (let i = 0; i < MAX_WIRES; i++)
      Atomics.compareExchange(i32, (this.block + A_IN_WIRES + i * 4) >>> 2, ring, 0);
    await this.thread.request({ kind: 'sync' });
  }

  /** Makes a NIC known to every thread of the switch, or (0) unknown. */
  setNic(index: number, nic: number): void {
    const { memory } = this.parts;
    Atomics.store(memory.i32, (this.#nics + index * 4) >>> 2, nic);
    const limit = memory.getU32(this.block + A_NIC_LIMIT);
    if (nic !== 0 && index >= limit)
      Atomics.store(memory.i32, (this.block + A_NIC_LIMIT) >>> 2, index + 1);
  }

  /**
   * Whether the adapter moves frames, and if not for which reason it drops them. Settles when its
   * thread goes by it.
   * @param reason a drop reason of the layout; undefined: it moves frames.
   */
  async refuse(reason: number | undefined): Promise<void> {
    const value = reason === undefined ? 0 : reason + 1;
    // Pairs with receive and transmit of the adapter's kernel.
    Atomics.store(this.parts.memory.i32, (this.block + A_REFUSES) >>> 2, value);
    await this.thread.request({ kind: 'sync' });
  }

  /** Interrupts raised: one for all queues of a coalescing domain. */
  interrupts(): number {
    return this.parts.memory.getCounter(this.block + A_INTERRUPTS);
  }

  /** The default queue has its memory from initialisation to halt (reference §3.9). */
  accountDefaultQueue(): void {
    const lengthBytes = DEFAULT_POOL_BUFFERS * BUFFER_SIZE;
    this.sharedMemory.allocate({ queueId: 0, usage: 'Receive', lengthBytes, provider: 'host' });
  }

  /** Makes a queue known to the adapter thread, or (0) unknown. */
  setQueue(queueId: number, queue: number): void {
    Atomics.store(this.parts.memory.i32, (this.block + A_QUEUES + queueId * 4) >>> 2, queue);
  }

  /** Swaps the filter table between two bursts and puts fences behind the last frames of the old one. */
  async program(filters: readonly ReceiveFilter[], fences: readonly Fence[] = []): Promise<void> {
    const { memory, kernel } = this.parts;
    const next = buildFilterTable(memory, kernel, filters);
    await this.thread.request({ kind: 'filters', ...next, fences });
    if (this.#filters) memory.give(this.#filters.table);
    this.#filters = next;
  }

  /** Ages the MAC table. @returns learned addresses that remain. */
  age(second: number): number {
    const { memory, kernel } = this.parts;
    memory.setU32(this.block + A_LEARN_SECOND, second);
    return kernel.macAge(this.macTable, Math.max(0, second - MAC_AGE_SECONDS));
  }
}
