/** Verdicts on simulated rounds: chance is not taken for a difference, and a difference is found. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { orderOf } from '../../../src/lab/experiment/arms';
import { signedRankPValue } from '../../../src/lab/experiment/signed-rank';
import {
  FALSE_ALARMS,
  LEAST_FRAMES,
  LEAST_ROUNDS,
  judge,
  type RoundFigures,
} from '../../../src/lab/experiment/verdict';

/** Mulberry32: numbers from 0 to 1. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

interface Machine {
  /** Spread of a single measurement, as a share. */
  readonly noise: number;
  /** How much slower a round is than the one before. */
  readonly drift: number;
  /** Share of measurements that something else disturbs: they take up to three times as long. */
  readonly disturbed: number;
}

/** Two modes in turns on one machine; `effect` is what the first takes of the other's time. */
function rounds(
  count: number,
  effect: number,
  { noise, drift, disturbed }: Machine,
  random: () => number,
): [RoundFigures[], RoundFigures[]] {
  const arms: [RoundFigures[], RoundFigures[]] = [[], []];
  for (let round = 0; round < count; round++)
    for (const [turn, arm] of orderOf(2, round).entries()) {
      const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
      const trouble = random() < disturbed ? 1 + 2 * random() : 1;
      const pace = (1 + drift) ** (2 * round + turn) * Math.exp(noise * normal) * trouble;
      const cpuNsPerFrame = 1000 * pace * (arm === 0 ? effect : 1);
      arms[arm]?.push({
        deliveredFrames: 100_000,
        framesPerSecond: 100_000 * (1 + 0.002 * (random() - 0.5)),
        cpuNsPerFrame,
      });
    }
  return arms;
}

const machines = fc.record({
  noise: fc.double({ min: 0, max: 0.3, noNaN: true }),
  drift: fc.double({ min: -0.01, max: 0.01, noNaN: true }),
  disturbed: fc.constantFrom(0, 0.1, 0.3),
});

describe('judge', () => {
  it('finds no difference between a mode and itself, on any machine, in 95 of 100 experiments', () => {
    fc.assert(
      fc.property(
        machines,
        fc.integer({ min: LEAST_ROUNDS, max: 14 }),
        fc.integer(),
        (machine, count, seed) => {
          const random = randomOf(seed);
          const experiments = 400;
          let alarms = 0;
          for (let i = 0; i < experiments; i++) {
            const { verdict } = judge(...rounds(count, 1, machine, random));
            if (verdict !== 'no-difference') alarms++;
          }
          // Three standard deviations of a share that was counted.
          const slack = 3 * Math.sqrt((FALSE_ALARMS * (1 - FALSE_ALARMS)) / experiments);
          expect(alarms / experiments).toBeLessThanOrEqual(FALSE_ALARMS + slack);
        },
      ),
      { numRuns: 25 },
    );
  });

  it('finds a mode that takes 20 % less or more, with 10 rounds and noise of 8 %', () => {
    const machine = { noise: 0.08, drift: 0.002, disturbed: 0 };
    for (const [effect, expected] of [
      [0.8, 'gain'],
      [1.2, 'loss'],
    ] as const) {
      const random = randomOf(7);
      const found = Array.from({ length: 200 }, () =>
        judge(...rounds(10, effect, machine, random)),
      ).filter(({ verdict, decidedBy }) => verdict === expected && decidedBy === 'cpu-per-frame');
      expect(found.length).toBeGreaterThan(190);
    }
  });

  it('takes no difference below 3 % for one, however sure it is', () => {
    const quiet = { noise: 0.001, drift: 0, disturbed: 0 };
    const { verdict, cpuPerFrame } = judge(...rounds(10, 0.98, quiet, randomOf(1)));
    expect(cpuPerFrame?.pValue).toBeLessThan(0.01);
    expect(verdict).toBe('no-difference');
  });

  it('lets frames/s decide where one mode carries more, whatever a frame costs', () => {
    const [ours, base] = rounds(10, 0.5, { noise: 0, drift: 0, disturbed: 0 }, randomOf(1));
    const slower = ours.map((round) => ({ ...round, framesPerSecond: 80_000 }));
    expect(judge(slower, base)).toMatchObject({
      verdict: 'loss',
      decidedBy: 'frames-per-second',
      cpuPerFrame: { isDifferent: true },
    });
    expect(judge(base, slower)).toMatchObject({ verdict: 'gain', decidedBy: 'frames-per-second' });
  });

  it('cannot tell with too few rounds, even when all agree', () => {
    const few = rounds(6, 0.5, { noise: 0, drift: 0, disturbed: 0 }, randomOf(1));
    expect(judge(...few)).toMatchObject({
      verdict: 'cannot-tell',
      obstacle: { kind: 'rounds', rounds: 6 },
    });
    const enough = rounds(LEAST_ROUNDS, 0.5, { noise: 0, drift: 0, disturbed: 0 }, randomOf(1));
    expect(judge(...enough).verdict).toBe('gain');
  });

  it('cannot tell when one measurement had too few frames, or none', () => {
    for (const frames of [LEAST_FRAMES - 1, 0]) {
      const [ours, base] = rounds(10, 0.5, { noise: 0, drift: 0, disturbed: 0 }, randomOf(1));
      ours[3] = {
        deliveredFrames: frames,
        framesPerSecond: frames,
        cpuNsPerFrame: frames === 0 ? null : 1000,
      };
      expect(judge(ours, base)).toMatchObject({
        verdict: 'cannot-tell',
        obstacle: { kind: 'frames', frames },
      });
    }
  });

  it('cannot tell when no processor time was counted and both carry the same', () => {
    const [ours, base] = rounds(10, 1, { noise: 0, drift: 0, disturbed: 0 }, randomOf(1));
    const blind = ours.map((round) => ({ ...round, cpuNsPerFrame: 0 }));
    expect(judge(blind, base)).toMatchObject({ verdict: 'cannot-tell', obstacle: { kind: 'cpu' } });
  });

  it('says the opposite when the modes change places', () => {
    const opposite = { gain: 'loss', loss: 'gain' } as const;
    fc.assert(
      fc.property(
        machines,
        fc.double({ min: 0.6, max: 1.6, noNaN: true }),
        fc.integer(),
        (machine, effect, seed) => {
          const [ours, base] = rounds(9, effect, machine, randomOf(seed));
          const { verdict } = judge(ours, base);
          const mirrored = verdict === 'gain' || verdict === 'loss' ? opposite[verdict] : verdict;
          expect(judge(base, ours).verdict).toBe(mirrored);
        },
      ),
    );
  });
});

