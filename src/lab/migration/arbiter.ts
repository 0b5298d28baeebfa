/**
 * Keeps the migrations of a lab: at most one per VM and two running at a time, the others waiting in
 * the order in which they were asked for; and tells a restarted host when none of them needs it any
 * more. Ended ones are kept for the snapshot and the report.
 */
import type { Refusal } from '../../contract/errors';
import type { MigrationFault, MigrationSnapshot } from '../../contract/lab';
import type { MigrationLimits } from '../../contract/migration';
import type { MigrationReport } from '../../contract/report';
import { refusalText } from '../../shared/refusal-error';
import { notFound, wrongState } from '../refusals';
import type { MigrationPlan } from './migration-plan';
import type { MigrationRecord } from './migration-record';
import { MigrationRun } from './migration-run';

const MOST_AT_A_TIME = 2;
const KEPT_RECORDS = 100;
/** Ended migrations whose snapshot has the probe's course. */
const ENDED_WITH_SERIES = 10;

/** A migration that was asked for and passed pre-flight. */
export interface MigrationJob {
  readonly plan: MigrationPlan;
  /** Asked when its turn comes after a wait: why it cannot begin any more. Never rejects. */
  obstacle(): Promise<Refusal | undefined>;
  /** @param hasWaited whether it was queued before. */
  onStart(hasWaited: boolean): void;
  onQueued(): void;
  onEnd(report: MigrationReport): void;
}

interface Entry {
  readonly job: MigrationJob;
  readonly run: MigrationRun;
  readonly record: MigrationRecord;
  readonly ended: Promise<void>;
  readonly end: () => void;
  /** Forgets the loss of its hosts; of one that waits. */
  readonly forget: () => void;
}

export class MigrationArbiter {
  readonly #waiting: Entry[] = [];
  readonly #active = new Set<Entry>();
  #isStarting = false;
  /** Newest first. */
  readonly #records: MigrationRecord[] = [];
  #nextNumber = 1;

  /** An id for the next migration. */
  nextId(): string {
    const id = `migration-${this.#nextNumber}`;
    this.#nextNumber += 1;
    return id;
  }

  /** Starts a migration, or queues it while as many run as may. */
  submit(job: MigrationJob, fault?: MigrationFault): void {
    const { record } = job.plan;
    const run = new MigrationRun(job.plan, fault);
    this.#keep(record);
    const entry = this.#entry(job, run);
    if (this.#active.size < MOST_AT_A_TIME && this.#waiting.length === 0) {
      this.#start(entry, false);
      return;
    }
    this.#waiting.push(entry);
    job.onQueued();
  }

