/** Invents the course of one migration: phases, rounds, rates, probes, the steps of the queues, faults. */
import type { QueueState, QueueTransition } from '../../../src/contract/host';
import type { MigrationFault, MigrationSnapshot } from '../../../src/contract/lab';
import {
  MIGRATION_PHASES,
  type MigrationOptions,
  type MigrationPhase,
  type MigrationRound,
  type ProbeCount,
  type ProbeSample,
} from '../../../src/contract/migration';
import type { VmConfig } from '../../../src/contract/model';

const MIB = 1024 * 1024;
const PAGE = 4096;
const STEP_MS = 50;
const BASE_RATE = 40 * MIB;
const PHASE_MS: Readonly<Partial<Record<MigrationPhase, number>>> = {
  'stopping-vm': 6,
  'final-copy': 12,
  committing: 18,
  resuming: 15,
};
const ENDING: ReadonlySet<MigrationFault['kind']> = new Set([
  'cut-link',
  'corrupt-byte',
  'kill-source',
  'kill-target',
  'fill-target-memory',
]);

export interface FakeMigrationParts {
  readonly vm: VmConfig;
  readonly changed: () => void;
  /** The VM's queue of a host has changed its state. */
  readonly queueStep: (hostId: string, step: Omit<QueueTransition, 'adapterId'>) => void;
  readonly arrived: () => void;
}

class Stopped extends Error {
  constructor(
    readonly outcome: 'failed' | 'cancelled',
    message: string,
  ) {
    super(message);
  }
}

export class FakeMigration {
  snapshot: MigrationSnapshot;
  fault: MigrationFault | undefined;
  readonly #parts: FakeMigrationParts;
  #cancelled = false;
  #lost = 0;
  #slowedTo = Number.POSITIVE_INFINITY;

  constructor(
    migrationId: string,
    toHostId: string,
    options: MigrationOptions,
    parts: FakeMigrationParts,
  ) {
    const { vm } = parts;
    this.#parts = parts;
    this.snapshot = {
      migrationId,
      vmId: vm.id,
      vmName: vm.name,
      fromHostId: vm.hostId,
      toHostId,
      outcome: 'queued',
      reason: '',
      phases: [],
      downtimeMs: null,
      totalMs: 0,
      sentBytes: 0,
      remainingBytes: 0,
      totalBytes: 0,
      rounds: 0,
      options,
      roundList: [],
      bytesPerSecond: 0,
      dirtyBytesPerSecond: 0,
      throttlePercent: 0,
      expectedDowntimeMs: 0,
      advice: '',
      warnings: [],
      fault: null,
      probe: null,
      probeSeries: [],
      markerSeen: null,
      heldFrames: 0,
      phase: null,
      startedAtMs: Date.now(),
    };
  }

  cancel(): void {
    this.#cancelled = true;
    if (this.snapshot.outcome === 'queued')
      this.#put({ outcome: 'cancelled', reason: 'It was cancelled while it waited.' });
  }

  limit(limits: Partial<MigrationOptions>): void {
    this.#put({ options: { ...this.snapshot.options, ...limits } });
  }

  async run(): Promise<void> {
    this.#put({ outcome: 'running', startedAtMs: Date.now(), totalBytes: this.#memory });
    try {
      for (const phase of MIGRATION_PHASES) await this.#phase(phase);
      this.#end('completed', '');
    } catch (error) {
      if (!(error instanceof Stopped)) throw error;
      this.#end(error.outcome, error.message);
    }
  }

