/**
 * Reports: what a run moved, by host, queue, VM, switch and migration, with the conservation block.
 * All figures are counted in frames and bytes; only the latency of queues is sampled.
 */
import { z } from 'zod';
import { DROP_REASONS } from './drop-reasons';
import { experimentReportSchema } from './experiment';
import {
  migrationOptionsSchema,
  migrationPhaseSchema,
  migrationRoundSchema,
  probeResultSchema,
  probeSampleSchema,
} from './migration';
import { latencyBucketsSchema, latencySummarySchema } from './latency';
import { vlanModeSchema } from './model';
import { noQueueReasonSchema, queueWeightSchema } from './vmq';

const count = z.int().min(0);

/** Frames dropped, by reason; reasons that did not occur are left out. */
export const dropsSchema = z.partialRecord(
  z.enum(DROP_REASONS.map((reason) => reason.code)),
  count,
);
export type Drops = z.infer<typeof dropsSchema>;

/** entered + copiesMade = delivered + dropped + held, to the frame, once nothing moves. */
export const conservationSchema = z.object({
  /** Frames that entered: from the wire, and from the VMs. */
  entered: z.object({ fromWire: count, fromVms: count, announced: count }),
  /** Additional copies made to reach several ports. */
  copiesMade: count,
  delivered: z.object({ toVms: count, toWire: count }),
  dropped: dropsSchema,
  /** Frames still in rings and hold lists, counted there. */
  held: count,
  holds: z.boolean(),
});
export type Conservation = z.infer<typeof conservationSchema>;

export const queueReportSchema = z.object({
  adapter: z.string(),
  queueId: z.int(),
  vm: z.string().nullable(),
  macs: z.array(z.string()),
  vlan: vlanModeSchema.nullable(),
  /** False when it was freed before the report; the last 256 such queues of an adapter are told. */
  live: z.boolean(),
  frames: count,
  bytes: count,
  indications: count,
  interrupts: count,
  dropped: dropsSchema,
  /** From wire memory to the used index, each frame as the oldest of its indication; null before the first. */
  latency: latencySummarySchema.nullable(),
  /** The histogram behind it, since the queue was allocated. */
  latencyBuckets: latencyBucketsSchema,
});

/** What a guest with `stamps` found of the generator's frames. */
export const stampCheckSchema = z.object({
  checked: count,
  /** Frames unlike the first one. */
  corrupt: count,
  /** Frames whose number is not above all before: repeated or reversed. */
  outOfOrder: count,
});
export type StampCheck = z.infer<typeof stampCheckSchema>;

export const vmReportSchema = z.object({
  vmId: z.string(),
  name: z.string(),
  framesDelivered: count,
  bytesDelivered: count,
  framesSent: count,
  bytesSent: count,
  /** Its NICs as they are now; none when it does not run here. */
  nics: z.array(
    z.object({
      nicId: z.string(),
      adapter: z.string(),
      /** Queue that serves it; 0 = the default queue. */
      queueId: count,
      queueWeight: queueWeightSchema,
      /** Why it has no queue of its own; null when it has one. */
      noQueue: noQueueReasonSchema.nullable(),
    }),
  ),
  /** Of a guest with `stamps` that is on this host, since its workload was set. */
  stamps: stampCheckSchema.optional(),
});

export const switchReportSchema = z.object({
  adapter: z.string(),
  /** Frames sent to one known port or to the wire. */
  forwarded: count,
  /** Frames sent to all ports of their VLAN. */
  flooded: count,
  dropped: dropsSchema,
  learnedMacs: count,
});

export const linkReportSchema = z.object({
  linkId: z.string(),
  name: z.string(),
  frames: count,
  bytes: count,
  loops: count,
});

export const hostReportSchema = z.object({
  hostId: z.string(),
  name: z.string(),
  queues: z.array(queueReportSchema),
  vms: z.array(vmReportSchema),
  switches: z.array(switchReportSchema),
  links: z.array(linkReportSchema),
  conservation: conservationSchema,
});
export type HostReport = z.infer<typeof hostReportSchema>;

export const fabricReportSchema = z.object({
  ports: z.array(
    z.object({
      name: z.string(),
      framesIn: count,
      bytesIn: count,
      framesOut: count,
      bytesOut: count,
      dropped: count,
    }),
  ),
  links: z.array(linkReportSchema),
  /** entered + copiesMade = delivered + dropped + held, of the fabric itself. */
  entered: count,
  copiesMade: count,
  delivered: count,
  dropped: count,
  held: count,
  learnedMacs: count,
  holds: z.boolean(),
});
export type FabricReport = z.infer<typeof fabricReportSchema>;

export const migrationReportSchema = z.object({
  migrationId: z.string(),
  vmId: z.string(),
  vmName: z.string(),
  fromHostId: z.string(),
  toHostId: z.string(),
  outcome: z.enum(['queued', 'running', 'completed', 'failed', 'cancelled']),
  /** Why it failed or was cancelled; else empty. */
  reason: z.string(),
  phases: z.array(z.object({ phase: z.string(), startMs: z.number(), durationMs: z.number() })),
  /** Time between the guest's last instruction on the source and its first on the target. */
  downtimeMs: z.number().nullable(),
  totalMs: z.number(),
  sentBytes: z.number(),
  remainingBytes: z.number(),
  totalBytes: z.number(),
  rounds: z.int(),
  options: migrationOptionsSchema,
  roundList: z.array(migrationRoundSchema),
  /** Rate of sending and greatest throttling, as last reported. */
  bytesPerSecond: z.number(),
  dirtyBytesPerSecond: z.number(),
  throttlePercent: z.int(),
  expectedDowntimeMs: z.number(),
  /** Why it does not converge, or did not, and what to do; else empty. */
  advice: z.string(),
  /** What went wrong without ending it. */
  warnings: z.array(z.string()),
  /** A fault that was injected on purpose. */
  fault: z.object({ kind: z.string(), phase: migrationPhaseSchema }).nullable(),
  /** Measured by stamped probe frames over the whole migration; null where the VM has no address to probe. */
  probe: probeResultSchema.nullable(),
  /** Samples of the probe, ten a second, at most 600: the latest. */
  probeSeries: z.array(probeSampleSchema),
  /** Whether the marker frame proved that no frame was left on the old path; null before. */
  markerSeen: z.boolean().nullable(),
  /** Frames for the VM that were held on the source and sent on after it had moved. */
  heldFrames: z.int(),
});
export type MigrationReport = z.infer<typeof migrationReportSchema>;

export const stepReportSchema = z.object({
  index: z.int(),
  step: z.string(),
  ok: z.boolean(),
  durationMs: z.number(),
  text: z.string(),
});

/** What `npm run lab -- FILE --report REPORT.json` writes. */
export const labReportSchema = z.object({
  schema: z.literal(1),
  lab: z.string(),
  startedAt: z.iso.datetime(),
  durationMs: z.number(),
  ok: z.boolean(),
  steps: z.array(stepReportSchema),
  hosts: z.array(hostReportSchema),
  fabric: fabricReportSchema,
  migrations: z.array(migrationReportSchema),
  /** Comparisons of an adapter's modes, in the order in which they ran. */
  experiments: z.array(experimentReportSchema),
  /** Sum over all hosts. */
  conservation: conservationSchema,
});
export type LabReport = z.infer<typeof labReportSchema>;
