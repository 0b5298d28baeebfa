/**
 * The miniport: programs the software adapter for the NDIS layer (`docs/vmq-reference.md` §3, §4).
 * The layer calls one method at a time. Filter changes of a running queue go by handover, so a
 * CLEAR completes at the fence: what was accepted is delivered, not thrown away.
 */
import type { BufferMode } from '../../contract/model';
import { MAX_QUEUES, N_OWNER, N_PHASE, N_PREVIOUS_OWNER, NIC_MOVING } from '../kernel/layout';
import type { AdvertisedCapabilities } from '../ndis/capability-rules';
import { processorsOf } from '../ndis/group-affinity';
import type { AllocationOutcome, Miniport, QueueCompletion } from '../ndis/miniport';
import { QUEUE_CHANGE_FLAGS, type ReceiveQueueParameters } from '../ndis/queue-parameters';
import type { ReceiveFilter } from '../ndis/receive-filter';
import type { OidName } from '../ndis/oid';
import { NdisStatusError, type NdisStatus } from '../ndis/status';
import type { EngineThread } from '../thread/engine-thread';
import { adopt, gracePeriod, toDefault, toQueue, type Program } from './handover';
import { InterruptVectors, type InterruptVector } from './interrupt-vectors';
import { dropNicWork, lostFrames, rememberFrames } from './lost-thread';
import { bufferHolders, type BufferHolder } from './outstanding';
import { QueueBlock, type QueueCounters } from './queue-block';
import type { SoftwareAdapter } from './software-adapter';

/** What the overlying driver tells the miniport about a switch port. */
export interface PortBinding {
  readonly nicIndex: number;
  /** NIC block. */
  readonly nic: number;
}

/** The overlying driver's side: ports, and whose memory receive buffers come from (§5.1). */
export interface PortSource {
  /** @param portId as in the queue's parameters. */
  port(portId: number): PortBinding | undefined;
  /** Where the buffers of a queue may be. */
  bufferMode(portId: number, filters: readonly ReceiveFilter[]): BufferMode;
}

/** A queue as the miniport keeps it. */
interface HardwareQueue {
  readonly queueId: number;
  readonly block: QueueBlock;
  readonly portId: number;
  readonly port: PortBinding;
  thread: EngineThread;
  processor: number;
  vector: InterruptVector;
  mode: BufferMode;
  /** Active filters, by id. */
  readonly filters: Map<number, ReceiveFilter>;
}

/** What remains of a freed queue, for reports. */
export interface RetiredQueue extends QueueCounters {
  readonly queueId: number;
  readonly portId: number;
}

export class SoftwareMiniport implements Miniport {
  readonly capabilities: AdvertisedCapabilities;
  readonly #adapter: SoftwareAdapter;
  readonly #ports: PortSource;
  readonly #queues = new Map<number, HardwareQueue>();
  /** Free while there is no queue; one for each queue and more, until it is said otherwise. */
  vectors = new InterruptVectors(MAX_QUEUES, true);
  /** Told when a queue shares its interrupt with others than before (§3.6). */
  onCoalescingDomain: (queueId: number, domainId: number) => void = () => undefined;
  /** Told of each freed queue's final counters. */
  onRetired: (queue: RetiredQueue) => void = () => undefined;

  constructor(adapter: SoftwareAdapter, ports: PortSource, capabilities: AdvertisedCapabilities) {
    this.#adapter = adapter;
    this.#ports = ports;
    this.capabilities = capabilities;
  }

  /** Where a queue's buffers are now; undefined for a queue that is not complete. */
  modeOf(queueId: number): BufferMode | undefined {
    return this.#queues.get(queueId)?.mode;
  }

  threadOf(queueId: number): EngineThread | undefined {
    return this.#queues.get(queueId)?.thread;
  }

  blockOf(queueId: number): QueueBlock | undefined {
    return this.#queues.get(queueId)?.block;
  }

  /** Who holds buffers of a queue's thread: what a free of the queue waits for (§3.8). */
  holdersOf(queueId: number): readonly BufferHolder[] {
    const queue = this.#queues.get(queueId);
    const { memory, threads } = this.#adapter.parts;
    return queue ? bufferHolders(memory, threads, queue.thread.index) : [];
  }

