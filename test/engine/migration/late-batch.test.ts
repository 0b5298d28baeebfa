import { describe, expect, it } from 'vitest';
import { lateBatches, readLateBatch } from '../../../src/engine/migration/late-batch';
import { LATE_MAX_BYTES } from '../../../src/engine/migration/protocol';
import { refusal } from './support/a-move';

const frame = (length: number, fill: number, vlan = 10) => ({
  bytes: new Uint8Array(length).fill(fill),
  vlan,
});

/** One batch of two frames, as numbers that a test can spoil. */
function aBatch(): Buffer {
  const [batch] = lateBatches(1, [frame(61, 7), frame(64, 8)]);
  if (!batch) throw new Error('there is one batch');
  return Buffer.from(batch);
}

describe('late batches', () => {
  it('carry frames of one NIC in order', () => {
    const batch = readLateBatch(aBatch(), 2);
    expect(batch).toMatchObject({ nic: 1, frames: 2 });
    const { entries } = batch;
    expect(entries).toHaveLength(8 + 64 + 8 + 64);
    expect(entries.subarray(8, 8 + 61)).toEqual(Buffer.alloc(61, 7));
    expect(entries.subarray(80, 80 + 64)).toEqual(Buffer.alloc(64, 8));
  });

  it('are split where a message would be too long', () => {
    const frames = Array.from({ length: 200 }, (_, i) => frame(1514, i));
    const batches = lateBatches(0, frames);
    expect(batches.length).toBeGreaterThan(1);
    expect(batches.every((batch) => batch.length <= LATE_MAX_BYTES)).toBe(true);
    const counts = batches.map((batch) => readLateBatch(batch, 1).frames);
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(200);
  });

  it('are none for no frame', () => {
    expect(lateBatches(0, [])).toEqual([]);
  });

  it.each([
    { name: 'a NIC that the VM does not have', at: 0, value: 2, says: 'a NIC below 2, got 2' },
    { name: 'fewer frames than it says', at: 4, value: 3, says: 'expected 3 frames' },
    { name: 'more frames than it says', at: 4, value: 1, says: 'expected 1 frames' },
    { name: 'a frame that is too short', at: 8, value: 13, says: '14 to 1514 bytes, got 13' },
    { name: 'a frame that is too long', at: 8, value: 1515, says: '14 to 1514 bytes, got 1515' },
    { name: 'a frame beyond the end', at: 8, value: 1514, says: 'expected 2 frames' },
    { name: 'a tag of more than 16 bits', at: 12, value: 0x10000, says: 'a tag of 16 bits' },
  ])('are refused with $name', ({ at, value, says }) => {
    const batch = aBatch();
    batch.writeUInt32LE(value, at);
    expect(() => readLateBatch(batch, 2)).toThrow(refusal('migration-stream-invalid'));
    expect(() => readLateBatch(batch, 2)).toThrow(says);
  });
});
