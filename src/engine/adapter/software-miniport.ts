/**
 * The miniport: programs the software adapter for the NDIS layer (`docs/vmq-reference.md` §3, §4, §6.5).
 * The layer calls one method at a time. Filter changes of a running queue go by handover, so a
 * CLEAR completes at the fence: what was accepted is delivered, not thrown away.
 */
import type { BufferMode } from '../../contract/model';
import { RefusalError } from '../../shared/refusal-error';
import {
  DROP_ADAPTER_HALTED,
  DROP_ADAPTER_PAUSED,
  DROP_ADAPTER_REMOVED,
  DROP_ADAPTER_RESET,
  MAX_QUEUES,
  N_OWNER,
  N_PHASE,
  N_PREVIOUS_OWNER,
  NIC_MOVING,
} from '../kernel/layout';
import type { AdvertisedCapabilities } from '../ndis/capability-rules';
import { processorsOf } from '../ndis/group-affinity';
import type { AllocationOutcome, Miniport, QueueCompletion } from '../ndis/miniport';
import type { OidName } from '../ndis/oid';
import {
  DEFAULT_RECEIVE_QUEUE_ID,
  QUEUE_CHANGE_FLAGS,
  QUEUE_PARAMETER_FLAGS,
  type ReceiveQueueParameters,
} from '../ndis/queue-parameters';
import type { ReceiveFilter } from '../ndis/receive-filter';
import { NdisStatusError, invalidParameter, type NdisStatus } from '../ndis/status';
import type { SharedMemoryAllocation } from '../ndis/shared-memory';
import type { EngineThread } from '../thread/engine-thread';
import { adopt, gracePeriod, readUpTo, type ReadQueue } from './handover';
import { InterruptVectors, type InterruptVector } from './interrupt-vectors';
import { dropNicWork, lostFrames, rememberFrames } from './lost-thread';
import { bufferAccount, bufferHolders, type BufferAccount, type BufferHolder } from './outstanding';
import { QueueBlock, type QueueCounters, type QueueLatency } from './queue-block';
import type { SoftwareAdapter } from './software-adapter';
import { Steering, type HardwareQueue, type PortBinding, type PortSource } from './steering';

export type { PortBinding, PortSource } from './steering';

const ALLOCATE = 'OID_RECEIVE_FILTER_ALLOCATE_QUEUE';

/** What remains of a freed queue, for reports. */
export interface RetiredQueue extends QueueCounters {
  readonly queueId: number;
  readonly portId: number;
  readonly latency: QueueLatency;
}

export class SoftwareMiniport implements Miniport {
  readonly capabilities: AdvertisedCapabilities;
  readonly #adapter: SoftwareAdapter;
  readonly #ports: PortSource;
  readonly #queues = new Map<number, HardwareQueue>();
  readonly #steering: Steering;
  /** Free while there is no queue; one for each queue and more, until it is said otherwise. */
  vectors = new InterruptVectors(MAX_QUEUES, true);
  /** Told when a queue shares its interrupt with others than before (§3.6). */
  onCoalescingDomain: (queueId: number, domainId: number) => void = () => undefined;
  /** Told of each freed queue's final counters. */
  onRetired: (queue: RetiredQueue) => void = () => undefined;

  constructor(adapter: SoftwareAdapter, ports: PortSource, capabilities: AdvertisedCapabilities) {
    this.#adapter = adapter;
    this.#ports = ports;
    this.#steering = new Steering(adapter, ports, this.#queues);
    this.capabilities = capabilities;
  }

  /** Where a queue's buffers are now; undefined for a queue that does not exist. */
  modeOf(queueId: number): BufferMode | undefined {
    return this.#queues.get(queueId)?.mode;
  }

  threadOf(queueId: number): EngineThread | undefined {
    return this.#queues.get(queueId)?.thread;
  }

  blockOf(queueId: number): QueueBlock | undefined {
    return this.#queues.get(queueId)?.block;
  }

  /** What shared memory a queue has (§5.1). */
  sharedMemoryOf(queueId: number): readonly SharedMemoryAllocation[] {
    return this.#adapter.sharedMemory.of(queueId);
  }

  /** Where the host buffers of a queue are; undefined for a queue whose buffers are in a VM, or that is gone. */
  bufferAccountOf(queueId: number): BufferAccount | undefined {
    const { memory, threads } = this.#adapter.parts;
    const { defaultQueue, defaultThread } = this.#adapter;
    const queue = this.#queues.get(queueId);
    const [block, thread] =
      queueId === DEFAULT_RECEIVE_QUEUE_ID
        ? [defaultQueue, defaultThread]
        : [queue?.block, queue?.thread];
    if (!block || !thread || queue?.mode === 'shared-memory') return undefined;
    return bufferAccount(memory, threads, thread, block.postedBuffers() + block.pendingFrames());
  }

