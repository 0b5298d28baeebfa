/**
 * One host: memory, threads, adapters, VMs and links behind the commands of `contract/host.ts`.
 * Runs on the process's control thread. A command is refused before anything is changed, or it is
 * carried out whole.
 */
import { cpus } from 'node:os';
import type { HostSnapshot } from '../../contract/host';
import type { MigrationLimits, MigrationProgress } from '../../contract/migration';
import type { AdapterConfig, HostConfig, LinkConfig, VmConfig } from '../../contract/model';
import type { EngineEvent, EventObject } from '../../contract/events';
import type { HostReport } from '../../contract/report';
import type { AdapterEvent, RequestLogEntry } from '../../contract/vmq';
import { RefusalError } from '../../shared/refusal-error';
import { HostMemory } from '../memory/host-memory';
import { PAGE_SIZE, THREAD_SIZE } from '../kernel/layout';
import { QueueThreads } from '../adapter/queue-threads';
import { LinkControl } from '../link/link-control';
import { monotonicClock } from '../thread/clock';
import type { CreateWorker, EngineThread } from '../thread/engine-thread';
import { compileKernel, instantiateKernel } from '../thread/kernel';
import { ThreadTable } from '../thread/thread-table';
import { writeWorkload } from '../vm/guest-image';
import type { VirtualMachine } from '../vm/virtual-machine';
import { EventLog } from './event-log';
import { heldFrames } from './held-frames';
import { HostAdapter } from './host-adapter';
import { HostLinks } from './host-links';
import { HostMigration, type SendRequest } from './host-migration';
import { MemoryFill } from './memory-fill';
import type { Gap } from './departing-vm';
import { requireVm, type HostParts } from './host-parts';
import { hostReport } from './host-report';
import { hostSnapshot } from './host-snapshot';
import { reportAdapterEvent } from './adapter-events';
import { dumpQueue } from './queue-dump';
import { reportQueueEvents } from './queue-events';
import { requestLogOf } from './request-view';
import { QueueTransitions } from './queue-transitions';
import { StuckRequests } from './stuck-requests';
import { TelemetrySampler } from './telemetry';
import { VmPower } from './vm-power';

const AGE_INTERVAL_MS = 1000;

export interface HostRendezvous {
  readonly fabricSocket: string;
  readonly socketFolder: string;
}

/** An opened host. */
interface Opened {
  readonly parts: HostParts;
  readonly power: VmPower;
  readonly links: HostLinks;
  readonly migration: HostMigration;
  readonly telemetry: TelemetrySampler;
  readonly filling: MemoryFill;
  readonly ageing: NodeJS.Timeout;
}

export class Host {
  readonly #createWorker: CreateWorker;
  readonly #log = new EventLog();
  #opened: Opened | undefined;
  #revision = 0;

  constructor(createWorker: CreateWorker) {
    this.#createWorker = createWorker;
  }

  onEvent(listener: (event: EngineEvent) => void): () => void {
    return this.#log.onEvent(listener);
  }

  onChange(listener: () => void): () => void {
    return this.#log.onChange(listener);
  }

