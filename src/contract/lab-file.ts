/**
 * Lab file: a lab and what to do with it, in YAML (`docs/lab-file.md` publishes this schema as JSON
 * Schema). Ids are optional there: names serve as references, ids are derived from them.
 */
import { z } from 'zod';
import { experimentOptionsSchema } from './experiment';
import { migrationFaultSchema } from './lab';
import { migrationOptionsSchema } from './migration';
import {
  adapterConfigSchema,
  bufferModeSchema,
  generatorTargetSchema,
  hostConfigSchema,
  idSchema,
  ipv4Schema,
  linkRateSchema,
  macSchema,
  nameSchema,
  nicPolicySchema,
  queueRequestSchema,
  vlanIdSchema,
  vmConfigSchema,
  workloadSchema,
} from './model';
import { MAX_VM_QUEUES, adapterEventSchema, adapterProfileSchema } from './vmq';

const labFileHostSchema = z.strictObject({
  name: nameSchema,
  memoryMiB: hostConfigSchema.shape.memoryMiB,
  adapters: z
    .array(
      z.strictObject({
        ...adapterConfigSchema.omit({ id: true }).shape,
        /** The id of a shipped profile, or a whole one. Left out: everything that the engine can do. */
        profile: z.union([idSchema, adapterProfileSchema]).optional(),
      }),
    )
    .min(1)
    .max(4),
});

const labFileNicSchema = z.strictObject({
  /** Left out: the first adapter of the VM's host. */
  adapter: nameSchema.optional(),
  macs: z.array(macSchema).min(1).max(4),
  /** Access VLAN; left out: untagged. */
  vlan: vlanIdSchema.optional(),
  queue: queueRequestSchema.default({ mode: 'automatic' }),
  policy: z.strictObject(nicPolicySchema.shape).optional(),
  ipv4: ipv4Schema.optional(),
});

const labFileVmSchema = z.strictObject({
  name: nameSchema,
  host: nameSchema,
  memoryMiB: vmConfigSchema.shape.memoryMiB,
  nics: z.array(labFileNicSchema).min(1).max(4),
  workload: workloadSchema.default({ kind: 'responder' }),
  power: vmConfigSchema.shape.power,
});

/** `fabric`, or `HOST/ADAPTER`. */
const labFilePlugSchema = z.string().min(1);

const labFileLinkSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('replay'),
    name: nameSchema,
    plug: labFilePlugSchema,
    /** Relative to the lab file; `sample:NAME` names a shipped capture. */
    file: z.string().min(1),
    rate: linkRateSchema.default({ mode: 'recorded' }),
    /** How often the capture is played; 0 = until it is stopped. */
    loops: z.int().min(0).max(1_000_000_000).default(1),
    /** False: a step starts it. */
    autostart: z.boolean().default(true),
  }),
  z.strictObject({
    kind: z.literal('generator'),
    name: nameSchema,
    plug: labFilePlugSchema,
    targets: z.array(generatorTargetSchema).min(1).max(64),
    sourceMac: macSchema.default('02:00:5e:fe:00:01'),
    frameBytes: z.int().min(60).max(1514).default(64),
    rate: z.discriminatedUnion('mode', [
      z.strictObject({
        mode: z.literal('fixed'),
        framesPerSecond: z.number().positive().max(20_000_000),
      }),
      z.strictObject({ mode: z.literal('maximum') }),
    ]),
    frames: z.int().min(0).default(0),
    autostart: z.boolean().default(true),
  }),
]);

/** As in the console; what is left out gets its default. */
const labFileMigrationOptionsSchema = z.strictObject(migrationOptionsSchema.shape).prefault({});

const labFileStepSchema = z.union([
  /** Waits for a time. */
  z.strictObject({ wait: z.strictObject({ seconds: z.number().positive().max(86_400) }) }),
  /** Waits until a replay or a bounded generator has ended. */
  z.strictObject({
    waitForLink: z.strictObject({
      link: nameSchema,
      timeoutSeconds: z.number().positive().max(86_400).default(300),
    }),
  }),
  z.strictObject({ startLink: z.strictObject({ link: nameSchema }) }),
  z.strictObject({ stopLink: z.strictObject({ link: nameSchema }) }),
  z.strictObject({ startVm: z.strictObject({ vm: nameSchema }) }),
  z.strictObject({ stopVm: z.strictObject({ vm: nameSchema }) }),
  z.strictObject({
    migrate: z.strictObject({
      vm: nameSchema,
      to: nameSchema,
      options: labFileMigrationOptionsSchema,
      /** Injected on purpose when the migration enters the phase. */
      fault: z.strictObject(migrationFaultSchema.shape).optional(),
      /** How it must end: otherwise the step fails. */
      expect: z.enum(['completed', 'failed']).default('completed'),
      /** False: the step ends once it has begun or waits for its turn. */
      wait: z.boolean().default(true),
    }),
  }),
  /** Waits for the migrations that steps have begun with `wait: false`. */
  z.strictObject({
    waitForMigrations: z.strictObject({
      timeoutSeconds: z.number().positive().max(86_400).default(300),
    }),
  }),
  /** Moves every running VM of a host to other hosts, and waits for them. */
  z.strictObject({
    evacuate: z.strictObject({ host: nameSchema, options: labFileMigrationOptionsSchema }),
  }),
  z.strictObject({
    setFilter: z.strictObject({ vm: nameSchema, nic: z.int().min(0).max(3).default(0) }),
  }),
  z.strictObject({
    clearFilter: z.strictObject({ vm: nameSchema, nic: z.int().min(0).max(3).default(0) }),
  }),
  z.strictObject({
    setMode: z.strictObject({
      host: nameSchema,
      adapter: nameSchema,
      vmqEnabled: z.boolean().optional(),
      bufferMode: bufferModeSchema.optional(),
      queueCount: z.int().min(1).max(MAX_VM_QUEUES).optional(),
    }),
  }),
  z.strictObject({
    adapterEvent: z.strictObject({
      host: nameSchema,
      adapter: nameSchema,
      event: adapterEventSchema,
    }),
  }),
  /** Carries the adapter's traffic in each mode by turns, and says which gains and which loses. */
  z.strictObject({
    experiment: z.strictObject({
      host: nameSchema,
      adapter: nameSchema,
      ...experimentOptionsSchema.shape,
    }),
  }),
]);

export const labFileSchema = z.strictObject({
  schema: z.literal(1),
  name: nameSchema,
  hosts: z.array(labFileHostSchema).min(1).max(8),
  vms: z.array(labFileVmSchema).max(256).default([]),
  links: z.array(labFileLinkSchema).max(64).default([]),
  steps: z.array(labFileStepSchema).max(1000).default([]),
});
export type LabFile = z.infer<typeof labFileSchema>;
export type LabFileStep = z.infer<typeof labFileStepSchema>;
