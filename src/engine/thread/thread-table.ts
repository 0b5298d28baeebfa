/**
 * All engine threads of a process: their blocks in host memory, the rings between them, and their
 * workers. Slots are reused; a block and its rings stay where they are, so a thread that died can
 * be replaced on the same state.
 */
import type { ThreadRole } from '../../contract/telemetry';
import { nextPowerOfTwo } from '../../shared/power-of-two';
import { RefusalError } from '../../shared/refusal-error';
import {
  BUFFER_SIZE,
  MAX_NICS,
  MAX_THREADS,
  T_IN_RINGS,
  T_INDEX,
  T_NIC_LIST,
  T_OUT_RINGS,
  T_POOL_FREE,
  T_POOL_SIZE,
  T_POOL_STACK,
  T_ROLE,
  T_THREADS,
  T_VM_LIST,
  THREAD_SIZE,
} from '../kernel/layout';
import type { HostMemory } from '../memory/host-memory';
import { EngineThread, type CreateWorker } from './engine-thread';
import { createFrameRing } from './rings';
import { THREAD_ROLES } from '../../contract/telemetry';

/** A destination may hold at most this part of a producer's pool. */
const DESTINATION_SHARE = 8;

export interface ThreadRequestOptions {
  readonly role: ThreadRole;
  readonly name: string;
  /** Adapter or fabric block. */
  readonly block?: number;
  readonly processor?: number;
  /** Buffers of its pool; 0 for threads that produce no frames. */
  readonly poolBuffers?: number;
}

interface Slot {
  readonly block: number;
  readonly poolBuffers: number;
  readonly role: ThreadRole;
  thread: EngineThread | undefined;
}

export class ThreadTable {
  readonly #memory: HostMemory;
  readonly #module: WebAssembly.Module;
  readonly #createWorker: CreateWorker;
  readonly #table: number;
  readonly #slots: Slot[] = [];
  /** Told of each thread that ended without being asked to. */
  onDeath: (thread: EngineThread, cause: string) => void = () => undefined;

  constructor(memory: HostMemory, module: WebAssembly.Module, createWorker: CreateWorker) {
    this.#memory = memory;
    this.#module = module;
    this.#createWorker = createWorker;
    this.#table = memory.take(MAX_THREADS * 4, 'The thread table');
  }

  /** All threads that run. */
  threads(): readonly EngineThread[] {
    return this.#slots.flatMap((slot) => (slot.thread ? [slot.thread] : []));
  }

  at(index: number): EngineThread | undefined {
    return this.#slots[index]?.thread;
  }

  /** Block addresses of every slot ever used: counters of threads that ended stay readable. */
  blocks(): readonly number[] {
    return this.#slots.map((slot) => slot.block);
  }

  /** Starts a thread and waits until it runs. */
  async start(options: ThreadRequestOptions): Promise<EngineThread> {
    const index = this.#slots.length;
    if (index >= MAX_THREADS) {
      throw new RefusalError({
        code: 'thread-failed',
        what: `The thread ${options.name} cannot be started.`,
        why: `A host has at most ${MAX_THREADS} engine threads, and all are taken.`,
        remedy: 'Use fewer queues.',
      });
    }
    const poolBuffers = options.poolBuffers ?? 0;
    const slot: Slot = {
      block: this.#createBlock(index, options.role, poolBuffers),
      poolBuffers,
      role: options.role,
      thread: undefined,
    };
    this.#slots.push(slot);
    return this.#run(slot, index, options);
  }

  /** Starts a new worker on the block of a thread that ended; its pool and rings are as `prepare` left them. */
  restart(index: number, options: ThreadRequestOptions): Promise<EngineThread> {
    const slot = this.#slots[index];
    if (!slot) throw new RangeError(`no thread has index ${index}`);
    return this.#run(slot, index, options);
  }

  /** Fills a thread's pool again: every buffer is free. Only while the thread does not run and nobody reads its rings. */
  resetPool(index: number): void {
    const slot = this.#slots[index];
    if (!slot) return;
    const stack = this.#memory.getU32(slot.block + T_POOL_STACK);
    const first = this.#memory.getU32(stack + slot.poolBuffers * 4);
    for (let i = 0; i < slot.poolBuffers; i++)
      this.#memory.setU32(stack + i * 4, first + i * BUFFER_SIZE);
    this.#memory.setU32(slot.block + T_POOL_FREE, slot.poolBuffers);
  }

