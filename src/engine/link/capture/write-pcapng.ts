/**
 * Writes pcapng blocks: for tests, samples and captures of a link. A file is the concatenation of a
 * section header, interface descriptions and packets:
 *
 *     const blocks = [sectionHeaderBlock(), interfaceDescriptionBlock(), enhancedPacketBlock({ … })];
 */
import { LINK_TYPE_ETHERNET, MAX_CAPTURED_BYTES } from './frame-limits';
import {
  BLOCK_HEADER_BYTES,
  BLOCK_TRAILER_BYTES,
  BLOCK_TYPE,
  BYTE_ORDER_MAGIC,
  OPTION_CODE,
  OPTION_HEADER_BYTES,
  PCAPNG_MAJOR_VERSION,
  paddedBytes,
} from './pcapng-format';

/** One option of a block. */
export interface PcapngOption {
  readonly code: number;
  readonly value: Uint8Array;
}

/** What an interface description says. */
export interface PcapngInterface {
  /** Default 1, Ethernet. */
  readonly linkType?: number;
  /** Default 262144; 0 for no limit. */
  readonly snapLength?: number;
  /** The octet of `if_tsresol`; default 9, nanoseconds. */
  readonly timestampResolution?: number;
  /** Seconds of `if_tsoffset`; default none. */
  readonly timestampOffsetSeconds?: number;
}

/** What an enhanced packet block says. */
export interface PcapngPacket {
  /** Default 0. */
  readonly interfaceId?: number;
  /** In the interface's resolution; whole and below 2^53. */
  readonly ticks: number;
  readonly bytes: Uint8Array;
  /** Length on the wire, if only a part was captured; default all of `bytes`. */
  readonly originalLength?: number;
}

const TWO_TO_32 = 2 ** 32;
const NANOSECONDS_RESOLUTION = 9;
const UNKNOWN_SECTION_LENGTH = 0xffffffff;

/** The block that begins a section. */
export function sectionHeaderBlock(isLittleEndian = true): Uint8Array {
  const body = new DataView(new ArrayBuffer(16));
  body.setUint32(0, BYTE_ORDER_MAGIC, isLittleEndian);
  body.setUint16(4, PCAPNG_MAJOR_VERSION, isLittleEndian);
  body.setUint32(8, UNKNOWN_SECTION_LENGTH, isLittleEndian);
  body.setUint32(12, UNKNOWN_SECTION_LENGTH, isLittleEndian);
  return pcapngBlock(BLOCK_TYPE.sectionHeader, octetsOf(body), isLittleEndian);
}

/** The block that describes the section's next interface. */
export function interfaceDescriptionBlock(
  description: PcapngInterface = {},
  isLittleEndian = true,
): Uint8Array {
  const fixed = new DataView(new ArrayBuffer(8));
  fixed.setUint16(0, description.linkType ?? LINK_TYPE_ETHERNET, isLittleEndian);
  fixed.setUint32(4, description.snapLength ?? MAX_CAPTURED_BYTES, isLittleEndian);
  const options = encodeOptions(interfaceOptions(description, isLittleEndian), isLittleEndian);
  const body = concatenate([octetsOf(fixed), options]);
  return pcapngBlock(BLOCK_TYPE.interfaceDescription, body, isLittleEndian);
}

/** The block of one frame with its time. */
export function enhancedPacketBlock(packet: PcapngPacket, isLittleEndian = true): Uint8Array {
  const fixed = new DataView(new ArrayBuffer(20));
  fixed.setUint32(0, packet.interfaceId ?? 0, isLittleEndian);
  fixed.setUint32(4, Math.floor(packet.ticks / TWO_TO_32), isLittleEndian);
  fixed.setUint32(8, packet.ticks % TWO_TO_32, isLittleEndian);
  fixed.setUint32(12, packet.bytes.length, isLittleEndian);
  fixed.setUint32(16, packet.originalLength ?? packet.bytes.length, isLittleEndian);
  const body = concatenate([octetsOf(fixed), packet.bytes]);
  return pcapngBlock(BLOCK_TYPE.enhancedPacket, body, isLittleEndian);
}

/** The block of one frame of the first interface, without a time. */
export function simplePacketBlock(
  bytes: Uint8Array,
  originalLength = bytes.length,
  isLittleEndian = true,
): Uint8Array {
  const fixed = new DataView(new ArrayBuffer(4));
  fixed.setUint32(0, originalLength, isLittleEndian);
  const body = concatenate([octetsOf(fixed), bytes]);
  return pcapngBlock(BLOCK_TYPE.simplePacket, body, isLittleEndian);
}

/** A block of any type around a body, which is padded to 4 bytes. */
export function pcapngBlock(type: number, body: Uint8Array, isLittleEndian = true): Uint8Array {
  const trailerAt = BLOCK_HEADER_BYTES + paddedBytes(body.length);
  const bytes = new Uint8Array(trailerAt + BLOCK_TRAILER_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, type, isLittleEndian);
  view.setUint32(4, bytes.length, isLittleEndian);
  bytes.set(body, BLOCK_HEADER_BYTES);
  view.setUint32(trailerAt, bytes.length, isLittleEndian);
  return bytes;
}

/** Options in their encoding, with the mark of their end; nothing at all for no options. */
export function encodeOptions(options: readonly PcapngOption[], isLittleEndian = true): Uint8Array {
  if (options.length === 0) return new Uint8Array(0);
  const end: PcapngOption = { code: OPTION_CODE.endOfOptions, value: new Uint8Array(0) };
  return concatenate([...options, end].map((option) => encodeOption(option, isLittleEndian)));
}

function encodeOption(option: PcapngOption, isLittleEndian: boolean): Uint8Array {
  const bytes = new Uint8Array(OPTION_HEADER_BYTES + paddedBytes(option.value.length));
  const view = new DataView(bytes.buffer);
  view.setUint16(0, option.code, isLittleEndian);
  view.setUint16(2, option.value.length, isLittleEndian);
  bytes.set(option.value, OPTION_HEADER_BYTES);
  return bytes;
}

function interfaceOptions(description: PcapngInterface, isLittleEndian: boolean): PcapngOption[] {
  const resolution = description.timestampResolution ?? NANOSECONDS_RESOLUTION;
  const options = [{ code: OPTION_CODE.timestampResolution, value: Uint8Array.of(resolution) }];
  const offsetSeconds = description.timestampOffsetSeconds;
  if (offsetSeconds === undefined) return options;
  const offset = new DataView(new ArrayBuffer(8));
  offset.setBigInt64(0, BigInt(offsetSeconds), isLittleEndian);
  return [...options, { code: OPTION_CODE.timestampOffset, value: octetsOf(offset) }];
}

function octetsOf(view: DataView<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  return new Uint8Array(view.buffer);
}

function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    bytes.set(part, offset);
    offset += part.length;
  }
  return bytes;
}
