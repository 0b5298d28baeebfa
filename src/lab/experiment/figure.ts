/** One figure over the rounds of an experiment. */
import type { ExperimentFigure } from '../../contract/experiment';

/** @throws RangeError when there is no value */
export function figureOf(rounds: readonly number[]): ExperimentFigure {
  const sorted = [...rounds].sort((one, other) => one - other);
  const lower = sorted[Math.floor((sorted.length - 1) / 2)];
  const upper = sorted[Math.floor(sorted.length / 2)];
  const min = sorted[0];
  const max = sorted.at(-1);
  if (lower === undefined || upper === undefined || min === undefined || max === undefined)
    throw new RangeError('a figure needs at least one round');
  return { median: (lower + upper) / 2, min, max, rounds: [...rounds] };
}

/** The same of figures that some rounds may not have; null unless all have it. */
export function wholeFigureOf(rounds: readonly (number | null)[]): ExperimentFigure | null {
  const values = rounds.filter((value) => value !== null);
  return values.length === 0 || values.length < rounds.length ? null : figureOf(values);
}
