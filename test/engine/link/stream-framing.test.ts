/** The framing of streams in the kernel, without sockets. */
import { beforeEach, describe, expect, it } from 'vitest';

import {
  aFrame,
  areSame,
  aLinkContext,
  framed,
  takeAll,
  type LinkSurroundings,
} from './a-link-context';

const FRAMING_ERROR = 0xffffffff;

let link: LinkSurroundings;

beforeEach(async () => {
  link = await aLinkContext();
});

/** Bytes that the kernel took of a stream. */
function deframe(stream: Uint8Array): number {
  link.memory.u8.set(stream, link.place.scratch);
  return link.kernel.deframe(link.place.inRing, link.place.scratch, stream.length, 0) >>> 0;
}

describe('deframe', () => {
  const frames = [aFrame(14, 1), aFrame(60, 2), aFrame(1518, 3)];
  const stream = framed(...frames);

  it('takes only whole frames, wherever the stream is cut', () => {
    const ends = [0, 18, 82, 1604];
    for (let cut = 0; cut <= stream.length; cut++) {
      const whole = ends.filter((end) => end <= cut).length - 1;
      expect(deframe(stream.subarray(0, cut))).toBe(ends[whole]);
      expect(areSame(takeAll(link), frames.slice(0, whole))).toBe(true);
      expect(link.kernel.lastFrames()).toBe(whole);
    }
  });

  it('puts a stream together from two parts, wherever it is cut', () => {
    for (let cut = 0; cut <= stream.length; cut += 7) {
      const taken = deframe(stream.subarray(0, cut));
      expect(taken + deframe(stream.subarray(taken))).toBe(stream.length);
      expect(areSame(takeAll(link), frames)).toBe(true);
    }
  });

  it.each([0, 65_536, 0x7fffffff, 0xffffffff])('refuses a frame of %i bytes', (length) => {
    const bad = Buffer.alloc(64);
    bad.writeUInt32BE(length);
    expect(deframe(bad)).toBe(FRAMING_ERROR);
    expect(deframe(bad.subarray(0, 4))).toBe(FRAMING_ERROR);
    expect(takeAll(link)).toEqual([]);
  });

  it('delivers the frames before a wrong length, then refuses', () => {
    const good = framed(aFrame(60, 7), aFrame(61, 8));
    const taken = deframe(Buffer.concat([good, Buffer.alloc(8)]));
    expect(taken).toBe(good.length);
    expect(takeAll(link)).toEqual([aFrame(60, 7), aFrame(61, 8)]);
    expect(deframe(Buffer.alloc(8))).toBe(FRAMING_ERROR);
  });

  it('carries the longest frame, wherever the ring stands', () => {
    for (let i = 0; i < 200; i++) {
      const filler = aFrame(1 + ((i * 997) % 3000), i & 0xff);
      const longest = aFrame(65_535, i & 0xff);
      expect(deframe(framed(filler, longest))).toBe(8 + filler.length + longest.length);
      expect(areSame(takeAll(link), [filler, longest])).toBe(true);
    }
  });

  it('stops at a full ring and goes on when there is room', () => {
    const many = [aFrame(65_535, 0), aFrame(65_535, 1), aFrame(65_535, 2)] as const;
    const one = framed(aFrame(65_535, 9)).length;
    expect(deframe(framed(...many))).toBe(3 * one);
    expect(deframe(framed(aFrame(65_535, 9)))).toBe(0);
    expect(link.take()?.[0]).toBe(0);
    expect(link.take()?.[0]).toBe(1);
    expect(deframe(framed(aFrame(65_535, 9)))).toBe(one);
    expect(areSame(takeAll(link), [many[2], aFrame(65_535, 9)])).toBe(true);
  });
});

describe('enframe', () => {
  it('writes what deframe reads, and no frame in part', () => {
    const frames = [aFrame(60, 1), aFrame(1514, 2), aFrame(100, 3)];
    for (const frame of frames) expect(link.put(frame)).toBe(true);
    const { outRing, scratch } = link.place;
    const first = link.kernel.enframe(outRing, scratch, 1600);
    expect(Buffer.from(link.memory.u8.subarray(scratch, scratch + first))).toEqual(
      framed(...frames.slice(0, 2)),
    );
    const second = link.kernel.enframe(outRing, scratch, 1600);
    expect(Buffer.from(link.memory.u8.subarray(scratch, scratch + second))).toEqual(
      framed(aFrame(100, 3)),
    );
    expect(link.kernel.enframe(outRing, scratch, 1600)).toBe(0);
  });
});
