/**
 * The checks before a VM moves, each a pure function of what the lab knows: the inventory and the
 * latest snapshots of both hosts. Snapshots are up to 100 ms old, so a check that passes is no
 * promise; whatever is refused later leaves the VM where it is.
 */
import type { HostSnapshot } from '../../contract/host';
import type { PreflightCheck } from '../../contract/lab';
import type {
  AdapterConfig,
  HostConfig,
  LabConfig,
  NicConfig,
  VmConfig,
} from '../../contract/model';
import { MIB } from '../../shared/units';
import type { SupervisedState } from '../process/supervisor';

/** What is known of a host. */
export interface PreflightHost {
  readonly config: HostConfig;
  readonly state: SupervisedState;
  /** Contract version of its process; null while it is not running. */
  readonly contractVersion: number | null;
  readonly snapshot: HostSnapshot | null;
}

export interface PreflightContext {
  readonly vm: VmConfig;
  readonly source: PreflightHost;
  readonly target: PreflightHost;
  readonly config: LabConfig;
  /** Whether a migration of this VM waits or runs. */
  readonly isMoving: boolean;
  /** VMs that move to the target already and are not in its snapshot yet. */
  readonly arrivals: readonly VmConfig[];
}

/** What one check finds; the list adds its id and its title. */
export type Finding = Pick<PreflightCheck, 'result' | 'reason' | 'remedy'>;

/** What a move and each NIC take of the target's memory beside the VM's own: staging, ports, a queue's buffers. */
const MOVE_BYTES = 2 * MIB;
const NIC_BYTES = 3 * MIB;

export function checkHostRunning({ target: { config, state } }: PreflightContext): Finding {
  if (state === 'running') return pass(`${config.name} is running.`);
  return fail(
    `Expected ${config.name} to be running, found it ${state}.`,
    'Wait until it runs, or restart it.',
  );
}

export function checkVmRunning({ vm, source, isMoving }: PreflightContext): Finding {
  if (isMoving)
    return fail(
      `${vm.name} is being migrated; a VM can make one move at a time.`,
      'Wait until it has ended, or cancel it.',
    );
  const state = source.snapshot?.vms.find(({ vmId }) => vmId === vm.id)?.state;
  if (state === 'running') return pass(`${vm.name} is running on ${source.config.name}.`);
  if (source.state !== 'running')
    return fail(
      `Expected its host ${source.config.name} to be running, found it ${source.state}.`,
      'Wait until it runs, or restart it.',
    );
  return fail(
    `Expected ${vm.name} to be running, found it ${state ?? 'not on its host'}.`,
    'Start it first.',
  );
}

/** A NIC finds its adapter by name on the host that the VM is on. */
export function checkAdapters({ vm, target }: PreflightContext): Finding {
  const names = target.config.adapters.map(({ name }) => name);
  const wanted = [...new Set(vm.nics.map((nic) => nic.adapter))];
  const missing = wanted.filter((name) => !names.includes(name));
  if (missing.length === 0) return pass(`${target.config.name} has ${list(wanted)}.`);
  return fail(
    `Its NICs are connected to ${list(missing)}; ${target.config.name} has ${list(names)}.`,
    `Use adapters of the same name on both hosts: stop the VM and connect its NIC to an adapter that ${target.config.name} has too.`,
  );
}

export function checkVlan({ vm, target }: PreflightContext): Finding {
  const cutOff = vm.nics.flatMap((nic) =>
    adapterOf(target, nic)?.uplink === 'none' ? [`${vlanText(nic)} of "${nic.adapter}"`] : [],
  );
  if (cutOff.length > 0)
    return warning(
      `${sentence(cutOff)} reaches no other host from ${target.config.name}.`,
      'Choose a host whose adapter has an uplink to the fabric.',
    );
  const vlans = [...new Set(vm.nics.map(vlanText))];
  return pass(`${sentence(vlans)} is carried by every uplink to the fabric.`);
}

export function checkMacClash({ vm, target, config }: PreflightContext): Finding {
  const macs = vm.nics.flatMap((nic) => nic.macs);
  for (const other of config.vms) {
    const mac = other.nics.flatMap((nic) => nic.macs).find((each) => macs.includes(each));
    if (other.id !== vm.id && mac !== undefined)
      return fail(`${other.name} has the address ${mac} too.`, 'Give one of them another address.');
  }
  for (const queue of target.snapshot?.queues ?? []) {
    const filter = queue.filters.find(({ mac }) => macs.includes(mac));
    if (filter !== undefined && queue.vmId !== vm.id)
      return fail(
        `Queue ${queue.queueId} of ${target.config.name} has a receive filter for ${filter.mac}; it serves ${queue.vmName ?? 'another VM'}.`,
        'Clear that filter first.',
      );
  }
  const link = config.links.find(
    (each) => each.kind === 'generator' && macs.includes(each.sourceMac),
  );
  if (link?.kind === 'generator')
    return warning(
      `Link ${link.name} sends from ${link.sourceMac} as well: switches learn the address in two places.`,
      'Stop the link, or give it another source address.',
    );
  return pass(`Nothing else uses ${macs.join(', ')}.`);
}

