import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CaptureError } from '../../../../src/engine/link/capture/capture-error';
import { CaptureParser } from '../../../../src/engine/link/capture/capture-parser';
import { aPcap, aPcapng, changed, faultOf, parse } from './captured-frames';

const frames = [1, 2, 3].map((n) => ({ timestampNs: n, bytes: new Uint8Array(n * 30).fill(n) }));

describe('CaptureParser', () => {
  it('refuses an empty file', () => {
    expect(faultOf(new Uint8Array(0))).toEqual({
      fault: 'truncated',
      byteOffset: 0,
      field: 'magic number',
      expected: '4 bytes',
      found: '0 to the end of the file',
    });
  });

  it('refuses a file that is no capture', () => {
    expect(faultOf(new TextEncoder().encode('#!/bin/sh'))).toMatchObject({
      fault: 'unsupported',
      byteOffset: 0,
      expected: 'a pcap or pcapng file',
      found: '0x23212f62',
    });
  });

  it('says that a compressed file has to be unpacked', () => {
    expect(faultOf(Uint8Array.of(0x1f, 0x8b, 8, 0))).toMatchObject({
      found: 'a gzip file, to be unpacked first',
    });
  });

  it('delivers the same frames however the file is cut into chunks', () => {
    for (const file of [aPcap(frames), aPcapng(frames)]) {
      const whole = parse(file).frames;
      for (let chunkBytes = 1; chunkBytes <= file.length; chunkBytes += 1) {
        expect(parse(file, chunkBytes).frames).toEqual(whole);
      }
    }
  });

  it('ignores empty chunks', () => {
    const parser = new CaptureParser(() => undefined);
    parser.push(new Uint8Array(0));
    parser.push(aPcap(frames));
    parser.push(new Uint8Array(0));
    parser.end();
    expect(parser.frameCount).toBe(3);
  });

  it('delivers frames from the chunk itself when they lie whole in it', () => {
    const file = aPcap(frames);
    const seen = new Set<Uint8Array>();
    const parser = new CaptureParser((_, bytes) => seen.add(bytes));
    parser.push(file);
    expect([...seen]).toEqual([file]);
    expect(parser.byteOffset).toBe(file.length);
  });

  it('finds the same fault at the same place however the file is cut into chunks', () => {
    const file = aPcapng(frames);
    const damaged = changed(file, file.length - 4, 0xff);
    const fault = faultOf(damaged);
    for (let chunkBytes = 1; chunkBytes <= damaged.length; chunkBytes += 1) {
      expect(parse(damaged, chunkBytes).error).toMatchObject({ data: fault });
    }
  });

  it('takes no more after an error', () => {
    const { parser } = parse(Uint8Array.of(0, 0, 0, 0));
    expect(() => {
      parser.push(aPcap(frames));
    }).toThrow('used after it has failed');
  });

  it('takes no more after the end', () => {
    const { parser } = parse(aPcap(frames));
    expect(() => {
      parser.end();
    }).toThrow('used after it has ended');
  });

  it('passes on what the sink throws', () => {
    const parser = new CaptureParser(() => {
      throw new Error('ring is gone');
    });
    expect(() => {
      parser.push(aPcap(frames));
    }).toThrow('ring is gone');
  });

  it('ends in a capture error for any bytes that are no capture', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        expect(parse(bytes, 3).error).toBeInstanceOf(CaptureError);
      }),
    );
  });
});
