/**
 * One host of the engine inside the benchmark's process, with its real worker threads. Threads can
 * be placed on processors at will, and the host's memory can be reached, for wires of our own.
 */
import type { Worker } from 'node:worker_threads';

import { telemetryTables, THREAD_COLUMNS, THREAD_ROLES } from '../../../src/contract/telemetry';
import type { ThreadColumn, ThreadRole } from '../../../src/contract/telemetry';
import { hostConfigSchema, vmConfigSchema } from '../../../src/contract/model';
import type { AdapterConfig, LinkConfig, VmConfig } from '../../../src/contract/model';
import type { HostReport } from '../../../src/contract/report';
import { DROP_REASONS } from '../../../src/contract/drop-reasons';
import { spawnWorker } from '../../../src/engine-host/spawn-worker';
import { Host } from '../../../src/engine/host/host';
import { HostMemory } from '../../../src/engine/memory/host-memory';
import type { CreateWorker } from '../../../src/engine/thread/engine-thread';
import type { ThreadStart } from '../../../src/engine/thread/protocol';
import { waitUntil } from '../child';

/** Processor that a thread is pinned to; -1: none; undefined: where the host wants it. */
export type Placement = (start: Pick<ThreadStart, 'role' | 'name'>) => number | undefined;

/** Adapter and links on processor 0, everything else on processor 1. */
export const ADAPTER_APART: Placement = ({ role }) =>
  role === 'adapter' || role === 'link' ? 0 : 1;

export interface BenchHostOptions {
  readonly memoryMiB?: number;
  readonly adapter?: Partial<AdapterConfig>;
  readonly placement?: Placement;
}

export interface BenchVm {
  readonly id: string;
  readonly mac: string;
  readonly vlan?: number;
  /** 16 unless told otherwise: with less, a guest has small rings. */
  readonly memoryMiB?: number;
  readonly ipv4?: string;
  readonly queue?: VmConfig['nics'][number]['queue'];
  readonly workload?: VmConfig['workload'];
}

/** CPU time and turns of a group of threads, in nanoseconds. */
export interface ThreadTimes {
  readonly cpuNs: number;
  readonly workNs: number;
  readonly pollNs: number;
  readonly sleepNs: number;
}

const ADAPTER: AdapterConfig = {
  id: 'nic-a',
  name: 'nic-a',
  queueCount: 64,
  vmqEnabled: true,
  bufferMode: 'shared-memory',
  moderationMicroseconds: 50,
  uplink: 'none',
};

const CALM_MS = 20;

/** Memories of all hosts, newest last. */
const memories: HostMemory[] = [];
const take = Reflect.get(HostMemory.prototype, 'take');
HostMemory.prototype.take = function (...request) {
  if (!memories.includes(this)) memories.push(this);
  return take.apply(this, request);
};

export class BenchHost {
  readonly memory: HostMemory;
  /** What its threads were started with. */
  readonly starts: readonly ThreadStart[];
  readonly workers: readonly Worker[];
  readonly #host: Host;
  #adapter: AdapterConfig;
  readonly #links = new Set<string>();

  static async open(options: BenchHostOptions = {}): Promise<BenchHost> {
    const { placement = ADAPTER_APART, memoryMiB = 1024 } = options;
    const starts: ThreadStart[] = [];
    const workers: Worker[] = [];
    const createWorker: CreateWorker = (workerOptions = {}) => {
      // The engine's own order to its own thread.
      const start = workerOptions.workerData as ThreadStart;
      starts.push(start);
      const processor = placement(start) ?? start.processor;
      const worker = spawnWorker({ ...workerOptions, workerData: { ...start, processor } });
      workers.push(worker);
      return worker;
    };
    const adapter: AdapterConfig = { ...ADAPTER, ...options.adapter };
    const host = new Host(createWorker);
    await host.open(
      hostConfigSchema.parse({ id: 'host', name: 'Host', memoryMiB, adapters: [adapter] }),
      { fabricSocket: '', socketFolder: '' },
    );
    const memory = memories.at(-1);
    if (memory === undefined) throw new Error('the host has taken no memory');
    return new BenchHost(host, memory, adapter, starts, workers);
  }

  private constructor(
    host: Host,
    memory: HostMemory,
    adapter: AdapterConfig,
    starts: readonly ThreadStart[],
    workers: readonly Worker[],
  ) {
    this.workers = workers;
    this.#host = host;
    this.memory = memory;
    this.#adapter = adapter;
    this.starts = starts;
  }

