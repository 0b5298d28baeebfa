/** The lab's snapshot: the inventory joined with what processes and migrations report. */
import type { VmState } from '../contract/host';
import type { LabSnapshot } from '../contract/lab';
import type { VmConfig } from '../contract/model';
import type { LabContext } from './context';
import type { Notices } from './notices';

/** Everything about the lab now. */
export function labSnapshot(context: LabContext, notices: Notices, revision: number): LabSnapshot {
  const { inventory, hosts, fabric, arbiter, experiments } = context;
  return {
    revision,
    config: inventory.config,
    hosts: [...hosts.all].map(([hostId, { state, reason, restarts, pid }]) => ({
      hostId,
      state,
      reason,
      restarts,
      pid,
    })),
    vms: inventory.config.vms.map((vm) => ({
      vmId: vm.id,
      ...vmState(context, vm),
      migrationId: arbiter.migrationOf(vm.id),
    })),
    migrations: arbiter.snapshots(),
    experiments: experiments.snapshots(),
    fabric: fabric.snapshot,
    notices: [...notices.list],
  };
}

/** State of a VM as its host reports it; `failed` while its host cannot run it. */
export function vmState(context: LabContext, vm: VmConfig): { state: VmState; reason: string } {
  const restoreFailure = context.restoreFailures.get(vm.id);
  if (restoreFailure !== undefined) return { state: 'failed', reason: restoreFailure };
  const host = context.hosts.find(vm.hostId);
  const found = host?.snapshot?.vms.find((candidate) => candidate.vmId === vm.id);
  if (found !== undefined) return { state: found.state, reason: found.reason };
  // Not reported yet: the host's next snapshot has it.
  if (host?.state === 'running') return { state: 'stopped', reason: '' };
  return { state: 'failed', reason: host === undefined ? 'Its host does not exist.' : host.reason };
}
