/**
 * The data model: what a lab is made of (`docs/design.md` §1). These schemas are used for the saved
 * inventory, for commands, and for lab files; each process validates with them whatever it receives.
 */
import { z } from 'zod';
import { idSchema, nameSchema } from './names';
import { MAX_VM_QUEUES, adapterProfileSchema, queueWeightSchema } from './vmq';

export { idSchema, nameSchema };

/** Canonical text form: lower case, colons, unicast. `02:00:5e:10:00:01`. */
export const macSchema = z
  .string()
  .regex(/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/, 'expected a MAC address like 02:00:5e:10:00:01')
  .refine(
    (mac) => (Number.parseInt(mac.slice(0, 2), 16) & 1) === 0,
    'expected a unicast MAC address, got a multicast one',
  );
export const vlanIdSchema = z
  .int()
  .min(1, 'expected a VLAN id from 1 to 4094')
  .max(4094, 'expected a VLAN id from 1 to 4094');
export const ipv4Schema = z.ipv4();

/** VLAN mode of a NIC's port: untagged (no VLAN), or an access port of one VLAN. */
export const vlanModeSchema = z.discriminatedUnion('mode', [
  z.object({ mode: z.literal('untagged') }),
  z.object({ mode: z.literal('access'), id: vlanIdSchema }),
]);
export type VlanMode = z.infer<typeof vlanModeSchema>;

/**
 * What a NIC asks for: a queue on any processor, no queue, or a queue on one logical processor. Its
 * weight decides when queues are scarce; left out it is 100, and 0 says the same as `none`.
 */
export const queueRequestSchema = z.discriminatedUnion('mode', [
  z.object({ mode: z.literal('automatic'), weight: queueWeightSchema.optional() }),
  z.object({ mode: z.literal('none') }),
  z.object({
    mode: z.literal('processor'),
    processor: z.int().min(0).max(1023),
    weight: queueWeightSchema.optional(),
  }),
]);
export type QueueRequest = z.infer<typeof queueRequestSchema>;

/** Where a queue's receive buffers are (`docs/design.md` §4). */
export const bufferModeSchema = z.enum(['shared-memory', 'host-buffers']);
export type BufferMode = z.infer<typeof bufferModeSchema>;

export const adapterConfigSchema = z.object({
  id: idSchema,
  name: nameSchema,
  /** What its hardware can do; left out: everything that the engine can do. */
  profile: adapterProfileSchema.optional(),
  /** VM queues that it offers, without the default queue: at most as many as its hardware has. */
  queueCount: z.int().min(1).max(MAX_VM_QUEUES).default(16),
  /** VMQ on: each NIC may have a queue. Off: everything through the default queue. */
  vmqEnabled: z.boolean().default(true),
  /** Whether its switch uses VMQ although the link is slower than 10 Gbit/s. Left out: it does not. */
  vmqBelow10Gbps: z.boolean().optional(),
  /** Default buffer mode of its queues. The default queue always uses host buffers. */
  bufferMode: bufferModeSchema.default('shared-memory'),
  /** Longest time a completed frame waits for its interrupt, in microseconds; 0 = none. */
  moderationMicroseconds: z.int().min(0).max(10_000).default(50),
  /** Whether the adapter's wire goes to the lab's fabric. */
  uplink: z.enum(['fabric', 'none']).default('fabric'),
});
export type AdapterConfig = z.infer<typeof adapterConfigSchema>;

export const hostConfigSchema = z.object({
  id: idSchema,
  name: nameSchema,
  /** The host's physical memory: adapter, buffers, and the RAM of all its VMs. */
  memoryMiB: z.int().min(64).max(4095).default(1024),
  adapters: z.array(adapterConfigSchema).min(1).max(4),
});
export type HostConfig = z.infer<typeof hostConfigSchema>;

/** Most entries of each deny list of a port. */
const MAX_DENIED = 16;

/**
 * Content policy of a NIC's port. A port with a policy gets host buffers: each frame is looked at
 * before the VM can see it.
 */
export const nicPolicySchema = z.object({
  /** Drops what the VM sends as a DHCP server. */
  dhcpGuard: z.boolean().default(false),
  /** Senders whose frames the VM does not get, by MAC address. */
  denyMacs: z.array(macSchema).max(MAX_DENIED).default([]),
  /** The same by IPv4 address, in IPv4 and ARP. */
  denyIpv4: z.array(ipv4Schema).max(MAX_DENIED).default([]),
});
export type NicPolicy = z.infer<typeof nicPolicySchema>;

