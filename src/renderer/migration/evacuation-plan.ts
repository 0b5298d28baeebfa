/**
 * What an evacuation will do, before it does it: each running VM of a host goes to the host with most free memory that
 * passes pre-flight, as the lab decides it. The lab decides again when it is asked.
 */
import type { PreflightTarget } from '../../contract/lab';
import type { VmConfig } from '../../contract/model';
import { MIB } from '../../shared/units';

export interface EvacuatedVm {
  readonly vm: VmConfig;
  readonly state: string;
  readonly targets: readonly PreflightTarget[];
}

export interface EvacuationStep {
  readonly vm: VmConfig;
  /** Undefined when it stays. */
  readonly targetHostId?: string;
  /** Why it stays, or what will be worse at the target; empty when there is nothing to say. */
  readonly reason: string;
  readonly remedy: string;
}

/** One step for each VM, in the given order; memory that an earlier VM takes is no longer free for a later one. */
export function evacuationPlan(
  vms: readonly EvacuatedVm[],
  freeBytesOf: (hostId: string) => number,
): EvacuationStep[] {
  const taken = new Map<string, number>();
  const free = (hostId: string): number => freeBytesOf(hostId) - (taken.get(hostId) ?? 0);
  return vms.map(({ vm, state, targets }) => {
    if (state !== 'running')
      return {
        vm,
        reason: `${vm.name} is ${state}: only running VMs move.`,
        remedy: 'Start it first, or leave it where it is.',
      };
    const needed = vm.memoryMiB * MIB;
    const possible = targets
      .filter((target) => target.possible && !(needed > free(target.hostId)))
      .sort((a, b) => free(b.hostId) - free(a.hostId));
    const [target] = possible;
    if (!target) return { vm, ...whyNone(targets) };
    taken.set(target.hostId, (taken.get(target.hostId) ?? 0) + needed);
    const warning = target.checks.find(({ result }) => result === 'warning');
    return {
      vm,
      targetHostId: target.hostId,
      reason: warning?.reason ?? '',
      remedy: warning?.remedy ?? '',
    };
  });
}

function whyNone(targets: readonly PreflightTarget[]): { reason: string; remedy: string } {
  if (targets.length === 0)
    return { reason: 'There is no other host.', remedy: 'Create a second host under Labs.' };
  const found = targets.flatMap(({ name, checks }) => {
    const failed = checks.find(({ result }) => result === 'fail');
    return failed ? [{ name, ...failed }] : [];
  });
  if (found.length === 0)
    return {
      reason: 'The memory of every target is taken by the VMs that go before it.',
      remedy: 'Evacuate in two steps, or give a target more memory.',
    };
  return {
    reason: found.map(({ name, reason }) => `${name}: ${reason}`).join(' '),
    remedy: found[0]?.remedy ?? '',
  };
}
