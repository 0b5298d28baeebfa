/** What is known of one migration: its snapshot while it runs, its report afterwards. */
import type { MigrationProgress, ProbeResult } from '../../contract/migration';
import type { MigrationSnapshot } from '../../contract/lab';
import type { MigrationReport } from '../../contract/report';

export type MigrationOutcome = MigrationReport['outcome'];

export interface MigrationSubject {
  readonly migrationId: string;
  readonly vmId: string;
  readonly vmName: string;
  readonly fromHostId: string;
  readonly toHostId: string;
}

/** Times in the record are milliseconds since the migration began. */
export class MigrationRecord {
  readonly subject: MigrationSubject;
  readonly #startedAtMs = performance.timeOrigin + performance.now();
  readonly #startMs = performance.now();
  readonly #phases: { phase: string; startMs: number; durationMs: number }[] = [];
  #isOpen = true;
  #outcome: MigrationOutcome = 'running';
  #reason = '';
  #totalMs = 0;
  #downtimeMs: number | null = null;
  #stoppedAtNs = 0;
  #sentBytes = 0;
  #remainingBytes = 0;
  #totalBytes = 0;
  #rounds = 0;
  #heldFrames = 0;
  #probe: ProbeResult | null = null;

  constructor(subject: MigrationSubject) {
    this.subject = subject;
  }

  get outcome(): MigrationOutcome {
    return this.#outcome;
  }

  /** Enters a phase; answers false when it is the current one already. */
  enterPhase(phase: string): boolean {
    const nowMs = this.#elapsedMs();
    const current = this.#phases.at(-1);
    if (current?.phase === phase) return false;
    if (current !== undefined) current.durationMs = nowMs - current.startMs;
    this.#phases.push({ phase, startMs: nowMs, durationMs: 0 });
    return true;
  }

  /** Takes over what the source reports while it sends. */
  progress(progress: MigrationProgress): void {
    this.#sentBytes = progress.sentBytes;
    this.#remainingBytes = progress.remainingBytes;
    this.#totalBytes = progress.totalBytes;
    this.#rounds = progress.round;
    this.#stoppedAtNs = progress.stoppedAtNs;
  }

  /** The guest runs on the target: fixes the downtime. */
  resumed(resumedAtNs: number): void {
    this.#downtimeMs = (resumedAtNs - this.#stoppedAtNs) / 1e6;
  }

  held(frames: number): void {
    this.#heldFrames = frames;
  }

  probed(result: ProbeResult): void {
    this.#probe = result;
  }

  /** Ends the record; later calls change nothing. */
  end(outcome: Exclude<MigrationOutcome, 'running'>, reason: string): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#outcome = outcome;
    this.#reason = reason;
    this.#totalMs = this.#elapsedMs();
    const last = this.#phases.at(-1);
    if (last !== undefined) last.durationMs = this.#totalMs - last.startMs;
  }

  snapshot(): MigrationSnapshot {
    const phase = this.#isOpen ? (this.#phases.at(-1)?.phase ?? null) : null;
    return { ...this.report(), phase, startedAtMs: this.#startedAtMs };
  }

  report(): MigrationReport {
    const nowMs = this.#isOpen ? this.#elapsedMs() : this.#totalMs;
    const last = this.#phases.length - 1;
    return {
      ...this.subject,
      outcome: this.#outcome,
      reason: this.#reason,
      phases: this.#phases.map((phase, index) =>
        this.#isOpen && index === last
          ? { ...phase, durationMs: nowMs - phase.startMs }
          : { ...phase },
      ),
      downtimeMs: this.#downtimeMs,
      totalMs: nowMs,
      sentBytes: this.#sentBytes,
      remainingBytes: this.#remainingBytes,
      totalBytes: this.#totalBytes,
      rounds: this.#rounds,
      probe: this.#probe,
      heldFrames: this.#heldFrames,
    };
  }

  #elapsedMs(): number {
    return performance.now() - this.#startMs;
  }
}
