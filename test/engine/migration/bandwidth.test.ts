import { describe, expect, it } from 'vitest';
import { BandwidthLimit } from '../../../src/engine/migration/bandwidth';

const MIB = 1 << 20;
const SECOND = 1e9;

describe('BandwidthLimit', () => {
  it('lets everything through without a limit', () => {
    const limit = new BandwidthLimit();
    limit.set(null);
    limit.sent(1000 * MIB, SECOND);
    expect(limit.waitMs(SECOND)).toBe(0);
  });

  it('keeps a sender that is always ready at the rate', () => {
    const limit = new BandwidthLimit();
    limit.set(100);
    let now = SECOND;
    for (let sent = 0; sent < 50; sent++) {
      limit.sent(MIB, now);
      now += limit.waitMs(now) * 1e6;
    }
    const seconds = (now - SECOND) / SECOND;
    // 50 MiB at 100 MiB/s take half a second, less the 20 ms that a fresh sender may use at once.
    expect(seconds).toBeGreaterThan(0.47);
    expect(seconds).toBeLessThan(0.51);
  });

  it('does not let an idle sender save up', () => {
    const limit = new BandwidthLimit();
    limit.set(100);
    limit.sent(MIB, SECOND);
    limit.sent(10 * MIB, 60 * SECOND);
    expect(limit.waitMs(60 * SECOND)).toBeGreaterThan(75);
  });

  it('takes a new limit at once', () => {
    const limit = new BandwidthLimit();
    limit.set(1);
    limit.sent(10 * MIB, SECOND);
    expect(limit.waitMs(SECOND)).toBeGreaterThan(9000);
    limit.set(1000);
    expect(limit.waitMs(SECOND)).toBe(0);
  });
});
