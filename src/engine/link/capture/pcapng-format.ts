/**
 * The pcapng capture format (draft-ietf-opsawg-pcapng): a row of blocks, all framed alike.
 *
 *      0      4              8                          n-4            n
 *     +------+--------------+--------------------------+--------------+
 *     | type | total len. n | body, options at its end | total len. n |   n is a multiple of 4
 *     +------+--------------+--------------------------+--------------+
 *
 * A section header block begins a section, says its byte order and forgets all interfaces. An
 * interface is named by its place among the section's interface description blocks.
 */

/** The blocks that are understood; all others are skipped by their length. */
export const BLOCK_TYPE = {
  sectionHeader: 0x0a0d0d0a,
  interfaceDescription: 1,
  /** Obsolete, but its frames count. */
  packet: 2,
  simplePacket: 3,
  interfaceStatistics: 5,
  enhancedPacket: 6,
} as const;

/** Type and total length. */
export const BLOCK_HEADER_BYTES = 8;
/** The second total length. */
export const BLOCK_TRAILER_BYTES = 4;

/** Length of each block's fixed part, with header and without trailer. */
export const FIXED_BYTES = {
  sectionHeader: 24,
  interfaceDescription: 16,
  packet: 28,
  simplePacket: 12,
  interfaceStatistics: 20,
  enhancedPacket: 28,
} as const;

/** In a section header block: reads as this number in the byte order of the section. */
export const BYTE_ORDER_MAGIC = 0x1a2b3c4d;
/** Offset of the byte-order magic, which has to be known before the block's length. */
export const BYTE_ORDER_OFFSET = 8;
/** The one major version; minor versions add nothing that matters here. */
export const PCAPNG_MAJOR_VERSION = 1;

/** Longest block that is believed, as in Wireshark. */
export const MAX_BLOCK_BYTES = 16 * 1024 * 1024;
/** More interfaces than this in one section are not believed. */
export const MAX_INTERFACES = 4096;

/** The options that are looked at. */
export const OPTION_CODE = {
  endOfOptions: 0,
  timestampResolution: 9,
  timestampOffset: 14,
} as const;
/** Code and length. */
export const OPTION_HEADER_BYTES = 4;

/** Ticks per second of an interface that does not say otherwise: microseconds. */
export const DEFAULT_TICKS_PER_SECOND = 1_000_000;

/** Everything in a block is padded to 4 bytes. */
export function paddedBytes(lengthBytes: number): number {
  return (lengthBytes + 3) & ~3;
}
