/** Histograms of latencies: pure functions over counts by bucket (`contract/latency.ts`). */
import {
  LATENCY_BUCKETS,
  LATENCY_FROM_POWER,
  LATENCY_STEPS,
  LATENCY_TO_POWER,
  type LatencyBuckets,
  type LatencySummary,
} from '../contract/latency';
import { NANOSECONDS_PER_MICROSECOND } from './units';

const STEP_BITS = Math.log2(LATENCY_STEPS);

/** Bucket of a latency in ns. What is negative, as two clocks may make it, is short. */
export function latencyBucketOf(ns: number): number {
  if (!(ns >= 2 ** LATENCY_FROM_POWER)) return 0;
  if (ns >= 2 ** LATENCY_TO_POWER) return LATENCY_BUCKETS - 1;
  const power = 31 - Math.clz32(ns);
  const step = (Math.floor(ns) >>> (power - STEP_BITS)) % LATENCY_STEPS;
  return 1 + (power - LATENCY_FROM_POWER) * LATENCY_STEPS + step;
}

/** Where a bucket begins, and the next one: `[from, to)` in ns. */
export function latencyBucketBounds(bucket: number): {
  readonly from: number;
  readonly to: number;
} {
  const edge = (index: number): number => {
    const power = LATENCY_FROM_POWER + Math.floor(index / LATENCY_STEPS);
    return 2 ** power * (1 + (index % LATENCY_STEPS) / LATENCY_STEPS);
  };
  if (bucket <= 0) return { from: 0, to: edge(0) };
  if (bucket >= LATENCY_BUCKETS - 1) return { from: edge(bucket - 1), to: Infinity };
  return { from: edge(bucket - 1), to: edge(bucket) };
}

/** Frames that a histogram has counted. */
export function latencySamples(buckets: LatencyBuckets): number {
  return buckets.reduce((sum, count) => sum + count, 0);
}

/** What was added to a histogram. @param before the same histogram, earlier. */
export function latencyDifference(after: LatencyBuckets, before: LatencyBuckets): LatencyBuckets {
  return after.map((count, bucket) => Math.max(0, count - (before[bucket] ?? 0)));
}

/**
 * A percentile in µs, by nearest rank: the least value that at least this part of the samples do not
 * exceed. Within 6 % of it from 1.024 µs to 1.07 s; below and beyond, that bound. `NaN` without
 * samples.
 * @param perMille 500 is the median.
 */
export function latencyPercentile(buckets: LatencyBuckets, perMille: number): number {
  const rank = Math.max(1, Math.ceil((perMille * latencySamples(buckets)) / 1000));
  let seen = 0;
  for (const [bucket, count] of buckets.entries()) {
    seen += count;
    if (seen >= rank) return valueOf(bucket) / NANOSECONDS_PER_MICROSECOND;
  }
  return NaN;
}

/** What a bucket stands for, in ns: the value whose greatest relative error is least, 1 part in 17. */
function valueOf(bucket: number): number {
  const { from, to } = latencyBucketBounds(bucket);
  if (from === 0) return to;
  return to === Infinity ? from : (2 * from * to) / (from + to);
}

/**
 * The percentiles of a histogram; null without samples.
 * @param longestNs the longest latency in it; no percentile is longer.
 */
export function summariseLatency(
  buckets: LatencyBuckets,
  longestNs: number,
): LatencySummary | null {
  const samples = latencySamples(buckets);
  if (samples === 0) return null;
  const max = Math.max(0, longestNs) / NANOSECONDS_PER_MICROSECOND;
  const at = (perMille: number): number => Math.min(max, latencyPercentile(buckets, perMille));
  return { samples, p50: at(500), p90: at(900), p99: at(990), p999: at(999), max };
}

/** A latency as text, no finer than it is known: `< 1 µs`, `4.2 µs`, `37 µs`, `1.2 ms`. `–` without one. */
export function formatLatency(microseconds: number): string {
  if (!Number.isFinite(microseconds)) return '–';
  if (microseconds * NANOSECONDS_PER_MICROSECOND <= 2 ** LATENCY_FROM_POWER) return '< 1 µs';
  const [value, unit] =
    microseconds < 999.5
      ? [microseconds, 'µs']
      : microseconds < 999_500
        ? [microseconds / 1000, 'ms']
        : [microseconds / 1e6, 's'];
  return `${value < 9.95 ? value.toFixed(1) : Math.round(value)} ${unit}`;
}