  /** Creates a VM and starts it; its queue's thread is pinned to processor 1 unless it asks for something else. */
  async addVm(vm: BenchVm): Promise<void> {
    await this.#host.addVm(
      vmConfigSchema.parse({
        id: vm.id,
        name: vm.id,
        hostId: 'host',
        memoryMiB: vm.memoryMiB ?? 16,
        nics: [
          {
            id: `nic-${vm.id}`,
            adapter: this.#adapter.name,
            macs: [vm.mac],
            vlan: vm.vlan === undefined ? { mode: 'untagged' } : { mode: 'access', id: vm.vlan },
            queue: vm.queue ?? { mode: 'processor', processor: 1 },
            ...(vm.ipv4 === undefined ? {} : { ipv4: vm.ipv4 }),
          },
        ],
        workload: vm.workload ?? { kind: 'responder' },
      }),
    );
    await this.#host.startVm(vm.id);
  }

  async stopVm(vmId: string): Promise<void> {
    await this.#host.stopVm(vmId);
  }

  async startVm(vmId: string): Promise<void> {
    await this.#host.startVm(vmId);
  }

  async removeVm(vmId: string): Promise<void> {
    await this.#host.removeVm(vmId);
  }

  async setMode(mode: Pick<AdapterConfig, 'vmqEnabled' | 'bufferMode'>): Promise<void> {
    this.#adapter = { ...this.#adapter, ...mode };
    await this.#host.setAdapter(this.#adapter);
  }

  /** Plugs a generator into the adapter, stopped. */
  async addGenerator(generator: Traffic): Promise<void> {
    const link: LinkConfig = {
      kind: 'generator',
      id: generator.id,
      name: generator.id,
      plug: { at: 'adapter', hostId: 'host', adapter: this.#adapter.name },
      targets: [...generator.targets],
      sourceMac: generator.sourceMac ?? '02:00:5e:fe:00:01',
      frameBytes: generator.frameBytes,
      rate:
        generator.framesPerSecond === undefined
          ? { mode: 'maximum' }
          : { mode: 'fixed', framesPerSecond: generator.framesPerSecond },
      frames: generator.frames ?? 0,
    };
    await this.#host.addLink(link);
    await this.#host.stopLink(link.id);
    this.#links.add(link.id);
    await this.drain();
  }

  async removeGenerator(id: string): Promise<void> {
    await this.#host.removeLink(id);
    this.#links.delete(id);
  }

  async startTraffic(id: string): Promise<void> {
    await this.#host.startLink(id);
  }

  async stopTraffic(id: string): Promise<void> {
    await this.#host.stopLink(id);
  }

  report(): Promise<HostReport> {
    return this.#host.report();
  }

  snapshot(): ReturnType<Host['snapshot']> {
    return this.#host.snapshot();
  }

  /** Waits until no frame moves any more, and tells whether all that entered are accounted for. */
  async drain(): Promise<boolean> {
    let before = '';
    await waitUntil('the host to come to rest', async () => {
      const now = JSON.stringify((await this.report()).conservation);
      const isCalm = now === before;
      before = now;
      if (!isCalm) await new Promise((resolve) => setTimeout(resolve, CALM_MS));
      return isCalm;
    });
    const { conservation } = await this.report();
    return conservation.holds && conservation.held === 0;
  }

  /** Times of all threads of some roles since they were started. */
  threadTimes(...roles: readonly ThreadRole[]): ThreadTimes {
    const data = this.#host.sampleTelemetry();
    const table = telemetryTables(data)?.threads;
    if (table === undefined) throw new Error('the host gave no telemetry');
    const sums = { cpuNs: 0, workNs: 0, pollNs: 0, sleepNs: 0 };
    for (let row = 0; row < table.rows; row++) {
      const cell = (column: ThreadColumn): number =>
        data[table.offset + row * table.stride + THREAD_COLUMNS.indexOf(column)] ?? 0;
      const role = THREAD_ROLES[cell('role')];
      if (role === undefined || !roles.includes(role)) continue;
      sums.cpuNs += cell('systemCpuNs');
      sums.workNs += cell('workNs');
      sums.pollNs += cell('pollNs');
      sums.sleepNs += cell('sleepNs');
    }
    return sums;
  }

  async close(): Promise<void> {
    await this.#host.close();
  }
}

export interface Traffic {
  readonly id: string;
  readonly targets: readonly { mac: string; vlan?: number; ipv4?: string }[];
  readonly frameBytes: number;
  /** As fast as possible when left out. */
  readonly framesPerSecond?: number;
  readonly sourceMac?: string;
  /** 0 or left out: until it is stopped. */
  readonly frames?: number;
}

/** Frames lost so far, by reasons that are losses. */
export function lostFrames(report: HostReport): number {
  const { dropped } = report.conservation;
  return DROP_REASONS.reduce(
    (sum, { code, isLoss }) => sum + (isLoss ? (dropped[code] ?? 0) : 0),
    0,
  );
}

/** The `index`th of a series of addresses for VMs. */
export function vmMac(index: number): string {
  const hex = (value: number): string => value.toString(16).padStart(2, '0');
  return `02:00:5e:20:${hex(index >> 8)}:${hex(index & 0xff)}`;
}
