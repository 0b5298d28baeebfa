/** What is known of one migration: its snapshot while it waits and runs, its report afterwards. */
import type { MigrationFault, MigrationSnapshot } from '../../contract/lab';
import type {
  MigrationLimits,
  MigrationOptions,
  MigrationPhase,
  MigrationProgress,
  ProbeResult,
  ProbeSample,
} from '../../contract/migration';
import type { MigrationReport } from '../../contract/report';

export type MigrationOutcome = MigrationReport['outcome'];
type FinalOutcome = Exclude<MigrationOutcome, 'queued' | 'running'>;

export interface MigrationSubject {
  readonly migrationId: string;
  readonly vmId: string;
  readonly vmName: string;
  readonly fromHostId: string;
  readonly toHostId: string;
}

/** Samples of the probe that are kept: a minute of them. */
const KEPT_SAMPLES = 600;

type Measured = Pick<
  MigrationReport,
  | 'sentBytes'
  | 'remainingBytes'
  | 'totalBytes'
  | 'rounds'
  | 'roundList'
  | 'bytesPerSecond'
  | 'dirtyBytesPerSecond'
  | 'throttlePercent'
  | 'expectedDowntimeMs'
  | 'advice'
>;

const NOTHING_MEASURED: Measured = {
  sentBytes: 0,
  remainingBytes: 0,
  totalBytes: 0,
  rounds: 0,
  roundList: [],
  bytesPerSecond: 0,
  dirtyBytesPerSecond: 0,
  throttlePercent: 0,
  expectedDowntimeMs: 0,
  advice: '',
};

/** It is queued, begins, and ends. Times in the record are milliseconds since it began. */
export class MigrationRecord {
  readonly subject: MigrationSubject;
  readonly #phases: { phase: MigrationPhase; startMs: number; durationMs: number }[] = [];
  readonly #samples: ProbeSample[] = [];
  readonly #warnings: string[] = [];
  #options: MigrationOptions;
  #startMs = performance.now();
  #outcome: MigrationOutcome = 'queued';
  #reason = '';
  #totalMs = 0;
  #downtimeMs: number | null = null;
  #stoppedAtNs = 0;
  #measured = NOTHING_MEASURED;
  #fault: MigrationReport['fault'] = null;
  #heldFrames = 0;
  #markerSeen: boolean | null = null;
  #probe: ProbeResult | null = null;

  constructor(subject: MigrationSubject, options: MigrationOptions) {
    this.subject = subject;
    this.#options = options;
  }

  get outcome(): MigrationOutcome {
    return this.#outcome;
  }

  /** As asked for, with the limits as they were last set. */
  get options(): MigrationOptions {
    return this.#options;
  }

  /** Phase now; null while it waits and when it has ended. */
  get phase(): MigrationPhase | null {
    return this.hasEnded ? null : (this.#phases.at(-1)?.phase ?? null);
  }

  get hasEnded(): boolean {
    return this.#outcome !== 'queued' && this.#outcome !== 'running';
  }

  limit(limits: MigrationLimits): void {
    this.#options = { ...this.#options, ...limits };
  }

  /** It waits no longer; its time counts from here. */
  begin(): void {
    this.#outcome = 'running';
    this.#startMs = performance.now();
  }

  /** Enters a phase; answers false when it is the current one already. */
  enterPhase(phase: MigrationPhase): boolean {
    const nowMs = this.#elapsedMs();
    const current = this.#phases.at(-1);
    if (current?.phase === phase) return false;
    if (current !== undefined) current.durationMs = nowMs - current.startMs;
    this.#phases.push({ phase, startMs: nowMs, durationMs: 0 });
    return true;
  }

  /** Takes over what the source reports while it sends. */
  progress(progress: MigrationProgress): void {
    this.#stoppedAtNs = progress.stoppedAtNs;
    this.#measured = {
      sentBytes: progress.sentBytes,
      remainingBytes: progress.remainingBytes,
      totalBytes: progress.totalBytes,
      rounds: progress.round,
      roundList: progress.roundList,
      bytesPerSecond: progress.bytesPerSecond,
      dirtyBytesPerSecond: progress.dirtyBytesPerSecond,
      throttlePercent: Math.max(this.#measured.throttlePercent, progress.throttlePercent),
      expectedDowntimeMs: progress.expectedDowntimeMs,
      advice: progress.advice,
    };
  }

  /** The guest runs on the target: fixes the downtime. */
  resumed(resumedAtNs: number): void {
    this.#downtimeMs = (resumedAtNs - this.#stoppedAtNs) / 1e6;
  }

  left(heldFrames: number, markerSeen: boolean): void {
    this.#heldFrames = heldFrames;
    this.#markerSeen = markerSeen;
  }

  sampled(sample: ProbeSample): void {
    this.#samples.push(sample);
    if (this.#samples.length > KEPT_SAMPLES) this.#samples.shift();
  }

  probed(result: ProbeResult): void {
    this.#probe = result;
  }

  /** A fault was injected on purpose; the first one stays. */
  injected({ kind, phase }: MigrationFault): void {
    this.#fault ??= { kind, phase };
  }

  warn(text: string): void {
    this.#warnings.push(text);
  }

  /** Ends the record; later calls change nothing. */
  end(outcome: FinalOutcome, reason: string): void {
    if (this.hasEnded) return;
    this.#totalMs = this.#outcome === 'queued' ? 0 : this.#elapsedMs();
    this.#outcome = outcome;
    this.#reason = reason;
    const last = this.#phases.at(-1);
    if (last !== undefined) last.durationMs = this.#totalMs - last.startMs;
  }

  /** @param withSeries whether the probe's course is wanted: it is by far the greatest part. */
  snapshot(withSeries = true): MigrationSnapshot {
    const startedAtMs = performance.timeOrigin + this.#startMs;
    const report = this.report();
    const probeSeries = withSeries ? report.probeSeries : [];
    return { ...report, probeSeries, phase: this.phase, startedAtMs };
  }

  report(): MigrationReport {
    const nowMs = this.#outcome === 'running' ? this.#elapsedMs() : this.#totalMs;
    const last = this.#phases.length - 1;
    return {
      ...this.subject,
      outcome: this.#outcome,
      reason: this.#reason,
      options: this.#options,
      phases: this.#phases.map((phase, index) =>
        this.#outcome === 'running' && index === last
          ? { ...phase, durationMs: nowMs - phase.startMs }
          : { ...phase },
      ),
      downtimeMs: this.#downtimeMs,
      totalMs: nowMs,
      ...this.#measured,
      warnings: [...this.#warnings],
      fault: this.#fault,
      probe: this.#probe,
      probeSeries: [...this.#samples],
      markerSeen: this.#markerSeen,
      heldFrames: this.#heldFrames,
    };
  }

  #elapsedMs(): number {
    return performance.now() - this.#startMs;
  }
}
