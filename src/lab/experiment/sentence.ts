/** A verdict in plain words, with the figures that it rests on. */
import type { ExperimentFigure, PairedFigure } from '../../contract/experiment';
import { LEAST_EFFECT, LEAST_FRAMES, LEAST_ROUNDS, type Judgement, type Obstacle } from './verdict';

export interface SentenceParts {
  /** Names of the two modes, as a sentence begins with them. */
  readonly ours: string;
  readonly base: string;
  readonly rounds: number;
  /** Median of this mode. */
  readonly framesPerSecond: number;
}

export function sentenceOf(judgement: Judgement, parts: SentenceParts): string {
  const { ours, base, rounds } = parts;
  const { framesPerSecond: rate, cpuPerFrame: cpu, obstacle, decidedBy } = judgement;
  if (obstacle !== null || rate === null)
    return `Cannot tell whether ${ours} differs from ${base}: ${obstacleText(obstacle)}`;
  if (decidedBy === 'frames-per-second')
    return `${ours} delivers ${change(rate, 'fewer')} frames/s than ${base} (${rounds} rounds, ${range(rate.ratio)})${costText(cpu)}.`;
  if (decidedBy === 'cpu-per-frame' && cpu !== null)
    return `${ours} delivers ${rateText(rate, parts.framesPerSecond)} and takes ${change(cpu, 'less')} processor time of the host than ${base} (${rounds} rounds, ${range(cpu.ratio)}).`;
  const cpuRange =
    cpu === null ? '' : `, processor time of the host per frame ${signedRange(cpu.ratio)}`;
  return `No significant difference between ${base} and ${ours}: frames/s ${signedRange(rate.ratio)}${cpuRange} (${rounds} rounds).`;
}

function obstacleText(obstacle: Obstacle | null): string {
  switch (obstacle?.kind) {
    case 'rounds':
      return `${obstacle.rounds} rounds may agree by chance. At least ${LEAST_ROUNDS} are needed.`;
    case 'frames':
      return `too few frames, ${count(obstacle.frames)} in the shortest measurement. At least ${count(LEAST_FRAMES)} are needed: make rounds longer, or send faster.`;
    case 'cpu':
      return 'both deliver the same frames/s, and no processor time was counted.';
    case undefined:
      return 'no frames were delivered.';
  }
}

/** What the processor time is, where frames/s have decided. */
function costText(cpu: PairedFigure | null): string {
  if (cpu === null) return '';
  return cpu.isDifferent
    ? `, each with ${change(cpu, 'less')} processor time of the host`
    : ', each with the same processor time of the host';
}

function rateText({ ratio }: PairedFigure, framesPerSecond: number): string {
  const isSame = [ratio.min, ratio.max].every((value) => Math.abs(value - 1) < LEAST_EFFECT);
  return isSame
    ? `the same ${count(framesPerSecond)} frames/s`
    : `about as many frames/s (${count(framesPerSecond)}, ${signedRange(ratio)})`;
}

/** `38 % less`. */
function change({ ratio }: PairedFigure, less: 'less' | 'fewer'): string {
  return `${percent(Math.abs(ratio.median - 1))} % ${ratio.median < 1 ? less : 'more'}`;
}

/** `31 to 44 %` where all rounds agree; else with signs. */
function range(ratio: ExperimentFigure): string {
  if (ratio.min >= 1) return `${percent(ratio.min - 1)} to ${percent(ratio.max - 1)} %`;
  if (ratio.max <= 1) return `${percent(1 - ratio.max)} to ${percent(1 - ratio.min)} %`;
  return signedRange(ratio);
}

/** `−3 to +4 %`. */
function signedRange({ min, max }: ExperimentFigure): string {
  return `${signed(min - 1)} to ${signed(max - 1)} %`;
}

function signed(share: number): string {
  const text = percent(Math.abs(share));
  if (text === '0') return '0';
  return share < 0 ? `−${text}` : `+${text}`;
}

function percent(share: number): string {
  return (share * 100).toLocaleString('en-US', { maximumFractionDigits: share < 0.1 ? 1 : 0 });
}

/** Three significant digits. */
function count(value: number): string {
  return value.toLocaleString('en-US', { maximumSignificantDigits: 3 });
}
