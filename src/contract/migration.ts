/** Migration as data: options, progress, rounds, and what the meter measures. */
import { z } from 'zod';

/** Phases of an outgoing migration, in order. */
export const MIGRATION_PHASES = [
  'preparing',
  'clearing-filters',
  'stopping-dma',
  'copying',
  'stopping-vm',
  'final-copy',
  'committing',
  'resuming',
  'cleaning-up',
] as const;
export const migrationPhaseSchema = z.enum(MIGRATION_PHASES);
export type MigrationPhase = z.infer<typeof migrationPhaseSchema>;

/** Limits of a migration that may be changed while it runs. */
export const migrationLimitsSchema = z.object({
  /** Greatest rate of live copying in MiB/s; null: as fast as possible. The final copy is never slowed. */
  bandwidthMiBps: z.number().min(1).max(100_000).nullable().default(null),
  /** The guest is stopped once the rest is expected to be copied within this time. */
  downtimeLimitMs: z.int().min(1).max(10_000).default(20),
});
export type MigrationLimits = z.infer<typeof migrationLimitsSchema>;

export const migrationOptionsSchema = migrationLimitsSchema.extend({
  /** Rounds of copying with a running guest; the final one comes on top. */
  maxRounds: z.int().min(1).max(60).default(12),
  /** Slows the guest down when rounds do not shrink what remains. */
  autoConverge: z.boolean().default(false),
  /** After the last round with too much left: stop the guest all the same, or leave it where it is. */
  whenNotConverging: z.enum(['finish', 'give-up']).default('finish'),
  /** Probe frames per second of the meter; 0: no meter. */
  probesPerSecond: z.int().min(0).max(5000).default(500),
});
export type MigrationOptions = z.infer<typeof migrationOptionsSchema>;

/** One round of copying. */
export const migrationRoundSchema = z.object({
  round: z.int(),
  /** False for the final round, with the guest stopped. */
  live: z.boolean(),
  /** Pages sent, of which zero pages and pages of one repeated word went as their number alone. */
  pages: z.int(),
  zeroPages: z.int(),
  repeatedPages: z.int(),
  bytes: z.number(),
  durationMs: z.number(),
  /** Pages dirty when it ended. */
  dirtyPages: z.int(),
});
export type MigrationRound = z.infer<typeof migrationRoundSchema>;

/** What the source reports while it sends a VM. The stream ends after `ready`, or with REFUSED. */
export const migrationProgressSchema = z.object({
  phase: migrationPhaseSchema,
  /** Rate of sending, and of pages becoming dirty, over the last round or the part of it done; 0 before. */
  bytesPerSecond: z.number(),
  dirtyBytesPerSecond: z.number(),
  /** Time taken from the guest to slow it down. */
  throttlePercent: z.int(),
  /** Downtime if the guest were stopped now. */
  expectedDowntimeMs: z.number(),
  /** Why it does not converge and what to do; empty while it does. */
  advice: z.string(),
  /** Rounds that have ended. */
  roundList: z.array(migrationRoundSchema),
  /** Rounds begun, the final one included. */
  round: z.int(),
  sentBytes: z.number(),
  remainingBytes: z.number(),
  totalBytes: z.number(),
  /** Monotonic time at which the guest was stopped on the source; 0 before. */
  stoppedAtNs: z.number(),
  /** True once the target has confirmed the whole state: the lab may commit. */
  ready: z.boolean(),
});
export type MigrationProgress = z.infer<typeof migrationProgressSchema>;

const probeCountSchema = z.object({
  sent: z.int(),
  received: z.int(),
  lost: z.int(),
  duplicated: z.int(),
  reordered: z.int(),
  /** Longest time between two arrivals, in milliseconds. */
  silenceMs: z.number(),
});
export type ProbeCount = z.infer<typeof probeCountSchema>;

/**
 * What stamped probe frames say about the path to a VM and back: the outer figures are of the round
 * trip, with lost = lost to the VM + lost from it.
 */
export const probeResultSchema = probeCountSchema.extend({
  toVm: probeCountSchema,
  fromVm: probeCountSchema,
});
export type ProbeResult = z.infer<typeof probeResultSchema>;

/** What a running probe has measured so far. */
export const probeSampleSchema = z.object({
  /** Milliseconds since the probe began. */
  atMs: z.number(),
  sent: z.int(),
  /** Answers that came back. */
  received: z.int(),
  /** Probes that reached the VM, as its answers tell. */
  toVmReceived: z.int(),
  /** Longest silence of the round trip so far. */
  silenceMs: z.number(),
});
export type ProbeSample = z.infer<typeof probeSampleSchema>;