  /** @throws RefusalError `not-found`, or `wrong-state` from the commit on. */
  cancel(migrationId: string): void {
    const entry = this.#require(migrationId);
    if (!this.#isWaiting(entry)) {
      entry.run.cancel();
      return;
    }
    this.#giveUp(entry, 'cancelled', {
      code: 'migration-cancelled',
      what: 'The migration was cancelled before it began.',
      why: 'An administrator or a lab file asked for it.',
      remedy: '',
    });
  }

  /** Changes limits. @throws RefusalError `not-found`, or `wrong-state` from the commit on. */
  async limit(migrationId: string, changed: Partial<MigrationLimits>): Promise<void> {
    const { run, record } = this.#require(migrationId);
    const { bandwidthMiBps, downtimeLimitMs } = { ...record.options, ...changed };
    await run.limit({ bandwidthMiBps, downtimeLimitMs });
  }

  /** Injects a fault. @throws RefusalError `not-found`, or `wrong-state` when its phase has passed. */
  async inject(migrationId: string, fault: MigrationFault): Promise<void> {
    await this.#require(migrationId).run.inject(fault);
  }

  /** Id of the migration that moves this VM, or will; null when none does. */
  migrationOf(vmId: string): string | null {
    const entry = this.#entries().find(({ record }) => record.subject.vmId === vmId);
    return entry?.record.subject.migrationId ?? null;
  }

  /** What waits and runs, oldest first. */
  moves(): MigrationRecord['subject'][] {
    return this.#entries().map(({ record }) => record.subject);
  }

  /** Names of the VMs that move from or to a host, or will. */
  vmsMovingAt(hostId: string): string[] {
    return this.#entries()
      .filter((entry) => involves(entry, hostId))
      .map(({ record }) => record.subject.vmName);
  }

  /** Migrations that run or wait. */
  get activeCount(): number {
    return this.#entries().length;
  }

  /** Resolves when no running migration involves the host. */
  async settled(hostId: string): Promise<void> {
    const running = [...this.#active].filter((entry) => involves(entry, hostId));
    await Promise.all(running.map(({ ended }) => ended));
  }

  /** Resolves when a migration has ended, with its report; undefined when there is none of this id. */
  async ended(migrationId: string): Promise<MigrationReport | undefined> {
    await this.#find(migrationId)?.ended;
    return this.#record(migrationId)?.report();
  }

  /** Cancels what can be cancelled and waits for the rest. */
  async close(): Promise<void> {
    const entries = this.#entries();
    // The waiting ones first: none of them may begin when another ends.
    for (const { record } of [...this.#waiting, ...this.#active]) {
      try {
        this.cancel(record.subject.migrationId);
      } catch {
        // Committed already: it ends by itself.
      }
    }
    await Promise.all(entries.map(({ ended }) => ended));
  }

  snapshots(): MigrationSnapshot[] {
    let left = ENDED_WITH_SERIES;
    return this.#records.map((record) => {
      if (record.hasEnded) left -= 1;
      return record.snapshot(!record.hasEnded || left >= 0);
    });
  }

  /** Oldest first, as they are reported. */
  reports(): MigrationReport[] {
    return this.#records.map((record) => record.report()).reverse();
  }

  #entry(job: MigrationJob, run: MigrationRun): Entry {
    const { record, source, target, vm } = job.plan;
    let end = (): void => undefined;
    const ended = new Promise<void>((resolve) => {
      end = resolve;
    });
    const lost = (name: string) => (why: string) =>
      this.#giveUp(entry, 'failed', {
        code: 'migration-failed',
        what: `${name} was lost while ${vm.name} waited to move.`,
        why,
        remedy: 'Migrate it again when the host runs.',
      });
    const forgets = [source.onceLost(lost(source.name)), target.onceLost(lost(target.name))];
    const forget = (): void => {
      for (const each of forgets) each();
    };
    const entry: Entry = { job, run, record, ended, end, forget };
    return entry;
  }

  #start(entry: Entry, hasWaited: boolean): void {
    entry.forget();
    entry.record.begin();
    this.#active.add(entry);
    entry.job.onStart(hasWaited);
    void entry.run.run().then(() => {
      this.#active.delete(entry);
      this.#finish(entry);
      if (!this.#isStarting) void this.#startWaiting();
    });
  }

  /** One after the other, as long as there is room. It may be cancelled or lost while it is checked. */
  async #startWaiting(): Promise<void> {
    this.#isStarting = true;
    for (;;) {
      const next = this.#waiting[0];
      if (next === undefined || this.#active.size >= MOST_AT_A_TIME) break;
      const obstacle = await next.job.obstacle();
      if (!this.#isWaiting(next)) continue;
      if (obstacle !== undefined) {
        this.#giveUp(next, 'failed', obstacle);
        continue;
      }
      this.#waiting.splice(this.#waiting.indexOf(next), 1);
      this.#start(next, true);
    }
    this.#isStarting = false;
  }

  /** Ends a migration that waits. */
  #giveUp(entry: Entry, outcome: 'cancelled' | 'failed', why: Refusal): void {
    this.#waiting.splice(this.#waiting.indexOf(entry), 1);
    entry.forget();
    entry.record.end(outcome, refusalText(why));
    void entry.job.plan.commitRecord.discard();
    this.#finish(entry);
  }

  #finish(entry: Entry): void {
    this.#trim();
    entry.job.onEnd(entry.record.report());
    entry.end();
  }

  #keep(record: MigrationRecord): void {
    this.#records.unshift(record);
    this.#trim();
  }

  /** Forgets the oldest that have ended. */
  #trim(): void {
    for (let at = this.#records.length - 1; at >= 0; at -= 1) {
      if (this.#records.length <= KEPT_RECORDS) return;
      if (this.#records[at]?.hasEnded === true) this.#records.splice(at, 1);
    }
  }

  #entries(): Entry[] {
    return [...this.#active, ...this.#waiting];
  }

  #isWaiting(entry: Entry): boolean {
    return this.#waiting.includes(entry);
  }

  #find(migrationId: string): Entry | undefined {
    return this.#entries().find(({ record }) => record.subject.migrationId === migrationId);
  }

  #record(migrationId: string): MigrationRecord | undefined {
    return this.#records.find((record) => record.subject.migrationId === migrationId);
  }

  /** @throws RefusalError `not-found`; `wrong-state` when it has ended. */
  #require(migrationId: string): Entry {
    const entry = this.#find(migrationId);
    if (entry !== undefined) return entry;
    const record = this.#record(migrationId);
    if (record === undefined) throw notFound('migration', migrationId);
    throw wrongState(
      `The migration of ${record.subject.vmName} has ended.`,
      `Its outcome is "${record.outcome}".`,
      '',
    );
  }
}

function involves({ record: { subject } }: Entry, hostId: string): boolean {
  return subject.fromHostId === hostId || subject.toHostId === hostId;
}
