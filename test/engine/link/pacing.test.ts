import { describe, expect, it } from 'vitest';

import { CATCH_UP_NS, delayMs, RatePacer, RecordedPacer } from '../../../src/engine/link/pacing';

const MS = 1_000_000;

describe('RatePacer', () => {
  it('lets the first frame go at once and the next one after its interval', () => {
    const pacer = new RatePacer(1000);
    pacer.begin(5 * MS);
    expect(pacer.allowed(5 * MS)).toBe(1);
    pacer.sent(1);
    expect(pacer.allowed(5 * MS)).toBe(0);
    expect(pacer.waitNs(5 * MS)).toBe(MS);
    expect(pacer.allowed(6 * MS - 1)).toBe(0);
    expect(pacer.allowed(6 * MS)).toBe(1);
  });

  it.each([1, 333, 1000, 77_777, 1_000_000, 20_000_000])(
    'keeps %i frames/s over ten seconds',
    (rate) => {
      const pacer = new RatePacer(rate);
      pacer.begin(0);
      let sent = 0;
      // Timers that come a millisecond or three after they were asked for.
      for (let now = 0; now < 10_000 * MS; now += MS + ((now / MS) % 3) * MS) {
        const due = pacer.allowed(now);
        pacer.sent(due);
        sent += due;
      }
      expect(Math.abs(sent - 10 * rate)).toBeLessThanOrEqual(Math.ceil(0.003 * rate) + 1);
    },
  );

  it('forgives what was missed beyond the bound', () => {
    const pacer = new RatePacer(100_000);
    pacer.begin(0);
    expect(pacer.allowed(10_000 * MS)).toBe((CATCH_UP_NS / MS) * 100);
    pacer.sent(5000);
    expect(pacer.allowed(10_000 * MS)).toBe(0);
    expect(pacer.allowed(10_001 * MS)).toBe(100);
  });

  it('keeps what could not be sent for the next time', () => {
    const pacer = new RatePacer(1000);
    pacer.begin(0);
    expect(pacer.allowed(9 * MS)).toBe(10);
    pacer.sent(4);
    expect(pacer.allowed(9 * MS)).toBe(6);
    expect(pacer.waitNs(9 * MS)).toBe(0);
  });

  it('has no bound at an infinite rate', () => {
    const pacer = new RatePacer(Infinity);
    pacer.begin(0);
    expect(pacer.allowed(1)).toBe(Infinity);
    expect(pacer.waitNs(1)).toBe(0);
  });
});

describe('RecordedPacer', () => {
  it('reaches a frame when its time has passed since the start', () => {
    const pacer = new RecordedPacer();
    pacer.begin(100 * MS);
    expect(pacer.until(107 * MS, 20 * MS)).toBe(7 * MS);
    expect(pacer.waitNs(107 * MS, 20 * MS)).toBe(13 * MS);
    expect(pacer.waitNs(130 * MS, 20 * MS)).toBe(0);
  });

  it('goes on where it was after a pause', () => {
    const pacer = new RecordedPacer();
    pacer.begin(0);
    pacer.postpone(500 * MS);
    expect(pacer.until(510 * MS, 10 * MS)).toBe(10 * MS);
  });

  it('catches up on a bounded part of what it missed', () => {
    const pacer = new RecordedPacer();
    pacer.begin(0);
    expect(pacer.until(1000 * MS, 10 * MS)).toBe(10 * MS + CATCH_UP_NS);
    expect(pacer.until(1001 * MS, 60 * MS)).toBe(11 * MS + CATCH_UP_NS);
  });
});

describe('delayMs', () => {
  it('never wakes early', () => {
    expect([0, 1, MS, MS + 1].map(delayMs)).toEqual([1, 1, 1, 2]);
  });
});
