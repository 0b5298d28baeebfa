/** Starting and stopping VMs: guest, ports, queues and vCPU thread together. Control thread. */
import type { NicConfig, VmConfig } from '../../contract/model';
import { gracePeriod } from '../adapter/handover';
import { MAX_NICS, NIC_ARRIVING, NIC_HOLDING, NIC_UP } from '../kernel/layout';
import { FRESH_CURSORS, NicPort, type NicCounters } from '../switch/nic-port';
import type { EngineThread } from '../thread/engine-thread';
import { bootGuest, type GuestQueues } from '../vm/guest-image';
import { VirtualMachine } from '../vm/virtual-machine';
import type { VirtualSwitch } from '../switch/virtual-switch';
import { RefusalError } from '../../shared/refusal-error';
import { requireAdapter, type HostParts } from './host-parts';

const BARE_HOLD_FRAMES = 16;

export class VmPower {
  readonly #parts: HostParts;
  /** Counters of ports that are gone, by VM. */
  readonly #past = new Map<string, NicCounters>();
  readonly #names = new Map<string, string>();
  /** Ports without a VM. */
  readonly #bare = new Set<NicPort>();

  constructor(parts: HostParts) {
    this.#parts = parts;
  }

  /** Reserves a VM's memory. @throws RefusalError `host-memory-exhausted`, `not-found` */
  create(config: VmConfig): VirtualMachine {
    for (const nic of config.nics) requireAdapter(this.#parts, nic.adapter);
    const vm = new VirtualMachine(this.#parts.memory, config);
    this.#parts.vms.set(config.id, vm);
    this.#names.set(config.id, config.name);
    return vm;
  }

  /** Gives a stopped VM's memory back. */
  destroy(vm: VirtualMachine): void {
    this.#parts.vms.delete(vm.vmId);
    vm.free();
  }

  /** Boots the guest afresh and connects it. */
  async start(vm: VirtualMachine): Promise<void> {
    vm.requireState('started', 'stopped', 'failed');
    vm.clearMemory();
    const setup = {
      nics: vm.config.nics,
      workload: vm.config.workload,
      nowNs: this.#parts.clock(),
    };
    const queues = bootGuest(this.#parts.memory, vm.memory, vm.memoryBytes, setup);
    this.makePorts(vm, queues);
    await this.connect(vm, NIC_UP);
    await this.run(vm);
    await this.requestQueues(vm);
  }

  /** Ports for all NICs, unknown to the switch as yet. */
  makePorts(vm: VirtualMachine, queues: readonly GuestQueues[]): void {
    vm.vcpu = this.#leastLoadedVcpu();
    const vcpu = vm.vcpu.thread;
    for (const [i, nic] of vm.config.nics.entries())
      vm.setPorts([...vm.ports, this.#makePort(vm, nic, vcpu, queues[i])]);
  }

  /** Makes the ports known to their switches. */
  async connect(vm: VirtualMachine, state: number): Promise<void> {
    for (const port of vm.ports) await this.switchOf(port).attach(port, state);
  }

  /** Lets the guest run. */
  async run(vm: VirtualMachine): Promise<void> {
    vm.markUsed();
    await vm.vcpu?.request({ kind: 'add-vm', vm: vm.block });
    vm.state = 'running';
    vm.reason = '';
  }

  /** What is held for a port goes to the guest, which runs; then frames go straight in. */
  async releaseHold(port: NicPort): Promise<void> {
    if (port.state !== NIC_HOLDING && port.state !== NIC_ARRIVING) return;
    const { threads } = this.#parts;
    const { defaultThread } = requireAdapter(this.#parts, port.config.adapter).hardware;
    await defaultThread.request({ kind: 'release-hold', nic: port.block });
    await port.narrowHold(() => gracePeriod(threads));
  }

  async requestQueues(vm: VirtualMachine): Promise<void> {
    for (const port of vm.ports) await this.switchOf(port).requestQueue(port.index);
  }

  /** Stops the guest between two turns. Its memory is not written by it after this. */
  async halt(vm: VirtualMachine): Promise<void> {
    await vm.vcpu?.request({ kind: 'remove-vm', vm: vm.block });
  }

  async stop(vm: VirtualMachine): Promise<void> {
    await this.halt(vm);
    await this.disconnect(vm);
    vm.state = 'stopped';
  }

  /** Removes the ports from their switches and keeps their counts. */
  async disconnect(vm: VirtualMachine): Promise<void> {
    for (const port of vm.ports) {
      const portSwitch = this.switchOf(port);
      if (portSwitch.has(port.index)) await portSwitch.detach(port.index);
      this.#keep(vm.vmId, port.counters());
      port.free();
    }
    vm.setPorts([]);
    vm.vcpu = undefined;
  }

  switchOf(port: NicPort): VirtualSwitch {
    return requireAdapter(this.#parts, port.config.adapter).switch;
  }

  /** What a VM's NICs have moved on this host, ports that are gone included. */
  totals(vmId: string): NicCounters {
    const ports = this.#parts.vms.get(vmId)?.ports ?? [];
    return ports.reduce((sum, port) => add(sum, port.counters()), this.#past.get(vmId) ?? ZERO);
  }

  /** Every VM that was ever on this host, with its name. */
  knownVms(): ReadonlyMap<string, string> {
    return this.#names;
  }

  /** A port of no VM, in the place of a NIC but with another address. @throws RefusalError */
  makeBarePort(nic: NicConfig, mac: string): NicPort {
    const adapter = requireAdapter(this.#parts, nic.adapter);
    const config = { ...nic, macs: [mac] };
    const port = new NicPort(this.#parts.memory, config, {
      index: this.#freeIndex(`A port beside ${nic.id}`),
      vmId: '',
      vmName: '',
      vm: 0,
      memory: 0,
      memoryBytes: 0,
      vcpu: 0,
      adapter: adapter.hardware.block,
      holdFrames: BARE_HOLD_FRAMES,
    });
    this.#bare.add(port);
    return port;
  }

  async removeBarePort(port: NicPort): Promise<void> {
    await this.switchOf(port).detach(port.index);
    this.#bare.delete(port);
    port.free();
  }

  #makePort(
    vm: VirtualMachine,
    nic: NicConfig,
    vcpu: number,
    queues: GuestQueues | undefined,
  ): NicPort {
    const adapter = requireAdapter(this.#parts, nic.adapter);
    const port = new NicPort(this.#parts.memory, nic, {
      index: this.#freeIndex(vm.config.name),
      vmId: vm.vmId,
      vmName: vm.config.name,
      vm: vm.block,
      memory: vm.memory,
      memoryBytes: vm.memoryBytes,
      vcpu,
      adapter: adapter.hardware.block,
    });
    if (queues) port.connect(queues.rx, queues.tx, FRESH_CURSORS);
    return port;
  }

  #freeIndex(what: string): number {
    const ports = [...this.#parts.vms.values()].flatMap((vm) => vm.ports);
    const taken = new Set([...ports, ...this.#bare].map((port) => port.index));
    for (let index = 0; index < MAX_NICS; index++) if (!taken.has(index)) return index;
    throw new RefusalError({
      code: 'invalid-value',
      what: `${what} cannot be connected.`,
      why: `A host has at most ${MAX_NICS} NICs.`,
      remedy: 'Stop another VM first.',
    });
  }

  #leastLoadedVcpu(): EngineThread {
    const load = (thread: EngineThread): number =>
      [...this.#parts.vms.values()].filter((vm) => vm.vcpu === thread).length;
    const [first, ...rest] = this.#parts.vcpus;
    if (!first) throw new Error('a host has at least one vCPU thread');
    return rest.reduce((best, thread) => (load(thread) < load(best) ? thread : best), first);
  }

  #keep(vmId: string, counters: NicCounters): void {
    this.#past.set(vmId, add(this.#past.get(vmId) ?? ZERO, counters));
  }
}

const ZERO: NicCounters = { rxFrames: 0, rxBytes: 0, txFrames: 0, txBytes: 0, dropped: 0 };

function add(one: NicCounters, other: NicCounters): NicCounters {
  return {
    rxFrames: one.rxFrames + other.rxFrames,
    rxBytes: one.rxBytes + other.rxBytes,
    txFrames: one.txFrames + other.txFrames,
    txBytes: one.txBytes + other.txBytes,
    dropped: one.dropped + other.dropped,
  };
}
