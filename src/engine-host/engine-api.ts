/**
 * What the engine gives to the process around it, as types only. `engine/host/host.ts` and
 * `engine/fabric/fabric.ts` satisfy them; everything else in this folder is written against them, so
 * that it can be tested with an engine that moves no frames.
 *
 * All methods are called on the process's main thread. A refused command throws `RefusalError` and
 * has changed nothing; `snapshot`, `sampleTelemetry` and `report` are called only after `open` has
 * been answered and before `close` is called.
 */
import type { Worker, WorkerOptions } from 'node:worker_threads';
import type {
  AdapterConfig,
  AdapterEvent,
  AdapterMeter,
  EngineEvent,
  FabricReport,
  FabricSnapshot,
  HostConfig,
  HostReport,
  HostSnapshot,
  LinkConfig,
  MigrationLimits,
  MigrationOptions,
  MigrationPhase,
  MigrationProgress,
  ProbeResult,
  QueueLatencyReading,
  RequestLogEntry,
  ProbeSample,
  VlanMode,
  VmConfig,
} from '../contract';

/** Starts one engine thread; which file it runs is chosen by the bundle (`spawn-worker.ts`). */
export type CreateWorker = (options?: WorkerOptions) => Worker;

/** Where the processes of a lab meet (`rendezvousSchema`). */
export interface Rendezvous {
  readonly fabricSocket: string;
  readonly socketFolder: string;
}

/** A stamped UDP echo flow to a NIC's guest. */
export interface ProbeRequest {
  readonly probeId: string;
  readonly mac: string;
  readonly ipv4: string;
  readonly vlan: VlanMode;
  readonly perSecond: number;
}

/** What a source is asked to send, and how. */
export interface SendRequest {
  readonly vmId: string;
  readonly socket: string;
  readonly token: string;
  readonly options: MigrationOptions;
  /** It waits on entering this phase. */
  readonly pauseAt: MigrationPhase | null;
}

/** Ends a subscription; calling it twice is harmless. */
export type Unsubscribe = () => void;

/** Both engines: state to watch, links to plug in, an orderly end. */
interface EngineBase<Snapshot, Report> {
  /** Everything that changes seldom, whole. */
  snapshot(): Snapshot;
  /** Calls `listener` after each change of the snapshot; it may be called often. */
  onChange(listener: () => void): Unsubscribe;
  onEvent(listener: (event: EngineEvent) => void): Unsubscribe;
  report(): Promise<Report>;
  addLink(link: LinkConfig): Promise<void>;
  startLink(linkId: string): Promise<void>;
  stopLink(linkId: string): Promise<void>;
  removeLink(linkId: string): Promise<void>;
  /** Stops every thread and forgets everything. */
  close(): Promise<void>;
}

/** One host: its memory, adapters, threads and VMs. */
export interface HostEngine extends EngineBase<HostSnapshot, HostReport> {
  open(config: HostConfig, rendezvous: Rendezvous): Promise<void>;
  /** One telemetry array (`contract/telemetry.ts`). The engine may use the same array again. */
  sampleTelemetry(): Float64Array;

  addVm(vm: VmConfig): Promise<void>;
  updateVm(vm: VmConfig): Promise<void>;
  removeVm(vmId: string): Promise<void>;
  startVm(vmId: string, announce: boolean): Promise<void>;
  stopVm(vmId: string): Promise<void>;

  /** @param cause why, for the event; left out: it was asked for. */
  setAdapter(adapter: AdapterConfig, cause?: string): Promise<void>;
  /** What the adapter's threads have moved and taken up to now. */
  meterAdapter(adapterId: string): AdapterMeter;
  setNicFilters(nicId: string, set: boolean): Promise<void>;
  adapterEvent(adapterId: string, event: AdapterEvent): Promise<void>;
  /** Requests to an adapter that have ended, after number `after`, oldest first. */
  requestLog(adapterId: string, after?: number): RequestLogEntry[];
  /** One queue as text. */
  dumpQueue(adapterId: string, queueId: number): string;
  /** How long frames of one queue took so far. */
  queueLatency(adapterId: string, queueId: number): QueueLatencyReading;

  prepareIncoming(migrationId: string, vm: VmConfig): Promise<{ socket: string; token: string }>;
  /** Ends after the progress with `ready`; `signal` cancels it and the VM runs on here. */
  sendVm(
    migrationId: string,
    request: SendRequest,
    signal: AbortSignal,
  ): AsyncIterable<MigrationProgress>;
  setSendLimits(migrationId: string, limits: MigrationLimits): Promise<void>;
  continueSend(migrationId: string): Promise<void>;
  breakStream(migrationId: string, how: 'cut' | 'corrupt'): Promise<void>;
  fillMemory(leaveBytes: number): Promise<void>;
  freeFilledMemory(): Promise<void>;
  commitIncoming(migrationId: string): Promise<{ resumedAtNs: number; announcements: number }>;
  abortIncoming(migrationId: string): Promise<void>;
  finishSend(
    migrationId: string,
  ): Promise<{ heldFrames: number; droppedFrames: number; markerSeen: boolean }>;
  cancelSend(migrationId: string): Promise<void>;

  killThread(thread: number): Promise<void>;
}

/** The physical switch between the hosts. */
export interface FabricEngine extends EngineBase<FabricSnapshot, FabricReport> {
  open(rendezvous: Rendezvous): Promise<void>;
  startProbe(probe: ProbeRequest): Promise<void>;
  stopProbe(probeId: string): Promise<ProbeResult>;
  /** What a probe has measured by now, ten times a second; ends with the probe, or by `signal`. */
  watchProbe(probeId: string, signal: AbortSignal | undefined): AsyncGenerator<ProbeSample>;
  /** Drops exactly the next `frames` probe frames of one direction: fault injection. */
  loseProbes(probeId: string, direction: 'to-vm' | 'from-vm', frames: number): Promise<void>;
}