  /** Builds memory, threads and adapters, and connects the uplinks. @throws RefusalError */
  async open(config: HostConfig, rendezvous: HostRendezvous): Promise<void> {
    if (this.#opened) {
      throw new RefusalError({
        code: 'wrong-state',
        what: `${config.name} is open already.`,
        why: 'A host is opened once.',
        remedy: '',
      });
    }
    const memory = new HostMemory(config.memoryMiB);
    const module = await compileKernel();
    const kernel = instantiateKernel(module, memory.memory);
    const threads = new ThreadTable(memory, module, this.#createWorker);
    const queueThreads = new QueueThreads(memory, threads);
    const processors = cpus().map((_, index) => index);
    const adapterParts = { memory, kernel, threads, queueThreads };
    const adapters = config.adapters.map(
      (adapter, index) => new HostAdapter(index, adapter, adapterParts, processors),
    );
    for (const adapter of adapters) {
      const first = adapter.index % processors.length;
      await adapter.hardware.start({
        adapter: first,
        defaultQueue: (first + 1) % processors.length,
      });
    }
    const vcpus: EngineThread[] = [];
    for (const processor of processors)
      vcpus.push(
        await threads.start({ role: 'vcpu', name: `vCPU thread ${processor}`, processor }),
      );
    const linkThread = await threads.start({ role: 'link', name: 'link thread' });
    const parts: HostParts = {
      config,
      memory,
      kernel,
      clock: monotonicClock(),
      threads,
      queueThreads,
      adapters,
      vcpus,
      vms: new Map(),
      ownBlock: memory.take(THREAD_SIZE, 'A counter block'),
      links: new LinkControl(memory, linkThread),
      log: this.#log,
      transitions: new QueueTransitions(),
      socketFolder: rendezvous.socketFolder,
    };
    threads.onDeath = (thread, cause) => {
      this.#threadDied(parts, thread, cause);
    };
    const power = new VmPower(parts);
    const links = new HostLinks(parts);
    const stuck = new StuckRequests(this.#log);
    const ageing = setInterval(() => {
      const second = Math.floor(performance.now() / 1000) + 1;
      for (const adapter of adapters) {
        adapter.learnedMacs = adapter.hardware.age(second);
        stuck.check(adapter);
      }
    }, AGE_INTERVAL_MS);
    this.#opened = {
      parts,
      power,
      links,
      migration: new HostMigration(parts, power),
      telemetry: new TelemetrySampler(memory, parts.clock),
      filling: new MemoryFill(memory),
      ageing,
    };
    for (const adapter of adapters) {
      parts.transitions.record(adapter, parts.vms);
      reportQueueEvents(adapter, this.#log);
    }
    for (const adapter of adapters)
      if (adapter.config.uplink === 'fabric')
        await links.connectUplink(adapter, rendezvous.fabricSocket);
    await queueThreads.fill();
    this.#log.emit(
      'host/opened',
      this.#object('host', config.id, config.name),
      `${config.name} is running with ${config.memoryMiB} MiB and ${processors.length} processors.`,
      'The lab opened it.',
    );
  }

  snapshot(): HostSnapshot {
    this.#revision++;
    return hostSnapshot(this.#require().parts, this.#revision);
  }

  report(): Promise<HostReport> {
    const { parts, power } = this.#require();
    return Promise.resolve(hostReport(parts, power));
  }

  sampleTelemetry(): Float64Array {
    const { parts, telemetry } = this.#require();
    const { threads, adapters, vms } = parts;
    const queues = adapters.flatMap((adapter) => [
      {
        adapter: adapter.index,
        block: adapter.hardware.defaultQueue,
        thread: adapter.hardware.defaultThread,
      },
      ...adapter.ndis.enumQueues().flatMap(({ queueId }) => {
        const block = adapter.miniport.blockOf(queueId);
        const thread = adapter.miniport.threadOf(queueId);
        return block && thread ? [{ adapter: adapter.index, block, thread }] : [];
      }),
    ]);
    return telemetry.sample({
      threads: threads.threads().map((thread) => {
        const queue = queues.find((candidate) => candidate.thread === thread);
        const adapter = adapters.find((candidate) => candidate.hardware.thread === thread);
        return {
          thread,
          adapter: queue?.adapter ?? adapter?.index ?? -1,
          queueId: queue?.block.queueId ?? -1,
        };
      }),
      queues,
      nics: [...vms.values()].flatMap((vm) =>
        vm.ports.map((port) => ({
          port,
          onQueue:
            (this.#adapterOf(parts, port.config.adapter)?.switch.queueOf(port.index)?.filterIds
              .length ?? 0) > 0,
        })),
      ),
      blocks: [...threads.blocks(), parts.ownBlock],
      heldFrames: heldFrames(parts),
    });
  }

  // ── VMs ───────────────────────────────────────────────────────────────────────────────────────

  async addVm(config: VmConfig): Promise<void> {
    const { parts, power } = this.#require();
    if (parts.vms.has(config.id)) {
      throw new RefusalError({
        code: 'wrong-state',
        what: `${config.name} cannot be added.`,
        why: `${parts.config.name} has a VM with the id ${config.id}.`,
        remedy: '',
      });
    }
    power.create(config);
    this.#log.emit(
      'vm/added',
      this.#object('vm', config.id, config.name),
      `${config.name} was added with ${config.memoryMiB} MiB.`,
      'An administrator or a lab file asked for it.',
    );
    return Promise.resolve();
  }

  async updateVm(config: VmConfig): Promise<void> {
    const { parts, power } = this.#require();
    const vm = requireVm(parts, config.id);
    await vm.settled;
    if (vm.state === 'stopped') {
      power.destroy(vm);
      try {
        power.create(config);
      } catch (error) {
        power.create(vm.config);
        throw error;
      }
    } else await this.#updateRunning(vm, config);
    this.#log.emit(
      'vm/changed',
      this.#object('vm', config.id, config.name),
      `${config.name} was changed.`,
      'An administrator or a lab file asked for it.',
    );
  }