export const nicConfigSchema = z.object({
  id: idSchema,
  /** Name of the adapter it is connected to; resolved by name on the host that the VM is on. */
  adapter: nameSchema,
  macs: z.array(macSchema).min(1).max(4),
  vlan: vlanModeSchema.default({ mode: 'untagged' }),
  queue: queueRequestSchema.default({ mode: 'automatic' }),
  /** Left out: every frame is let through. */
  policy: nicPolicySchema.optional(),
  /** Address of the embedded guest's IP stack on this NIC. */
  ipv4: ipv4Schema.optional(),
});
export type NicConfig = z.infer<typeof nicConfigSchema>;

/** What the embedded guest does. Every workload also answers ARP, ICMP echo and UDP echo (port 7), and sinks the rest. */
export const workloadSchema = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('responder'),
    /** Keeps a digest of every frame received, in order: slow, for proofs. */
    digest: z.boolean().optional(),
    /** Checks each frame of a generator against the first one and the order of their numbers: fast, for proofs. */
    stamps: z.boolean().optional(),
  }),
  z.object({
    kind: z.literal('sender'),
    destinationIpv4: ipv4Schema,
    framesPerSecond: z.int().min(1).max(2_000_000).default(1000),
    frameBytes: z.int().min(64).max(1514).default(128),
  }),
  z.object({
    kind: z.literal('page-writer'),
    /** Dirty rate, in pages of 4 KiB per second. */
    pagesPerSecond: z.int().min(1).max(2_000_000).default(2000),
  }),
]);
export type Workload = z.infer<typeof workloadSchema>;

export const vmConfigSchema = z.object({
  id: idSchema,
  name: nameSchema,
  hostId: idSchema,
  memoryMiB: z.int().min(4).max(3072).default(64),
  nics: z.array(nicConfigSchema).min(1).max(4),
  workload: workloadSchema.default({ kind: 'responder' }),
  /** What the administrator wants; the lab restores it after a restart. */
  power: z.enum(['running', 'stopped']).default('running'),
});
export type VmConfig = z.infer<typeof vmConfigSchema>;

/** Where a link is plugged in: at an adapter of a host, or at a port of the fabric. */
export const plugSchema = z.discriminatedUnion('at', [
  z.object({ at: z.literal('adapter'), hostId: idSchema, adapter: nameSchema }),
  z.object({ at: z.literal('fabric') }),
]);
export type Plug = z.infer<typeof plugSchema>;

export const linkRateSchema = z.discriminatedUnion('mode', [
  z.object({ mode: z.literal('recorded') }),
  z.object({ mode: z.literal('fixed'), framesPerSecond: z.number().positive().max(20_000_000) }),
  z.object({ mode: z.literal('maximum') }),
]);
export type LinkRate = z.infer<typeof linkRateSchema>;

export const generatorTargetSchema = z.object({
  mac: macSchema,
  vlan: vlanIdSchema.optional(),
  ipv4: ipv4Schema.optional(),
});

export const linkConfigSchema = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('replay'),
    id: idSchema,
    name: nameSchema,
    plug: plugSchema,
    /** A pcap or pcapng file. Relative paths are relative to the lab file; `sample:NAME` names a shipped one. */
    file: z.string().min(1),
    rate: linkRateSchema.default({ mode: 'recorded' }),
    /** How often the capture is played; 0 = until it is stopped. */
    loops: z.int().min(0).max(1_000_000_000).default(1),
  }),
  z.object({
    kind: z.literal('generator'),
    id: idSchema,
    name: nameSchema,
    plug: plugSchema,
    targets: z.array(generatorTargetSchema).min(1).max(64),
    sourceMac: macSchema.default('02:00:5e:fe:00:01'),
    frameBytes: z.int().min(60).max(1514).default(64),
    rate: z.discriminatedUnion('mode', [
      z.object({
        mode: z.literal('fixed'),
        framesPerSecond: z.number().positive().max(20_000_000),
      }),
      z.object({ mode: z.literal('maximum') }),
    ]),
    /** Frames to send in all; 0 = until it is stopped. */
    frames: z.int().min(0).default(0),
  }),
]);
export type LinkConfig = z.infer<typeof linkConfigSchema>;

/** The whole inventory of a lab, as it is saved. */
export const labConfigSchema = z.object({
  schema: z.literal(1),
  name: nameSchema,
  hosts: z.array(hostConfigSchema).max(8),
  vms: z.array(vmConfigSchema).max(256),
  links: z.array(linkConfigSchema).max(64),
});
export type LabConfig = z.infer<typeof labConfigSchema>;
