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
import {
  adapterProfileOf,
  offeredQueues,
  queueWeight,
  VMQ_LINK_SPEED_GBPS,
} from '../../contract/vmq';
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

/** A NIC's hold list and port, as long as its VM runs there. */
export const NIC_BYTES = 4.25 * MIB;
/** Room for many frames while a VM changes hosts, for each NIC, on either side; without it there is room for few. */
export const GAP_BYTES = 32.5 * MIB;
/** Staging of a move, on either side, until it has ended. */
const STAGING_BYTES = MIB;

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
  const down = target.snapshot?.adapters.find(
    ({ name, state }) => wanted.includes(name) && state !== 'running',
  );
  if (down !== undefined)
    return fail(
      `"${down.name}" of ${target.config.name} is ${down.state}.`,
      'Bring the adapter up again first.',
    );
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

/** The target needs room for the VM, and both sides want room for the frames of the gap. */
export function checkMemory({ vm, source, target, arrivals }: PreflightContext): Finding {
  const name = target.config.name;
  if (target.snapshot === null) return unknown(target);
  const freeBytes = freeMemory(target, arrivals);
  const neededBytes = residentBytes(vm) + STAGING_BYTES;
  const needs = `${vm.name} needs ${mib(neededBytes)} MiB on ${name}`;
  const promised = arrivals.length === 0 ? '' : ', without what VMs need that move there already';
  const free = `${mib(Math.max(0, freeBytes))} of ${mib(target.snapshot.memory.totalBytes)} MiB are free${promised}`;
  const remedy = (host: string): string => `Move or delete a VM of ${host} first.`;
  if (neededBytes > freeBytes) return fail(`${needs}; ${free}.`, remedy(name));
  const gapBytes = vm.nics.length * GAP_BYTES;
  const isShort = (host: PreflightHost, bytes: number): boolean =>
    host.snapshot !== null && bytes < gapBytes;
  const few = `room for many frames while it changes hosts takes ${mib(gapBytes)} MiB more`;
  if (isShort(target, freeBytes - neededBytes))
    return warning(`${needs}; ${free}, and ${few}.`, remedy(name));
  if (isShort(source, freeMemory(source, [])))
    return warning(
      `${needs}; ${free}. On ${source.config.name} ${few} than is free.`,
      remedy(source.config.name),
    );
  return pass(`${needs}; ${free}.`);
}

/** Bytes free on a host once the VMs have arrived that move there; less than 0 when they will not fit. */
export function freeMemory(host: PreflightHost, arrivals: readonly VmConfig[]): number {
  const memory = host.snapshot?.memory;
  if (memory === undefined) return 0;
  const promised = arrivals.reduce((sum, vm) => sum + residentBytes(vm), 0);
  return memory.totalBytes - memory.usedBytes - promised;
}

/** What a VM takes as long as it is there. */
function residentBytes(vm: VmConfig): number {
  return vm.memoryMiB * MIB + vm.nics.length * NIC_BYTES;
}

/** A warning is the most: without a queue of its own the default queue serves a NIC. */
export function checkQueue(context: PreflightContext): Finding {
  const { vm, target } = context;
  if (target.snapshot === null) return unknown(target);
  const wanting = vm.nics.filter(wantsQueue);
  if (wanting.length === 0) return pass('It asks for no queue: the default queue serves it.');
  for (const nic of wanting) {
    const obstacle = queueObstacle(nic, context);
    if (obstacle !== undefined) return obstacle;
  }
  return pass(`A queue is free on ${list([...new Set(wanting.map((nic) => nic.adapter))])}.`);
}

/** Why a NIC would have no queue at the target, by the rules of the switch there. */
function queueObstacle(nic: NicConfig, context: PreflightContext): Finding | undefined {
  const { target } = context;
  const config = adapterOf(target, nic);
  if (config === undefined) return undefined;
  const where = `"${config.name}" of ${target.config.name}`;
  const profile = adapterProfileOf(config);
  const served = 'the default queue would serve it';
  if (!config.vmqEnabled)
    return warning(`VMQ is off on ${where}: ${served}.`, 'Switch it on there.');
  if (profile.linkSpeedGbps < VMQ_LINK_SPEED_GBPS && config.vmqBelow10Gbps !== true)
    return warning(
      `The link of ${where} has ${profile.linkSpeedGbps} Gbit/s, too slow for VMQ: ${served}.`,
      'Let its switch use VMQ on slow links.',
    );
  if (!profile.vlanFiltering && nic.vlan.mode === 'access')
    return warning(
      `${where} cannot filter by VLAN, and the NIC is in VLAN ${nic.vlan.id}: ${served}.`,
      'Choose a host whose adapter can.',
    );
  return queuesTaken(config, context) ?? processorMissing(nic, target);
}

/** Counts what moves there already; a NIC takes the queue of one that weighs less. */
function queuesTaken(adapter: AdapterConfig, context: PreflightContext): Finding | undefined {
  const { vm, target, arrivals, config } = context;
  const offered = offeredQueues(adapter);
  const here = (nic: NicConfig): boolean => nic.adapter === adapter.name && wantsQueue(nic);
  const coming = arrivals.flatMap((arrival) => arrival.nics).filter(here).length;
  const holders = (target.snapshot?.queues ?? []).filter(
    (queue) => queue.adapterId === adapter.id && queue.queueId !== 0,
  );
  const own = vm.nics.filter(here);
  const weight = Math.min(...own.map((nic) => queueWeight(nic.queue)));
  const nics = new Map(config.vms.flatMap((each) => each.nics).map((nic) => [nic.id, nic]));
  const lighter = holders.filter(({ nicId }) => {
    const holder = nicId === null ? undefined : nics.get(nicId);
    return holder !== undefined && queueWeight(holder.queue) < weight;
  });
  const taken = holders.length + coming;
  if (taken - lighter.length + own.length <= offered) return undefined;
  return warning(
    `${Math.min(taken, offered)} of ${offered} queues of "${adapter.name}" of ${target.config.name} are taken, by NICs of no less weight: the default queue would serve it until one is freed.`,
    'Choose another host, or give the NIC a greater weight.',
  );
}

function processorMissing(
  { queue }: NicConfig,
  { config, snapshot }: PreflightHost,
): Finding | undefined {
  if (queue.mode !== 'processor' || snapshot === null) return undefined;
  if (queue.processor < snapshot.processors) return undefined;
  return warning(
    `It asks for a queue on processor ${queue.processor}; ${config.name} has processors 0 to ${snapshot.processors - 1}.`,
    'Let its NIC ask for a queue on any processor.',
  );
}

export function checkVersion({ source, target }: PreflightContext): Finding {
  const name = target.config.name;
  if (source.contractVersion === null) return unknown(source);
  if (target.contractVersion === null) return unknown(target);
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
  if (target.snapshot === null) return unknown(target);
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

function wantsQueue({ queue }: NicConfig): boolean {
  return queueWeight(queue) > 0;
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

function unknown({ config: { name }, state }: PreflightHost): Finding {
  if (state === 'running') return warning(`${name} has not reported yet.`, 'Check again.');
  return warning(`Nothing is known of ${name} while it is not running.`, '');
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
  return Math.round(bytes / MIB);
}
