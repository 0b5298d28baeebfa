import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CaptureError } from '../../../../src/engine/link/capture/capture-error';
import type { PcapEncoding } from '../../../../src/engine/link/capture/write-pcap';
import { pcapFileHeader } from '../../../../src/engine/link/capture/write-pcap';
import { aPcap, asCaptured, changed, faultOf, join, parse } from './captured-frames';

const frame = { timestampNs: 1_500_000_000, bytes: Uint8Array.of(1, 2, 3) };
const recordedFrames = fc.array(
  fc
    .record({
      timestampNs: fc.nat(2 ** 31 - 1).map((microseconds) => microseconds * 1000),
      bytes: fc.uint8Array({ minLength: 1, maxLength: 40 }),
      uncaptured: fc.nat(9),
    })
    .map(({ uncaptured, ...part }) => ({
      ...part,
      originalLength: part.bytes.length + uncaptured,
    })),
  { maxLength: 6 },
);
const encodings: fc.Arbitrary<PcapEncoding> = fc.record({
  isLittleEndian: fc.boolean(),
  resolution: fc.constantFrom('microseconds', 'nanoseconds'),
});

/** A file of one frame with its link field set to `link`, little-endian. */
function aPcapWithLink(link: number, ...bytes: number[]): Uint8Array {
  return aPcap([{ timestampNs: 0, bytes: Uint8Array.from(bytes) }], { linkType: link });
}

describe('a pcap file', () => {
  it('is read in both byte orders and resolutions, in chunks of any size', () => {
    fc.assert(
      fc.property(
        recordedFrames,
        encodings,
        fc.integer({ min: 1, max: 64 }),
        (frames, encoding, n) => {
          const outcome = parse(aPcap(frames, encoding), n);
          expect(outcome.error).toBeUndefined();
          expect(outcome.frames).toEqual(asCaptured(frames));
          expect(outcome.parser.format).toBe('pcap');
          expect(outcome.parser.frameCount).toBe(frames.length);
        },
      ),
    );
  });

  it('has times from its first frame when asked to', () => {
    const later = { ...frame, timestampNs: frame.timestampNs + 7 };
    const { frames } = parse(aPcap([frame, later]), 1000, { timestampOrigin: 'first-frame' });
    expect(frames.map(({ timestampNs }) => timestampNs)).toEqual([0, 7]);
  });

  it('loses the check sequence that its header announces', () => {
    const fourBytes = 0x2400_0001;
    const outcome = parse(aPcapWithLink(fourBytes, 1, 2, 3, 4, 5, 6));
    expect(outcome.frames).toMatchObject([{ bytes: [1, 2], originalLength: 2 }]);
  });

  it('delivers the frames before a cut and says what is missing, wherever the cut is', () => {
    fc.assert(
      fc.property(recordedFrames, encodings, fc.nat(400), (frames, encoding, cut) => {
        const file = aPcap(frames, encoding);
        const { frames: delivered, error } = parse(file.slice(0, cut), 16);
        expect(delivered).toEqual(asCaptured(frames).slice(0, delivered.length));
        if (error === undefined) {
          expect(aPcap(frames.slice(0, delivered.length), encoding)).toEqual(file.slice(0, cut));
        } else {
          expect(error).toBeInstanceOf(CaptureError);
          expect(error).toMatchObject({ data: { fault: 'truncated' } });
        }
      }),
    );
  });

  it('names the record that is cut short', () => {
    expect(faultOf(aPcap([frame, frame]).slice(0, -1))).toEqual({
      fault: 'truncated',
      byteOffset: 24 + 19,
      field: 'pcap record',
      expected: '19 bytes',
      found: '18 to the end of the file',
    });
  });

  it('is refused when it is cut within its header', () => {
    expect(faultOf(pcapFileHeader().slice(0, 20))).toMatchObject({ field: 'pcap file header' });
  });

  it.each([
    ['0', [0, 0, 0, 0]],
    ['262145', [1, 0, 4, 0]],
    ['4294967295', [255, 255, 255, 255]],
  ])('is refused for a captured length of %s', (found, octets) => {
    expect(faultOf(changed(aPcap([frame]), 32, ...octets))).toEqual({
      fault: 'malformed',
      byteOffset: 32,
      field: 'captured length',
      expected: '1 to 262144 bytes',
      found,
    });
  });

  it('is refused when more was captured of a frame than there was', () => {
    expect(faultOf(aPcap([{ ...frame, originalLength: 2 }]))).toMatchObject({
      byteOffset: 36,
      field: 'original length',
      expected: 'at least the captured length 3',
      found: '2',
    });
  });

  it('is refused for another link type than Ethernet', () => {
    expect(faultOf(aPcapWithLink(101, 1))).toEqual({
      fault: 'unsupported',
      byteOffset: 20,
      field: 'link type',
      expected: '1 (Ethernet)',
      found: '101',
    });
  });

  it('is refused for another version', () => {
    expect(faultOf(changed(aPcap([frame]), 4, 3))).toMatchObject({
      fault: 'unsupported',
      byteOffset: 4,
      found: '3.4',
    });
  });

  it('accepts the largest frame that is believed', () => {
    const bytes = new Uint8Array(262_144).fill(7);
    const { frames, error } = parse(aPcap([{ timestampNs: 0, bytes }]), 65_536);
    expect(error).toBeUndefined();
    expect(frames[0]?.bytes).toHaveLength(262_144);
  });

  it('ends in frames or in a capture error, whatever follows its header', () => {
    fc.assert(
      fc.property(encodings, fc.uint8Array({ maxLength: 300 }), (encoding, rest) => {
        const { error } = parse(join(pcapFileHeader(encoding), rest), 7);
        expect(error === undefined || error instanceof CaptureError).toBe(true);
      }),
    );
  });
});
