/**
 * The VM form without its looks: fields are the texts that the reader typed, an empty text means the default.
 * The lab checks again; this only says earlier what it would say.
 */
import type { VmDraft } from '../../contract/lab';
import {
  ipv4Schema,
  macSchema,
  nameSchema,
  vlanIdSchema,
  workloadSchema,
  type QueueRequest,
  type VlanMode,
  type VmConfig,
  type Workload,
} from '../../contract/model';
import { DEFAULT_QUEUE_WEIGHT } from '../../contract/vmq';
import { tryParseMacAddress } from '../../shared/mac-address';

export interface VmFields {
  name: string;
  hostId: string;
  memory: string;
  mac: string;
  vlan: string;
  queue: QueueRequest['mode'];
  processor: string;
  weight: string;
  ipv4: string;
  workload: Workload['kind'];
  destination: string;
  framesPerSecond: string;
  frameBytes: string;
  pagesPerSecond: string;
}
export type VmFieldName = keyof VmFields;
export type VmFieldErrors = Partial<Record<VmFieldName, string>>;

export const VM_DEFAULTS = {
  memoryMiB: 64,
  framesPerSecond: 1000,
  frameBytes: 128,
  pagesPerSecond: 2000,
} as const;

export interface VmFormContext {
  /** All VMs of the lab, over all hosts. */
  readonly vms: readonly VmConfig[];
  /** The VM that is edited; undefined when one is created. */
  readonly editing?: VmConfig | undefined;
}

export interface VmFormResult {
  readonly errors: VmFieldErrors;
  /** Set when there is no error. */
  readonly values?: VmValues;
}

/** The fields as values of the model. */
export interface VmValues {
  readonly name: string;
  readonly hostId: string;
  readonly memoryMiB: number;
  /** Undefined: automatic. */
  readonly mac: string | undefined;
  readonly vlan: VlanMode;
  readonly queue: QueueRequest;
  readonly ipv4: string | undefined;
  readonly workload: Workload;
}

export function emptyVmFields(hostId: string): VmFields {
  return {
    name: '',
    hostId,
    memory: '',
    mac: '',
    vlan: '',
    queue: 'automatic',
    processor: '',
    weight: '',
    ipv4: '',
    workload: 'responder',
    destination: '',
    framesPerSecond: '',
    frameBytes: '',
    pagesPerSecond: '',
  };
}

export function fieldsOfVm(vm: VmConfig): VmFields {
  const nic = vm.nics[0];
  const { workload } = vm;
  return {
    ...emptyVmFields(vm.hostId),
    name: vm.name,
    memory: String(vm.memoryMiB),
    mac: nic?.macs[0] ?? '',
    vlan: nic?.vlan.mode === 'access' ? String(nic.vlan.id) : '',
    queue: nic?.queue.mode ?? 'automatic',
    processor: nic?.queue.mode === 'processor' ? String(nic.queue.processor) : '',
    weight: nic && nic.queue.mode !== 'none' ? String(nic.queue.weight ?? '') : '',
    ipv4: nic?.ipv4 ?? '',
    workload: workload.kind,
    destination: workload.kind === 'sender' ? workload.destinationIpv4 : '',
    framesPerSecond: workload.kind === 'sender' ? String(workload.framesPerSecond) : '',
    frameBytes: workload.kind === 'sender' ? String(workload.frameBytes) : '',
    pagesPerSecond: workload.kind === 'page-writer' ? String(workload.pagesPerSecond) : '',
  };
}

/** The first of `vm-1`, `vm-2` … that no VM has: the name of a VM that is created without one. */
export function nextVmName(vms: readonly VmConfig[]): string {
  const taken = new Set(vms.map((vm) => vm.name));
  let number = 1;
  while (taken.has(`vm-${number}`)) number += 1;
  return `vm-${number}`;
}

