/**
 * What each logical processor did, in percent of its time: the work of each receive queue's thread, the
 * adapter's threads, polling, other threads of this host, other hosts, and the rest of the machine.
 *
 * A thread is attributed in each column to the queue that it served at the column's end: pool threads change
 * their queue. A thread's clock also runs while the system has taken its processor away; where the system's own
 * account of the thread is known, work and polling are cut to it, so that the parts never exceed the whole.
 */
import { PROCESSOR, ROLE, THREAD } from './columns';
import {
  processorKey,
  queueKey,
  type HostSeries,
  type SeriesRow,
  type TimeAxis,
} from './host-series';

/** Parts of a processor's time other than queues. */
export const CPU_PARTS = [
  'adapter',
  'polling',
  'host-threads',
  'other-hosts',
  'machine-rest',
] as const;
export type CpuPart = (typeof CPU_PARTS)[number];

export interface ProcessorShares {
  /** -1 gathers the threads that are pinned to no processor. */
  readonly processor: number;
  /** Percent per column, by queue key. */
  readonly queues: Map<string, Float64Array>;
  readonly parts: Record<CpuPart, Float64Array>;
  /** Whether a column has a sample. */
  readonly known: Uint8Array;
}

export interface OtherHost {
  readonly series: HostSeries;
  readonly axis: TimeAxis;
}

const NS_PER_PERCENT_SECOND = 1e7;
const MS_PER_PERCENT_SECOND = 10;

export function cpuShares(
  series: HostSeries,
  axis: TimeAxis,
  others: readonly OtherHost[],
): ProcessorShares[] {
  const count = axis.endsMs.length;
  const byProcessor = new Map<number, ProcessorShares>();
  const sharesOf = (processor: number): ProcessorShares => {
    const known = byProcessor.get(processor);
    if (known) return known;
    const fresh = emptyShares(processor, count);
    byProcessor.set(processor, fresh);
    return fresh;
  };
  for (const row of series.rowsOf('processor')) sharesOf(Number(row.key.split(':')[1]));
  for (const row of series.rowsOf('thread')) addThread(series, axis, row, sharesOf);
  for (const other of others) addOtherHost(other, sharesOf);
  for (const shares of byProcessor.values()) addRest(series, axis, shares);
  return [...byProcessor.values()]
    .filter((shares) => shares.processor >= 0 || shares.queues.size > 0)
    .sort((a, b) => Number(a.processor < 0) - Number(b.processor < 0) || a.processor - b.processor);
}

function emptyShares(processor: number, count: number): ProcessorShares {
  const zeros = (): Float64Array => new Float64Array(count);
  return {
    processor,
    queues: new Map(),
    parts: {
      adapter: zeros(),
      polling: zeros(),
      'host-threads': zeros(),
      'other-hosts': zeros(),
      'machine-rest': zeros(),
    },
    known: new Uint8Array(count),
  };
}

interface ThreadTurn {
  readonly processor: number;
  readonly work: number;
  readonly poll: number;
}

/** Percent of one processor that a thread worked and polled in a column; undefined is a gap. */
function turnOf(
  series: HostSeries,
  axis: TimeAxis,
  row: SeriesRow,
  index: number,
): ThreadTurn | undefined {
  const work = series.rateAt(row, THREAD.workNs, axis, index) / NS_PER_PERCENT_SECOND;
  const poll = series.rateAt(row, THREAD.pollNs, axis, index) / NS_PER_PERCENT_SECOND;
  if (Number.isNaN(work) || Number.isNaN(poll)) return undefined;
  const end = axis.samples[index + 1] ?? -1;
  const processor = series.valueAt(row, THREAD.processor, end);
  const hasSystemTime = series.valueAt(row, THREAD.systemCpuNs, end) >= 0;
  const system = hasSystemTime
    ? series.rateAt(row, THREAD.systemCpuNs, axis, index) / NS_PER_PERCENT_SECOND
    : Number.NaN;
  const scale = system < work + poll ? system / (work + poll) : 1;
  return { processor, work: work * scale, poll: poll * scale };
}

function addThread(
  series: HostSeries,
  axis: TimeAxis,
  row: SeriesRow,
  sharesOf: (processor: number) => ProcessorShares,
): void {
  for (let index = 0; index < axis.endsMs.length; index += 1) {
    const turn = turnOf(series, axis, row, index);
    if (!turn) continue;
    const end = axis.samples[index + 1] ?? -1;
    const shares = sharesOf(turn.processor);
    const role = series.valueAt(row, THREAD.role, end);
    const queueId = series.valueAt(row, THREAD.queueId, end);
    const values =
      role === ROLE.queue && queueId >= 0
        ? queueValues(shares, queueKey(series.valueAt(row, THREAD.adapter, end), queueId))
        : shares.parts[role === ROLE.adapter ? 'adapter' : 'host-threads'];
    add(values, index, turn.work);
    add(shares.parts.polling, index, turn.poll);
    shares.known[index] = 1;
  }
}

function addOtherHost(other: OtherHost, sharesOf: (processor: number) => ProcessorShares): void {
  for (const row of other.series.rowsOf('thread')) {
    for (let index = 0; index < other.axis.endsMs.length; index += 1) {
      const turn = turnOf(other.series, other.axis, row, index);
      if (turn && turn.processor >= 0)
        add(sharesOf(turn.processor).parts['other-hosts'], index, turn.work + turn.poll);
    }
  }
}

/** What the system counted as busy beyond the threads that are known. */
function addRest(series: HostSeries, axis: TimeAxis, shares: ProcessorShares): void {
  const row = series.row(processorKey(shares.processor));
  if (!row) return;
  for (let index = 0; index < axis.endsMs.length; index += 1) {
    const busyMs = series.rateAt(row, PROCESSOR.busyMs, axis, index);
    const idleMs = series.rateAt(row, PROCESSOR.idleMs, axis, index);
    if (Number.isNaN(busyMs) || Number.isNaN(idleMs)) continue;
    shares.known[index] = 1;
    const total = busyMs + idleMs;
    const busy = total > 0 ? (busyMs / total) * 100 : busyMs / MS_PER_PERCENT_SECOND;
    shares.parts['machine-rest'][index] = Math.max(0, Math.min(100, busy) - sumAt(shares, index));
  }
}

/** Percent of the processor that is accounted for in a column. */
export function sumAt(shares: ProcessorShares, index: number): number {
  let sum = 0;
  for (const values of shares.queues.values()) sum += values[index] ?? 0;
  for (const part of CPU_PARTS) sum += shares.parts[part][index] ?? 0;
  return sum;
}

function queueValues(shares: ProcessorShares, key: string): Float64Array {
  const known = shares.queues.get(key);
  if (known) return known;
  const fresh = new Float64Array(shares.known.length);
  shares.queues.set(key, fresh);
  return fresh;
}

function add(values: Float64Array, index: number, amount: number): void {
  values[index] = (values[index] ?? 0) + amount;
}
