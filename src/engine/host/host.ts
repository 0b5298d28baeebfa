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
import type { AdapterMeter } from '../../contract/experiment';
import type { QueueLatencyReading } from '../../contract/latency';
import type { HostReport } from '../../contract/report';
import type { AdapterEvent, RequestLogEntry } from '../../contract/vmq';
import { RefusalError } from '../../shared/refusal-error';
import type { CreateWorker } from '../thread/engine-thread';
import { adapterMeter } from './adapter-meter';
import { EventLog } from './event-log';
import type { HostAdapter } from './host-adapter';
import { HostLinks } from './host-links';
import { HostMigration, type SendRequest } from './host-migration';
import { MemoryFill } from './memory-fill';
import type { Gap } from './departing-vm';
import type { HostParts } from './host-parts';
import { hostReport } from './host-report';
import { hostSnapshot } from './host-snapshot';
import { reportAdapterEvent } from './adapter-events';
import { dumpQueue } from './queue-dump';
import { reportQueueEvents } from './queue-events';
import { queueLatency } from './queue-latency';
import { requestLogOf } from './request-view';
import { StuckRequests } from './stuck-requests';
import { TelemetrySampler } from './telemetry';
import { VmPower } from './vm-power';
import { buildParts, type HostRendezvous } from './host-building';
import { HostVms } from './host-vms';
import { telemetrySource } from './telemetry-source';
import { threadDied } from './thread-deaths';

const AGE_INTERVAL_MS = 1000;

/** An opened host. */
interface Opened {
  readonly parts: HostParts;
  readonly power: VmPower;
  readonly vms: HostVms;
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
    const parts = await buildParts(config, rendezvous, this.#createWorker, this.#log);
    const { memory, threads, adapters, queueThreads } = parts;
    threads.onDeath = (thread, cause) => {
      threadDied(parts, thread, cause);
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
      vms: new HostVms(parts, power),
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
      `${config.name} is running with ${config.memoryMiB} MiB and ${cpus().length} processors.`,
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
    return telemetry.sample(telemetrySource(parts));
  }

  // ── VMs ───────────────────────────────────────────────────────────────────────────────────────

  addVm(config: VmConfig): Promise<void> {
    return this.#require().vms.add(config);
  }

  updateVm(config: VmConfig): Promise<void> {
    return this.#require().vms.update(config);
  }

  removeVm(vmId: string): Promise<void> {
    return this.#require().vms.remove(vmId);
  }

  /** @param announce also tells switches where it is: it ran elsewhere before. */
  async startVm(vmId: string, announce = false): Promise<void> {
    const { vms, migration } = this.#require();
    await vms.start(vmId, announce ? (vm) => migration.announce(vm) : undefined);
  }

  stopVm(vmId: string): Promise<void> {
    return this.#require().vms.stop(vmId);
  }

  /** See `HostVms.inconsistentPages`. */
  inconsistentPages(vmId: string): number {
    return this.#require().vms.inconsistentPages(vmId);
  }

  /** See `HostVms.pageChecksums`. */
  pageChecksums(vmId: string): bigint[] {
    return this.#require().vms.pageChecksums(vmId);
  }

  // ── Adapters and links ────────────────────────────────────────────────────────────────────────

  async setAdapter(
    config: AdapterConfig,
    cause = 'An administrator or a lab file asked for it.',
  ): Promise<void> {
    await this.#adapterById(config.id).configure(config);
    const mode = config.vmqEnabled ? `VMQ on, buffers: ${config.bufferMode}` : 'VMQ off';
    this.#log.emit(
      'adapter/changed',
      this.#object('adapter', config.id, config.name),
      `${config.name}: ${mode}.`,
      cause,
    );
  }

  /** What an adapter's threads have moved and taken up to now. @throws RefusalError `not-found` */
  meterAdapter(adapterId: string): AdapterMeter {
    return adapterMeter(this.#require().parts, this.#adapterById(adapterId));
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

  /** How long frames of one queue took so far. @throws RefusalError `not-found` */
  queueLatency(adapterId: string, queueId: number): QueueLatencyReading {
    return queueLatency(this.#adapterById(adapterId), queueId);
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
