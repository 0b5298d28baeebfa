/** What a queue's panel says of its latency, from readings of the queue. */
import type { LatencySummary, QueueLatencyReading } from '../../contract/latency';
import {
  latencyDifference,
  latencyPercentile,
  latencySamples,
  summariseLatency,
} from '../../shared/latency-histogram';
import { NANOSECONDS_PER_MICROSECOND } from '../../shared/units';

/** How far back the figures of now reach. */
export const LATENCY_WINDOW_MS = 5000;
/** Readings are not exactly a second apart. */
const TOLERANCE_MS = 500;

/** Of some time: percentiles over frames in µs, `NaN` when none came. */
export interface LatencyFigures {
  readonly samples: number;
  readonly percentiles: Pick<LatencySummary, 'p50' | 'p90' | 'p99' | 'p999'>;
  /** µs; `NaN` where it is not known. */
  readonly longest: number;
  readonly interruptsPerSecond: number;
  readonly framesPerInterrupt: number;
}

export interface RecentFigures extends LatencyFigures {
  /** The time that they are of. */
  readonly seconds: number;
}

/** Adds a reading, and forgets those that are older than the window. */
export function withReading(
  readings: readonly QueueLatencyReading[],
  reading: QueueLatencyReading,
): QueueLatencyReading[] {
  const since = reading.atMs - LATENCY_WINDOW_MS - TOLERANCE_MS;
  return [...readings.filter(({ atMs }) => atMs >= since), reading];
}

/** Figures of the last seconds; null before there are two readings. */
export function recentFigures(readings: readonly QueueLatencyReading[]): RecentFigures | null {
  const first = readings[0];
  const last = readings[readings.length - 1];
  if (!first || !last || last.atMs <= first.atMs) return null;
  const buckets = latencyDifference(last.buckets, first.buckets);
  const interrupts = last.interrupts - first.interrupts;
  const seconds = (last.atMs - first.atMs) / 1000;
  const at = (perMille: number): number => latencyPercentile(buckets, perMille);
  return {
    samples: latencySamples(buckets),
    percentiles: { p50: at(500), p90: at(900), p99: at(990), p999: at(999) },
    longest: NaN,
    interruptsPerSecond: interrupts / seconds,
    framesPerInterrupt: interrupts > 0 ? (last.frames - first.frames) / interrupts : NaN,
    seconds,
  };
}

/** Figures since the queue was allocated; null before anything was measured. */
export function wholeFigures(reading: QueueLatencyReading | undefined): LatencyFigures | null {
  if (!reading) return null;
  const { buckets, longestMicroseconds, frames, interrupts } = reading;
  const summary = summariseLatency(buckets, longestMicroseconds * NANOSECONDS_PER_MICROSECOND);
  if (!summary) return null;
  const { samples, max, ...percentiles } = summary;
  return {
    samples,
    percentiles,
    longest: max,
    interruptsPerSecond: NaN,
    framesPerInterrupt: interrupts > 0 ? frames / interrupts : NaN,
  };
}
