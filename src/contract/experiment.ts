/**
 * The experiment: one adapter's own traffic, carried in several modes by turns, and what each mode
 * cost. Nothing of it is modelled: every figure is a difference of counters around an interval.
 */
import { z } from 'zod';
import { latencyBucketsSchema } from './latency';
import { idSchema } from './names';
import { THREAD_ROLES } from './telemetry';

const count = z.int().min(0);

/** What is compared; the last one is what the others are measured against. */
export const EXPERIMENT_MODES = ['shared-memory', 'host-buffers', 'vmq-off'] as const;
export const experimentModeSchema = z.enum(EXPERIMENT_MODES);
export type ExperimentMode = z.infer<typeof experimentModeSchema>;

export const experimentOptionsSchema = z.object({
  /** Rounds that count. Each measures every mode once; fewer than 7 cannot tell a difference from chance. */
  rounds: z.int().min(3).max(50).default(10),
  /** Seconds that each mode is measured in a round. */
  secondsPerRound: z.number().min(0.5).max(60).default(1),
  /** A/A: the mode that is set now is compared with itself. It must find no difference. */
  aa: z.boolean().default(false),
});
export type ExperimentOptions = z.infer<typeof experimentOptionsSchema>;

/**
 * Counters of an adapter's threads at one moment. All count from the thread's start and only rise;
 * an interval is the difference of two meters, thread by thread.
 */
export const adapterMeterSchema = z.object({
  /** Nanoseconds of the machine's monotonic clock. */
  atNs: z.number(),
  /** VM queues that are allocated now. */
  queuesUsed: count,
  threads: z.array(
    z.object({
      thread: z.int(),
      role: z.enum(THREAD_ROLES),
      /** Processor time by the system's account; -1 where it cannot be read. */
      systemCpuNs: z.number(),
      /** Time of its turns by its own account, polling included. */
      turnNs: z.number(),
      /** Frames put into receive virtqueues. */
      delivered: count,
      /** Copies by the processor of frames, or parts of them, on their way into a VM. */
      receiveCopies: count,
      /** Frames lost, by the reasons that are losses. */
      lost: count,
    }),
  ),
  /** Latency of the queues that exist now, the default queue (0) included. */
  queues: z.array(z.object({ queueId: count, latencyBuckets: latencyBucketsSchema })),
});
export type AdapterMeter = z.infer<typeof adapterMeterSchema>;

/** One figure over the rounds. */
export const experimentFigureSchema = z.object({
  median: z.number(),
  min: z.number(),
  max: z.number(),
  /** By round, in order. */
  rounds: z.array(z.number()),
});
export type ExperimentFigure = z.infer<typeof experimentFigureSchema>;

export const experimentArmSchema = z.object({
  mode: experimentModeSchema,
  /** What a reader calls it. */
  name: z.string(),
  /** VM queues in use while it was measured, at least. */
  queuesUsed: count,
  /** Frames that VMs got, per second. */
  framesPerSecond: experimentFigureSchema,
  /**
   * Processor time of the host per million frames delivered, in milliseconds: of the threads that
   * serve queues, the default queue's included. Null where no time or no frame was counted.
   */
  cpuMsPerMillionFrames: experimentFigureSchema.nullable(),
  /** The same of the adapter's thread, which stands for hardware. */
  adapterCpuMsPerMillionFrames: experimentFigureSchema.nullable(),
  /** Copies by the processor of the host on the way into the VM, per frame delivered. */
  copiesPerFrame: experimentFigureSchema.nullable(),
  /**
   * Latency of frames in microseconds, from wire memory to the guest, over all queues; a frame counts
   * as much as the oldest one of its indication. Null where nothing was indicated.
   */
  latencyP50Us: experimentFigureSchema.nullable(),
  latencyP99Us: experimentFigureSchema.nullable(),
  /** Sums over all rounds that count. */
  deliveredFrames: count,
  lostFrames: count,
});
export type ExperimentArm = z.infer<typeof experimentArmSchema>;

/** One figure of two modes, round by round. */
export const pairedFigureSchema = z.object({
  /** This mode divided by the other, in each round. */
  ratio: experimentFigureSchema,
  /**
   * How often chance alone would make the rounds lean to one side as much as this (exact two-sided
   * signed-rank test of the logarithms of the ratios).
   */
  pValue: z.number().min(0).max(1),
  /** Whether it is neither chance nor too small to matter. */
  isDifferent: z.boolean(),
});
export type PairedFigure = z.infer<typeof pairedFigureSchema>;

export const EXPERIMENT_VERDICTS = ['gain', 'loss', 'no-difference', 'cannot-tell'] as const;
export const experimentVerdictSchema = z.enum(EXPERIMENT_VERDICTS);
export type ExperimentVerdict = z.infer<typeof experimentVerdictSchema>;

export const experimentComparisonSchema = z.object({
  /** Positions in `arms`. */
  arm: count,
  against: count,
  verdict: experimentVerdictSchema,
  /** The figure that decided; null when none did. */
  decidedBy: z.enum(['frames-per-second', 'cpu-per-frame']).nullable(),
  framesPerSecond: pairedFigureSchema.nullable(),
  cpuPerFrame: pairedFigureSchema.nullable(),
  /** The verdict in plain words, with its figures. */
  sentence: z.string(),
});
export type ExperimentComparison = z.infer<typeof experimentComparisonSchema>;

export const experimentReportSchema = z.object({
  experimentId: z.string(),
  hostId: idSchema,
  hostName: z.string(),
  adapterId: idSchema,
  adapterName: z.string(),
  options: experimentOptionsSchema,
  startedAt: z.iso.datetime(),
  durationMs: z.number(),
  outcome: z.enum(['running', 'completed', 'failed', 'cancelled']),
  /** Why it failed or was cancelled; else empty. */
  reason: z.string(),
  /** Where processor times come from: the system's account of threads, or their own. */
  cpuSource: z.enum(['system', 'threads']),
  /** In the order in which they are listed; filled when it has completed. */
  arms: z.array(experimentArmSchema),
  /** Each mode against VMQ off, or of an A/A run the second against the first. */
  comparisons: z.array(experimentComparisonSchema),
});
export type ExperimentReport = z.infer<typeof experimentReportSchema>;

/** An experiment in the lab's snapshot. */
export const experimentSnapshotSchema = experimentReportSchema.extend({
  progress: z
    .object({
      /** Measurements done, of all. */
      done: count,
      total: count,
      /** 0: the round that does not count. */
      round: count,
      /** Name of the mode that is measured now. */
      arm: z.string(),
      /** Seconds that the rest will take, about. */
      secondsLeft: z.number(),
    })
    .nullable(),
});
export type ExperimentSnapshot = z.infer<typeof experimentSnapshotSchema>;
