import { describe, expect, it } from 'vitest';

import { compare, type Side } from './comparison';

/** A side that gives these values, after one for the warm-up, and notes that it was asked. */
function sideOf(name: string, values: readonly number[], asked: string[], lossy = -1): Side {
  let next = -1;
  return {
    name,
    measure: () => {
      asked.push(name);
      const value = values[next] ?? 0;
      const conserved = next !== lossy;
      next++;
      return Promise.resolve({ value, conserved });
    },
  };
}

const CASE = { name: 'x', case: 'y', frameBytes: 64, unit: 'frames/s' };
const CONTEXT = { rounds: 3, seconds: 0.01, caseFilter: '', log: () => undefined };

describe('a comparison', () => {
  it('measures in turn, changes who begins, and leaves the warm-up out', async () => {
    const asked: string[] = [];
    const result = await compare(
      { ...CASE, ours: sideOf('a', [10, 20, 30], asked), peer: sideOf('b', [5, 5, 10], asked) },
      CONTEXT,
    );
    expect(asked).toEqual(['a', 'b', 'a', 'b', 'b', 'a', 'a', 'b']);
    expect(result).toMatchObject({
      ours: { median: 20, min: 10, max: 30 },
      peer: { median: 5, min: 5, max: 10 },
      ratio: { median: 3, min: 2, max: 4 },
      rounds: 3,
      conserved: true,
    });
  });

  it('is not conserved when one of its measurements was not', async () => {
    const result = await compare(
      { ...CASE, ours: sideOf('a', [1, 1, 1], [], 1), peer: sideOf('b', [1, 1, 1], []) },
      CONTEXT,
    );
    expect(result.conserved).toBe(false);
  });
});