  /** Ring from thread `producer` to thread `consumer`, 0 when there is none. */
  ring(producer: number, consumer: number): number {
    const block = this.#slots[consumer]?.block;
    return block === undefined
      ? 0
      : this.#memory.getU32(this.#memory.getU32(block + T_IN_RINGS) + producer * 4);
  }

  /** All rings into a thread. */
  ringsInto(consumer: number): readonly number[] {
    return this.#slots
      .map((_, producer) => this.ring(producer, consumer))
      .filter((ring) => ring !== 0);
  }

  /** All rings out of a thread. */
  ringsFrom(producer: number): readonly number[] {
    return this.#slots
      .map((_, consumer) => this.ring(producer, consumer))
      .filter((ring) => ring !== 0);
  }

  async stopAll(): Promise<void> {
    await Promise.all(this.threads().map((thread) => thread.stop()));
  }

  async #run(slot: Slot, index: number, options: ThreadRequestOptions): Promise<EngineThread> {
    const place = {
      index,
      role: slot.role,
      name: options.name,
      thread: slot.block,
      block: options.block ?? 0,
      processor: options.processor ?? -1,
    };
    const thread: EngineThread = new EngineThread(
      place,
      this.#memory,
      this.#module,
      this.#createWorker,
      (cause) => {
        if (slot.thread === thread) slot.thread = undefined;
        this.onDeath(thread, cause);
      },
    );
    slot.thread = thread;
    await thread.ready();
    return thread;
  }

  #createBlock(index: number, role: ThreadRole, poolBuffers: number): number {
    const memory = this.#memory;
    const block = memory.take(THREAD_SIZE, 'A thread block');
    memory.setU32(block + T_INDEX, index);
    memory.setU32(block + T_ROLE, THREAD_ROLES.indexOf(role));
    memory.setU32(block + T_THREADS, this.#table);
    memory.setU32(block + T_NIC_LIST, memory.take(MAX_NICS * 4, 'A NIC list'));
    memory.setU32(block + T_VM_LIST, memory.take(MAX_NICS * 4, 'A VM list'));
    memory.setU32(block + T_IN_RINGS, memory.take(MAX_THREADS * 4, 'A ring table'));
    memory.setU32(block + T_OUT_RINGS, memory.take(MAX_THREADS * 4, 'A ring table'));
    memory.setU32(this.#table + index * 4, block);
    if (poolBuffers > 0) this.#createPool(block, poolBuffers);
    this.#connect(index, block, role, poolBuffers);
    return block;
  }

  #createPool(block: number, buffers: number): void {
    const memory = this.#memory;
    const first = memory.take(buffers * BUFFER_SIZE, 'A buffer pool', BUFFER_SIZE);
    const stack = memory.take((buffers + 1) * 4, 'A buffer pool');
    for (let i = 0; i < buffers; i++) memory.setU32(stack + i * 4, first + i * BUFFER_SIZE);
    memory.setU32(stack + buffers * 4, first);
    memory.setU32(block + T_POOL_STACK, stack);
    memory.setU32(block + T_POOL_SIZE, buffers);
    memory.setU32(block + T_POOL_FREE, buffers);
  }

  /** Rings between the new thread and those that exist: serving threads send to each other and to adapters. */
  #connect(index: number, block: number, role: ThreadRole, poolBuffers: number): void {
    for (const [other, slot] of this.#slots.entries()) {
      if (role === 'queue' && (slot.role === 'queue' || slot.role === 'adapter'))
        this.#link(index, block, poolBuffers, other, slot.block);
      if (slot.role === 'queue' && (role === 'queue' || role === 'adapter'))
        this.#link(other, slot.block, slot.poolBuffers, index, block);
    }
  }

  #link(
    producer: number,
    producerBlock: number,
    poolBuffers: number,
    consumer: number,
    consumerBlock: number,
  ): void {
    const memory = this.#memory;
    // The greatest power of two within the share.
    const share = nextPowerOfTwo(poolBuffers / DESTINATION_SHARE + 1) / 2;
    const ring = createFrameRing(memory, Math.max(16, share));
    memory.setU32(memory.getU32(producerBlock + T_OUT_RINGS) + consumer * 4, ring);
    memory.setU32(memory.getU32(consumerBlock + T_IN_RINGS) + producer * 4, ring);
  }
}