  async allocateQueue(
    queueId: number,
    parameters: ReceiveQueueParameters,
  ): Promise<AllocationOutcome> {
    const port = this.#ports.port(parameters.portId);
    if (!port) return { status: 'NDIS_STATUS_INVALID_PARAMETER' };
    const { queueThreads } = this.#adapter.parts;
    const processor = processorsOf(parameters.processorAffinity)[0] ?? 0;
    const vector = this.vectors.take(processor);
    if (!vector) throw this.#noVector(processor);
    const block = this.#takeBlock(queueId, vector);
    const thread = await queueThreads
      .take(`queue ${queueId} of ${this.#adapter.name}`, processor)
      .catch((error: unknown) => {
        block.free();
        this.vectors.release(vector);
        throw error;
      });
    const queue: HardwareQueue = {
      queueId,
      block,
      port,
      portId: parameters.portId,
      thread,
      processor,
      vector,
      mode: 'host-buffers',
      filters: new Map(),
    };
    this.#queues.set(queueId, queue);
    return {
      status: 'NDIS_STATUS_SUCCESS',
      msixTableEntry: vector.entry,
      interruptCoalescingDomainId: vector.domainId,
    };
  }

  async completeAllocation(
    completions: readonly QueueCompletion[],
  ): Promise<readonly NdisStatus[]> {
    const statuses: NdisStatus[] = [];
    for (const { queueId, filters } of completions) {
      statuses.push(await this.#complete(this.#require(queueId), filters));
    }
    return statuses;
  }

  /** One queue of a batch; its failure concerns it alone (Appendix A 18). */
  async #complete(queue: HardwareQueue, filters: readonly ReceiveFilter[]): Promise<NdisStatus> {
    try {
      queue.mode = this.#ports.bufferMode(queue.portId, filters);
      this.#attach(queue);
      if (filters.length > 0) await this.#toQueue(queue, filters);
      return 'NDIS_STATUS_SUCCESS';
    } catch {
      return 'NDIS_STATUS_FAILURE';
    }
  }

  async setFilter(filter: ReceiveFilter, activate: boolean): Promise<NdisStatus> {
    const queue = this.#queues.get(filter.queueId);
    if (!activate || !queue) return 'NDIS_STATUS_SUCCESS';
    if (queue.filters.size === 0) {
      await this.#reattach(queue, [filter]);
      await this.#toQueue(queue, [filter]);
    } else {
      queue.filters.set(filter.filterId, filter);
      await this.#adapter.program(this.#activeFilters());
    }
    return 'NDIS_STATUS_SUCCESS';
  }

  async clearFilter(filter: ReceiveFilter, last: boolean): Promise<NdisStatus> {
    const queue = this.#queues.get(filter.queueId);
    if (!queue?.filters.delete(filter.filterId)) return 'NDIS_STATUS_SUCCESS';
    if (last) await this.#toDefault(queue);
    else await this.#adapter.program(this.#activeFilters());
    return 'NDIS_STATUS_SUCCESS';
  }

  async setQueueParameters(
    queueId: number,
    parameters: ReceiveQueueParameters,
    changed: number,
  ): Promise<NdisStatus> {
    const queue = this.#queues.get(queueId);
    if (!queue || (changed & QUEUE_CHANGE_FLAGS.PROCESSOR_AFFINITY_CHANGED) === 0)
      return 'NDIS_STATUS_SUCCESS';
    const processor = processorsOf(parameters.processorAffinity)[0] ?? queue.processor;
    if (processor === queue.processor) return 'NDIS_STATUS_SUCCESS';
    this.#moveVector(queue, processor);
    // The thread moves itself between two turns: no frame is lost and none overtakes another (§3.5).
    await queue.thread.request({ kind: 'pin', processor });
    queue.processor = processor;
    queue.thread.processor = processor;
    return 'NDIS_STATUS_SUCCESS';
  }

