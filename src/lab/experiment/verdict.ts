/**
 * Gain, loss, or neither: what paired rounds of two modes prove. Frames/s are looked at first: where
 * one mode carries more of what is offered, that decides. Where both carry the same, the processor
 * time that a frame costs the host does.
 */
import type { ExperimentComparison, PairedFigure } from '../../contract/experiment';
import { figureOf } from './figure';
import { signedRankPValue } from './signed-rank';

/** Smaller differences do not matter, however sure they are. */
export const LEAST_EFFECT = 0.03;
/** Chance finds a difference in at most this share of comparisons without one: half for each figure. */
export const FALSE_ALARMS = 0.05;
const FIGURES = 2;
/** With fewer, even rounds that all agree may be chance: 2 of 2⁶ choices of signs are 3.1 %. */
export const LEAST_ROUNDS = 7;
/** Frames of the shortest measurement. With fewer, what a frame costs is mostly what waking up costs. */
export const LEAST_FRAMES = 1000;

/** What one mode did in one round. */
export interface RoundFigures {
  readonly deliveredFrames: number;
  readonly framesPerSecond: number;
  /** Null where none was counted. */
  readonly cpuNsPerFrame: number | null;
}

/** What stands in the way of a verdict. */
export type Obstacle =
  | { readonly kind: 'rounds'; readonly rounds: number }
  | { readonly kind: 'frames'; readonly frames: number }
  | { readonly kind: 'cpu' };

export type Judgement = Pick<
  ExperimentComparison,
  'verdict' | 'decidedBy' | 'framesPerSecond' | 'cpuPerFrame'
> & { readonly obstacle: Obstacle | null };

/** @param base the other mode, round by round beside `ours` */
export function judge(ours: readonly RoundFigures[], base: readonly RoundFigures[]): Judgement {
  const pairs = ours.flatMap((one, round) => {
    const other = base[round];
    return other === undefined ? [] : [{ one, other }];
  });
  const frames = Math.min(...[...ours, ...base].map(({ deliveredFrames }) => deliveredFrames));
  const rate = paired(
    pairs.map(({ one, other }) => [one.framesPerSecond, other.framesPerSecond] as const),
  );
  const cpu = paired(
    pairs.map(({ one, other }) => [one.cpuNsPerFrame ?? 0, other.cpuNsPerFrame ?? 0] as const),
  );
  const figures = { framesPerSecond: rate, cpuPerFrame: cpu };
  const cannotTell = (obstacle: Obstacle): Judgement => ({
    verdict: 'cannot-tell',
    decidedBy: null,
    ...figures,
    obstacle,
  });
  if (pairs.length < LEAST_ROUNDS) return cannotTell({ kind: 'rounds', rounds: pairs.length });
  if (frames < LEAST_FRAMES) return cannotTell({ kind: 'frames', frames });
  if (rate?.isDifferent === true)
    return {
      verdict: rate.ratio.median > 1 ? 'gain' : 'loss',
      decidedBy: 'frames-per-second',
      ...figures,
      obstacle: null,
    };
  if (cpu === null) return cannotTell({ kind: 'cpu' });
  if (cpu.isDifferent)
    return {
      verdict: cpu.ratio.median < 1 ? 'gain' : 'loss',
      decidedBy: 'cpu-per-frame',
      ...figures,
      obstacle: null,
    };
  return { verdict: 'no-difference', decidedBy: null, ...figures, obstacle: null };
}

/** Null when a value is not positive: then there is no ratio. */
function paired(pairs: readonly (readonly [number, number])[]): PairedFigure | null {
  const isWhole = pairs.every(([one, other]) => one > 0 && other > 0);
  if (!isWhole || pairs.length === 0) return null;
  const ratio = figureOf(pairs.map(([one, other]) => one / other));
  const pValue = signedRankPValue(ratio.rounds.map((value) => Math.log(value)));
  // The larger change of the two views: 3 % more one way is 2.9 % less the other way.
  const effect = Math.exp(Math.abs(Math.log(ratio.median))) - 1;
  const isDifferent = pValue <= FALSE_ALARMS / FIGURES && effect >= LEAST_EFFECT;
  return { ratio, pValue, isDifferent };
}
