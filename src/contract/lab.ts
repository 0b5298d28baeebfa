/** Contract of the lab: what a page or a command line may ask of it. */
import { eventIterator, oc } from '@orpc/contract';
import { z } from 'zod';
import { refusalErrors, refusalSchema } from './errors';
import { labEventSchema } from './events';
import { experimentOptionsSchema, experimentSnapshotSchema } from './experiment';
import { fabricSnapshotSchema, vmStateSchema } from './host';
import { migrationLimitsSchema, migrationOptionsSchema, migrationPhaseSchema } from './migration';
import {
  adapterConfigSchema,
  hostConfigSchema,
  idSchema,
  labConfigSchema,
  linkConfigSchema,
  macSchema,
  nameSchema,
  nicConfigSchema,
  vmConfigSchema,
} from './model';
import { migrationReportSchema } from './report';
import { adapterEventSchema, adapterProfileSchema } from './vmq';

const command = oc.errors(refusalErrors);
const nothing = z.object({});

/** State of a host process as its supervisor sees it. */
export const hostProcessStateSchema = z.enum([
  'starting',
  'running',
  'restarting',
  'failed',
  'stopped',
]);

/** Faults that a migration may meet on purpose, for demonstrations and tests. */
export const MIGRATION_FAULT_KINDS = [
  'cut-link',
  'slow-link',
  'corrupt-byte',
  'kill-source',
  'kill-target',
  'fill-target-memory',
  'lose-to-vm',
  'lose-from-vm',
] as const;
export const migrationFaultSchema = z.object({
  kind: z.enum(MIGRATION_FAULT_KINDS),
  /** It strikes when the migration enters this phase. */
  phase: migrationPhaseSchema,
  /** MiB/s of a slowed link (8 when left out), or how many probe frames are lost (3). */
  amount: z.number().min(1).max(1_000_000).optional(),
});
export type MigrationFault = z.infer<typeof migrationFaultSchema>;

/** What is checked before a VM moves, in this order. */
export const PREFLIGHT_CHECKS = [
  'host-running',
  'vm-running',
  'adapters',
  'vlan',
  'mac-clash',
  'memory',
  'queue',
  'version',
  'link',
] as const;
export const preflightCheckSchema = z.object({
  check: z.enum(PREFLIGHT_CHECKS),
  /** What is asked, in a few words. */
  title: z.string(),
  /** A warning: it can move, and something will be worse there. */
  result: z.enum(['pass', 'warning', 'fail']),
  /** What was found, one sentence. */
  reason: z.string(),
  /** What to do about it; empty when there is nothing to do. */
  remedy: z.string(),
});
export type PreflightCheck = z.infer<typeof preflightCheckSchema>;

export const preflightTargetSchema = z.object({
  hostId: idSchema,
  name: z.string(),
  /** No check failed. */
  possible: z.boolean(),
  /** Every check, in the order of `PREFLIGHT_CHECKS`. */
  checks: z.array(preflightCheckSchema),
});
export type PreflightTarget = z.infer<typeof preflightTargetSchema>;

/** A migration in the snapshot. `probeSeries` is left empty for all but the ten that ended last. */
export const migrationSnapshotSchema = migrationReportSchema.extend({
  /** Phase now; null while it waits in the queue and when it has ended. */
  phase: z.string().nullable(),
  /** Unix time in milliseconds at which it began; while it waits, at which it was asked for. */
  startedAtMs: z.number(),
});
export type MigrationSnapshot = z.infer<typeof migrationSnapshotSchema>;

/** Whole state of the lab above its hosts. Sent after each change, at most ten times a second. */
export const labSnapshotSchema = z.object({
  revision: z.int(),
  config: labConfigSchema,
  hosts: z.array(
    z.object({
      hostId: idSchema,
      state: hostProcessStateSchema,
      reason: z.string(),
      restarts: z.int(),
      pid: z.int().nullable(),
    }),
  ),
  vms: z.array(
    z.object({
      vmId: idSchema,
      state: vmStateSchema,
      reason: z.string(),
      migrationId: z.string().nullable(),
    }),
  ),
  /** Migrations of this session, newest first: all that wait or run, and ended ones, 100 in all. */
  migrations: z.array(migrationSnapshotSchema),
  /** Experiments of this session, newest first, at most 20. */
  experiments: z.array(experimentSnapshotSchema),
  fabric: fabricSnapshotSchema.nullable(),
  /** Things that the user must know until dismissed, such as a damaged inventory that was set aside. */
  notices: z.array(z.object({ id: z.string(), refusal: refusalSchema })),
});
export type LabSnapshot = z.infer<typeof labSnapshotSchema>;

/** A VM as the create form sends it: what is left out gets its default. */
export const vmDraftSchema = z.object({
  name: nameSchema,
  /** Left out: the only host, or a new "Host A" in an empty lab. */
  hostId: idSchema.optional(),
  memoryMiB: vmConfigSchema.shape.memoryMiB,
  nics: z
    .array(
      nicConfigSchema.omit({ id: true, macs: true, adapter: true }).extend({
        /** Left out: one from the locally administered range that no VM of the lab uses. */
        mac: macSchema.optional(),
        /** Left out: the host's first adapter. */
        adapter: nameSchema.optional(),
      }),
    )
    .min(1)
    .max(4),
  workload: vmConfigSchema.shape.workload,
  /** Start it at once. */
  start: z.boolean().default(true),
});
export type VmDraft = z.input<typeof vmDraftSchema>;

