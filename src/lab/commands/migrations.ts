/** Commands on migrations: what may move where is decided here, the move itself by the arbiter. */
import { setTimeout as delay } from 'node:timers/promises';

import type { Refusal } from '../../contract/errors';
import type { MigrationFault, PreflightTarget } from '../../contract/lab';
import { migrationOptionsSchema, type MigrationOptions } from '../../contract/migration';
import type { HostConfig, VmConfig } from '../../contract/model';
import { ASKED } from '../causes';
import type { LabContext } from '../context';
import { CommitRecord } from '../migration/commit-record';
import type { MigrationJob } from '../migration/arbiter';
import type { MigrationHost } from '../migration/migration-plan';
import { MigrationRecord } from '../migration/migration-record';
import {
  freeMemoryOf,
  preflight,
  preflightRefusal,
  type PreflightView,
} from '../migration/preflight';
import { notFound, refusal } from '../refusals';
import { removeMigrationSockets } from '../rendezvous';
import { MigrationEvents } from './migration-events';

/** By then a host's snapshot has everything that it did before. */
const SNAPSHOTS_MS = 200;

export interface NewMigration {
  readonly vmId: string;
  readonly targetHostId: string;
  /** What is left out gets its default. */
  readonly options?: Partial<MigrationOptions>;
  readonly fault?: MigrationFault | undefined;
}

export interface Evacuation {
  readonly migrationIds: string[];
  /** VMs that no host can take. */
  readonly refused: { readonly vmId: string; readonly refusal: Refusal }[];
}

interface Move {
  readonly vm: VmConfig;
  readonly source: HostConfig;
  readonly target: HostConfig;
  readonly options: MigrationOptions;
  readonly cause: string;
}

export class MigrationCommands {
  readonly #context: LabContext;

  constructor(context: LabContext) {
    this.#context = context;
  }