  /** Who holds buffers of a queue's thread: what a free of the queue waits for (§3.8). */
  holdersOf(queueId: number): readonly BufferHolder[] {
    const queue = this.#queues.get(queueId);
    const { memory, threads } = this.#adapter.parts;
    return queue ? bufferHolders(memory, threads, queue.thread.index) : [];
  }

  // ── Requests ──────────────────────────────────────────────────────────────────────────────────

  async allocateQueue(
    queueId: number,
    parameters: ReceiveQueueParameters,
  ): Promise<AllocationOutcome> {
    const port = this.#requireFreePort(parameters.portId);
    const processor = processorsOf(parameters.processorAffinity)[0] ?? 0;
    const vector = this.#takeVector(processor);
    const block = this.#takeBlock(queueId, vector);
    const thread = await this.#adapter.parts.queueThreads
      .take(`queue ${queueId} of ${this.#adapter.name}`, processor)
      .catch((error: unknown) => {
        block.free();
        this.vectors.release(vector);
        throw error;
      });
    this.#queues.set(queueId, {
      queueId,
      block,
      port,
      portId: parameters.portId,
      thread,
      processor,
      vector,
      mode: 'host-buffers',
      lookaheadBytes: lookaheadOf(parameters),
      filters: new Map(),
    });
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

  async setFilter(filter: ReceiveFilter, activate: boolean): Promise<NdisStatus> {
    if (!activate) return 'NDIS_STATUS_SUCCESS';
    if (filter.queueId === DEFAULT_RECEIVE_QUEUE_ID)
      await this.#steering.setOfDefault(filter, true);
    else await this.#steering.add(this.#require(filter.queueId), filter);
    return 'NDIS_STATUS_SUCCESS';
  }

  async clearFilter(filter: ReceiveFilter): Promise<NdisStatus> {
    if (this.#steering.hasOfDefault(filter.filterId))
      await this.#steering.setOfDefault(filter, false);
    const queue = this.#queues.get(filter.queueId);
    const active = queue?.filters.get(filter.filterId);
    if (queue && active) await this.#steering.remove(queue, active);
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
    await this.#steering.forget(queueId);
    dmaStopped();
    await this.#adapter.parts.queueThreads.release(queue.thread);
    rememberFrames(this.#adapter.parts.memory, queue.thread.thread, queue.block);
    this.#queues.delete(queueId);
    this.vectors.release(queue.vector);
    const { block, portId } = queue;
    this.onRetired({ queueId, portId, ...block.counters(), latency: block.latency() });
    this.#adapter.sharedMemory.freeQueue(queueId);
    queue.block.free();
    return 'NDIS_STATUS_SUCCESS';
  }

  /** One queue of a batch; its failure concerns it alone (Appendix A 18). */
  async #complete(queue: HardwareQueue, filters: readonly ReceiveFilter[]): Promise<NdisStatus> {
    try {
      await this.#steering.activate(queue, filters);
      return 'NDIS_STATUS_SUCCESS';
    } catch (error) {
      const isShort =
        error instanceof RefusalError && error.refusal.code === 'host-memory-exhausted';
      return isShort ? 'NDIS_STATUS_RESOURCES' : 'NDIS_STATUS_FAILURE';
    }
  }

  // ── Life of the adapter (§6.5) ────────────────────────────────────────────────────────────────

  /** No frame in or out; settles when everything that was indicated has come back. Queues and filters stay. */
  async pause(): Promise<void> {
    await this.#adapter.refuse(DROP_ADAPTER_PAUSED);
    await this.#settle();
  }

  async restart(): Promise<void> {
    await this.#adapter.refuse(undefined);
  }

  /**
   * The hardware forgets its queues and filters and gets them again; frames are dropped meanwhile, and
   * those that it had accepted before are delivered.
   */
  async reset(): Promise<void> {
    await this.#adapter.refuse(DROP_ADAPTER_RESET);
    await this.#settle();
    await this.#adapter.program([]);
    for (const { queueId } of this.#queues.values()) this.#adapter.setQueue(queueId, 0);
    await this.#adapter.thread.request({ kind: 'sync' });
    for (const { queueId, block } of this.#queues.values()) {
      if (!this.#isComplete(queueId)) continue;
      block.forgetInterrupt();
      this.#adapter.setQueue(queueId, block.address);
    }
    await this.#steering.program([]);
  }

  /** The layer has taken all queues and filters away. */
  async halt(): Promise<void> {
    await this.#adapter.refuse(DROP_ADAPTER_HALTED);
    this.#adapter.sharedMemory.freeQueue(DEFAULT_RECEIVE_QUEUE_ID);
  }

  /** The hardware is gone at this moment; the layer takes queues and filters away afterwards. */
  async surpriseRemoval(): Promise<void> {
    await this.#adapter.refuse(DROP_ADAPTER_REMOVED);
    this.#adapter.sharedMemory.freeQueue(DEFAULT_RECEIVE_QUEUE_ID);
  }

  /** As new: it takes frames, all of which go to the default queue. */
  async initialise(): Promise<void> {
    this.#adapter.sharedMemory.freeQueue(DEFAULT_RECEIVE_QUEUE_ID);
    this.#adapter.accountDefaultQueue();
    await this.#adapter.refuse(undefined);
  }

  /** Waits until all that the queues got has been indicated, and what was indicated has come back. */
  async #settle(): Promise<void> {
    const { memory, threads } = this.#adapter.parts;
    const { defaultThread, defaultQueue } = this.#adapter;
    const queues: ReadQueue[] = [
      { thread: defaultThread, queue: defaultQueue.address },
      // A queue without filters is empty, and its thread does not look at it.
      ...[...this.#queues.values()]
        .filter(({ filters }) => filters.size > 0)
        .map(({ thread, block }) => ({ thread, queue: block.address })),
    ];
    for (const queue of queues) {
      // The frames of a thread that dies meanwhile are counted by who replaces it.
      await readUpTo(memory, [queue], this.#steering.program).catch(() => undefined);
    }
    await gracePeriod(threads);
  }

  /** Whether its rings are there, and known to the adapter. */
  #isComplete(queueId: number): boolean {
    return this.#queues.get(queueId)?.block.hasRings ?? false;
  }

  // ── Threads ───────────────────────────────────────────────────────────────────────────────────

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
    await this.#steering.program([]);
    await this.#steering.forget(queue.queueId);
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
    if (queue.block.hasRings) await this.#steering.resume(queue, filters);
    return lost;
  }

  // ── Parts of a queue ──────────────────────────────────────────────────────────────────────────

  /** A port's frames go to one queue: a second one could never get any. */
  #requireFreePort(portId: number): PortBinding {
    const port = this.#ports.port(portId);
    if (!port) {
      const fault = invalidParameter('portId', 'a port of the switch', String(portId));
      throw new NdisStatusError(ALLOCATE, fault);
    }
    const taken = [...this.#queues.values()].find((queue) => queue.portId === portId);
    if (!taken) return port;
    const expected = 'a port without a queue';
    const found = `port ${portId}, which has queue ${taken.queueId}`;
    throw new NdisStatusError(ALLOCATE, invalidParameter('portId', expected, found));
  }

  #takeBlock(queueId: number, vector: InterruptVector): QueueBlock {
    try {
      return new QueueBlock(this.#adapter.parts.memory, queueId);
    } catch (error) {
      this.vectors.release(vector);
      throw error;
    }
  }

  #takeVector(processor: number): InterruptVector {
    const vector = this.vectors.take(processor);
    if (vector) return vector;
    throw this.#noVector(processor, ALLOCATE);
  }

  /** Its interrupt goes to the other processor, with those of the queues there. */
  #moveVector(queue: HardwareQueue, processor: number): void {
    const before = queue.vector;
    this.vectors.release(before);
    const vector = this.vectors.take(processor);
    queue.vector = vector ?? this.vectors.take(queue.processor) ?? before;
    if (!vector) throw this.#noVector(processor, 'OID_RECEIVE_FILTER_QUEUE_PARAMETERS');
    if (vector.domainId === before.domainId) return;
    queue.block.setCoalescingDomain(vector.domainId);
    this.onCoalescingDomain(queue.queueId, vector.domainId);
  }

  #noVector(processor: number, oid: OidName): NdisStatusError {
    return new NdisStatusError(oid, {
      status: 'NDIS_STATUS_RESOURCES',
      expected: `a free interrupt vector for processor ${processor}`,
      found: `all ${this.vectors.count} in use`,
      remedy: 'Use a processor that has a queue already, or free a queue.',
    });
  }

  #require(queueId: number): HardwareQueue {
    const queue = this.#queues.get(queueId);
    if (!queue) throw new Error(`the miniport knows no queue ${queueId}`);
    return queue;
  }
}

/** A split that was asked for, in bytes; 0: none (§5.2). The layer has checked it, and takes the flag out from NDIS 6.30 on. */
function lookaheadOf({ flags, lookaheadSize }: ReceiveQueueParameters): number {
  return (flags & QUEUE_PARAMETER_FLAGS.LOOKAHEAD_SPLIT_REQUIRED) === 0 ? 0 : lookaheadSize;
}