export function checkMemory({ vm, target, arrivals }: PreflightContext): Finding {
  const name = target.config.name;
  if (target.snapshot === null) return unknown(name);
  const { totalBytes } = target.snapshot.memory;
  const freeBytes = freeMemory(target, arrivals);
  const neededBytes = memoryNeeded(vm);
  const needs = `It needs ${mib(neededBytes)} MiB, its queues and the move included`;
  const announced = arrivals.length === 0 ? '' : ' and not promised to VMs that move there';
  const free = `${mib(Math.max(0, freeBytes))} of ${mib(totalBytes)} MiB are free${announced}`;
  if (neededBytes <= freeBytes) return pass(`${needs}; ${free} on ${name}.`);
  return fail(
    `${needs}; ${free} on ${name}.`,
    `Move or delete a VM of ${name}, or choose a host with more free memory.`,
  );
}

/** Bytes free on a host once the VMs have arrived that move there; less than 0 when they will not fit. */
export function freeMemory(target: PreflightHost, arrivals: readonly VmConfig[]): number {
  const memory = target.snapshot?.memory;
  if (memory === undefined) return 0;
  const promised = arrivals.reduce((sum, vm) => sum + memoryNeeded(vm), 0);
  return memory.totalBytes - memory.usedBytes - promised;
}

export function checkQueue({ vm, target, arrivals }: PreflightContext): Finding {
  const { snapshot } = target;
  if (snapshot === null) return unknown(target.config.name);
  const wanting = vm.nics.filter((nic) => nic.queue.mode !== 'none');
  if (wanting.length === 0) return pass('It asks for no queue: the default queue serves it.');
  for (const name of new Set(wanting.map((nic) => nic.adapter))) {
    const adapter = snapshot.adapters.find((each) => each.name === name);
    if (adapter === undefined) continue;
    const where = `"${name}" of ${target.config.name}`;
    if (!adapter.vmqEnabled)
      return warning(
        `VMQ is off on ${where}: the default queue would serve it.`,
        'Switch VMQ on there.',
      );
    const taken = adapter.queuesUsed + queuesWanted(arrivals, name);
    if (taken + queuesWanted([vm], name) > adapter.queueCount)
      return warning(
        `${Math.min(taken, adapter.queueCount)} of ${adapter.queueCount} queues of ${where} are taken: the default queue would serve it until one is freed.`,
        'Choose another host, or free a queue there.',
      );
  }
  for (const { queue } of wanting) {
    if (queue.mode === 'processor' && queue.processor >= snapshot.processors)
      return warning(
        `It asks for a queue on processor ${queue.processor}; ${target.config.name} has processors 0 to ${snapshot.processors - 1}.`,
        'Let its NIC ask for a queue on any processor.',
      );
  }
  return pass(`A queue is free on ${list(wanting.map((nic) => nic.adapter))}.`);
}

export function checkVersion({ source, target }: PreflightContext): Finding {
  const name = target.config.name;
  if (source.contractVersion === null) return unknown(source.config.name);
  if (target.contractVersion === null) return unknown(name);
  if (source.contractVersion === target.contractVersion)
    return pass(`Both hosts speak version ${target.contractVersion}.`);
  return fail(
    `${source.config.name} speaks version ${source.contractVersion}, ${name} version ${target.contractVersion}.`,
    'Restart both hosts with the same version of VMQ Console.',
  );
}

/** The move itself needs no uplink; the VM does, to be reached afterwards. */
export function checkLink({ vm, source, target }: PreflightContext): Finding {
  const name = target.config.name;
  if (target.snapshot === null) return unknown(name);
  for (const nic of vm.nics) {
    const isReached = adapterOf(source, nic)?.uplink === 'fabric';
    if (isReached && adapterOf(target, nic)?.uplink === 'none')
      return fail(
        `"${nic.adapter}" of ${name} has no uplink to the fabric: ${vm.name} would not be reached there.`,
        'Choose a host whose adapter has an uplink.',
      );
    const adapter = target.snapshot.adapters.find((each) => each.name === nic.adapter);
    if (adapter?.uplink === 'connecting')
      return warning(
        `"${nic.adapter}" of ${name} is not connected to the fabric at the moment.`,
        'Wait until it is connected.',
      );
  }
  return pass(`${name} reaches everything that ${source.config.name} reaches.`);
}

function memoryNeeded(vm: VmConfig): number {
  return vm.memoryMiB * MIB + MOVE_BYTES + vm.nics.length * NIC_BYTES;
}

function queuesWanted(vms: readonly VmConfig[], adapter: string): number {
  const nics = vms.flatMap((vm) => vm.nics);
  return nics.filter((nic) => nic.adapter === adapter && nic.queue.mode !== 'none').length;
}

function adapterOf({ config }: PreflightHost, nic: NicConfig): AdapterConfig | undefined {
  return config.adapters.find(({ name }) => name === nic.adapter);
}

function vlanText({ vlan }: NicConfig): string {
  return vlan.mode === 'access' ? `VLAN ${vlan.id}` : 'untagged traffic';
}

function pass(reason: string): Finding {
  return { result: 'pass', reason, remedy: '' };
}

function warning(reason: string, remedy: string): Finding {
  return { result: 'warning', reason, remedy };
}

function fail(reason: string, remedy: string): Finding {
  return { result: 'fail', reason, remedy };
}

function unknown(host: string): Finding {
  return warning(`Nothing is known of ${host} while it is not running.`, '');
}

function list(names: readonly string[]): string {
  return names.map((name) => `"${name}"`).join(', ');
}

/** A list as the beginning of a sentence. */
function sentence(parts: readonly string[]): string {
  const text = parts.join(' and ');
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function mib(bytes: number): number {
  return Math.floor(bytes / MIB);
}