export const labContract = {
  hello: command
    .input(z.object({ contractVersion: z.int() }))
    .output(z.object({ contractVersion: z.int(), productVersion: z.string() })),
  /** Whole state now, then after each change. */
  watch: command.output(eventIterator(labSnapshotSchema)),
  /** Events after `after` (all kept ones when left out), in batches, then live. */
  events: command
    .input(z.object({ after: z.int().optional() }))
    .output(eventIterator(z.array(labEventSchema))),

  /** Legal in an empty lab: two hosts, four VMs on two VLANs, replayed and generated traffic. */
  openSampleLab: command.output(nothing),
  /** Removes every link, VM and host of the lab. */
  clearLab: command.output(nothing),

  createHost: command
    .input(
      z.object({
        name: nameSchema,
        memoryMiB: hostConfigSchema.shape.memoryMiB,
        queueCount: adapterConfigSchema.shape.queueCount,
        /** Id of a profile of `adapterProfiles` for its adapter. */
        profile: idSchema.optional(),
      }),
    )
    .output(z.object({ hostId: idSchema })),
  /** Profiles that an adapter can have; the first one is that of an adapter that names none. */
  adapterProfiles: command.output(z.array(adapterProfileSchema)),
  /** Legal when no VM is on it. */
  deleteHost: command.input(z.object({ hostId: idSchema })).output(nothing),
  /** Starts a failed host process again. */
  restartHost: command.input(z.object({ hostId: idSchema })).output(nothing),
  /** Refused with `wrong-state` while an experiment compares the adapter's modes. */
  setAdapter: command
    .input(z.object({ hostId: idSchema, adapter: adapterConfigSchema }))
    .output(nothing),

  /** Lets something happen to an adapter. Refused with `wrong-state` where its state does not allow it. */
  adapterEvent: command
    .input(z.object({ hostId: idSchema, adapterId: idSchema, event: adapterEventSchema }))
    .output(nothing),

  createVm: command.input(vmDraftSchema).output(z.object({ vmId: idSchema })),
  /** Legal in: stopped for everything; running for name, queue request and workload. */
  updateVm: command.input(vmConfigSchema).output(nothing),
  deleteVm: command.input(z.object({ vmId: idSchema })).output(nothing),
  startVm: command.input(z.object({ vmId: idSchema })).output(nothing),
  stopVm: command.input(z.object({ vmId: idSchema })).output(nothing),
  /** A MAC address that no VM of the lab uses. */
  suggestMac: command.output(z.object({ mac: macSchema })),

  addLink: command.input(linkConfigSchema).output(nothing),
  startLink: command.input(z.object({ linkId: idSchema })).output(nothing),
  stopLink: command.input(z.object({ linkId: idSchema })).output(nothing),
  removeLink: command.input(z.object({ linkId: idSchema })).output(nothing),

  /**
   * Starts moving a running VM; follow it in the snapshot. Two move at a time, the others wait in
   * the order in which they were asked for. Refused with the reason of the first pre-flight check
   * that fails.
   */
  migrate: command
    .input(
      z.object({
        vmId: idSchema,
        targetHostId: idSchema,
        options: migrationOptionsSchema.prefault({}),
        fault: migrationFaultSchema.optional(),
      }),
    )
    .output(z.object({ migrationId: idSchema })),
  /** Legal while it waits, and until the commit. What is left out stays as it is. */
  setMigrationLimits: command
    .input(
      z.object({
        migrationId: idSchema,
        bandwidthMiBps: migrationLimitsSchema.shape.bandwidthMiBps.unwrap().optional(),
        downtimeLimitMs: migrationLimitsSchema.shape.downtimeLimitMs.unwrap().optional(),
      }),
    )
    .output(nothing),
  /** Legal while it waits, and until the commit. The VM runs on at its source. */
  cancelMigration: command.input(z.object({ migrationId: idSchema })).output(nothing),
  /**
   * Moves every running VM of a host to the host with most free memory that passes pre-flight. VMs
   * that are moving away already are left alone.
   */
  evacuateHost: command
    .input(z.object({ hostId: idSchema, options: migrationOptionsSchema.prefault({}) }))
    .output(
      z.object({
        migrationIds: z.array(idSchema),
        refused: z.array(z.object({ vmId: idSchema, refusal: refusalSchema })),
      }),
    ),
  /** What is checked before a VM moves, for every host but its own, impossible ones too. */
  preflight: command
    .input(z.object({ vmId: idSchema }))
    .output(z.object({ targets: z.array(preflightTargetSchema) })),
  /** Fault injection. Legal while it waits or runs and has not passed the fault's phase. */
  injectFault: command
    .input(z.object({ migrationId: idSchema, fault: migrationFaultSchema }))
    .output(nothing),

  /**
   * Starts comparing the modes of an adapter with the traffic that it has; follow it in the snapshot.
   * One runs at a time. The adapter is set back however it ends. Refused with `wrong-state` where no
   * frame reaches a VM, and while a VM moves from or to the host; a migration that begins later, and
   * the removal of the host, cancel it.
   */
  startExperiment: command
    .input(
      z.object({
        hostId: idSchema,
        adapterId: idSchema,
        options: experimentOptionsSchema.prefault({}),
      }),
    )
    .output(z.object({ experimentId: idSchema })),
  /** Legal while it runs. */
  cancelExperiment: command.input(z.object({ experimentId: idSchema })).output(nothing),

  dismissNotice: command.input(z.object({ id: z.string() })).output(nothing),
};
