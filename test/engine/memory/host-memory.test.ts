import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HostMemory } from '../../../src/engine/memory/host-memory';
import { RegionAllocator } from '../../../src/engine/memory/region-allocator';

describe('the region allocator', () => {
  it('hands out regions that never overlap and takes all of them back', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ length: fc.integer({ min: 1, max: 5000 }), keep: fc.boolean() }), {
          maxLength: 60,
        }),
        (requests) => {
          const regions = new RegionAllocator(65_536, 65_536 + 100_000);
          const taken = new Map<number, number>();
          for (const { length, keep } of requests) {
            const start = regions.tryTake(length, 64);
            if (start === undefined) continue;
            expect(start % 64).toBe(0);
            for (const [other, otherLength] of taken)
              expect(start + length <= other || other + otherLength <= start).toBe(true);
            if (keep) taken.set(start, length);
            else regions.give(start);
          }
          for (const start of taken.keys()) regions.give(start);
          expect(regions.usedBytes).toBe(0);
          expect(regions.largestFreeBytes).toBe(100_000);
        },
      ),
    );
  });

  it('refuses to take back what it never handed out', () => {
    const regions = new RegionAllocator(0, 1000);
    expect(() => {
      regions.give(64);
    }).toThrow(RangeError);
  });
});

describe('host memory', () => {
  it('hands out zeroed regions, also where another one was written before', () => {
    const memory = new HostMemory(1);
    const first = memory.take(4096, 'a test');
    memory.u8.fill(0xff, first, first + 4096);
    memory.give(first);
    const again = memory.take(8192, 'a test');
    expect(again).toBe(first);
    expect(memory.u8.subarray(again, again + 8192).every((byte) => byte === 0)).toBe(true);
  });

  it('never hands out address 0', () => {
    expect(new HostMemory(1).take(64, 'a test')).toBeGreaterThan(0);
  });

  it('refuses what does not fit, and says how much is left', () => {
    const memory = new HostMemory(2);
    expect(() => memory.take(4 << 20, 'The memory of web-01')).toThrow(
      /web-01 does not fit.*4 MiB.*largest free piece has 1 of 1 MiB/s,
    );
  });
});
