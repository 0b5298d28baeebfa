/** Contract of the lab: what a page or a command line may ask of it. */
import { eventIterator, oc } from '@orpc/contract';
import { z } from 'zod';
import { refusalErrors, refusalSchema } from './errors';
import { labEventSchema } from './events';
import { fabricSnapshotSchema, vmStateSchema } from './host';
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

export const migrationSnapshotSchema = migrationReportSchema.extend({
  /** Phase now; null when it has ended. */
  phase: z.string().nullable(),
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
  /** Running and ended migrations of this session, newest first, at most 100. */
  migrations: z.array(migrationSnapshotSchema),
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
      }),
    )
    .output(z.object({ hostId: idSchema })),
  /** Legal when no VM is on it. */
  deleteHost: command.input(z.object({ hostId: idSchema })).output(nothing),
  /** Starts a failed host process again. */
  restartHost: command.input(z.object({ hostId: idSchema })).output(nothing),
  setAdapter: command
    .input(z.object({ hostId: idSchema, adapter: adapterConfigSchema }))
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

  /** Starts moving a running VM; follow it in the snapshot. */
  migrate: command
    .input(z.object({ vmId: idSchema, targetHostId: idSchema }))
    .output(z.object({ migrationId: idSchema })),
  /** Legal until the commit. The VM runs on at its source. */
  cancelMigration: command.input(z.object({ migrationId: idSchema })).output(nothing),

  dismissNotice: command.input(z.object({ id: z.string() })).output(nothing),
};