  /** Starts or queues the move of a running VM and answers at once; the snapshot and the events follow it. */
  start({ vmId, targetHostId, options, fault }: NewMigration): Promise<{ migrationId: string }> {
    return this.#context.commands.run(async () => {
      const vm = this.#vm(vmId);
      const source = this.#host(vm.hostId);
      const target = this.#host(targetHostId);
      if (target === source) throw alreadyThere(vm, target);
      const obstacle = await this.#obstacle(vm, targetHostId);
      if (obstacle !== undefined) throw refusal(obstacle);
      const full = migrationOptionsSchema.parse(options ?? {});
      const move = { vm, source, target, options: full, cause: ASKED };
      await this.#endExperiments(vm, [source, target]);
      return { migrationId: this.#submit(move, fault) };
    });
  }

  /** Not one of the command queue, as the two below: none may wait behind other commands. */
  cancel({ migrationId }: { migrationId: string }): void {
    this.#context.arbiter.cancel(migrationId);
    this.#context.changed();
  }

  /** Changes limits while it waits or runs. @throws RefusalError `wrong-state` from the commit on */
  async limit({
    migrationId,
    bandwidthMiBps,
    downtimeLimitMs,
  }: {
    migrationId: string;
    bandwidthMiBps?: number | null | undefined;
    downtimeLimitMs?: number | undefined;
  }): Promise<void> {
    await this.#context.arbiter.limit(migrationId, {
      ...(bandwidthMiBps === undefined ? {} : { bandwidthMiBps }),
      ...(downtimeLimitMs === undefined ? {} : { downtimeLimitMs }),
    });
    this.#context.changed();
  }

  async inject({
    migrationId,
    fault,
  }: {
    migrationId: string;
    fault: MigrationFault;
  }): Promise<void> {
    await this.#context.arbiter.inject(migrationId, fault);
    this.#context.changed();
  }

  /** Every host but the VM's own, with what was checked. Changes nothing. */
  preflight({ vmId }: { vmId: string }): { targets: PreflightTarget[] } {
    return { targets: preflight(this.#vm(vmId), this.#view()) };
  }

  /**
   * Moves every running VM of a host, the largest first, each to the host that has most free memory
   * by then and passes pre-flight. What moves already is left alone.
   */
  evacuate({
    hostId,
    options,
  }: {
    hostId: string;
    options?: Partial<MigrationOptions>;
  }): Promise<Evacuation> {
    return this.#context.commands.run(async () => {
      const source = this.#host(hostId);
      const full = migrationOptionsSchema.parse(options ?? {});
      const cause = `${source.name} is being evacuated.`;
      const evacuation: Evacuation = { migrationIds: [], refused: [] };
      for (const vm of this.#runningOn(hostId)) {
        const why = await persistent(() => this.#noTarget(vm));
        const target = this.#roomiest(vm);
        if (why !== undefined) evacuation.refused.push({ vmId: vm.id, refusal: why });
        if (why !== undefined || target === undefined) continue;
        const move = { vm, source, target, options: full, cause };
        await this.#endExperiments(vm, [source, target]);
        evacuation.migrationIds.push(this.#submit(move));
      }
      this.#tellEvacuated(source, evacuation);
      return evacuation;
    });
  }

  /** A move changes what its hosts do: what is measured there would not be the modes any more. */
  async #endExperiments(vm: VmConfig, hosts: readonly HostConfig[]): Promise<void> {
    await this.#context.experiments.leave(
      hosts.map(({ id }) => id),
      `A migration of ${vm.name} was asked for.`,
    );
  }

  #submit(move: Move, fault?: MigrationFault): string {
    const { arbiter, changed } = this.#context;
    const migrationId = arbiter.nextId();
    arbiter.submit(this.#job(migrationId, move), fault);
    changed();
    return migrationId;
  }

  #job(migrationId: string, { vm, source, target, options, cause }: Move): MigrationJob {
    const { inventory, events: list, fabric, rendezvous, changed } = this.#context;
    const names = { migrationId, vm: vm.name, source: source.name, target: target.name };
    const events = new MigrationEvents(list, names);
    const subject = {
      migrationId,
      vmId: vm.id,
      vmName: vm.name,
      fromHostId: source.id,
      toHostId: target.id,
    };
    return {
      plan: {
        record: new MigrationRecord(subject, options),
        vm,
        source: this.#endpoint(source),
        target: this.#endpoint(target),
        fabric,
        commitRecord: new CommitRecord(inventory, vm, target.id),
        removeSockets: () => removeMigrationSockets(rendezvous, migrationId),
        onProgress: changed,
        onPhase: (phase) => {
          events.phase(phase);
          changed();
        },
        onWarning: (text, why) => events.warned(text, why),
        onFault: (fault) => events.fault(fault),
        onCommit: () => events.committed(),
      },
      obstacle: () => this.#obstacle(vm, target.id, migrationId),
      onQueued: () => events.queued(cause),
      onStart: (hasWaited) => events.started(hasWaited ? 'Its turn has come.' : cause),
      onEnd: (report) => {
        // By the record, not by intention: it could not be taken back when the disk is full.
        const hostId = inventory.vm(vm.id)?.hostId ?? source.id;
        events.ended(report, inventory.host(hostId)?.name ?? hostId);
        changed();
      },
    };
  }

  /**
   * Why a VM cannot move to a host now; undefined when it can.
   *
   * @param ownId its own migration, which is no obstacle.
   */
  #obstacle(vm: VmConfig, targetHostId: string, ownId?: string): Promise<Refusal | undefined> {
    return persistent(() => this.#obstacleNow(vm, targetHostId, ownId));
  }

  #obstacleNow(vm: VmConfig, targetHostId: string, ownId?: string): Refusal | undefined {
    const targets = preflight(vm, this.#view(ownId));
    const target = targets.find(({ hostId }) => hostId === targetHostId);
    if (target === undefined) return notFound('host', targetHostId).refusal;
    return preflightRefusal(vm, target);
  }

  #view(withoutId?: string): PreflightView {
    const { inventory, hosts, arbiter } = this.#context;
    const { config } = inventory;
    return {
      config,
      hosts: config.hosts.map((host) => {
        // A host that is being created has no process yet.
        const process = hosts.find(host.id);
        return {
          config: host,
          state: process?.state ?? 'stopped',
          contractVersion: process?.contractVersion ?? null,
          snapshot: process?.snapshot ?? null,
        };
      }),
      moves: arbiter.moves().filter(({ migrationId }) => migrationId !== withoutId),
    };
  }

  #runningOn(hostId: string): VmConfig[] {
    const { inventory, hosts, arbiter } = this.#context;
    const snapshot = hosts.get(hostId).snapshot;
    const running = new Set(
      snapshot?.vms.filter(({ state }) => state === 'running').map(({ vmId }) => vmId),
    );
    return inventory.config.vms
      .filter((vm) => vm.hostId === hostId && running.has(vm.id))
      .filter((vm) => arbiter.migrationOf(vm.id) === null)
      .sort((one, other) => other.memoryMiB - one.memoryMiB);
  }

  /** The possible target with most free memory; what moves there already has its memory. */
  #roomiest(vm: VmConfig): HostConfig | undefined {
    const view = this.#view();
    const free = freeMemoryOf(view);
    const [best] = preflight(vm, view)
      .filter(({ possible }) => possible)
      .sort((one, other) => (free.get(other.hostId) ?? 0) - (free.get(one.hostId) ?? 0));
    return best === undefined ? undefined : this.#host(best.hostId);
  }

  /** Why no host can take a VM; undefined when one can. */
  #noTarget(vm: VmConfig): Refusal | undefined {
    const targets = preflight(vm, this.#view());
    if (targets.some(({ possible }) => possible)) return undefined;
    const refusals = targets.flatMap((target) => {
      const why = preflightRefusal(vm, target);
      return why === undefined ? [] : [{ name: target.name, ...why }];
    });
    const [first] = refusals;
    return {
      code: 'migration-target-refused',
      what: `${vm.name} cannot move to any other host.`,
      why:
        first === undefined
          ? 'There is no other host.'
          : refusals.map(({ name, why }) => `${name}: ${why}`).join(' '),
      remedy: first?.remedy ?? 'Create another host.',
    };
  }

  #tellEvacuated({ id, name }: HostConfig, { migrationIds, refused }: Evacuation): void {
    const stay = refused.map(({ vmId }) => this.#vm(vmId).name);
    const rest = stay.length === 0 ? '' : ` No host can take ${stay.join(', ')}.`;
    this.#context.events.record(
      'host/evacuated',
      { kind: 'host', id, name },
      `${countOfVms(migrationIds.length)} from ${name} to other hosts.${rest}`,
      ASKED,
      { hostId: id, severity: stay.length === 0 ? 'info' : 'warning' },
    );
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

  #vm(vmId: string): VmConfig {
    const vm = this.#context.inventory.vm(vmId);
    if (vm === undefined) throw notFound('VM', vmId);
    return vm;
  }

  #host(hostId: string): HostConfig {
    const host = this.#context.inventory.host(hostId);
    if (host === undefined) throw notFound('host', hostId);
    return host;
  }
}

/**
 * A refusal that holds for longer than snapshots take: what a host has done last may not be in its
 * snapshot yet.
 */
async function persistent(find: () => Refusal | undefined): Promise<Refusal | undefined> {
  const deadline = performance.now() + SNAPSHOTS_MS;
  for (;;) {
    const refusal = find();
    if (refusal === undefined || performance.now() > deadline) return refusal;
    await delay(SNAPSHOTS_MS / 10);
  }
}

function alreadyThere(vm: VmConfig, host: HostConfig): Error {
  return refusal({
    code: 'migration-target-refused',
    what: `${vm.name} cannot move to ${host.name}.`,
    why: `It is on ${host.name} already.`,
    remedy: 'Choose another host.',
    field: 'targetHostId',
  });
}

function countOfVms(count: number): string {
  return count === 1 ? 'One VM moves' : `${count === 0 ? 'No' : count} VMs move`;
}
