/**
 * A migration as chart frames over one time axis: memory to go, the rates that decide whether it converges, the VM's
 * frames on both hosts, and the answers to the meter's probes.
 */
import type { MigrationSnapshot } from '../../contract/lab';
import type { ProbeSample } from '../../contract/migration';
import type { ChartBand, ChartFrame } from '../charts/chart-frame';
import type { Paint } from '../charts/palette';
import { MIB } from '../../shared/units';
import { TRACE_MARGIN_MS, type ProgressPoint, type TraceLine } from '../stores/traces';
import { sendingRate } from './forecast';
import { roundSpans } from './round-spans';

const STOPPING_PHASE = 'stopping-vm';
/** The meter's figures are per this time. */
const METER_MS = 100;
/** A sample that follows sooner counts with the next: a rate over a few milliseconds says nothing. */
const SHORTEST_METER_MS = 60;
/** Time shown beside a migration, as a part of its own. */
const MARGIN_PART = 0.6;
const SHORTEST_MARGIN_MS = 400;

const line = (token: string, dash: readonly number[] = []): Paint => ({ token, pattern: 0, dash });
const PAINTS = {
  remaining: line('--chart-ink'),
  sending: line('--chart-ink'),
  dirtying: line('--state-busy', [5, 3]),
  asked: line('--chart-axis', [2, 3]),
  reached: line('--state-busy', [5, 3]),
  answered: line('--state-good'),
} as const;

export interface MigrationWindow {
  readonly startMs: number;
  readonly endMs: number;
}

/** What every frame of a migration has in common. */
export interface FrameShape extends MigrationWindow {
  readonly bands: readonly ChartBand[];
}

const isOpen = ({ outcome }: MigrationSnapshot): boolean =>
  outcome === 'running' || outcome === 'queued';

/** The migration and some time beside it, so that a short one fills its chart as well as a long one. */
export function windowOf(migration: MigrationSnapshot, nowMs: number): MigrationWindow {
  const { startedAtMs, totalMs } = migration;
  const lastMs = isOpen(migration) ? Math.max(nowMs, startedAtMs) : startedAtMs + totalMs;
  const span = lastMs - startedAtMs;
  const marginMs = Math.min(TRACE_MARGIN_MS, Math.max(SHORTEST_MARGIN_MS, span * MARGIN_PART));
  const endMs = isOpen(migration) ? lastMs : lastMs + marginMs;
  return { startMs: startedAtMs - marginMs, endMs: Math.max(endMs, startedAtMs + marginMs) };
}

/** The migration as a whole, and the time in which the guest stood still, once that is known. */
export function bandsOf(migration: MigrationSnapshot, nowMs: number): ChartBand[] {
  const { startedAtMs, phases, downtimeMs, totalMs } = migration;
  const toMs = isOpen(migration) ? nowMs : startedAtMs + totalMs;
  const whole = { fromMs: startedAtMs, toMs, token: '--chart-phase' };
  const stop = phases.find(({ phase }) => phase === STOPPING_PHASE);
  if (!stop || downtimeMs === null) return [whole];
  const stoppedMs = startedAtMs + stop.startMs;
  return [whole, { fromMs: stoppedMs, toMs: stoppedMs + downtimeMs, token: '--chart-stop' }];
}

export function crossoverFrame(
  shape: FrameShape,
  source: TraceLine,
  target: TraceLine,
  look: { readonly sourceLabel: string; readonly targetLabel: string; readonly paint: Paint },
): ChartFrame {
  const timesMs = mergedTimes(source.timesMs, target.timesMs);
  return {
    ...shape,
    timesMs,
    series: [
      {
        key: 'source',
        label: look.sourceLabel,
        paint: { ...look.paint, dash: [4, 3] },
        values: at(source, timesMs),
      },
      { key: 'target', label: look.targetLabel, paint: look.paint, values: at(target, timesMs) },
    ],
  };
}

interface Point {
  readonly timeMs: number;
  readonly values: readonly number[];
}

/**
 * Memory to go at the begin and the end of each round, and what the page saw in between. What it saw comes a little
 * late: a point counts only where it belongs to the round of its moment.
 */
export function remainingFrame(
  shape: FrameShape,
  migration: MigrationSnapshot,
  progress: readonly ProgressPoint[],
): ChartFrame {
  const spans = roundSpans(migration);
  const doneMs = spans[spans.length - 1]?.toMs ?? 0;
  const points: Point[] = [
    ...spans.flatMap((span) => [
      { timeMs: span.fromMs, values: [span.startBytes / MIB] },
      { timeMs: span.toMs, values: [span.endBytes / MIB] },
    ]),
    ...progress
      .filter(({ timeMs, round }) => {
        if (timeMs > doneMs) return isOpen(migration);
        return spans.some(
          (span) => span.round.round === round && span.fromMs < timeMs && timeMs < span.toMs,
        );
      })
      .map(({ timeMs, remainingBytes }) => ({ timeMs, values: [remainingBytes / MIB] })),
  ];
  return pointsFrame(shape, points, [
    { key: 'remaining', label: 'memory to go', paint: PAINTS.remaining },
  ]);
}

/**
 * Sent and dirtied per second while the guest runs, one step for each round; the present round up to now, the first one
 * by what the page saw of it. The final copy is left out: it is many times faster and says nothing about whether the
 * others converge.
 */
