/**
 * A host's data path: memory, one adapter with its switch, and VMs with embedded guests; frames are
 * put on its wire and taken from it by the test. `InlineHost` runs its threads on the test's own.
 */
import { conservation } from '../../src/engine/host/counters';
import { HostAdapter, UPLINK_BYTES } from '../../src/engine/host/host-adapter';
import { QueueThreads } from '../../src/engine/adapter/queue-threads';
import { NIC_UP } from '../../src/engine/kernel/layout';
import { HostMemory } from '../../src/engine/memory/host-memory';
import { FRESH_CURSORS, NicPort } from '../../src/engine/switch/nic-port';
import { compileKernel, instantiateKernel, type Kernel } from '../../src/engine/thread/kernel';
import type { CreateWorker, EngineThread } from '../../src/engine/thread/engine-thread';
import { ringFill } from '../../src/engine/thread/rings';
import { ThreadTable } from '../../src/engine/thread/thread-table';
import { bootGuest } from '../../src/engine/vm/guest-image';
import { VirtualMachine } from '../../src/engine/vm/virtual-machine';
import type { AdapterConfig, NicConfig, VmConfig, Workload } from '../../src/contract/model';
import type { Conservation } from '../../src/contract/report';
import { InlineThreads } from './inline-threads';

export interface InlineVmOptions {
  readonly mac: string;
  /** Further addresses of the NIC. */
  readonly moreMacs?: readonly string[];
  readonly vlan?: number;
  readonly ipv4?: string;
  readonly queue?: NicConfig['queue'];
  readonly policy?: NicConfig['policy'];
  readonly workload?: Workload;
}

const ADAPTER: AdapterConfig = {
  id: 'nic-a',
  name: 'nic-a',
  queueCount: 4,
  vmqEnabled: true,
  bufferMode: 'shared-memory',
  moderationMicroseconds: 0,
  uplink: 'none',
};

/** How the threads of a host run. */
export interface ThreadDriver {
  readonly createWorker: CreateWorker;
  /** The clock of the threads. */
  readonly nowNs: number;
  /** Lets the threads run until `work` has settled. */
  drive<Result>(work: Promise<Result>): Promise<Result>;
}

interface TestHostParts<Threads> {
  readonly memory: HostMemory;
  readonly kernel: Kernel;
  readonly table: ThreadTable;
  readonly adapter: HostAdapter;
  readonly vcpu: EngineThread;
  readonly threads: Threads;
}

export class TestHost<Threads extends ThreadDriver> {
  readonly threads: Threads;
  readonly memory: HostMemory;
  readonly kernel: Kernel;
  readonly table: ThreadTable;
  readonly adapter: HostAdapter;
  readonly inWire: number;
  readonly outWire: number;
  readonly vms: VirtualMachine[] = [];
  readonly #vcpu: EngineThread;
  readonly #scratch: number;

  protected constructor({ memory, kernel, table, adapter, vcpu, threads }: TestHostParts<Threads>) {
    this.memory = memory;
    this.kernel = kernel;
    this.table = table;
    this.adapter = adapter;
    this.#vcpu = vcpu;
    this.threads = threads;
    this.inWire = adapter.createInWire(UPLINK_BYTES);
    this.outWire = adapter.createOutWire();
    adapter.hardware.plugWire(this.inWire);
    adapter.hardware.setUplink(this.outWire);
    this.#scratch = memory.take(65_536, 'A test frame');
  }

  static async open<Threads extends ThreadDriver>(
    threads: Threads,
    config: Partial<AdapterConfig> = {},
  ): Promise<TestHost<Threads>> {
    return new TestHost(await TestHost.parts(threads, config));
  }

  protected static async parts<Threads extends ThreadDriver>(
    threads: Threads,
    config: Partial<AdapterConfig>,
  ): Promise<TestHostParts<Threads>> {
    const memory = new HostMemory(192);
    const module = await compileKernel();
    const kernel = instantiateKernel(module, memory.memory);
    const table = new ThreadTable(memory, module, threads.createWorker);
    const queueThreads = new QueueThreads(memory, table);
    const adapter = new HostAdapter(
      0,
      { ...ADAPTER, ...config },
      { memory, kernel, threads: table, queueThreads },
      [0, 1],
    );
    await threads.drive(adapter.hardware.start({ adapter: 0, defaultQueue: 1 }));
    const vcpu = await threads.drive(table.start({ role: 'vcpu', name: 'vCPU' }));
    return { memory, kernel, table, adapter, vcpu, threads };
  }

