/**
 * Latency of a receive queue: from the moment when the link put a frame into wire memory to the used
 * index that shows it to the guest. All frames of an indication count as much as the oldest one, which
 * waited longest, and the end is read once the guest was woken: what is stated is never too short.
 *
 * A histogram is counts by bucket. Buckets are log-linear: {@link LATENCY_STEPS} of equal width for
 * each power of two nanoseconds from 1.024 µs to 1.07 s, one bucket for what is shorter and one for
 * what is longer. `shared/latency-histogram.ts` has the functions.
 */
import { z } from 'zod';

/** Bucket 0: less than 2^10 ns. */
export const LATENCY_FROM_POWER = 10;
/** The last bucket: 2^30 ns and more. */
export const LATENCY_TO_POWER = 30;
/** Buckets of each power of two between them. */
export const LATENCY_STEPS = 8;
export const LATENCY_BUCKETS = (LATENCY_TO_POWER - LATENCY_FROM_POWER) * LATENCY_STEPS + 2;

/** Frames by bucket; zeros at the end are left out. */
export const latencyBucketsSchema = z.array(z.int().min(0)).max(LATENCY_BUCKETS);
export type LatencyBuckets = z.infer<typeof latencyBucketsSchema>;

/** Percentiles over frames, in microseconds; of what was counted, within 6 %. */
export const latencySummarySchema = z.object({
  /** Frames that were counted. */
  samples: z.int().min(1),
  p50: z.number(),
  p90: z.number(),
  p99: z.number(),
  /** 99.9 %. */
  p999: z.number(),
  /** The longest, exactly. */
  max: z.number(),
});
export type LatencySummary = z.infer<typeof latencySummarySchema>;

/** What a queue has counted since it was allocated, of one moment: two of them give figures of the time between. */
export const queueLatencySchema = z.object({
  /** Milliseconds of a clock of the host that never goes back. */
  atMs: z.number(),
  buckets: latencyBucketsSchema,
  longestMicroseconds: z.number(),
  frames: z.int(),
  indications: z.int(),
  interrupts: z.int(),
});
export type QueueLatencyReading = z.infer<typeof queueLatencySchema>;
