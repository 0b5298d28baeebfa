import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CaptureError } from '../../../../src/engine/link/capture/capture-error';
import type { PcapngOption } from '../../../../src/engine/link/capture/write-pcapng';
import {
  encodeOptions,
  enhancedPacketBlock,
  interfaceDescriptionBlock,
  pcapngBlock,
  sectionHeaderBlock,
  simplePacketBlock,
} from '../../../../src/engine/link/capture/write-pcapng';
import { aPcapng, asCaptured, changed, faultOf, join, parse } from './captured-frames';

const SECTION = sectionHeaderBlock();
const INTERFACE = interfaceDescriptionBlock();
const PREAMBLE = join(SECTION, INTERFACE);
const PACKET = enhancedPacketBlock({ ticks: 1000, bytes: Uint8Array.of(1, 2, 3) });
const FILE = join(PREAMBLE, PACKET);
/** Where the packet's block begins in {@link FILE}. */
const PACKET_AT = PREAMBLE.length;

const recordedFrames = fc.array(
  fc.record({
    timestampNs: fc.nat(Number.MAX_SAFE_INTEGER),
    bytes: fc.uint8Array({ minLength: 1, maxLength: 40 }),
  }),
  { maxLength: 6 },
);

/** An interface description with these options and no others. */
function anInterfaceWith(...options: PcapngOption[]): Uint8Array {
  return pcapngBlock(1, join(Uint8Array.of(1, 0, 0, 0, 0, 0, 4, 0), encodeOptions(options)));
}

/** The octets of a 32-bit number, little-endian. */
function u32(value: number): number[] {
  return [value, value >>> 8, value >>> 16, value >>> 24].map((octet) => octet & 0xff);
}

function timesOf(...blocks: Uint8Array[]): number[] {
  const { frames, error } = parse(join(...blocks));
  expect(error).toBeUndefined();
  return frames.map(({ timestampNs }) => timestampNs);
}

