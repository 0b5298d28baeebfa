/** What the lab does about migrations: pre-flight, the queue of those that wait, two at a time. */
import type { QueueTransition } from '../../../src/contract/host';
import {
  PREFLIGHT_CHECKS,
  type MigrationFault,
  type MigrationSnapshot,
  type PreflightCheck,
  type PreflightTarget,
} from '../../../src/contract/lab';
import type { MigrationOptions } from '../../../src/contract/migration';
import type { HostConfig, VmConfig } from '../../../src/contract/model';
import type { FakeLab } from './fake-lab';
import { FakeMigration } from './fake-migration';

const MOST_AT_A_TIME = 2;
const TITLES: Readonly<Record<PreflightCheck['check'], string>> = {
  'host-running': 'Host runs',
  'vm-running': 'VM runs',
  adapters: 'Network',
  vlan: 'VLAN',
  'mac-clash': 'MAC addresses',
  memory: 'Memory',
  queue: 'Receive queue',
  version: 'Versions',
  link: 'Uplink',
};

export class FakeMigrations {
  readonly #lab: FakeLab;
  readonly #all: FakeMigration[] = [];
  readonly #steps = new Map<string, QueueTransition[]>();

  constructor(lab: FakeLab) {
    this.#lab = lab;
  }

  /** Newest first. */
  snapshots(): MigrationSnapshot[] {
    return this.#all.map(({ snapshot }) => snapshot).reverse();
  }

  transitionsOf(hostId: string): QueueTransition[] {
    return (this.#steps.get(hostId) ?? []).slice(-64);
  }

  start(
    vmId: string,
    toHostId: string,
    options: MigrationOptions,
    fault: MigrationFault | undefined,
  ): string {
    const lab = this.#lab;
    const vm = lab.vm(vmId);
    const failed = this.preflight(vmId)
      .find(({ hostId }) => hostId === toHostId)
      ?.checks.find(({ result }) => result === 'fail');
    if (failed)
      lab.refuse(
        'migration-target-refused',
        `${vm.name} cannot move there.`,
        failed.reason,
        failed.remedy,
      );
    const migration = new FakeMigration(
      `migration-${String(this.#all.length + 1)}`,
      toHostId,
      options,
      {
        vm,
        changed: () => lab.changed(),
        queueStep: (hostId, step) => {
          this.#steps.set(hostId, [
            ...(this.#steps.get(hostId) ?? []),
            { ...step, adapterId: 'nic-a' },
          ]);
        },
        arrived: () => lab.place(vmId, toHostId),
      },
    );
    migration.fault = fault;
    this.#all.push(migration);
    this.#next();
    return migration.snapshot.migrationId;
  }

  #next(): void {
    const running = this.#all.filter(({ snapshot }) => snapshot.outcome === 'running').length;
    const waiting = this.#all.find(({ snapshot }) => snapshot.outcome === 'queued');
    if (!waiting || running >= MOST_AT_A_TIME) return;
    void waiting.run().then(() => {
      const { migrationId, vmName, outcome } = waiting.snapshot;
      const text = `The migration of ${vmName} ended: ${outcome}.`;
      this.#lab.log(`migration/${outcome}`, 'migration', migrationId, vmName, text, 'By command.');
      this.#next();
    });
    this.#next();
  }

  find(migrationId: string): FakeMigration {
    return (
      this.#all.find(({ snapshot }) => snapshot.migrationId === migrationId) ??
      this.#lab.refuse('not-found', `There is no migration ${migrationId}.`, 'It was forgotten.')
    );
  }

  evacuate(
    hostId: string,
    options: MigrationOptions,
  ): { migrationIds: string[]; refused: { vmId: string; refusal: never }[] } {
    const migrationIds: string[] = [];
    for (const vm of this.#lab.config.vms.filter((candidate) => candidate.hostId === hostId)) {
      const target = this.preflight(vm.id).find(({ possible }) => possible);
      if (target) migrationIds.push(this.start(vm.id, target.hostId, options, undefined));
    }
    return { migrationIds, refused: [] };
  }

  preflight(vmId: string): PreflightTarget[] {
    const vm = this.#lab.vm(vmId);
    return this.#lab.config.hosts
      .filter(({ id }) => id !== vm.hostId)
      .map((host) => {
        const checks = PREFLIGHT_CHECKS.map((check) => this.#check(check, vm, host));
        const possible = checks.every(({ result }) => result !== 'fail');
        return { hostId: host.id, name: host.name, possible, checks };
      });
  }

  #check(check: PreflightCheck['check'], vm: VmConfig, host: HostConfig): PreflightCheck {
    const found = (
      result: PreflightCheck['result'],
      reason: string,
      remedy = '',
    ): PreflightCheck => ({ check, title: TITLES[check], result, reason, remedy });
    const adapter = vm.nics[0]?.adapter ?? '';
    if (check === 'host-running' && this.#lab.hostStates.get(host.id) === 'failed')
      return found('fail', `${host.name} has failed.`, 'Restart it.');
    if (check === 'memory' && host.memoryMiB < 200)
      return found(
        'fail',
        `${String(host.memoryMiB - 170)} MiB are free, ${vm.name} needs ${String(vm.memoryMiB)} MiB.`,
        'Stop or move a VM of that host, or give the host more memory.',
      );
    if (check === 'adapters' && !host.adapters.some(({ name }) => name === adapter))
      return found(
        'fail',
        `${host.name} has no adapter named ${adapter}.`,
        `Give ${host.name} an adapter of that name, or connect the VM to another one.`,
      );
    if (check === 'queue' && vm.nics[0]?.queue.mode === 'none')
      return found(
        'warning',
        `${vm.name} asks for no queue: the default queue would serve it.`,
        'Set its queue to automatic to give it one.',
      );
    return found('pass', `Nothing speaks against ${host.name}.`);
  }
}