  /** A running VM with one NIC. */
  async addVm(name: string, options: InlineVmOptions): Promise<VirtualMachine> {
    const nic: NicConfig = {
      id: `nic-${name}`,
      adapter: 'nic-a',
      macs: [options.mac, ...(options.moreMacs ?? [])],
      vlan:
        options.vlan === undefined ? { mode: 'untagged' } : { mode: 'access', id: options.vlan },
      queue: options.queue ?? { mode: 'automatic' },
      policy: options.policy,
      ...(options.ipv4 === undefined ? {} : { ipv4: options.ipv4 }),
    };
    const workload = options.workload ?? { kind: 'responder', digest: true };
    const config: VmConfig = {
      id: name,
      name,
      hostId: 'host',
      memoryMiB: 16,
      nics: [nic],
      workload,
      power: 'running',
    };
    const vm = new VirtualMachine(this.memory, config);
    const [queues] = bootGuest(this.memory, vm.memory, vm.memoryBytes, {
      nics: [nic],
      workload,
      nowNs: this.threads.nowNs,
    });
    if (!queues) throw new Error('a guest has a NIC');
    const port = new NicPort(this.memory, nic, {
      index: this.vms.length,
      vmId: name,
      vmName: name,
      vm: vm.block,
      memory: vm.memory,
      memoryBytes: vm.memoryBytes,
      vcpu: this.#vcpu.thread,
      adapter: this.adapter.hardware.block,
    });
    port.connect(queues.rx, queues.tx, FRESH_CURSORS);
    vm.setPorts([port]);
    vm.vcpu = this.#vcpu;
    this.vms.push(vm);
    await this.drive(this.adapter.switch.attach(port, NIC_UP));
    await this.drive(this.#vcpu.request({ kind: 'add-vm', vm: vm.block }));
    await this.drive(this.adapter.switch.requestQueue(port.index));
    vm.state = 'running';
    return vm;
  }

  drive<Result>(work: Promise<Result>): Promise<Result> {
    return this.threads.drive(work);
  }

  /** Puts a frame on the wire towards the adapter. Returns false when the wire is full. */
  receive(frame: Uint8Array): boolean {
    this.memory.u8.set(frame, this.#scratch);
    return this.kernel.wirePut(this.inWire, this.#scratch, frame.length, this.threads.nowNs) !== 0;
  }

  /** Takes everything that the adapter has put on its wire. */
  sent(): Uint8Array[] {
    const frames: Uint8Array[] = [];
    for (;;) {
      const length = this.kernel.wireTake(this.outWire, this.#scratch);
      if (length === 0) return frames;
      frames.push(this.memory.u8.slice(this.#scratch, this.#scratch + length));
    }
  }

  conservation(): Conservation {
    let held = this.vms.reduce(
      (sum, vm) => sum + vm.ports.reduce((ports, port) => ports + port.heldFrames(), 0),
      0,
    );
    for (const { queueId } of this.adapter.ndis.enumQueues()) {
      held +=
        (queueId === 0
          ? this.adapter.hardware.defaultQueue
          : this.adapter.miniport.blockOf(queueId)
        )?.pendingFrames() ?? 0;
    }
    this.table.blocks().forEach((_, consumer) => {
      for (const ring of this.table.ringsInto(consumer)) held += ringFill(this.memory, ring);
    });
    return conservation(this.memory, this.table.blocks(), held);
  }
}

/** A host whose threads are turned by the test, one by one. */
export class InlineHost extends TestHost<InlineThreads> {
  static async create(config: Partial<AdapterConfig> = {}): Promise<InlineHost> {
    return new InlineHost(await TestHost.parts(new InlineThreads(), config));
  }
}
