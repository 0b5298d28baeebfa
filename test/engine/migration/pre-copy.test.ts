import { describe, expect, it } from 'vitest';
import {
  FEW_PAGES,
  MAX_LIVE_ROUNDS,
  isAnotherRoundWorthwhile,
} from '../../../src/engine/migration/pre-copy';

describe('isAnotherRoundWorthwhile', () => {
  const shrinking = { rounds: 1, before: 10_000, remaining: 5000 };

  it('goes on while rounds shrink what remains', () => {
    expect(isAnotherRoundWorthwhile(shrinking)).toBe(true);
  });

  it.each([
    { name: 'few pages remain', outcome: { ...shrinking, remaining: FEW_PAGES } },
    { name: 'as much remains as before', outcome: { ...shrinking, remaining: 10_000 } },
    { name: 'the rounds are used up', outcome: { ...shrinking, rounds: MAX_LIVE_ROUNDS } },
  ])('stops when $name', ({ outcome }) => {
    expect(isAnotherRoundWorthwhile(outcome)).toBe(false);
  });
});
