/** Verdicts in words. */
import { describe, expect, it } from 'vitest';

import { sentenceOf } from '../../../src/lab/experiment/sentence';
import { judge, type RoundFigures } from '../../../src/lab/experiment/verdict';

const ROUNDS = 8;
/** A little unlike each other, as rounds are. */
const SPREAD = [0.97, 1.04, 1, 0.99, 1.02, 0.95, 1.01, 1.03];

function rounds(framesPerSecond: number, cpuNsPerFrame: number, spread: readonly number[]) {
  return Array.from({ length: ROUNDS }, (_, round): RoundFigures => ({
    deliveredFrames: framesPerSecond,
    framesPerSecond,
    cpuNsPerFrame: cpuNsPerFrame * (spread[round] ?? 1),
  }));
}

function sentence(ours: readonly RoundFigures[], base: readonly RoundFigures[]): string {
  return sentenceOf(judge(ours, base), {
    ours: 'VMQ with shared memory',
    base: 'VMQ off',
    rounds: ours.length,
    framesPerSecond: ours[0]?.framesPerSecond ?? 0,
  });
}

describe('sentenceOf', () => {
  const base = rounds(100_000, 1000, []);

  it('says what a gain of processor time is, and that frames/s are the same', () => {
    expect(sentence(rounds(100_000, 620, SPREAD), base)).toBe(
      'VMQ with shared memory delivers the same 100,000 frames/s and takes 38 % less processor time of the host than VMQ off (8 rounds, 36 to 41 %).',
    );
  });

  it('says what a loss is', () => {
    expect(sentence(rounds(100_000, 1300, SPREAD), base)).toBe(
      'VMQ with shared memory delivers the same 100,000 frames/s and takes 31 % more processor time of the host than VMQ off (8 rounds, 24 to 35 %).',
    );
  });

  it('names frames/s first where they decide, and what each frame cost', () => {
    expect(sentence(rounds(125_000, 1000, SPREAD), base)).toBe(
      'VMQ with shared memory delivers 25 % more frames/s than VMQ off (8 rounds, 25 to 25 %), each with the same processor time of the host.',
    );
    expect(sentence(rounds(80_000, 500, SPREAD), base)).toBe(
      'VMQ with shared memory delivers 20 % fewer frames/s than VMQ off (8 rounds, 20 to 20 %), each with 50 % less processor time of the host.',
    );
  });

  it('says that there is no difference, with how far rounds went apart', () => {
    expect(sentence(rounds(100_000, 1000, SPREAD), base)).toBe(
      'No significant difference between VMQ off and VMQ with shared memory: frames/s 0 to 0 %, processor time of the host per frame −5 to +4 % (8 rounds).',
    );
  });

  it('says why it cannot tell', () => {
    const few = (frames: readonly RoundFigures[]): RoundFigures[] => frames.slice(0, 5);
    expect(sentence(few(rounds(100_000, 500, [])), few(base))).toBe(
      'Cannot tell whether VMQ with shared memory differs from VMQ off: 5 rounds may agree by chance. At least 7 are needed.',
    );
    expect(sentence(rounds(300, 500, []), base)).toBe(
      'Cannot tell whether VMQ with shared memory differs from VMQ off: too few frames, 300 in the shortest measurement. At least 1,000 are needed: make rounds longer, or send faster.',
    );
  });
});
