/** What an adapter moved and took between two meters. */
import type { AdapterMeter } from '../../contract/experiment';
import type { RoundFigures } from './verdict';

type ThreadMeter = AdapterMeter['threads'][number];
type CpuSource = 'system' | 'threads';

export interface Interval extends RoundFigures {
  readonly seconds: number;
  readonly lostFrames: number;
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
    cpuSource: isRead ? 'system' : 'threads',
    queuesUsed: Math.min(before.queuesUsed, after.queuesUsed),
  };
}
