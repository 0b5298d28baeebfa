/** A migration as chart frames: memory to go, and the VM's frames on both hosts, over one time axis. */
import type { MigrationSnapshot } from '../../contract/lab';
import type { ChartBand, ChartFrame } from '../charts/chart-frame';
import type { Paint } from '../charts/palette';
import { MIB } from '../../shared/units';
import { TRACE_MARGIN_MS, type ProgressPoint, type TraceLine } from '../stores/traces';

/** Phases in which the guest runs nowhere. */
const STOPPED_PHASES: readonly string[] = ['stopping-vm', 'final-copy', 'committing', 'resuming'];

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

export function bandsOf(migration: MigrationSnapshot): ChartBand[] {
  return migration.phases.map(({ phase, startMs, durationMs }) => ({
    fromMs: migration.startedAtMs + startMs,
    toMs: migration.startedAtMs + startMs + durationMs,
    token: STOPPED_PHASES.includes(phase) ? '--chart-stop' : '--chart-phase',
  }));
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
