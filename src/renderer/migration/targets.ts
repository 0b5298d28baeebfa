/** Where a VM can be migrated to, and why it cannot go elsewhere: checked here first, by the lab again. */
import type { HostSnapshot } from '../../contract/host';
import type { HostConfig, VmConfig } from '../../contract/model';
import { MIB } from '../../shared/units';
import { formatCount } from '../format/format';

export interface MigrationTarget {
  readonly host: HostConfig;
  /** Reasons against it; none: the VM can move there. */
  readonly blockers: readonly string[];
  /** What will be different there. */
  readonly remarks: readonly string[];
}

export interface TargetState {
  readonly processState: string;
  readonly snapshot: HostSnapshot | undefined;
}

export function targetsFor(
  vm: VmConfig,
  hosts: readonly HostConfig[],
  stateOf: (hostId: string) => TargetState,
): MigrationTarget[] {
  return hosts.map((host) => {
    if (host.id === vm.hostId) return { host, blockers: [`${vm.name} runs here.`], remarks: [] };
    const { processState, snapshot } = stateOf(host.id);
    if (processState !== 'running' || !snapshot)
      return { host, blockers: [`The host is ${processState}.`], remarks: [] };
    return {
      host,
      blockers: [...memoryBlockers(vm, snapshot), ...adapterBlockers(vm, host)],
      remarks: queueRemarks(vm, snapshot),
    };
  });
}

function memoryBlockers(vm: VmConfig, { memory }: HostSnapshot): string[] {
  const freeMiB = Math.floor((memory.totalBytes - memory.usedBytes) / MIB);
  return freeMiB >= vm.memoryMiB
    ? []
    : [`${formatCount(freeMiB)} MiB are free, ${vm.name} needs ${formatCount(vm.memoryMiB)}.`];
}

function adapterBlockers(vm: VmConfig, host: HostConfig): string[] {
  const names = new Set(host.adapters.map((adapter) => adapter.name));
  const missing = [...new Set(vm.nics.map((nic) => nic.adapter))].filter(
    (name) => !names.has(name),
  );
  return missing.map((name) => `It has no adapter named ${name}.`);
}

function queueRemarks(vm: VmConfig, snapshot: HostSnapshot): string[] {
  if (vm.nics.every((nic) => nic.queue.mode === 'none')) return [];
  return snapshot.adapters
    .filter((adapter) => vm.nics.some((nic) => nic.adapter === adapter.name))
    .flatMap((adapter) => {
      if (!adapter.vmqEnabled)
        return [`VMQ is off at ${adapter.name}: it will use the default queue.`];
      const free = adapter.queueCount - adapter.queuesUsed;
      return free > 0
        ? [`${free} of ${adapter.queueCount} queues are free.`]
        : [
            `All ${adapter.queueCount} queues of ${adapter.name} are taken: it will use the default queue.`,
          ];
    });
}
