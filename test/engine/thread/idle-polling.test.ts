import { describe, expect, it } from 'vitest';
import { IdlePolling } from '../../../src/engine/thread/idle-polling';

/** Sleeps of a length, so many times. */
function after(sleeps: readonly number[]): IdlePolling {
  const polling = new IdlePolling();
  for (const ns of sleeps) polling.slept(ns);
  return polling;
}

describe('a thread without work', () => {
  it('sleeps at once when it knows nothing of its work', () => {
    expect(after([]).looksAgain(1000)).toBe(false);
  });

  it('sleeps at once when its work is rare', () => {
    expect(after([500_000_000, 1_000_000]).looksAgain(1000)).toBe(false);
  });

  it('looks again for a bounded time when its sleeps were short', () => {
    const polling = after(Array.from({ length: 20 }, () => 8000));
    expect(polling.budgetNs).toBe(40_000);
    expect(polling.looksAgain(1000)).toBe(true);
    expect(polling.looksAgain(40_999)).toBe(true);
    expect(polling.looksAgain(41_000)).toBe(false);
  });

  it('counts that time anew after work', () => {
    const polling = after([8000]);
    expect(polling.looksAgain(1000)).toBe(true);
    expect(polling.looksAgain(10_000)).toBe(false);
    polling.worked();
    expect(polling.looksAgain(10_000)).toBe(true);
  });

  it('looks again only a few times while others take its processor', () => {
    const polling = after(Array.from({ length: 20 }, () => 8000));
    let looks = 0;
    for (let now = 1000; polling.looksAgain(now); now += 5000) {
      polling.yielded(5000);
      looks++;
    }
    expect(looks).toBe(3);
  });

  it('sleeps at once again after a long sleep', () => {
    expect(after([8000, 8000, 8000, 8000, 8000, 1_000_000]).budgetNs).toBe(0);
  });
});
