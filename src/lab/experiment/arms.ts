/** The modes of an experiment: in which order they take turns, and what their rounds come to. */
import type {
  ExperimentArm,
  ExperimentComparison,
  ExperimentMode,
  ExperimentReport,
} from '../../contract/experiment';
import { EXPERIMENT_MODES } from '../../contract/experiment';
import type { AdapterConfig } from '../../contract/model';
import { figureOf, wholeFigureOf } from './figure';
import type { Interval } from './interval';
import { sentenceOf } from './sentence';
import { judge } from './verdict';

/** Settings of an adapter that make a mode. */
export type ModeSettings = Pick<AdapterConfig, 'vmqEnabled' | 'bufferMode'>;

export interface Arm {
  readonly mode: ExperimentMode;
  readonly name: string;
}

const NAMES: Readonly<Record<ExperimentMode, string>> = {
  'shared-memory': 'VMQ with shared memory',
  'host-buffers': 'VMQ with host buffers',
  'vmq-off': 'VMQ off',
};

/** Every mode once; of an A/A run the adapter's own mode twice. */
export function armsOf(now: ModeSettings, aa: boolean): Arm[] {
  if (!aa) return EXPERIMENT_MODES.map((mode) => ({ mode, name: NAMES[mode] }));
  const mode = now.vmqEnabled ? now.bufferMode : 'vmq-off';
  return [
    { mode, name: NAMES[mode] },
    { mode, name: `${NAMES[mode]} again` },
  ];
}

/** The adapter's settings with those of a mode. */
export function inMode<Settings extends ModeSettings>(
  now: Settings,
  mode: ExperimentMode,
): Settings {
  return mode === 'vmq-off'
    ? { ...now, vmqEnabled: false }
    : { ...now, vmqEnabled: true, bufferMode: mode };
}

/**
 * Positions of the arms in the order of one round. It turns round with each, so that no mode gains
 * from coming first, nor from a machine that slows down.
 */
export function orderOf(arms: number, round: number): number[] {
  const order = Array.from({ length: arms }, (_, arm) => arm);
  return round % 2 === 0 ? order : order.reverse();
}

type Outcome = Pick<ExperimentReport, 'arms' | 'comparisons' | 'cpuSource'>;

/** @param intervals rounds that count, by arm */
export function outcomeOf(
  arms: readonly Arm[],
  intervals: readonly (readonly Interval[])[],
  aa: boolean,
): Outcome {
  const all = intervals.flat();
  return {
    arms: arms.map((arm, index) => armReport(arm, intervals[index] ?? [])),
    comparisons: aa
      ? [comparison(arms, intervals, 1, 0)]
      : arms.slice(0, -1).map((_, index) => comparison(arms, intervals, index, arms.length - 1)),
    cpuSource: all.every(({ cpuSource }) => cpuSource === 'system') ? 'system' : 'threads',
  };
}

function armReport({ mode, name }: Arm, rounds: readonly Interval[]): ExperimentArm {
  // Nanoseconds per frame are milliseconds per million frames.
  return {
    mode,
    name,
    queuesUsed: Math.min(...rounds.map(({ queuesUsed }) => queuesUsed)),
    framesPerSecond: figureOf(rounds.map(({ framesPerSecond }) => framesPerSecond)),
    cpuMsPerMillionFrames: wholeFigureOf(rounds.map(({ cpuNsPerFrame }) => cpuNsPerFrame)),
    adapterCpuMsPerMillionFrames: wholeFigureOf(
      rounds.map(({ adapterCpuNsPerFrame }) => adapterCpuNsPerFrame),
    ),
    copiesPerFrame: wholeFigureOf(rounds.map(({ copiesPerFrame }) => copiesPerFrame)),
    latencyP50Us: wholeFigureOf(rounds.map(({ latencyP50Us }) => latencyP50Us)),
    latencyP99Us: wholeFigureOf(rounds.map(({ latencyP99Us }) => latencyP99Us)),
    deliveredFrames: rounds.reduce((sum, { deliveredFrames }) => sum + deliveredFrames, 0),
    lostFrames: rounds.reduce((sum, { lostFrames }) => sum + lostFrames, 0),
  };
}

function comparison(
  arms: readonly Arm[],
  intervals: readonly (readonly Interval[])[],
  arm: number,
  against: number,
): ExperimentComparison {
  const ours = intervals[arm] ?? [];
  const judgement = judge(ours, intervals[against] ?? []);
  const { verdict, decidedBy, framesPerSecond, cpuPerFrame } = judgement;
  const sentence = sentenceOf(judgement, {
    ours: arms[arm]?.name ?? '',
    base: arms[against]?.name ?? '',
    rounds: ours.length,
    framesPerSecond: figureOf(ours.map((round) => round.framesPerSecond)).median,
  });
  return { arm, against, verdict, decidedBy, framesPerSecond, cpuPerFrame, sentence };
}
