import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  CaptureClock,
  TickScale,
  signed64,
} from '../../../../src/engine/link/capture/capture-clock';

/** The same in whole numbers of any size. */
function exactNs(ticks: bigint, ticksPerSecond: number): bigint {
  return (ticks * 1_000_000_000n) / BigInt(ticksPerSecond);
}

const decimalScales = Array.from({ length: 16 }, (_, exponent) => 10 ** exponent);
const binaryScales = Array.from({ length: 51 }, (_, exponent) => 2 ** exponent);

/** The time of `ticks` after `origin`, on a clock that counts from the first frame. */
function nsAfter(origin: bigint, ticks: bigint, ticksPerSecond: number): number {
  const clock = new CaptureClock('first-frame');
  const scale = new TickScale(ticksPerSecond, 0);
  scale.at(clock, Number(origin >> 32n), Number(origin & 0xffffffffn));
  return scale.at(clock, Number(ticks >> 32n), Number(ticks & 0xffffffffn));
}

describe('TickScale', () => {
  it('is exact to the nanosecond relative to the first frame, at every decimal resolution', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...decimalScales),
        fc.bigInt({ min: 0n, max: 2_000_000_000n }),
        fc.bigInt({ min: 0n, max: 1_000_000_000_000n }),
        (ticksPerSecond, originSeconds, spanNs) => {
          const perSecond = BigInt(ticksPerSecond);
          const origin = originSeconds * perSecond;
          const ticks = origin + (spanNs * perSecond) / 1_000_000_000n;
          fc.pre(ticks < 2n ** 64n);
          const expected = exactNs(ticks, ticksPerSecond) - exactNs(origin, ticksPerSecond);
          expect(nsAfter(origin, ticks, ticksPerSecond)).toBe(Number(expected));
        },
      ),
    );
  });

  it('is exact to one nanosecond at every binary resolution', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...binaryScales),
        fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
        (ticksPerSecond, ticks) => {
          const exact = exactNs(ticks, ticksPerSecond);
          fc.pre(exact < 2n ** 53n);
          expect(Math.abs(nsAfter(0n, ticks, ticksPerSecond) - Number(exact))).toBeLessThanOrEqual(
            1,
          );
        },
      ),
    );
  });

  it('adds the seconds of the interface', () => {
    const clock = new CaptureClock('epoch');
    expect(new TickScale(1000, 100).at(clock, 0, 1500)).toBe(101_500_000_000);
    expect(new TickScale(1000, -1).at(clock, 0, 1500)).toBe(500_000_000);
  });

  it('stays finite for the largest count', () => {
    const clock = new CaptureClock('epoch');
    expect(new TickScale(1, 0).at(clock, 0xffffffff, 0xffffffff)).toBeCloseTo(2 ** 64 * 1e9, -20);
  });
});

describe('CaptureClock', () => {
  it('counts from 1970 when asked to', () => {
    expect(new CaptureClock('epoch').at(2, 5)).toBe(2_000_000_005);
  });

  it('counts from the first frame when asked to, before it as well', () => {
    const clock = new CaptureClock('first-frame');
    expect(clock.at(1_700_000_000, 999_999_999)).toBe(0);
    expect(clock.at(1_700_000_001, 0)).toBe(1);
    expect(clock.at(1_700_000_000, 999_999_998)).toBe(-1);
    expect(clock.latestNs).toBe(-1);
  });
});

describe('signed64', () => {
  it.each([
    [0, 5, 5],
    [0xffffffff, 0xffffffff, -1],
    [1, 0, 2 ** 32],
  ])('reads %d and %d as %d', (high, low, value) => {
    expect(signed64(high, low)).toBe(value);
  });
});