  async removeVm(vmId: string): Promise<void> {
    const { parts, power } = this.#require();
    const vm = requireVm(parts, vmId);
    await vm.settled;
    vm.requireState('removed', 'stopped', 'failed');
    power.destroy(vm);
    this.#log.emit(
      'vm/removed',
      this.#object('vm', vmId, vm.config.name),
      `${vm.config.name} was removed; its memory is free again.`,
      'An administrator or a lab file asked for it.',
    );
    return Promise.resolve();
  }

  async startVm(vmId: string, announce = false): Promise<void> {
    const { parts, power, migration } = this.#require();
    const vm = requireVm(parts, vmId);
    await power.start(vm);
    if (announce) await migration.announce(vm);
    this.#log.emit(
      'vm/started',
      this.#object('vm', vmId, vm.config.name),
      `${vm.config.name} is running.`,
      'An administrator or a lab file asked for it.',
    );
  }

  async stopVm(vmId: string): Promise<void> {
    const { parts, power } = this.#require();
    const vm = requireVm(parts, vmId);
    await vm.settled;
    vm.requireState('stopped', 'running', 'failed');
    await power.stop(vm);
    this.#log.emit(
      'vm/stopped',
      this.#object('vm', vmId, vm.config.name),
      `${vm.config.name} was stopped.`,
      'An administrator or a lab file asked for it.',
    );
  }

  /** Pages of a page writer that do not carry the stamp they must: 0 unless a page was lost. While its guest stands still. */
  inconsistentPages(vmId: string): number {
    const { parts } = this.#require();
    const vm = requireVm(parts, vmId);
    vm.requireState('checked', 'stopped', 'paused');
    return parts.kernel.inconsistentPages(vm.memory);
  }

  /** A checksum of each page of a VM's memory, to compare it with another host's. While nobody writes it. */
  pageChecksums(vmId: string): bigint[] {
    const { parts } = this.#require();
    const vm = requireVm(parts, vmId);
    vm.requireState('checked', 'stopped', 'paused', 'incoming');
    return Array.from({ length: vm.pages }, (_, page) =>
      parts.kernel.checksum(vm.memory + page * PAGE_SIZE, PAGE_SIZE),
    );
  }

  // ── Adapters and links ────────────────────────────────────────────────────────────────────────

  async setAdapter(config: AdapterConfig): Promise<void> {
    await this.#adapterById(config.id).configure(config);
    const mode = config.vmqEnabled ? `VMQ on, buffers: ${config.bufferMode}` : 'VMQ off';
    this.#log.emit(
      'adapter/changed',
      this.#object('adapter', config.id, config.name),
      `${config.name}: ${mode}.`,
      'An administrator or a lab file asked for it.',
    );
  }

  /** Something happens to an adapter (reference §6.5). @throws RefusalError `not-found`, `wrong-state` */
  async adapterEvent(adapterId: string, event: AdapterEvent): Promise<void> {
    const adapter = this.#adapterById(adapterId);
    await adapter.liveThrough(event);
    reportAdapterEvent(adapter, event, this.#log);
  }

  /** Requests to an adapter that have ended, after number `after`, oldest first. */
  requestLog(adapterId: string, after?: number): RequestLogEntry[] {
    return requestLogOf(this.#adapterById(adapterId), after);
  }

  /** One queue as text. @throws RefusalError `not-found` */
  dumpQueue(adapterId: string, queueId: number): string {
    return dumpQueue(this.#adapterById(adapterId), queueId);
  }

  async setNicFilters(nicId: string, set: boolean): Promise<void> {
    const { parts, power } = this.#require();
    const port = [...parts.vms.values()]
      .flatMap((vm) => vm.ports)
      .find((candidate) => candidate.config.id === nicId);
    if (!port)
      throw new RefusalError({
        code: 'not-found',
        what: `NIC ${nicId} is not connected.`,
        why: 'No running VM of this host has it.',
        remedy: 'Start its VM.',
      });
    await power.switchOf(port).setFilters(port.index, set);
    this.#log.changed();
  }

  addLink(link: LinkConfig): Promise<void> {
    return this.#require().links.add(link);
  }

  startLink(linkId: string): Promise<void> {
    return this.#require().links.start(linkId);
  }

  stopLink(linkId: string): Promise<void> {
    return this.#require().links.stop(linkId);
  }

  removeLink(linkId: string): Promise<void> {
    return this.#require().links.remove(linkId);
  }

  // ── Migration ─────────────────────────────────────────────────────────────────────────────────

  prepareIncoming(migrationId: string, vm: VmConfig): Promise<{ socket: string; token: string }> {
    return this.#require().migration.prepareIncoming(migrationId, vm);
  }

  sendVm(
    migrationId: string,
    request: SendRequest,
    signal: AbortSignal,
  ): AsyncIterable<MigrationProgress> {
    return this.#require().migration.sendVm(migrationId, request, signal);
  }

  async setSendLimits(migrationId: string, limits: MigrationLimits): Promise<void> {
    this.#require().migration.setSendLimits(migrationId, limits);
    return Promise.resolve();
  }

  async continueSend(migrationId: string): Promise<void> {
    this.#require().migration.continueSend(migrationId);
    return Promise.resolve();
  }

  async breakStream(migrationId: string, how: 'cut' | 'corrupt'): Promise<void> {
    this.#require().migration.breakStream(migrationId, how);
    return Promise.resolve();
  }

  async fillMemory(leaveBytes: number): Promise<void> {
    this.#require().filling.fill(leaveBytes);
    this.#log.changed();
    return Promise.resolve();
  }

  async freeFilledMemory(): Promise<void> {
    this.#require().filling.free();
    this.#log.changed();
    return Promise.resolve();
  }

  commitIncoming(migrationId: string): Promise<{ resumedAtNs: number; announcements: number }> {
    return this.#require().migration.commitIncoming(migrationId);
  }

  abortIncoming(migrationId: string): Promise<void> {
    return this.#require().migration.abortIncoming(migrationId);
  }

  finishSend(migrationId: string): Promise<Gap> {
    return this.#require().migration.finishSend(migrationId);
  }

  cancelSend(migrationId: string): Promise<void> {
    return this.#require().migration.cancelSend(migrationId);
  }

  // ── Faults and the end ────────────────────────────────────────────────────────────────────────

  async killThread(index: number): Promise<void> {
    const thread = this.#require().parts.threads.at(index);
    if (!thread)
      throw new RefusalError({
        code: 'not-found',
        what: `Thread ${index} does not exist.`,
        why: 'No thread of this host has that index.',
        remedy: '',
      });
    await thread.kill();
  }

  async close(): Promise<void> {
    const opened = this.#opened;
    if (!opened) return;
    this.#opened = undefined;
    clearInterval(opened.ageing);
    await opened.migration.close();
    await opened.parts.threads.stopAll();
  }

  /** A queue's thread is replaced; any other thread is more than one queue's matter and ends the host. */
  #threadDied(parts: HostParts, thread: EngineThread, cause: string): void {
    const object = this.#object('thread', String(thread.index), thread.name);
    this.#log.emit('thread/died', object, `${thread.name} ended.`, cause, 'error');
    void this.#replace(parts, thread).then(
      (lost) => {
        if (lost === undefined) throw new Error(`${thread.name} ended: ${cause}`);
        const text = `${thread.name} was replaced. Its VM was served by the default queue meanwhile; ${lost} frames were lost.`;
        this.#log.emit('thread/replaced', object, text, cause, 'warning');
      },
      (error: unknown) => {
        throw error;
      },
    );
  }

  async #replace(parts: HostParts, thread: EngineThread): Promise<number | undefined> {
    for (const adapter of parts.adapters) {
      const lost = await adapter.switch.replaceThread(adapter.miniport, thread);
      if (lost !== undefined) return lost;
    }
    return undefined;
  }

  /** Name, queue request and workload can change while a VM runs. */
  async #updateRunning(vm: VirtualMachine, config: VmConfig): Promise<void> {
    const { parts, power } = this.#require();
    const fixed = (value: VmConfig): unknown => ({
      ...value,
      name: '',
      workload: null,
      power: null,
      nics: value.nics.map((nic) => ({ ...nic, queue: null })),
    });
    if (JSON.stringify(fixed(vm.config)) !== JSON.stringify(fixed(config))) {
      throw new RefusalError({
        code: 'wrong-state',
        what: `${vm.config.name} cannot be changed like this while it runs.`,
        why: 'Only name, queue request and workload can change then.',
        remedy: 'Stop it first.',
      });
    }
    vm.requireState('changed', 'running');
    if (JSON.stringify(vm.config.workload) !== JSON.stringify(config.workload)) {
      await power.halt(vm);
      writeWorkload(parts.memory, vm.memory, config.workload, parts.clock());
      await power.run(vm);
    }
    vm.config = config;
    for (const [index, port] of vm.ports.entries()) {
      const nic = config.nics[index];
      if (!nic) continue;
      port.vmName = config.name;
      const asked = JSON.stringify(port.config.queue) !== JSON.stringify(nic.queue);
      port.config = nic;
      if (asked) await power.switchOf(port).requestQueue(port.index);
    }
  }

  #adapterById(adapterId: string): HostAdapter {
    const adapter = this.#require().parts.adapters.find(({ config }) => config.id === adapterId);
    if (adapter) return adapter;
    throw new RefusalError({
      code: 'not-found',
      what: `Adapter ${adapterId} does not exist.`,
      why: 'No adapter of this host has that id.',
      remedy: '',
    });
  }

  #adapterOf(parts: HostParts, name: string): HostAdapter | undefined {
    return parts.adapters.find((adapter) => adapter.config.name === name);
  }

  #object(kind: EventObject['kind'], id: string, name: string): EventObject {
    return { kind, id, name };
  }

  #require(): Opened {
    if (this.#opened) return this.#opened;
    throw new RefusalError({
      code: 'wrong-state',
      what: 'The host is not open.',
      why: 'It must be opened before any other command.',
      remedy: '',
    });
  }
}
