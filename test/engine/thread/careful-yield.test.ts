import { describe, expect, it } from 'vitest';
import { carefulYield } from '../../../src/engine/thread/affinity';

describe('a careful yield', () => {
  it('rests after one that took long, and goes on later', () => {
    let nowMs = 0;
    let costMs = 0.01;
    const yieldOnce = carefulYield(
      () => {
        nowMs += costMs;
        return true;
      },
      () => nowMs,
    );
    expect(yieldOnce()).toBe(true);
    expect(yieldOnce()).toBe(true);
    costMs = 3;
    expect(yieldOnce()).toBe(true);
    costMs = 0.01;
    expect(yieldOnce()).toBe(false);
    nowMs += 99;
    expect(yieldOnce()).toBe(false);
    nowMs += 2;
    expect(yieldOnce()).toBe(true);
  });

  it('says no where the system has none', () => {
    expect(carefulYield(() => false)()).toBe(false);
  });
});