describe('signedRankPValue', () => {
  /** Every choice of signs, one by one. */
  function slowly(differences: readonly number[]): number {
    const sizes = differences.map((value) => Math.abs(value)).sort((one, other) => one - other);
    const ranks = differences.map((value) => {
      const places = sizes.flatMap((size, at) => (size === Math.abs(value) ? [at + 1] : []));
      return places.reduce((sum, place) => sum + place, 0) / places.length;
    });
    const total = (signs: (index: number) => number): number =>
      Math.abs(ranks.reduce((sum, rank, index) => sum + signs(index) * rank, 0));
    const seen = total((index) => Math.sign(differences[index] ?? 0));
    let extreme = 0;
    for (let choice = 0; choice < 2 ** differences.length; choice++)
      if (total((index) => (((choice >> index) & 1) === 0 ? 1 : -1)) >= seen - 1e-9) extreme++;
    return extreme / 2 ** differences.length;
  }

  it('is the share of all choices of signs that lean as much', () => {
    const difference = fc.integer({ min: -6, max: 6 }).filter((value) => value !== 0);
    fc.assert(
      fc.property(fc.array(difference, { minLength: 1, maxLength: 10 }), (differences) => {
        expect(signedRankPValue(differences)).toBeCloseTo(slowly(differences), 12);
      }),
    );
  });

  it('is 2 of all choices when every pair agrees, and 1 without a difference', () => {
    expect(signedRankPValue([1, 2, 3, 4, 5, 6, 7])).toBe(2 / 2 ** 7);
    expect(signedRankPValue([])).toBe(1);
    expect(signedRankPValue([0, 0, 0])).toBe(1);
  });

  it('draws choices for many pairs, always the same', () => {
    const even = Array.from({ length: 40 }, (_, index) => (index % 2 === 0 ? 1 : -1));
    expect(signedRankPValue(even)).toBeGreaterThan(0.9);
    const leaning = Array.from({ length: 40 }, () => 1);
    expect(signedRankPValue(leaning)).toBeLessThan(0.001);
    expect(signedRankPValue(leaning)).toBe(signedRankPValue(leaning));
  });
});
