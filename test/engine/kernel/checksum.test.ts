/** The checksum of migration messages: what it must tell apart, and that it does not matter where a block lies. */
import { beforeAll, describe, expect, it } from 'vitest';
import { makeHost, makeRandom, type FakeHost } from '../migration/support/fake-host';

const BYTES = 4096 + 288;

let host: FakeHost;
let block: number;
let elsewhere: number;

beforeAll(async () => {
  host = await makeHost(1);
  block = host.memory.take(BYTES, 'A block');
  elsewhere = host.memory.take(BYTES, 'A block');
  const random = makeRandom(7);
  for (let at = 0; at < BYTES; at += 4) host.memory.setU32(block + at, random());
});

describe('the checksum', () => {
  it('is another for each flipped bit', () => {
    const { memory, kernel } = host;
    const before = kernel.checksum(block, 352);
    for (let bit = 0; bit < 352 * 8; bit++) {
      const at = block + (bit >> 3);
      memory.u8[at] = (memory.u8[at] ?? 0) ^ (1 << (bit & 7));
      expect(kernel.checksum(block, 352), `bit ${bit}`).not.toBe(before);
      memory.u8[at] = (memory.u8[at] ?? 0) ^ (1 << (bit & 7));
    }
  });

  it('is another for each length, also of zeros', () => {
    const zeros = host.memory.take(BYTES, 'Zeros');
    const seen = new Set<bigint>();
    for (let length = 0; length <= BYTES; length += 8)
      seen.add(host.kernel.checksum(zeros, length));
    host.memory.give(zeros);
    expect(seen.size).toBe(BYTES / 8 + 1);
  });

  it('is another when two words change places', () => {
    const { memory, kernel } = host;
    const before = kernel.checksum(block, 352);
    for (let at = 8; at < 352; at += 8) {
      const [first, other] = [memory.u64[block / 8] ?? 0n, memory.u64[(block + at) / 8] ?? 0n];
      memory.u64.set([other], block / 8);
      memory.u64.set([first], (block + at) / 8);
      expect(kernel.checksum(block, 352), `word ${at / 8}`).not.toBe(before);
      memory.u64.set([first], block / 8);
      memory.u64.set([other], (block + at) / 8);
    }
  });

  it.each([0, 32, 288, 4096])(
    'is the same when the block lies in two pieces: %i bytes',
    (first) => {
      const { kernel, memory } = host;
      for (const length of [BYTES, BYTES - 8, BYTES - 24]) {
        memory.u8.copyWithin(elsewhere, block + first, block + length);
        expect(kernel.checksumOfTwo(block, first, elsewhere, length - first)).toBe(
          kernel.checksum(block, length),
        );
      }
    },
  );
});
