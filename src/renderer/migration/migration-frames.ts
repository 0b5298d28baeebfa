/** A migration as chart frames: memory to go, and the VM's frames on both hosts, over one time axis. */
import type { MigrationSnapshot } from '../../contract/lab';
import type { ChartBand, ChartFrame } from '../charts/chart-frame';
import type { Paint } from '../charts/palette';
import { MIB } from '../../shared/units';
import { TRACE_MARGIN_MS, type ProgressPoint, type TraceLine } from '../stores/traces';

const STOPPING_PHASE = 'stopping-vm';

export interface MigrationWindow {
  readonly startMs: number;
  readonly endMs: number;
}

export function windowOf(migration: MigrationSnapshot, nowMs: number): MigrationWindow {
  const startMs = migration.startedAtMs - TRACE_MARGIN_MS;
  const endMs =
    migration.outcome === 'running'
      ? nowMs
      : migration.startedAtMs + migration.totalMs + TRACE_MARGIN_MS;
  return { startMs, endMs: Math.max(endMs, startMs + TRACE_MARGIN_MS * 2) };
}

/** The migration as a whole, and the time in which the guest stood still, once that is known. */
export function bandsOf(migration: MigrationSnapshot, nowMs: number): ChartBand[] {
  const { startedAtMs, phases, downtimeMs, outcome, totalMs } = migration;
  const toMs = outcome === 'running' ? nowMs : startedAtMs + totalMs;
  const whole = { fromMs: startedAtMs, toMs, token: '--chart-phase' };
  const stop = phases.find(({ phase }) => phase === STOPPING_PHASE);
  if (!stop || downtimeMs === null) return [whole];
  const stoppedMs = startedAtMs + stop.startMs;
  return [whole, { fromMs: stoppedMs, toMs: stoppedMs + downtimeMs, token: '--chart-stop' }];
}

export function crossoverFrame(
  window: MigrationWindow,
  bands: readonly ChartBand[],
  source: TraceLine,
  target: TraceLine,
  look: { readonly sourceLabel: string; readonly targetLabel: string; readonly paint: Paint },
): ChartFrame {
  const timesMs = mergedTimes(source.timesMs, target.timesMs);
  return {
    ...window,
    timesMs,
    bands,
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

export function remainingFrame(
  window: MigrationWindow,
  bands: readonly ChartBand[],
  progress: readonly ProgressPoint[],
): ChartFrame {
  const paint: Paint = { token: '--accent', pattern: 0, dash: [] };
  return {
    ...window,
    bands,
    timesMs: Float64Array.from(progress, (point) => point.timeMs),
    series: [
      {
        key: 'remaining',
        label: 'memory to go',
        paint,
        values: Float64Array.from(progress, (point) => point.remainingBytes / MIB),
      },
    ],
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
