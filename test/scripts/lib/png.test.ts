import { inflateSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';

import { squarePng } from '../../../scripts/lib/png.mjs';

/** Chunks of an image by type. */
function chunksOf(image: Buffer): Map<string, Buffer> {
  const chunks = new Map<string, Buffer>();
  for (let at = 8; at < image.length;) {
    const length = image.readUInt32BE(at);
    chunks.set(image.toString('latin1', at + 4, at + 8), image.subarray(at + 8, at + 8 + length));
    at += length + 12;
  }
  return chunks;
}

describe('squarePng', () => {
  it('writes size, pixels and the end mark that the format asks for', () => {
    const chunks = chunksOf(squarePng(2, (x, y) => [x, y, 7, 255]));
    expect([...chunks.keys()]).toEqual(['IHDR', 'IDAT', 'IEND']);
    expect(chunks.get('IHDR')?.readUInt32BE(4)).toBe(2);
    const rows = inflateSync(chunks.get('IDAT') ?? Buffer.alloc(0));
    expect([...rows]).toEqual([0, 0, 0, 7, 255, 1, 0, 7, 255, 0, 0, 1, 7, 255, 1, 1, 7, 255]);
  });

  it('ends with the checksum that every image ends with', () => {
    const image = squarePng(1, () => [0, 0, 0, 0]);
    expect(image.subarray(-4).toString('hex')).toBe('ae426082');
  });
});