  async freeQueue(queueId: number, dmaStopped: () => void): Promise<NdisStatus> {
    const queue = this.#require(queueId);
    this.#adapter.setQueue(queueId, 0);
    await this.#adapter.thread.request({ kind: 'sync' });
    dmaStopped();
    await this.#adapter.parts.queueThreads.release(queue.thread);
    rememberFrames(this.#adapter.parts.memory, queue.thread.thread, queue.block);
    this.#queues.delete(queueId);
    this.vectors.release(queue.vector);
    this.onRetired({ queueId, portId: queue.portId, ...queue.block.counters() });
    queue.block.free();
    return 'NDIS_STATUS_SUCCESS';
  }

  /**
   * A queue's thread has died. Its NIC goes to the default queue at once; what the thread had in its
   * hands is counted as lost; a new thread takes the queue over and the NIC comes back.
   * @returns frames lost, or undefined when no queue was served by that thread.
   */
  async replaceThread(dead: EngineThread): Promise<number | undefined> {
    const queue = [...this.#queues.values()].find((candidate) => candidate.thread === dead);
    if (!queue) return undefined;
    const { memory, threads, queueThreads } = this.#adapter.parts;
    const filters = [...queue.filters.values()];
    const { nic } = queue.port;
    const isOwner = Atomics.load(memory.i32, (nic + N_OWNER) >>> 2) === dead.index;
    queue.filters.clear();
    await this.#adapter.program(this.#activeFilters());
    this.#adapter.setQueue(queue.queueId, 0);
    await this.#adapter.thread.request({ kind: 'sync' });
    const target = this.#adapter.defaultThread;
    if (isOwner) {
      dropNicWork(memory, dead.thread, nic, queue.block);
      Atomics.store(memory.i32, (nic + N_PREVIOUS_OWNER) >>> 2, dead.index);
      Atomics.store(memory.i32, (nic + N_PHASE) >>> 2, NIC_MOVING);
      Atomics.store(memory.i32, (nic + N_OWNER) >>> 2, target.index);
    }
    await gracePeriod(threads);
    const lost = lostFrames(
      memory,
      dead.thread,
      queue.block,
      threads.ringsInto(dead.index),
      threads.ringsFrom(dead.index),
    );
    if (isOwner) await adopt(memory, threads, nic, dead, target);
    await queueThreads.idle(dead);
    queue.thread = await threads.restart(dead.index, {
      role: 'queue',
      name: dead.name,
      processor: queue.processor,
    });
    this.#attach(queue);
    if (filters.length > 0) await this.#toQueue(queue, filters);
    return lost;
  }

  // ── Handover ──────────────────────────────────────────────────────────────────────────────────

  /** Buffers and rings as new, known to the adapter, served by its thread. While no frame goes to the queue. */
  #attach(queue: HardwareQueue): void {
    const { queueThreads } = this.#adapter.parts;
    queue.block.reset();
    queue.block.bind(queue.thread.thread, queue.port.nic, queue.mode);
    this.#adapter.setQueue(queue.queueId, queue.block.address);
    queueThreads.assign(queue.thread, this.#adapter.block, queue.block.address);
  }

  /** An empty running queue gets filters again: its buffers may be somewhere else this time. */
  async #reattach(queue: HardwareQueue, filters: readonly ReceiveFilter[]): Promise<void> {
    this.#adapter.setQueue(queue.queueId, 0);
    await this.#adapter.thread.request({ kind: 'sync' });
    await this.#adapter.parts.queueThreads.idle(queue.thread);
    queue.mode = this.#ports.bufferMode(queue.portId, filters);
    this.#attach(queue);
  }

  async #toQueue(queue: HardwareQueue, filters: readonly ReceiveFilter[]): Promise<void> {
    const { memory, threads } = this.#adapter.parts;
    const { defaultThread, defaultQueue } = this.#adapter;
    const step = {
      ...queue.port,
      from: defaultThread,
      to: queue.thread,
      fromQueue: defaultQueue.address,
    };
    const program: Program = (fences) => this.#adapter.program(this.#activeFilters(), fences);
    await toQueue(memory, threads, step, queue.block.address, program, (fences) => {
      for (const filter of filters) queue.filters.set(filter.filterId, filter);
      return program(fences);
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
    await toDefault(memory, threads, step, (fences) =>
      this.#adapter.program(this.#activeFilters(), fences),
    );
  }

  #takeBlock(queueId: number, vector: InterruptVector): QueueBlock {
    try {
      return new QueueBlock(this.#adapter.parts.memory, queueId);
    } catch (error) {
      this.vectors.release(vector);
      throw error;
    }
  }

  /** Its interrupt goes to the other processor, with those of the queues there. */
  #moveVector(queue: HardwareQueue, processor: number): void {
    const before = queue.vector;
    this.vectors.release(before);
    const vector = this.vectors.take(processor);
    queue.vector = vector ?? this.vectors.take(queue.processor) ?? before;
    if (!vector) throw this.#noVector(processor, 'OID_RECEIVE_FILTER_QUEUE_PARAMETERS');
    if (vector.domainId !== before.domainId)
      this.onCoalescingDomain(queue.queueId, vector.domainId);
  }

  #noVector(
    processor: number,
    oid: OidName = 'OID_RECEIVE_FILTER_ALLOCATE_QUEUE',
  ): NdisStatusError {
    return new NdisStatusError(oid, {
      status: 'NDIS_STATUS_RESOURCES',
      expected: `a free interrupt vector for processor ${processor}`,
      found: `all ${this.vectors.count} in use`,
      remedy: 'Use a processor that has a queue already, or free a queue.',
    });
  }

  #activeFilters(): readonly ReceiveFilter[] {
    return [...this.#queues.values()].flatMap((queue) => [...queue.filters.values()]);
  }

  #require(queueId: number): HardwareQueue {
    const queue = this.#queues.get(queueId);
    if (!queue) throw new Error(`the miniport knows no queue ${queueId}`);
    return queue;
  }
}