export function checkVmFields(fields: VmFields, context: VmFormContext): VmFormResult {
  const errors: VmFieldErrors = {};
  const values: VmValues = {
    name: checkName(fields, context, errors),
    hostId: fields.hostId,
    memoryMiB: wholeNumber(fields, 'memory', VM_DEFAULTS.memoryMiB, [4, 3072], 'MiB', errors),
    mac: checkMac(fields, context, errors),
    vlan: checkVlan(fields, errors),
    queue: checkQueue(fields, errors),
    ipv4: checkAddress(fields, 'ipv4', errors),
    workload: checkWorkload(fields, errors),
  };
  return Object.keys(errors).length > 0 ? { errors } : { errors, values };
}

export function draftOf(values: VmValues, start: boolean): VmDraft {
  return {
    name: values.name,
    ...(values.hostId ? { hostId: values.hostId } : {}),
    memoryMiB: values.memoryMiB,
    nics: [
      {
        ...(values.mac ? { mac: values.mac } : {}),
        ...(values.ipv4 ? { ipv4: values.ipv4 } : {}),
        vlan: values.vlan,
        queue: values.queue,
      },
    ],
    workload: values.workload,
    start,
  };
}

/** The edited VM: what the form does not show stays as it was. */
export function editedVm(vm: VmConfig, values: VmValues): VmConfig {
  const [first, ...others] = vm.nics;
  if (!first) return vm;
  const macs = [values.mac ?? first.macs[0] ?? '', ...first.macs.slice(1)];
  const nic = { ...first, macs, vlan: values.vlan, queue: values.queue };
  if (values.ipv4) nic.ipv4 = values.ipv4;
  else delete nic.ipv4;
  return {
    ...vm,
    name: values.name,
    memoryMiB: values.memoryMiB,
    nics: [nic, ...others],
    workload: sameWorkload(vm.workload, values.workload),
  };
}

/** The new workload; one of the old kind keeps what the form does not show. */
function sameWorkload(before: Workload, after: Workload): Workload {
  return before.kind === 'responder' && after.kind === 'responder' ? before : after;
}

const SERVER_FIELDS: readonly (readonly [RegExp, VmFieldName])[] = [
  [/^name$/, 'name'],
  [/^hostId$/, 'hostId'],
  [/^memoryMiB$/, 'memory'],
  [/^nics\.0\.macs?(\.|$)/, 'mac'],
  [/^nics\.0\.vlan/, 'vlan'],
  [/^nics\.0\.queue\.processor/, 'processor'],
  [/^nics\.0\.queue\.weight/, 'weight'],
  [/^nics\.0\.queue/, 'queue'],
  [/^nics\.0\.ipv4/, 'ipv4'],
  [/^workload\.destinationIpv4/, 'destination'],
  [/^workload\.framesPerSecond/, 'framesPerSecond'],
  [/^workload\.frameBytes/, 'frameBytes'],
  [/^workload\.pagesPerSecond/, 'pagesPerSecond'],
  [/^workload/, 'workload'],
];

/** The field of the form that a refusal's path means. */
export function fieldOfPath(path: string | undefined): VmFieldName | undefined {
  return path === undefined
    ? undefined
    : SERVER_FIELDS.find(([pattern]) => pattern.test(path))?.[1];
}

function checkName(
  fields: VmFields,
  { vms, editing }: VmFormContext,
  errors: VmFieldErrors,
): string {
  const name = fields.name.trim() || editing?.name || nextVmName(vms);
  const checked = nameSchema.safeParse(name);
  if (!checked.success) errors.name = firstMessage(checked.error);
  else if (vms.some((vm) => vm.name === name && vm.id !== editing?.id))
    errors.name = `A VM named ${name} exists already.`;
  return name;
}

function checkMac(
  fields: VmFields,
  { vms, editing }: VmFormContext,
  errors: VmFieldErrors,
): string | undefined {
  const text = fields.mac.trim();
  if (text === '') return undefined;
  const mac = tryParseMacAddress(text) ?? text;
  const checked = macSchema.safeParse(mac);
  if (!checked.success) errors.mac = firstMessage(checked.error);
  const owner = vms.find((vm) =>
    vm.nics.some((nic, index) => nic.macs.includes(mac) && !(vm.id === editing?.id && index === 0)),
  );
  if (owner) errors.mac = `${mac} belongs to ${owner.name} already.`;
  return mac;
}

