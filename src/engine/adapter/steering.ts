/**
 * Which frames take which queue: the active filters of an adapter, and every change of them while
 * frames flow. A change that brings frames of a NIC to its queue, or away from it, keeps them in
 * order and loses none (`handover.ts`). Control thread; one change at a time.
 */
import type { BufferMode } from '../../contract/model';
import { BUFFER_SIZE, N_RX_SIZE, RX_BUFFER_MIN } from '../kernel/layout';
import { DEFAULT_RECEIVE_QUEUE_ID } from '../ndis/queue-parameters';
import { overlapOf, type ReceiveFilter } from '../ndis/receive-filter';
import type { EngineThread } from '../thread/engine-thread';
import { joinQueue, toDefault, toQueue, type HandoverStep, type Program } from './handover';
import type { InterruptVector } from './interrupt-vectors';
import type { QueueBlock } from './queue-block';
import { QUEUE_POOL_BUFFERS } from './queue-threads';
import type { SoftwareAdapter } from './software-adapter';

/** What the overlying driver tells the miniport about a switch port. */
export interface PortBinding {
  readonly nicIndex: number;
  /** NIC block. */
  readonly nic: number;
}

/** The overlying driver's side: ports, and whose memory receive buffers come from (reference §5.1). */
export interface PortSource {
  /** @param portId as in the queue's parameters. */
  port(portId: number): PortBinding | undefined;
  /** Where the buffers of a queue with these filters may be. */
  bufferMode(portId: number, filters: readonly ReceiveFilter[]): BufferMode;
}

/** A queue as the miniport keeps it. */
export interface HardwareQueue {
  readonly queueId: number;
  readonly block: QueueBlock;
  readonly portId: number;
  readonly port: PortBinding;
  thread: EngineThread;
  processor: number;
  vector: InterruptVector;
  mode: BufferMode;
  /** Frames in shared memory are split behind at least so many bytes; 0: they are not (reference §5.2). */
  readonly lookaheadBytes: number;
  /** Active filters, by id. */
  readonly filters: Map<number, ReceiveFilter>;
}

export class Steering {
  readonly #adapter: SoftwareAdapter;
  readonly #ports: PortSource;
  readonly #queues: ReadonlyMap<number, HardwareQueue>;
  /** Filters that name the default queue. */
  readonly #ofDefault = new Map<number, ReceiveFilter>();

  constructor(
    adapter: SoftwareAdapter,
    ports: PortSource,
    queues: ReadonlyMap<number, HardwareQueue>,
  ) {
    this.#adapter = adapter;
    this.#ports = ports;
    this.#queues = queues;
  }

