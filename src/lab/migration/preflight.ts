/** Pre-flight: one list of checks for each target that a VM might move to. A migration is refused by the same list. */
import type { Refusal } from '../../contract/errors';
import { PREFLIGHT_CHECKS, type PreflightCheck, type PreflightTarget } from '../../contract/lab';
import type { LabConfig, VmConfig } from '../../contract/model';
import {
  checkAdapters,
  checkHostRunning,
  checkLink,
  checkMacClash,
  checkMemory,
  checkQueue,
  checkVersion,
  checkVlan,
  checkVmRunning,
  freeMemory,
  type Finding,
  type PreflightContext,
  type PreflightHost,
} from './preflight-checks';

/** What the lab knows at one instant. */
export interface PreflightView {
  readonly config: LabConfig;
  readonly hosts: readonly PreflightHost[];
  /** Migrations that wait or run. */
  readonly moves: readonly { readonly vmId: string; readonly toHostId: string }[];
}

interface Check {
  readonly title: string;
  readonly find: (context: PreflightContext) => Finding;
}

const CHECKS: Readonly<Record<PreflightCheck['check'], Check>> = {
  'host-running': { title: 'Host is running', find: checkHostRunning },
  'vm-running': { title: 'VM is running', find: checkVmRunning },
  adapters: { title: 'Network adapters', find: checkAdapters },
  vlan: { title: 'VLAN', find: checkVlan },
  'mac-clash': { title: 'MAC addresses', find: checkMacClash },
  memory: { title: 'Memory', find: checkMemory },
  queue: { title: 'Receive queue', find: checkQueue },
  version: { title: 'Version', find: checkVersion },
  link: { title: 'Link to the fabric', find: checkLink },
};

/** Every host but the VM's own, with every check, in the order of the inventory. */
export function preflight(vm: VmConfig, view: PreflightView): PreflightTarget[] {
  const source = view.hosts.find(({ config }) => config.id === vm.hostId);
  if (source === undefined) return [];
  return view.hosts
    .filter((host) => host !== source)
    .map((target) => checkTarget({ ...contextOf(vm, target, view), source, target }));
}

/** The first check that failed, as the refusal of a migration; undefined when it is possible. */
export function preflightRefusal(vm: VmConfig, target: PreflightTarget): Refusal | undefined {
  const failed = target.checks.find(({ result }) => result === 'fail');
  if (failed === undefined) return undefined;
  const { check, reason: why, remedy } = failed;
  if (check === 'vm-running')
    return { code: 'wrong-state', what: `${vm.name} cannot be migrated.`, why, remedy };
  return {
    code: 'migration-target-refused',
    what: `${vm.name} cannot move to ${target.name}.`,
    why,
    remedy,
    field: 'targetHostId',
  };
}

/** Free memory of each host in bytes, what moves there already counted as used; by host id. */
export function freeMemoryOf(view: PreflightView): ReadonlyMap<string, number> {
  return new Map(
    view.hosts.map((host) => [host.config.id, freeMemory(host, arrivalsAt(host, view))]),
  );
}

function checkTarget(context: PreflightContext): PreflightTarget {
  const { id, name } = context.target.config;
  const checks = PREFLIGHT_CHECKS.map((check) => {
    const { title, find } = CHECKS[check];
    return { check, title, ...find(context) };
  });
  return { hostId: id, name, possible: checks.every(({ result }) => result !== 'fail'), checks };
}

function contextOf(vm: VmConfig, target: PreflightHost, view: PreflightView) {
  return {
    vm,
    config: view.config,
    isMoving: view.moves.some(({ vmId }) => vmId === vm.id),
    arrivals: arrivalsAt(target, view),
  };
}

/** VMs on their way to a host that its snapshot does not count yet. */
function arrivalsAt({ config, snapshot }: PreflightHost, view: PreflightView): VmConfig[] {
  const present = new Set(snapshot?.vms.map(({ vmId }) => vmId));
  const coming = new Set(
    view.moves.filter(({ toHostId }) => toHostId === config.id).map(({ vmId }) => vmId),
  );
  return view.config.vms.filter(({ id }) => coming.has(id) && !present.has(id));
}