describe('a pcapng file', () => {
  it('is read in both byte orders, in chunks of any size', () => {
    const chunkSizes = fc.integer({ min: 1, max: 64 });
    fc.assert(
      fc.property(
        recordedFrames,
        fc.boolean(),
        chunkSizes,
        (frames, isLittleEndian, chunkBytes) => {
          const outcome = parse(aPcapng(frames, isLittleEndian), chunkBytes);
          expect(outcome.error).toBeUndefined();
          expect(outcome.parser.format).toBe('pcapng');
          const near = asCaptured(frames);
          expect(outcome.frames.map(({ bytes }) => bytes)).toEqual(near.map(({ bytes }) => bytes));
          expect(outcome.frames.map(({ timestampNs }) => timestampNs)).toEqual(
            near.map(({ timestampNs }) => timestampNs),
          );
        },
      ),
    );
  });

  it('may have sections of different byte order, each with interfaces of its own', () => {
    const fine = interfaceDescriptionBlock({ timestampResolution: 9 }, false);
    const coarse = interfaceDescriptionBlock({ timestampResolution: 3 }, false);
    const packet = (interfaceId: number) =>
      enhancedPacketBlock({ interfaceId, ticks: 5, bytes: Uint8Array.of(9) }, false);
    const second = [sectionHeaderBlock(false), fine, coarse, packet(0), packet(1)];
    expect(timesOf(FILE, ...second)).toEqual([1000, 5, 5_000_000]);
  });

  it('forgets the interfaces of a section when the next one begins', () => {
    expect(faultOf(join(FILE, SECTION, PACKET))).toMatchObject({
      field: 'interface id',
      byteOffset: FILE.length + SECTION.length + 8,
      expected: 'one of the 0 described in this section',
      found: '0',
    });
  });

  it('counts microseconds when an interface names no resolution', () => {
    expect(timesOf(SECTION, anInterfaceWith(), PACKET)).toEqual([1_000_000]);
  });

  it('counts in powers of two when the highest bit of the resolution is set', () => {
    const description = interfaceDescriptionBlock({ timestampResolution: 0x80 | 10 });
    expect(timesOf(SECTION, description, PACKET)).toEqual([976_562_500]);
  });

  it('adds the offset of an interface in whole seconds, also a negative one', () => {
    const shifted = (timestampOffsetSeconds: number) =>
      timesOf(SECTION, interfaceDescriptionBlock({ timestampOffsetSeconds }), PACKET);
    expect(shifted(60)).toEqual([60_000_001_000]);
    expect(shifted(-1)).toEqual([-999_999_000]);
  });

  it.each([
    [16, 'at finest 10^-15 s', '10^-16 s'],
    [0x80 | 51, 'at finest 2^-50 s', '2^-51 s'],
  ])('is refused for the resolution octet %d', (timestampResolution, expected, found) => {
    expect(
      faultOf(join(SECTION, interfaceDescriptionBlock({ timestampResolution }))),
    ).toMatchObject({ fault: 'unsupported', byteOffset: SECTION.length + 20, expected, found });
  });

  it('is refused for an offset of more seconds than can be counted', () => {
    const value = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0x7f);
    expect(faultOf(join(SECTION, anInterfaceWith({ code: 14, value })))).toMatchObject({
      fault: 'unsupported',
      field: 'timestamp offset (if_tsoffset)',
    });
  });

  it('gives a frame of a simple packet block the time of the frame before it', () => {
    expect(timesOf(FILE, simplePacketBlock(Uint8Array.of(4, 5)))).toEqual([1000, 1000]);
    expect(timesOf(PREAMBLE, simplePacketBlock(Uint8Array.of(4, 5)))).toEqual([0]);
  });

  it('cuts a frame of a simple packet block to the snap length of its interface', () => {
    const description = interfaceDescriptionBlock({ snapLength: 2 });
    const { frames } = parse(join(SECTION, description, simplePacketBlock(Uint8Array.of(4, 5), 9)));
    expect(frames).toMatchObject([{ bytes: [4, 5], originalLength: 9 }]);
  });

  it('is refused when a simple packet block is shorter than its frame', () => {
    expect(faultOf(join(PREAMBLE, simplePacketBlock(Uint8Array.of(4, 5), 9)))).toMatchObject({
      byteOffset: PREAMBLE.length + 8,
      field: 'captured length',
      expected: 'at most the 4 bytes left in its block',
      found: '9',
    });
  });

  it('may hold obsolete packet blocks', () => {
    const [interfaceId, drops] = [
      [0, 0],
      [7, 0],
    ] as const;
    const body = [...interfaceId, ...drops, ...u32(0), ...u32(77), ...u32(1), ...u32(1), 8];
    const { frames } = parse(join(PREAMBLE, pcapngBlock(2, Uint8Array.from(body))));
    expect(frames).toEqual([{ timestampNs: 77, bytes: [8], originalLength: 1 }]);
  });

  it('may hold statistics, names and blocks that nobody knows', () => {
    const statistics = pcapngBlock(5, new Uint8Array(12));
    const names = pcapngBlock(4, new Uint8Array(4));
    const unknown = pcapngBlock(0xbad, new Uint8Array(5000));
    expect(timesOf(PREAMBLE, statistics, names, unknown, PACKET)).toEqual([1000]);
  });

  it('may have options anywhere, with and without a mark of their end', () => {
    const comment = { code: 1, value: new TextEncoder().encode('hello') };
    const options = encodeOptions([comment]);
    const fixed = PACKET.slice(8, -4);
    const packet = (rest: Uint8Array) => pcapngBlock(6, join(fixed, rest));
    expect(timesOf(SECTION, anInterfaceWith(comment), packet(options))).toHaveLength(1);
    expect(timesOf(PREAMBLE, packet(options.slice(0, -4)))).toEqual([1000]);
  });

  it.each([
    ['a packet', 6, PACKET.slice(8, -4)],
    ['a section', 0x0a0d0d0a, SECTION.slice(8, -4)],
    ['an interface', 1, INTERFACE.slice(8, 16)],
    ['statistics', 5, new Uint8Array(12)],
  ])('is refused when an option of %s is longer than its block', (_, type, body) => {
    const block = pcapngBlock(type, join(body, Uint8Array.of(1, 0, 9, 0, 65, 65, 65, 65)));
    expect(faultOf(join(PREAMBLE, block))).toMatchObject({
      fault: 'malformed',
      byteOffset: PREAMBLE.length + 8 + body.length,
      field: 'length of option 1',
      expected: 'at most 4 bytes',
      found: '9',
    });
  });

  it.each([
    [9, 2, '1 bytes'],
    [14, 4, '8 bytes'],
  ])('is refused when option %d has %d bytes', (code, length, expected) => {
    const description = anInterfaceWith({ code, value: new Uint8Array(length) });
    expect(faultOf(join(SECTION, description))).toMatchObject({
      field: `length of option ${code}`,
      expected,
      found: `${length}`,
    });
  });

  it('is refused for an interface that is not Ethernet', () => {
    expect(faultOf(join(SECTION, interfaceDescriptionBlock({ linkType: 113 })))).toMatchObject({
      fault: 'unsupported',
      byteOffset: SECTION.length + 8,
      expected: '1 (Ethernet)',
      found: '113',
    });
  });

  it('is refused for another major version', () => {
    expect(faultOf(changed(FILE, 12, 2))).toMatchObject({ field: 'pcapng version', found: '2' });
  });

  it('is refused when its byte order cannot be told', () => {
    expect(faultOf(changed(FILE, 8, 0))).toMatchObject({
      byteOffset: 8,
      field: 'byte-order magic',
      found: '0x003c2b1a',
    });
  });

  it.each([
    ['0', u32(0)],
    ['28', u32(28)],
    ['37', u32(37)],
    ['16777220', u32(16_777_220)],
    ['4294967292', u32(0xfffffffc)],
  ])('is refused for a packet block of length %s', (found, octets) => {
    expect(faultOf(changed(FILE, PACKET_AT + 4, ...octets))).toEqual({
      fault: 'malformed',
      byteOffset: PACKET_AT + 4,
      field: 'length of block type 0x00000006',
      expected: 'a multiple of 4 from 32 to 16777216',
      found,
    });
  });

  it('is refused when the second length of a block differs from the first', () => {
    expect(faultOf(changed(FILE, FILE.length - 4, 40))).toMatchObject({
      byteOffset: FILE.length - 4,
      field: 'second block length',
      expected: '36 as at the start',
      found: '40',
    });
  });

  it.each([
    ['zero', 0, '1 to 262144 bytes'],
    ['beyond its block', 9, 'at most the 4 bytes left in its block'],
    ['absurd', 0xffffffff, '1 to 262144 bytes'],
  ])('is refused for a captured length that is %s', (_, length, expected) => {
    expect(faultOf(changed(FILE, PACKET_AT + 20, ...u32(length)))).toMatchObject({
      byteOffset: PACKET_AT + 20,
      field: 'captured length',
      expected,
    });
  });

  it('is refused when more was captured of a frame than there was', () => {
    expect(faultOf(changed(FILE, PACKET_AT + 24, 2))).toMatchObject({ field: 'original length' });
  });

  it('is refused for statistics of an interface that does not exist', () => {
    const statistics = pcapngBlock(5, Uint8Array.from([...u32(1), ...u32(0), ...u32(0)]));
    expect(faultOf(join(PREAMBLE, statistics))).toMatchObject({ field: 'interface id' });
  });

  it('is refused for more interfaces than are believed', () => {
    const many = new Uint8Array(4097 * INTERFACE.length);
    for (let at = 0; at < many.length; at += INTERFACE.length) many.set(INTERFACE, at);
    expect(faultOf(join(SECTION, many))).toMatchObject({ field: 'interface count' });
  });

  it('delivers the frames before a cut and says what is missing, wherever the cut is', () => {
    fc.assert(
      fc.property(recordedFrames, fc.boolean(), fc.nat(600), (frames, isLittleEndian, cut) => {
        const { frames: delivered, error } = parse(
          aPcapng(frames, isLittleEndian).slice(0, cut),
          9,
        );
        expect(delivered).toEqual(asCaptured(frames).slice(0, delivered.length));
        if (error !== undefined) {
          expect(error).toBeInstanceOf(CaptureError);
          expect(error).toMatchObject({ data: { fault: 'truncated' } });
        }
      }),
    );
  });

  it('ends in frames or in a capture error, whatever octets of it are changed', () => {
    const base = join(
      FILE,
      simplePacketBlock(Uint8Array.of(1, 2)),
      pcapngBlock(5, new Uint8Array(12)),
    );
    const changes = fc.array(fc.tuple(fc.nat(base.length - 1), fc.nat(255)), { maxLength: 6 });
    fc.assert(
      fc.property(changes, fc.integer({ min: 1, max: 64 }), (octets, chunkBytes) => {
        const file = Uint8Array.from(base);
        for (const [at, octet] of octets) file[at] = octet;
        const { error } = parse(file, chunkBytes);
        expect(error === undefined || error instanceof CaptureError).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });
});
