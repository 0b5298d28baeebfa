/** The kernel's copy, seen through a wire ring: once in, once out. */
import { describe, expect, it } from 'vitest';
import { HostMemory } from '../../../src/engine/memory/host-memory';
import { compileKernel, instantiateKernel } from '../../../src/engine/thread/kernel';
import { createWireRing } from '../../../src/engine/thread/rings';

const LONGEST = 1600;
const GUARD = 0xee;

describe('a copy', () => {
  it('has every byte and not one more, for all lengths and alignments', async () => {
    const memory = new HostMemory(8);
    const kernel = instantiateKernel(await compileKernel(), memory.memory);
    const ring = createWireRing(memory, 65_536, 0);
    const source = memory.take(2 * LONGEST, 'A source');
    const target = memory.take(2 * LONGEST, 'A target');
    for (let i = 0; i < 2 * LONGEST; i++) memory.u8[source + i] = (i * 7 + (i >> 8)) & 0xff;
    for (let length = 1; length <= LONGEST; length++) {
      const [from, to] = [source + (length % 17), target + 1 + (length % 13)];
      memory.u8.fill(GUARD, target, target + 2 * LONGEST);
      expect(kernel.wirePut(ring, from, length, 0)).toBe(1);
      expect(kernel.wireTake(ring, to)).toBe(length);
      const expected = new Uint8Array(2 * LONGEST).fill(GUARD);
      expected.set(memory.u8.subarray(from, from + length), to - target);
      expect(Buffer.compare(memory.u8.subarray(target, target + 2 * LONGEST), expected)).toBe(0);
    }
  });
});
