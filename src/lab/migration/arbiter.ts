/**
 * Keeps the running migrations of a lab: at most one per VM and two at a time, and tells a restarted
 * host when none of them needs it any more. Ended ones are kept for the snapshot and the report.
 */
import type { MigrationSnapshot } from '../../contract/lab';
import type { MigrationReport } from '../../contract/report';
import { notFound, wrongState } from '../refusals';
import type { MigrationRecord } from './migration-record';
import { MigrationRun, type MigrationPlan } from './migration-run';

const MOST_AT_A_TIME = 2;
const KEPT_RECORDS = 100;

interface Active {
  readonly run: MigrationRun;
  readonly record: MigrationRecord;
  readonly ended: Promise<void>;
}

export class MigrationArbiter {
  readonly #active = new Map<string, Active>();
  /** Newest first. */
  readonly #records: MigrationRecord[] = [];
  #nextNumber = 1;

  /** An id for the next migration. */
  nextId(): string {
    const id = `migration-${this.#nextNumber}`;
    this.#nextNumber += 1;
    return id;
  }

  /** @throws RefusalError `wrong-state` when the VM is being migrated, or too many VMs are. */
  requireFree(vmId: string, vmName: string): void {
    if (this.migrationOf(vmId) !== null) {
      throw wrongState(
        `${vmName} is being migrated.`,
        'A VM can make one move at a time.',
        'Wait until it has ended, or cancel it.',
      );
    }
    if (this.#active.size >= MOST_AT_A_TIME) {
      throw wrongState(
        `${vmName} cannot be migrated now.`,
        `${MOST_AT_A_TIME} migrations are running; no more run at a time.`,
        'Wait until one of them has ended.',
      );
    }
  }

  /** Starts a planned migration; `onEnd` is called when its record has ended. */
  start(plan: MigrationPlan, onEnd: (report: MigrationReport) => void): void {
    const { record } = plan;
    const { migrationId } = record.subject;
    const run = new MigrationRun(plan);
    this.#records.unshift(record);
    this.#records.splice(KEPT_RECORDS);
    const ended = run.run().then(() => {
      this.#active.delete(migrationId);
      onEnd(record.report());
    });
    this.#active.set(migrationId, { run, record, ended });
  }

  /** @throws RefusalError `not-found`, or `wrong-state` from the commit on. */
  cancel(migrationId: string): void {
    const active = this.#active.get(migrationId);
    if (active !== undefined) {
      active.run.cancel();
      return;
    }
    const record = this.#records.find((candidate) => candidate.subject.migrationId === migrationId);
    if (record === undefined) throw notFound('migration', migrationId);
    throw wrongState(
      `The migration of ${record.subject.vmName} has ended.`,
      `Its outcome is "${record.outcome}".`,
      '',
    );
  }

  /** Id of the migration that moves this VM now; null when none does. */
  migrationOf(vmId: string): string | null {
    for (const [id, { record }] of this.#active) if (record.subject.vmId === vmId) return id;
    return null;
  }

  /** Names of the VMs that are moving from or to a host. */
  vmsMovingAt(hostId: string): string[] {
    return this.#involving(hostId).map(({ record }) => record.subject.vmName);
  }

  get activeCount(): number {
    return this.#active.size;
  }

  /** Resolves when no running migration involves the host. */
  async settled(hostId: string): Promise<void> {
    await Promise.all(this.#involving(hostId).map(({ ended }) => ended));
  }

  /** Resolves when a migration has ended, with its report; undefined when there is none of this id. */
  async ended(migrationId: string): Promise<MigrationReport | undefined> {
    await this.#active.get(migrationId)?.ended;
    return this.#records.find((record) => record.subject.migrationId === migrationId)?.report();
  }

  /** Cancels what can be cancelled and waits for the rest. */
  async close(): Promise<void> {
    const active = [...this.#active.values()];
    for (const { run } of active) {
      try {
        run.cancel();
      } catch {
        // Committed already: it ends by itself.
      }
    }
    await Promise.all(active.map(({ ended }) => ended));
  }

  snapshots(): MigrationSnapshot[] {
    return this.#records.map((record) => record.snapshot());
  }

  /** Oldest first, as they are reported. */
  reports(): MigrationReport[] {
    return this.#records.map((record) => record.report()).reverse();
  }

  #involving(hostId: string): Active[] {
    return [...this.#active.values()].filter(
      ({ record: { subject } }) => subject.fromHostId === hostId || subject.toHostId === hostId,
    );
  }
}
