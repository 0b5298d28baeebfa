/**
 * Samples a host's counters into one telemetry array (`contract/telemetry.ts`). Control thread, ten
 * times a second while somebody looks; the array is used again.
 */
import { cpus } from 'node:os';
import { DROP_REASONS } from '../../contract/drop-reasons';
import {
  DROP_COLUMNS,
  HEADER_COLUMNS,
  NIC_COLUMNS,
  PROCESSOR_COLUMNS,
  QUEUE_COLUMNS,
  TELEMETRY_LAYOUT,
  THREAD_COLUMNS,
  THREAD_ROLES,
} from '../../contract/telemetry';
import { CT_DROPS, CT_POLL_NS, CT_SLEEP_NS, CT_WORK_NS, T_COUNTERS } from '../kernel/layout';
import type { MemoryViews } from '../memory/host-memory';
import type { EngineThread } from '../thread/engine-thread';
import type { Clock } from '../thread/clock';
import type { QueueBlock } from '../adapter/queue-block';
import type { NicPort } from '../switch/nic-port';
import { conservation, lostFrames, sumCounter, totalDrops } from './counters';
import { systemCpuNs } from './system-cpu';

export interface TelemetryThread {
  readonly thread: EngineThread;
  readonly adapter: number;
  readonly queueId: number;
}
export interface TelemetryQueue {
  readonly adapter: number;
  readonly block: QueueBlock;
}
export interface TelemetryNic {
  readonly port: NicPort;
  readonly onQueue: boolean;
}

export interface TelemetrySource {
  readonly threads: readonly TelemetryThread[];
  readonly queues: readonly TelemetryQueue[];
  readonly nics: readonly TelemetryNic[];
  /** Every thread block ever used. */
  readonly blocks: readonly number[];
  readonly heldFrames: number;
}

export class TelemetrySampler {
  readonly #views: MemoryViews;
  readonly #clock: Clock;
  #data = new Float64Array(0);
  #next = 0;

  constructor(views: MemoryViews, clock: Clock) {
    this.#views = views;
    this.#clock = clock;
  }

  sample(source: TelemetrySource): Float64Array {
    const processors = cpus();
    const length =
      HEADER_COLUMNS.length +
      source.threads.length * THREAD_COLUMNS.length +
      source.queues.length * QUEUE_COLUMNS.length +
      source.nics.length * NIC_COLUMNS.length +
      processors.length * PROCESSOR_COLUMNS.length +
      DROP_REASONS.length * DROP_COLUMNS.length;
    if (this.#data.length !== length) this.#data = new Float64Array(length);
    this.#next = 0;
    this.#header(source, processors.length);
    for (const row of source.threads) this.#thread(row);
    for (const row of source.queues) this.#queue(row);
    for (const row of source.nics) this.#nic(row);
    for (const [index, { times }] of processors.entries()) {
      this.#put(index, times.user + times.nice + times.sys + times.irq, times.idle);
    }
    for (const reason of DROP_REASONS.keys()) {
      this.#put(reason, sumCounter(this.#views, source.blocks, CT_DROPS + reason));
    }
    return this.#data;
  }

  #put(...values: readonly number[]): void {
    for (const value of values) this.#data[this.#next++] = value;
  }

  #header(source: TelemetrySource, processors: number): void {
    const sums = conservation(this.#views, source.blocks, source.heldFrames);
    this.#put(
      TELEMETRY_LAYOUT,
      Date.now(),
      this.#clock(),
      source.threads.length,
      source.queues.length,
      source.nics.length,
      processors,
      sums.entered.fromWire + sums.entered.fromVms + sums.entered.announced,
      sums.copiesMade,
      sums.delivered.toVms + sums.delivered.toWire,
      lostFrames(sums.dropped),
      sums.held,
      totalDrops(sums.dropped) - lostFrames(sums.dropped),
      DROP_REASONS.length,
    );
  }

  #thread({ thread, adapter, queueId }: TelemetryThread): void {
    const time = (counter: number): number =>
      this.#views.getF64(thread.thread + T_COUNTERS + counter * 8);
    this.#put(
      thread.index,
      THREAD_ROLES.indexOf(thread.role),
      adapter,
      queueId,
      thread.pinned || thread.processor >= 0 ? thread.processor : -1,
      time(CT_WORK_NS),
      time(CT_POLL_NS),
      time(CT_SLEEP_NS),
      systemCpuNs(thread.threadId),
    );
  }

  #queue({ adapter, block }: TelemetryQueue): void {
    const counters = block.counters();
    this.#put(
      adapter,
      block.queueId,
      counters.frames,
      counters.bytes,
      counters.dropped,
      counters.indications,
      counters.interrupts,
      block.pendingFrames(),
      block.postedBuffers(),
    );
  }

  #nic({ port, onQueue }: TelemetryNic): void {
    const counters = port.counters();
    this.#put(
      port.index,
      counters.rxFrames,
      counters.rxBytes,
      counters.txFrames,
      counters.txBytes,
      counters.dropped,
      onQueue ? 1 : 0,
    );
  }
}
