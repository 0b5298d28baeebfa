/**
 * The steps of a lab file that move VMs. What was begun without waiting is kept until it is waited
 * for; a run that ends early cancels it.
 */
import type { MigrationReport } from '../contract/report';
import type { Lab } from './lab';
import type { LabStep } from './lab-file/steps';
import { refusal } from './refusals';
import type { StepClock } from './step-clock';

type MigrateStep = Extract<LabStep, { kind: 'migrate' }>;
type EvacuateStep = Extract<LabStep, { kind: 'evacuate' }>;
type Expected = MigrateStep['expect'];

/** How long a VM may take to be reported running before a migration of it is refused. */
const VM_START_MS = 5000;

export class MigrationSteps {
  readonly #lab: Lab;
  readonly #clock: StepClock;
  /** Begun and not waited for: what each must come to. */
  readonly #underWay = new Map<string, Expected>();

  constructor(lab: Lab, clock: StepClock) {
    this.#lab = lab;
    this.#clock = clock;
  }

  /** @throws RefusalError when it did not end as expected */
  async migrate(step: MigrateStep): Promise<string> {
    const { vmId, targetHostId, options, fault } = step;
    await this.#untilRunning([vmId]);
    const { migrationId } = await this.#lab.migrations.start({
      vmId,
      targetHostId,
      options,
      fault,
    });
    this.#underWay.set(migrationId, step.expect);
    return step.wait ? outcomeText(await this.#ended(migrationId)) : 'begun';
  }

  /** @throws RefusalError when a VM could not leave, or not as fast as it must */
  async evacuate({ hostId, name, options }: EvacuateStep): Promise<string> {
    const { vms } = this.#lab.snapshot().config;
    const there = vms.filter((vm) => vm.hostId === hostId && vm.power === 'running');
    await this.#untilRunning(there.map(({ id }) => id));
    const { migrationIds, refused } = await this.#lab.migrations.evacuate({ hostId, options });
    for (const id of migrationIds) this.#underWay.set(id, 'completed');
    for (const id of migrationIds) await this.#ended(id);
    if (refused.length > 0) {
      throw failed(
        `${countOfVms(refused.length)} could not leave ${name}.`,
        refused.map(({ refusal: { what, why } }) => `${what} ${why}`).join(' '),
      );
    }
    return `${countOfVms(migrationIds.length)} moved`;
  }

  /** Waits for everything that was begun without waiting. */
  async wait(timeoutSeconds: number): Promise<string> {
    const ids = [...this.#underWay.keys()];
    const all = Promise.all(ids.map((id) => this.#ended(id)));
    const reports = await this.#clock.within(all, timeoutSeconds * 1000);
    if (reports === undefined)
      throw failed('The migrations have not ended.', `Expected them within ${timeoutSeconds} s.`);
    return reports.map((report) => `${report.vmName}: ${outcomeText(report)}`).join('; ');
  }

  /** Cancels what is under way and waits for its end. Never rejects. */
  async close(): Promise<void> {
    const ids = [...this.#underWay.keys()];
    for (const id of ids) this.#cancel(id);
    for (const id of ids) await this.#lab.migrationEnded(id);
  }

  /** Waits for the end of one, which is cancelled when the run is interrupted. */
  async #ended(migrationId: string): Promise<MigrationReport> {
    const expected = this.#underWay.get(migrationId) ?? 'completed';
    const forget = this.#clock.onInterrupt(() => this.#cancel(migrationId));
    const report = await this.#lab.migrationEnded(migrationId);
    forget();
    this.#underWay.delete(migrationId);
    if (report?.outcome === expected) return report;
    throw expected === 'completed'
      ? failed('The migration did not complete.', report?.reason ?? 'It left no report.')
      : failed('The migration did not fail.', `It must, and its outcome is "${report?.outcome}".`);
  }

  #cancel(migrationId: string): void {
    try {
      this.#lab.migrations.cancel({ migrationId });
    } catch {
      // Committed already: it ends by itself.
    }
  }

  /** Waits a while; what does not run by then is refused by the migration itself. */
  async #untilRunning(vmIds: readonly string[]): Promise<void> {
    await this.#clock.until(() => {
      const { vms } = this.#lab.snapshot();
      const running = new Set(vms.filter(({ state }) => state === 'running').map((vm) => vm.vmId));
      return vmIds.every((id) => running.has(id));
    }, VM_START_MS);
  }
}

function outcomeText(report: MigrationReport): string {
  if (report.outcome !== 'completed') return `failed, as it must: ${report.reason}`;
  const downtime =
    report.downtimeMs === null ? '' : `, stopped for ${report.downtimeMs.toFixed(1)} ms`;
  const lost =
    report.probe === null ? '' : `, ${report.probe.lost} of ${report.probe.sent} probes lost`;
  return `moved in ${(report.totalMs / 1000).toFixed(2)} s${downtime}${lost}`;
}

function countOfVms(count: number): string {
  return count === 1 ? '1 VM' : `${count} VMs`;
}

function failed(what: string, why: string): Error {
  return refusal({ code: 'wrong-state', what, why, remedy: '' });
}