export function ratesFrame(
  shape: FrameShape,
  migration: MigrationSnapshot,
  progress: readonly ProgressPoint[],
  nowMs: number,
): ChartFrame {
  const spans = roundSpans(migration).filter(({ round }) => round.live);
  const points: Point[] = spans.flatMap((span) => {
    const values = [span.bytesPerSecond / MIB, span.dirtyBytesPerSecond / MIB];
    return [
      { timeMs: span.fromMs, values },
      { timeMs: span.toMs, values },
    ];
  });
  const lastMs = spans[spans.length - 1]?.toMs;
  if (migration.phase === 'copying' && migration.bytesPerSecond > 0) {
    const values = [migration.bytesPerSecond / MIB, migration.dirtyBytesPerSecond / MIB];
    const fromMs =
      lastMs ??
      migration.startedAtMs +
        (migration.phases.find(({ phase }) => phase === 'copying')?.startMs ?? 0);
    points.push({ timeMs: fromMs, values }, { timeMs: Math.max(nowMs, fromMs), values });
  }
  if (migration.phase === 'copying' && !(migration.bytesPerSecond > 0))
    progress.forEach(({ timeMs }, index) =>
      points.push({ timeMs, values: [sendingRate(progress, index) / MIB, Number.NaN] }),
    );
  return pointsFrame(shape, points, [
    { key: 'sending', label: 'sent', paint: PAINTS.sending },
    { key: 'dirtying', label: 'written by the guest', paint: PAINTS.dirtying },
  ]);
}

/** Probes sent, arrived and answered, per 100 ms; the longest silence as a band. */
export function meterFrame(shape: FrameShape, migration: MigrationSnapshot): ChartFrame {
  const { startedAtMs } = migration;
  const probeSeries = spaced(migration.probeSeries);
  const points: Point[] = probeSeries.map((sample, index) => {
    const before = probeSeries[index - 1];
    const per = METER_MS / (sample.atMs - (before?.atMs ?? 0));
    const rise = (key: 'sent' | 'toVmReceived' | 'received'): number =>
      (sample[key] - (before?.[key] ?? 0)) * per;
    return {
      timeMs: startedAtMs + sample.atMs,
      values: [rise('sent'), rise('toVmReceived'), rise('received')],
    };
  });
  const silence = silenceBand(migration.probeSeries, startedAtMs);
  return pointsFrame({ ...shape, bands: [...shape.bands, ...silence] }, points, [
    { key: 'asked', label: 'sent', paint: PAINTS.asked },
    { key: 'reached', label: 'reached the VM', paint: PAINTS.reached },
    { key: 'answered', label: 'answered', paint: PAINTS.answered },
  ]);
}

/** Samples far enough apart; counts are totals, so the next one makes up for one that is left out. */
function spaced(samples: readonly ProbeSample[]): ProbeSample[] {
  const kept: ProbeSample[] = [];
  for (const sample of samples) {
    const beforeMs = kept[kept.length - 1]?.atMs ?? 0;
    if (sample.atMs - beforeMs >= SHORTEST_METER_MS) kept.push(sample);
  }
  return kept;
}

/**
 * Where the longest silence was: it ended between two samples, so a short one is known to within their distance, and
 * that is what is marked.
 */
function silenceBand(samples: readonly ProbeSample[], startedAtMs: number): ChartBand[] {
  const longest = samples[samples.length - 1]?.silenceMs ?? 0;
  const index = samples.findIndex(({ silenceMs }) => silenceMs === longest);
  const found = samples[index];
  if (!found || !(longest > 0)) return [];
  const widthMs = Math.max(longest, found.atMs - (samples[index - 1]?.atMs ?? 0));
  const toMs = startedAtMs + found.atMs;
  return [{ fromMs: toMs - widthMs, toMs, token: '--chart-silence' }];
}

function pointsFrame(
  shape: FrameShape,
  points: readonly Point[],
  looks: readonly { readonly key: string; readonly label: string; readonly paint: Paint }[],
): ChartFrame {
  // Stable: two points of one moment keep their order, which is that of rounds.
  const sorted = [...points].sort((a, b) => a.timeMs - b.timeMs);
  return {
    ...shape,
    timesMs: Float64Array.from(sorted, ({ timeMs }) => timeMs),
    series: looks.map((look, index) => ({
      ...look,
      values: Float64Array.from(sorted, ({ values }) => values[index] ?? Number.NaN),
    })),
  };
}

/** The two hosts sample at different moments; each line keeps its own samples on the merged axis. */
function mergedTimes(a: Float64Array, b: Float64Array): Float64Array {
  return Float64Array.from(new Set([...a, ...b])).sort();
}

/** Longest distance to a sample that still stands for a moment. */
const REACH_MS = 150;

function at(line: TraceLine, timesMs: Float64Array): Float64Array {
  let index = 0;
  return timesMs.map((time) => {
    while (index < line.timesMs.length && (line.timesMs[index] ?? 0) < time) index += 1;
    const sampled = line.timesMs[index];
    return sampled !== undefined && sampled - time <= REACH_MS
      ? (line.framesPerSecond[index] ?? Number.NaN)
      : Number.NaN;
  });
}
