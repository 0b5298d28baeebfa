/** What an adapter moved and took between two meters. */
import type { AdapterMeter } from '../../contract/experiment';
import type { LatencyBuckets } from '../../contract/latency';
import {
  latencyDifference,
  latencyPercentile,
  latencySamples,
} from '../../shared/latency-histogram';
import type { RoundFigures } from './verdict';

type ThreadMeter = AdapterMeter['threads'][number];
type CpuSource = 'system' | 'threads';

export interface Interval extends RoundFigures {
  readonly seconds: number;
  readonly lostFrames: number;
  /** Null where nothing was indicated. */
  readonly latencyP50Us: number | null;
  readonly latencyP99Us: number | null;
  readonly copiesPerFrame: number | null;
  readonly adapterCpuNsPerFrame: number | null;
  readonly cpuSource: CpuSource;
  readonly queuesUsed: number;
}

/**
 * The difference of two meters, thread by thread: a thread that came or went in between is left out,
 * as its counters are not of this adapter alone.
 */
export function intervalBetween(before: AdapterMeter, after: AdapterMeter): Interval {
  const known = new Map(before.threads.map((thread) => [thread.thread, thread]));
  const pairs = after.threads.flatMap((last) => {
    const first = known.get(last.thread);
    return first === undefined ? [] : [{ first, last }];
  });
  const over = (figure: (thread: ThreadMeter) => number, role?: ThreadMeter['role']): number =>
    pairs
      .filter(({ last }) => role === undefined || last.role === role)
      .reduce((sum, { first, last }) => sum + figure(last) - figure(first), 0);
  const isRead = pairs.every(({ first, last }) => first.systemCpuNs >= 0 && last.systemCpuNs >= 0);
  const cpu = (role: ThreadMeter['role']): number =>
    over(({ systemCpuNs, turnNs }) => (isRead ? systemCpuNs : turnNs), role);
  const seconds = (after.atNs - before.atNs) / 1e9;
  const deliveredFrames = over(({ delivered }) => delivered);
  const latency = latencyBetween(before, after);
  const percentile = (perMille: number): number | null =>
    latencySamples(latency) > 0 ? latencyPercentile(latency, perMille) : null;
  const perFrame = (amount: number): number | null =>
    deliveredFrames > 0 ? amount / deliveredFrames : null;
  return {
    seconds,
    deliveredFrames,
    framesPerSecond: seconds > 0 ? deliveredFrames / seconds : 0,
    cpuNsPerFrame: perFrame(cpu('queue')),
    adapterCpuNsPerFrame: perFrame(cpu('adapter')),
    copiesPerFrame: perFrame(over(({ receiveCopies }) => receiveCopies)),
    lostFrames: over(({ lost }) => lost),
    latencyP50Us: percentile(500),
    latencyP99Us: percentile(990),
    cpuSource: isRead ? 'system' : 'threads',
    queuesUsed: Math.min(before.queuesUsed, after.queuesUsed),
  };
}

/** What all queues that were there at both ends have added to their histograms. */
function latencyBetween(before: AdapterMeter, after: AdapterMeter): LatencyBuckets {
  const known = new Map(before.queues.map((queue) => [queue.queueId, queue.latencyBuckets]));
  const added = after.queues.flatMap(({ queueId, latencyBuckets }) => {
    const first = known.get(queueId);
    return first === undefined ? [] : [latencyDifference(latencyBuckets, first)];
  });
  const longest = Math.max(0, ...added.map((buckets) => buckets.length));
  return Array.from({ length: longest }, (_, bucket) =>
    added.reduce((sum, buckets) => sum + (buckets[bucket] ?? 0), 0),
  );
}