  /** All active filters. */
  filters(): readonly ReceiveFilter[] {
    const ofQueues = [...this.#queues.values()].flatMap((queue) => [...queue.filters.values()]);
    return [...this.#ofDefault.values(), ...ofQueues];
  }

  /** Puts the filters into effect; see `SoftwareAdapter.program`. */
  readonly program: Program = (fences) => this.#adapter.program(this.filters(), fences);

  /** A queue that is complete gets a filter. */
  async add(queue: HardwareQueue, filter: ReceiveFilter): Promise<void> {
    const before = [...queue.filters.values()];
    const after = [...before, filter];
    await this.#undoable(queue, async () => {
      if (before.length === 0) await this.#begin(queue, after);
      else if (this.#ports.bufferMode(queue.portId, after) !== queue.mode)
        await this.#again(queue, after);
      else await this.#join(queue, filter);
    });
  }

  /** A filter of a complete queue is cleared; what was accepted by it is delivered when this settles. */
  async remove(queue: HardwareQueue, filter: ReceiveFilter): Promise<void> {
    const after = [...queue.filters.values()].filter((other) => other !== filter);
    await this.#undoable(queue, async () => {
      queue.filters.delete(filter.filterId);
      if (after.length === 0) await this.#toDefault(queue);
      else await this.#again(queue, after);
    });
  }

  /** A filter that names the default queue. Where it wins over filters of queues, their frames change over. */
  async setOfDefault(filter: ReceiveFilter, isSet: boolean): Promise<void> {
    const rivals = [...this.#queues.values()].filter((queue) =>
      [...queue.filters.values()].some(
        (other) => overlapOf(filter, other)?.winner.filterId === filter.filterId,
      ),
    );
    const change = (set: boolean): void => {
      if (set) this.#ofDefault.set(filter.filterId, filter);
      else this.#ofDefault.delete(filter.filterId);
    };
    try {
      for (const queue of rivals) {
        const filters = [...queue.filters.values()];
        const changed = (): void => {
          change(isSet);
        };
        await this.#undoable(queue, () => this.#again(queue, filters, changed));
      }
    } catch (error) {
      change(!isSet);
      throw error;
    }
    change(isSet);
    if (rivals.length === 0) await this.program([]);
  }

  hasOfDefault(filterId: number): boolean {
    return this.#ofDefault.has(filterId);
  }

  /** A complete queue gets the filters with which it begins, buffers and all. */
  async activate(queue: HardwareQueue, filters: readonly ReceiveFilter[]): Promise<void> {
    queue.mode = this.#ports.bufferMode(queue.portId, filters);
    queue.block.makeRings(this.#adapter.parts.memory.getU32(queue.port.nic + N_RX_SIZE));
    this.attach(queue);
    if (filters.length > 0) await this.#undoable(queue, () => this.#toQueue(queue, filters));
  }

  /** Rings as new, known to the adapter, served by its thread. While no frame goes to the queue. */
  attach(queue: HardwareQueue): void {
    const { queueThreads } = this.#adapter.parts;
    queue.block.reset();
    queue.block.bind(queue.thread.thread, queue.port.nic, queue.mode);
    queue.block.setCoalescingDomain(queue.vector.domainId);
    queue.block.setLookahead(queue.mode === 'shared-memory' ? queue.lookaheadBytes : 0);
    this.#account(queue);
    this.#adapter.setQueue(queue.queueId, queue.block.address);
    queueThreads.assign(queue.thread, this.#adapter.block, queue.block.address);
  }

  /** What memory the queue has now, as it stands in its indications. */
  #account({ queueId, mode, lookaheadBytes, block, port }: HardwareQueue): void {
    const { sharedMemory, parts } = this.#adapter;
    sharedMemory.freeQueue(queueId);
    if (mode === 'host-buffers') {
      const lengthBytes = QUEUE_POOL_BUFFERS * BUFFER_SIZE;
      sharedMemory.allocate({ queueId, usage: 'Receive', lengthBytes, provider: 'host' });
      return;
    }
    const lengthBytes = parts.memory.getU32(port.nic + N_RX_SIZE) * RX_BUFFER_MIN;
    if (lookaheadBytes === 0) {
      sharedMemory.allocate({ queueId, usage: 'Receive', lengthBytes, provider: 'vm' });
      return;
    }
    const { lookaheadAreaBytes } = block;
    sharedMemory.allocate({
      queueId,
      usage: 'ReceiveLookahead',
      lengthBytes: lookaheadAreaBytes,
      provider: 'host',
    });
    sharedMemory.allocate({ queueId, usage: 'ReceivePostLookahead', lengthBytes, provider: 'vm' });
  }

  /** The queue's thread was replaced: its filters are in effect again. */
  async resume(queue: HardwareQueue, filters: readonly ReceiveFilter[]): Promise<void> {
    this.attach(queue);
    if (filters.length > 0) await this.#toQueue(queue, filters);
  }

  /** The adapter lets go of a queue to which no frame goes: no DMA any more. */
  async forget(queueId: number): Promise<void> {
    if (queueId !== DEFAULT_RECEIVE_QUEUE_ID) this.#adapter.setQueue(queueId, 0);
    await this.#adapter.thread.request({ kind: 'sync' });
  }

  // ── Changes ───────────────────────────────────────────────────────────────────────────────────

  /** A queue without filters gets some: its buffers may be somewhere else this time. */
  async #begin(queue: HardwareQueue, filters: readonly ReceiveFilter[]): Promise<void> {
    await this.forget(queue.queueId);
    await this.#adapter.parts.queueThreads.idle(queue.thread);
    queue.mode = this.#ports.bufferMode(queue.portId, filters);
    this.attach(queue);
    await this.#toQueue(queue, filters);
  }

  /** The NIC goes to the default queue and comes back with other filters, or other buffers. */
  async #again(
    queue: HardwareQueue,
    filters: readonly ReceiveFilter[],
    change: () => void = () => undefined,
  ): Promise<void> {
    queue.filters.clear();
    change();
    await this.#toDefault(queue);
    await this.#begin(queue, filters);
  }

  /** A filter more for a queue that has some and keeps its buffers. */
  async #join(queue: HardwareQueue, filter: ReceiveFilter): Promise<void> {
    const { memory, threads } = this.#adapter.parts;
    await joinQueue(memory, threads, this.#step(queue), queue.block.address, (fences) => {
      queue.filters.set(filter.filterId, filter);
      return this.program(fences);
    });
  }

  async #toQueue(queue: HardwareQueue, filters: readonly ReceiveFilter[]): Promise<void> {
    const { memory, threads } = this.#adapter.parts;
    const { address } = queue.block;
    await toQueue(memory, threads, this.#step(queue), address, this.program, (fences) => {
      for (const filter of filters) queue.filters.set(filter.filterId, filter);
      return this.program(fences);
    });
  }

  async #toDefault(queue: HardwareQueue): Promise<void> {
    const { memory, threads } = this.#adapter.parts;
    const step = {
      ...queue.port,
      from: queue.thread,
      to: this.#adapter.defaultThread,
      fromQueue: queue.block.address,
    };
    await toDefault(memory, threads, step, this.program);
  }

  #step(queue: HardwareQueue): HandoverStep {
    const { defaultThread, defaultQueue } = this.#adapter;
    const { address: fromQueue } = defaultQueue;
    return { ...queue.port, from: defaultThread, to: queue.thread, fromQueue };
  }

  /**
   * A change that fails leaves the filters as they were: its thread has died, and whoever replaces the
   * thread puts them into effect.
   */
  async #undoable(queue: HardwareQueue, change: () => Promise<void>): Promise<void> {
    const before = [...queue.filters];
    try {
      await change();
    } catch (error) {
      queue.filters.clear();
      for (const [filterId, filter] of before) queue.filters.set(filterId, filter);
      throw error;
    }
  }
}