  get #memory(): number {
    return this.#parts.vm.memoryMiB * MIB;
  }

  get #elapsedMs(): number {
    return Date.now() - this.snapshot.startedAtMs;
  }

  #put(part: Partial<MigrationSnapshot>): void {
    const isRunning = (part.outcome ?? this.snapshot.outcome) === 'running';
    this.snapshot = { ...this.snapshot, ...part };
    if (isRunning) this.snapshot.totalMs = this.#elapsedMs;
    this.#parts.changed();
  }

  async #phase(phase: MigrationPhase): Promise<void> {
    const startMs = this.#elapsedMs;
    const before = this.snapshot.phases;
    this.#put({ phase, phases: [...before, { phase, startMs, durationMs: 0 }] });
    this.#strike(phase);
    if (phase === 'copying') await this.#copy();
    else if (phase === 'final-copy') await this.#finalCopy();
    else await this.#pass(PHASE_MS[phase] ?? 220);
    this.#queues(phase);
    if (phase === 'resuming') this.#parts.arrived();
    const durationMs = this.#elapsedMs - startMs;
    this.#put({ phases: [...before, { phase, startMs, durationMs }] });
  }

  #strike(phase: MigrationPhase): void {
    const { fault } = this;
    if (fault?.phase !== phase) return;
    this.#put({ fault: { kind: fault.kind, phase } });
    if (fault.kind === 'slow-link') this.#slowedTo = (fault.amount ?? 8) * MIB;
    if (fault.kind.startsWith('lose-')) this.#lost = fault.amount ?? 3;
    if (ENDING.has(fault.kind))
      throw new Stopped('failed', `The stream to the target broke off (${fault.kind}).`);
  }

  async #pass(durationMs: number): Promise<void> {
    const endMs = Date.now() + durationMs;
    while (Date.now() < endMs) {
      await new Promise((resolve) => setTimeout(resolve, Math.min(STEP_MS, durationMs)));
      if (this.#cancelled) throw new Stopped('cancelled', 'It was cancelled at the console.');
      this.#probe(0);
    }
  }

  get #dirtyRate(): number {
    const { workload } = this.#parts.vm;
    const rate = workload.kind === 'page-writer' ? workload.pagesPerSecond * PAGE : 0.4 * MIB;
    return rate * (1 - this.snapshot.throttlePercent / 100);
  }

  get #sendRate(): number {
    const { bandwidthMiBps } = this.snapshot.options;
    return Math.min(BASE_RATE, (bandwidthMiBps ?? 1e6) * MIB, this.#slowedTo);
  }

  async #copy(): Promise<void> {
    let toSend = this.#memory;
    for (let round = 1; ; round += 1) {
      const left = await this.#round(round, toSend);
      const { maxRounds, downtimeLimitMs, autoConverge } = this.snapshot.options;
      if (5 + (left / BASE_RATE) * 1000 <= downtimeLimitMs && left > toSend * 0.6) return;
      if (left < 32 * PAGE || round >= maxRounds) return;
      if (left > toSend * 0.6) {
        const throttlePercent = autoConverge ? this.snapshot.throttlePercent + 20 : 0;
        this.#put({ throttlePercent, advice: this.#adviceFor(left) });
      }
      toSend = left;
    }
  }

  #adviceFor(left: number): string {
    const rate = (bytes: number): string => `${(bytes / MIB).toFixed(0)} MiB/s`;
    const wait = (5 + (left / BASE_RATE) * 1000).toFixed(0);
    return `The guest writes ${rate(this.#dirtyRate)}, and ${rate(this.#sendRate)} are sent: stopping it now would take about ${wait} ms, more than the limit of ${String(this.snapshot.options.downtimeLimitMs)} ms. You can raise the downtime limit, let the guest be slowed down or lower the load of the VM.`;
  }

  async #round(round: number, toSend: number): Promise<number> {
    const startMs = Date.now();
    let sent = 0;
    while (sent < toSend) {
      await this.#pass(STEP_MS);
      const seconds = (Date.now() - startMs) / 1000;
      sent = Math.min(toSend, this.#sendRate * seconds);
      const dirty = Math.min(this.#memory, this.#dirtyRate * seconds);
      const remainingBytes = toSend - sent + dirty;
      this.#put({
        rounds: round,
        remainingBytes,
        sentBytes: this.#sentBefore + sent * 0.4,
        bytesPerSecond: this.#sendRate,
        dirtyBytesPerSecond: this.#dirtyRate,
        expectedDowntimeMs: 5 + (remainingBytes / BASE_RATE) * 1000,
      });
    }
    const durationMs = Date.now() - startMs;
    const left = Math.min(this.#memory, (this.#dirtyRate * durationMs) / 1000);
    this.#addRound(round, true, toSend, durationMs, left);
    return left;
  }

  get #sentBefore(): number {
    return this.snapshot.roundList.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  #addRound(round: number, live: boolean, sent: number, durationMs: number, left: number): void {
    const pages = Math.ceil(sent / PAGE);
    const entry: MigrationRound = {
      round,
      live,
      pages,
      zeroPages: Math.floor(pages * 0.55),
      repeatedPages: Math.floor(pages * 0.05),
      bytes: sent * 0.4,
      durationMs,
      dirtyPages: Math.floor(left / PAGE),
    };
    this.#put({
      roundList: [...this.snapshot.roundList, entry],
      remainingBytes: left,
      sentBytes: this.#sentBefore + entry.bytes,
    });
  }

  async #finalCopy(): Promise<void> {
    const last = this.snapshot.roundList[this.snapshot.roundList.length - 1];
    const left = (last?.dirtyPages ?? 0) * PAGE;
    const durationMs = Math.max(4, (left / BASE_RATE) * 1000);
    await new Promise((resolve) => setTimeout(resolve, durationMs));
    const round = this.snapshot.roundList.length + 1;
    this.#put({ rounds: round });
    this.#addRound(round, false, left, durationMs, 0);
    this.#put({ downtimeMs: durationMs + 4.2 });
    this.#probe(durationMs + 6);
  }

  #probe(silenceMs: number): void {
    const { options, probeSeries } = this.snapshot;
    const last = probeSeries[probeSeries.length - 1];
    const atMs = this.#elapsedMs;
    if (options.probesPerSecond === 0 || atMs - (last?.atMs ?? 0) < 100) return;
    const sent = Math.round((options.probesPerSecond * atMs) / 1000);
    const missing = Math.round((silenceMs * options.probesPerSecond) / 1000);
    const sample: ProbeSample = {
      atMs,
      sent,
      received: sent - missing,
      toVmReceived: sent - Math.floor(missing / 2),
      silenceMs: Math.max(last?.silenceMs ?? 2.1, silenceMs),
    };
    this.#put({ probeSeries: [...probeSeries, sample] });
  }

  #queues(phase: MigrationPhase): void {
    const { fromHostId, toHostId } = this.snapshot;
    if (phase === 'clearing-filters')
      this.#step(fromHostId, 'Running', 'Paused', 'CLEAR_LAST_FILTER');
    if (phase === 'stopping-dma') {
      this.#step(fromHostId, 'Paused', 'StopDma', 'FREE_QUEUE');
      this.#step(fromHostId, 'StopDma', 'Freeing', 'DMA_STOPPED');
      this.#step(fromHostId, 'Freeing', 'Undefined', 'RESOURCES_FREED');
    }
    if (phase !== 'resuming') return;
    this.#step(toHostId, 'Undefined', 'Allocated', 'ALLOCATE_QUEUE');
    this.#step(toHostId, 'Allocated', 'Set', 'SET_FILTER');
    this.#step(toHostId, 'Set', 'Running', 'ALLOCATION_COMPLETE');
  }

  #step(hostId: string, from: QueueState, to: QueueState, cause: string): void {
    const { vmId, vmName } = this.snapshot;
    this.#parts.queueStep(hostId, { atMs: Date.now(), queueId: 1, vmId, vmName, from, to, cause });
  }

  #end(outcome: 'completed' | 'failed' | 'cancelled', reason: string): void {
    const { downtimeMs, options } = this.snapshot;
    const totalMs = this.#elapsedMs;
    const sent = Math.round((options.probesPerSecond * totalMs) / 1000);
    const silenceMs = (downtimeMs ?? 0) + 2.4;
    const count = (lost: number): ProbeCount => ({
      sent,
      received: sent - lost,
      lost,
      duplicated: 0,
      reordered: 0,
      silenceMs,
    });
    const toVm = this.fault?.kind === 'lose-to-vm' ? this.#lost : 0;
    const fromVm = this.fault?.kind === 'lose-from-vm' ? this.#lost : 0;
    const isMeasured = options.probesPerSecond > 0;
    this.#put({
      phase: null,
      outcome,
      reason,
      totalMs,
      markerSeen: outcome === 'completed' ? true : null,
      heldFrames: outcome === 'completed' ? 312 : 0,
      probe: isMeasured
        ? { ...count(toVm + fromVm), toVm: count(toVm), fromVm: count(fromVm) }
        : null,
    });
  }
}
