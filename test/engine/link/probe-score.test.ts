import { describe, expect, it } from 'vitest';

import { ProbeScore } from '../../../src/engine/link/probe-score';

function scoreOf(sent: number, answers: readonly (readonly [sequence: number, ms: number])[]) {
  const score = new ProbeScore();
  for (let i = 0; i < sent; i++) score.sent();
  for (const [sequence, ms] of answers) score.answered(sequence, ms * 1_000_000);
  return score;
}

describe('ProbeScore', () => {
  it('finds nothing wrong with answers in order', () => {
    const score = scoreOf(3, [
      [0, 10],
      [1, 11],
      [2, 13],
    ]);
    expect(score.isComplete).toBe(true);
    expect(score.result()).toEqual({
      ...{ sent: 3, received: 3, lost: 0, duplicated: 0, reordered: 0, silenceMs: 2 },
    });
  });

  it('counts probes without an answer as lost', () => {
    const score = scoreOf(4, [
      [0, 0],
      [3, 5],
    ]);
    expect(score.isComplete).toBe(false);
    expect(score.result()).toMatchObject({ received: 2, lost: 2, silenceMs: 5 });
  });

  it('counts a second answer as a duplicate and not as received', () => {
    const score = scoreOf(2, [
      [0, 0],
      [0, 1],
      [1, 2],
      [0, 3],
    ]);
    expect(score.result()).toMatchObject({ received: 2, duplicated: 2, reordered: 0, lost: 0 });
  });

  it('counts an answer behind that to a later probe as reordered', () => {
    expect(
      scoreOf(3, [
        [2, 0],
        [0, 1],
        [1, 2],
      ]).result(),
    ).toMatchObject({ reordered: 2, lost: 0 });
  });

  it('ignores answers to probes that were never sent', () => {
    expect(
      scoreOf(1, [
        [1, 0],
        [0xffffffff, 9],
      ]).result(),
    ).toMatchObject({ received: 0, silenceMs: 0 });
  });

  it('keeps count over many probes', () => {
    const answers = Array.from({ length: 50_000 }, (_, i) => [i, i] as const);
    const score = scoreOf(50_000, answers);
    expect(score.result()).toMatchObject({ received: 50_000, lost: 0, silenceMs: 1 });
    score.answered(49_999, 1);
    expect(score.result().duplicated).toBe(1);
  });
});
