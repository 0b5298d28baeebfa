/** Commands on migrations: what may move where is decided here, the move itself by the arbiter. */
import type { HostConfig, VmConfig } from '../../contract/model';
import type { MigrationReport } from '../../contract/report';
import type { LabContext } from '../context';
import { MigrationRecord } from '../migration/migration-record';
import type { MigrationHost, MigrationPlan } from '../migration/migration-run';
import { notFound, refusal } from '../refusals';

export class MigrationCommands {
  readonly #context: LabContext;

  constructor(context: LabContext) {
    this.#context = context;
  }

  /** Starts moving a running VM and answers at once; the snapshot and the events follow it. */
  start({
    vmId,
    targetHostId,
  }: {
    vmId: string;
    targetHostId: string;
  }): Promise<{ migrationId: string }> {
    return this.#context.commands.run(async () => {
      const { inventory, arbiter, events } = this.#context;
      const vm = inventory.vm(vmId);
      if (vm === undefined) throw notFound('VM', vmId);
      const source = inventory.host(vm.hostId);
      const target = inventory.host(targetHostId);
      if (source === undefined) throw notFound('host', vm.hostId);
      if (target === undefined) throw notFound('host', targetHostId);
      arbiter.requireFree(vmId, vm.name);
      this.#requireMovable(vm, source, target);
      const subject = {
        migrationId: arbiter.nextId(),
        vmId,
        vmName: vm.name,
        fromHostId: source.id,
        toHostId: target.id,
      };
      const record = new MigrationRecord(subject);
      arbiter.start(this.#plan(record, vm, source, target), (report) =>
        this.#ended(report, target),
      );
      events.record(
        'migration/started',
        migrationObject(record),
        `${vm.name} is moving from ${source.name} to ${target.name}.`,
        'By command.',
      );
      this.#context.changed();
      return Promise.resolve({ migrationId: subject.migrationId });
    });
  }

  /** Not queued: a cancel must not wait behind other commands. */
  cancel({ migrationId }: { migrationId: string }): void {
    this.#context.arbiter.cancel(migrationId);
  }

  #requireMovable(vm: VmConfig, source: HostConfig, target: HostConfig): void {
    const { hosts } = this.#context;
    if (target.id === source.id) {
      throw targetRefused(vm, `It is on ${target.name} already.`, 'Choose another host.');
    }
    const targetState = hosts.get(target.id).state;
    if (targetState !== 'running') {
      throw targetRefused(
        vm,
        `Expected ${target.name} to be running, found it ${targetState}.`,
        'Wait until it runs, or restart it.',
      );
    }
    const state = hosts
      .get(source.id)
      .snapshot?.vms.find((candidate) => candidate.vmId === vm.id)?.state;
    if (state !== 'running') {
      throw refusal({
        code: 'wrong-state',
        what: `${vm.name} cannot be migrated.`,
        why: `Expected it to be running, found it ${state ?? 'not on its host'}.`,
        remedy: 'Start it first.',
      });
    }
    const adapters = target.adapters.map((adapter) => adapter.name);
    const missing = vm.nics
      .map((nic) => nic.adapter)
      .filter((adapter) => !adapters.includes(adapter));
    if (missing.length > 0) {
      throw targetRefused(
        vm,
        `Its NICs are connected to ${list(missing)}; ${target.name} has ${list(adapters)}.`,
        `Use adapters of the same name on both hosts: stop the VM and connect its NIC to an adapter that ${target.name} has too.`,
      );
    }
  }

  #plan(
    record: MigrationRecord,
    vm: VmConfig,
    source: HostConfig,
    target: HostConfig,
  ): MigrationPlan {
    const { inventory, events, fabric, changed } = this.#context;
    const object = migrationObject(record);
    return {
      record,
      vm,
      source: this.#endpoint(source),
      target: this.#endpoint(target),
      fabric,
      saveHost: (hostId) => inventory.apply({ list: 'vms', id: vm.id, value: { ...vm, hostId } }),
      onProgress: changed,
      onPhase: (phase) => {
        events.record(
          'migration/phase-entered',
          object,
          `The migration of ${vm.name} entered ${phase}.`,
          'The phase before it has ended.',
        );
        changed();
      },
      onWarning: (text, cause) =>
        events.record('migration/warned', object, text, cause, { severity: 'warning' }),
      onCommit: () =>
        events.record(
          'migration/committed',
          object,
          `${vm.name} now belongs to ${target.name}.`,
          'The target has confirmed its whole state.',
        ),
    };
  }

  #endpoint({ id, name }: HostConfig): MigrationHost {
    const process = this.#context.hosts.get(id);
    return {
      name,
      get control() {
        return process.control;
      },
      onceLost: (listener) => process.onceLost(listener),
      terminate: (cause) => process.terminate(cause),
    };
  }

  #ended(report: MigrationReport, target: HostConfig): void {
    const { inventory, events, changed } = this.#context;
    const object = { kind: 'migration', id: report.migrationId, name: report.vmName } as const;
    const { outcome, vmName, reason, downtimeMs } = report;
    if (outcome === 'completed') {
      const downtime = downtimeMs === null ? '' : `, stopped for ${downtimeMs.toFixed(1)} ms`;
      events.record(
        'migration/completed',
        object,
        `${vmName} has moved to ${target.name}${downtime}.`,
        'The target runs it.',
      );
    } else {
      const type = outcome === 'cancelled' ? 'migration/cancelled' : 'migration/failed';
      const severity = outcome === 'cancelled' ? 'warning' : 'error';
      // By the record, not by intention: it could not be taken back when the disk is full.
      const hostId = inventory.vm(report.vmId)?.hostId ?? report.fromHostId;
      const host = inventory.host(hostId)?.name ?? hostId;
      events.record(type, object, `${vmName} stays on ${host}.`, reason, { severity });
    }
    changed();
  }
}

function migrationObject(record: MigrationRecord): { kind: 'migration'; id: string; name: string } {
  return { kind: 'migration', id: record.subject.migrationId, name: record.subject.vmName };
}

function targetRefused(vm: VmConfig, why: string, remedy: string): Error {
  return refusal({
    code: 'migration-target-refused',
    what: `${vm.name} cannot move there.`,
    why,
    remedy,
    field: 'targetHostId',
  });
}

function list(names: readonly string[]): string {
  return names.map((name) => `"${name}"`).join(', ');
}