function checkVlan(fields: VmFields, errors: VmFieldErrors): VlanMode {
  const text = fields.vlan.trim();
  if (text === '') return { mode: 'untagged' };
  const id = Number(text);
  const checked = vlanIdSchema.safeParse(id);
  if (!checked.success) errors.vlan = 'Expected a VLAN id from 1 to 4094, or nothing for untagged.';
  return { mode: 'access', id };
}

function checkQueue(fields: VmFields, errors: VmFieldErrors): QueueRequest {
  if (fields.queue === 'none') return { mode: 'none' };
  const weight =
    fields.weight.trim() === ''
      ? {}
      : { weight: wholeNumber(fields, 'weight', DEFAULT_QUEUE_WEIGHT, [0, 100], '', errors) };
  if (fields.queue === 'automatic') return { mode: 'automatic', ...weight };
  return {
    mode: 'processor',
    processor: wholeNumber(fields, 'processor', 0, [0, 1023], '', errors),
    ...weight,
  };
}

function checkAddress(
  fields: VmFields,
  name: 'ipv4' | 'destination',
  errors: VmFieldErrors,
): string | undefined {
  const text = fields[name].trim();
  if (text === '') return undefined;
  if (!ipv4Schema.safeParse(text).success)
    errors[name] = 'Expected an IPv4 address like 10.0.10.11.';
  return text;
}

function checkWorkload(fields: VmFields, errors: VmFieldErrors): Workload {
  if (fields.workload === 'page-writer') {
    const pagesPerSecond = wholeNumber(
      fields,
      'pagesPerSecond',
      VM_DEFAULTS.pagesPerSecond,
      [1, 2_000_000],
      'pages/s',
      errors,
    );
    return { kind: 'page-writer', pagesPerSecond };
  }
  if (fields.workload === 'responder') return { kind: 'responder' };
  const destinationIpv4 = checkAddress(fields, 'destination', errors) ?? '';
  if (destinationIpv4 === '') errors.destination = 'A sender needs an IPv4 address to send to.';
  const workload = {
    kind: 'sender',
    destinationIpv4,
    framesPerSecond: wholeNumber(
      fields,
      'framesPerSecond',
      VM_DEFAULTS.framesPerSecond,
      [1, 2_000_000],
      'frames/s',
      errors,
    ),
    frameBytes: wholeNumber(
      fields,
      'frameBytes',
      VM_DEFAULTS.frameBytes,
      [64, 1514],
      'bytes',
      errors,
    ),
  } as const;
  return workloadSchema.safeParse(workload).success ? workload : { kind: 'responder' };
}

/** A number in a field, or its default when nothing is typed. */
function wholeNumber(
  fields: VmFields,
  name: 'memory' | 'processor' | 'weight' | 'framesPerSecond' | 'frameBytes' | 'pagesPerSecond',
  fallback: number,
  [least, most]: readonly [number, number],
  unit: string,
  errors: VmFieldErrors,
): number {
  const text = fields[name].trim();
  if (text === '') return fallback;
  const value = Number(text);
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  errors[name] = `Expected ${least} to ${most}${unit && ` ${unit}`}, got ${text}.`;
  return fallback;
}

function firstMessage(error: { readonly issues: readonly { readonly message: string }[] }): string {
  const message = error.issues[0]?.message ?? 'not valid';
  return `${message.charAt(0).toUpperCase()}${message.slice(1)}.`;
}

/** Whether a field can be changed while the VM runs: name, queue and workload can. */
export function isChangeableWhileRunning(name: VmFieldName): boolean {
  return !['hostId', 'memory', 'mac', 'vlan', 'ipv4'].includes(name);
}
