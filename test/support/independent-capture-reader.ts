/**
 * A second reader of capture files, for comparing: whole file in memory, one pass, and on purpose no
 * line in common with `src/engine/link/capture`. It trusts its input, so feed it sample captures and
 * not damaged ones.
 */

/** What was counted for one destination in one VLAN. */
export interface DestinationCount {
  frames: number;
  /** Captured lengths added up. */
  bytes: number;
}

/** A capture, counted. Keys of the map are `02:00:5e:10:00:01/10`; untagged frames have VLAN 0. */
export interface CaptureCounts {
  frames: number;
  bytes: number;
  byDestination: Map<string, DestinationCount>;
  /** From the first frame to the last. */
  durationNs: bigint;
}

interface StampedFrame {
  timeNs: bigint;
  bytes: Buffer;
}

/** Counts the frames of a pcap or pcapng file by destination MAC and VLAN. */
export function countCapture(file: Buffer): CaptureCounts {
  const isPcapng = file.subarray(0, 4).toString('hex') === '0a0d0d0a';
  const frames = isPcapng ? pcapngFrames(file) : pcapFrames(file);
  const byDestination = new Map<string, DestinationCount>();
  for (const { bytes } of frames) {
    const key = destinationKey(bytes);
    const count = byDestination.get(key) ?? { frames: 0, bytes: 0 };
    byDestination.set(key, { frames: count.frames + 1, bytes: count.bytes + bytes.length });
  }
  return {
    frames: frames.length,
    bytes: frames.reduce((sum, { bytes }) => sum + bytes.length, 0),
    byDestination,
    durationNs: (frames.at(-1)?.timeNs ?? 0n) - (frames[0]?.timeNs ?? 0n),
  };
}

function destinationKey(frame: Buffer): string {
  const mac = frame.toString('hex', 0, 6).replace(/..(?=.)/g, '$&:');
  const isTagged = frame.toString('hex', 12, 14) === '8100';
  return `${mac}/${isTagged ? frame.readUInt16BE(14) % 4096 : 0}`;
}

/** The frames of a capture, in order. */
export function captureFrames(file: Buffer): Buffer[] {
  const isPcapng = file.subarray(0, 4).toString('hex') === '0a0d0d0a';
  return (isPcapng ? pcapngFrames(file) : pcapFrames(file)).map(({ bytes }) => bytes);
}

function pcapFrames(file: Buffer): StampedFrame[] {
  const magic = file.subarray(0, 4).toString('hex');
  const isBig = magic.startsWith('a1');
  const unitNs = magic.includes('3c') ? 1n : 1000n;
  const u32 = (at: number) => (isBig ? file.readUInt32BE(at) : file.readUInt32LE(at));
  const frames: StampedFrame[] = [];
  let at = 24;
  while (at < file.length) {
    const length = u32(at + 8);
    const timeNs = BigInt(u32(at)) * 1_000_000_000n + BigInt(u32(at + 4)) * unitNs;
    frames.push({ timeNs, bytes: file.subarray(at + 16, at + 16 + length) });
    at += 16 + length;
  }
  return frames;
}

/** Knows enhanced packets only, and decimal resolutions without an offset. */
function pcapngFrames(file: Buffer): StampedFrame[] {
  const frames: StampedFrame[] = [];
  let isBig = false;
  let unitsNs: bigint[] = [];
  let at = 0;
  const u32 = (offset: number) =>
    isBig ? file.readUInt32BE(at + offset) : file.readUInt32LE(at + offset);
  while (at < file.length) {
    const type = u32(0);
    if (type === 0x0a0d0d0a) {
      isBig = file.readUInt32BE(at + 8) === 0x1a2b3c4d;
      unitsNs = [];
    }
    const blockLength = u32(4);
    if (type === 1) unitsNs.push(unitOf(file.subarray(at + 16, at + blockLength - 4), isBig));
    if (type === 6) {
      const ticks = BigInt(u32(12)) * 4_294_967_296n + BigInt(u32(16));
      const bytes = file.subarray(at + 28, at + 28 + u32(20));
      frames.push({ timeNs: ticks * (unitsNs[u32(8)] ?? 0n), bytes });
    }
    at += blockLength;
  }
  return frames;
}

function unitOf(options: Buffer, isBig: boolean): bigint {
  let at = 0;
  while (at + 4 <= options.length) {
    const code = isBig ? options.readUInt16BE(at) : options.readUInt16LE(at);
    const length = isBig ? options.readUInt16BE(at + 2) : options.readUInt16LE(at + 2);
    if (code === 9) return 10n ** BigInt(9 - options.readUInt8(at + 4));
    at += 4 + Math.ceil(length / 4) * 4;
  }
  return 1000n;
}
