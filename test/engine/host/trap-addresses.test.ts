import { describe, expect, it } from 'vitest';
import { TrapAddresses } from '../../../src/engine/host/trap-addresses';

describe('the addresses of marker traps', () => {
  it('are unicast, locally administered, and different for traps that are open at once', () => {
    const addresses = new TrapAddresses();
    const taken = Array.from({ length: 20 }, () => addresses.take());
    expect(new Set(taken).size).toBe(20);
    for (const mac of taken) expect(Number.parseInt(mac.slice(0, 2), 16) & 3).toBe(2);
  });

  it('rest for ten seconds, in which a late marker finds nobody, and are used again then', () => {
    let nowMs = 0;
    const addresses = new TrapAddresses(() => nowMs);
    const first = addresses.take();
    addresses.giveBack(first);
    nowMs = 9999;
    expect(addresses.take()).not.toBe(first);
    nowMs = 10_000;
    expect(addresses.take()).toBe(first);
  });

  it('stay few, however many migrations there are', () => {
    let nowMs = 0;
    const addresses = new TrapAddresses(() => nowMs);
    const used = new Set<string>();
    for (let migration = 0; migration < 1000; migration++) {
      const mac = addresses.take();
      used.add(mac);
      nowMs += 500;
      addresses.giveBack(mac);
    }
    expect(used.size).toBeLessThanOrEqual(21);
  });
});
