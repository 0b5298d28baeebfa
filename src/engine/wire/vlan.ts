/**
 * Seeing, taking off and putting on the 802.1Q tag of a frame. Only the outermost tag with TPID
 * 0x8100 counts, as for a VMQ filter; a service tag (0x88a8) is payload here.
 *
 * In place, the two addresses move by four bytes and the payload stays where it is, so the frame's
 * start moves: down by four when a tag is put on, up by four when it is taken off. The copying
 * forms leave the source alone; they make two short-lived array views per call, so the per-frame
 * loops of `kernel/` do the same on their own.
 */
import { MAC_ADDRESS_BYTES } from '../../shared/mac-address';
import { ETHERNET_HEADER_BYTES, ETHER_TYPE, ETHER_TYPE_OFFSET, readEtherType } from './ethernet';
import { readUint16, requireRange, requireSpace, writeUint16 } from './octets';
import { VLAN_TAG_BYTES, vlanIdOf } from './vlan-tag';

/** Length of a header with one tag. */
export const TAGGED_HEADER_BYTES = ETHERNET_HEADER_BYTES + VLAN_TAG_BYTES;

const ADDRESSES_BYTES = 2 * MAC_ADDRESS_BYTES;

/** Whether the frame begins with a whole tagged header. */
export function hasVlanTag(bytes: Uint8Array, offset: number, lengthBytes: number): boolean {
  return lengthBytes >= TAGGED_HEADER_BYTES && readEtherType(bytes, offset) === ETHER_TYPE.vlan;
}

/** The TCI of a frame for which {@link hasVlanTag} holds. */
export function readVlanTci(bytes: Uint8Array, offset: number): number {
  return readUint16(bytes, offset + ETHER_TYPE_OFFSET + 2);
}

/** The VLAN id that a filter compares: that of the tag, or 0 for an untagged frame. */
export function readVlanId(bytes: Uint8Array, offset: number, lengthBytes: number): number {
  return hasVlanTag(bytes, offset, lengthBytes) ? vlanIdOf(readVlanTci(bytes, offset)) : 0;
}

/** The EtherType behind the tag, if there is one. The frame holds a whole Ethernet header. */
export function readPayloadEtherType(
  bytes: Uint8Array,
  offset: number,
  lengthBytes: number,
): number {
  const tagBytes = hasVlanTag(bytes, offset, lengthBytes) ? VLAN_TAG_BYTES : 0;
  return readUint16(bytes, offset + ETHER_TYPE_OFFSET + tagBytes);
}

/** Where the payload begins in `bytes`, behind the tag if there is one. */
export function payloadOffset(bytes: Uint8Array, offset: number, lengthBytes: number): number {
  const isTagged = hasVlanTag(bytes, offset, lengthBytes);
  return offset + (isTagged ? TAGGED_HEADER_BYTES : ETHERNET_HEADER_BYTES);
}

/**
 * Takes the tag off in place. The frame then begins at `offset + 4` and is four bytes shorter.
 *
 * @returns the new length; the old one if the frame has no tag, and then nothing has moved.
 */
export function stripVlanTag(bytes: Uint8Array, offset: number, lengthBytes: number): number {
  if (!hasVlanTag(bytes, offset, lengthBytes)) return lengthBytes;
  bytes.copyWithin(offset + VLAN_TAG_BYTES, offset, offset + ADDRESSES_BYTES);
  return lengthBytes - VLAN_TAG_BYTES;
}

/**
 * Puts a tag on in place. The frame then begins at `offset - 4`, which must be free, and is four
 * bytes longer. A tag that is already there becomes the inner one.
 *
 * @returns the new length.
 * @throws WireError when there are not four bytes before the frame, or no whole header.
 */
export function insertVlanTag(
  bytes: Uint8Array,
  offset: number,
  lengthBytes: number,
  tci: number,
): number {
  requireWholeHeader(lengthBytes);
  requireRange('tag control information', tci, 0, 0xffff);
  const start = offset - VLAN_TAG_BYTES;
  requireSpace(bytes, start, lengthBytes + VLAN_TAG_BYTES);
  bytes.copyWithin(start, offset, offset + ADDRESSES_BYTES);
  writeTag(bytes, start, tci);
  return lengthBytes + VLAN_TAG_BYTES;
}

/** Copies a frame without its tag (or as it is, if it has none) and returns the length written. */
export function copyWithoutVlanTag(
  source: Uint8Array,
  sourceOffset: number,
  lengthBytes: number,
  target: Uint8Array,
  targetOffset: number,
): number {
  requireSpace(source, sourceOffset, lengthBytes);
  const tagBytes = hasVlanTag(source, sourceOffset, lengthBytes) ? VLAN_TAG_BYTES : 0;
  const copiedBytes = lengthBytes - tagBytes;
  requireSpace(target, targetOffset, copiedBytes);
  const addressesEnd = sourceOffset + Math.min(ADDRESSES_BYTES, lengthBytes);
  const rest = source.subarray(addressesEnd + tagBytes, sourceOffset + lengthBytes);
  target.set(source.subarray(sourceOffset, addressesEnd), targetOffset);
  target.set(rest, targetOffset + copiedBytes - rest.length);
  return copiedBytes;
}

/** Copies a frame with a tag put on and returns the length written. */
export function copyWithVlanTag(
  source: Uint8Array,
  sourceOffset: number,
  lengthBytes: number,
  tci: number,
  target: Uint8Array,
  targetOffset: number,
): number {
  requireWholeHeader(lengthBytes);
  requireRange('tag control information', tci, 0, 0xffff);
  requireSpace(source, sourceOffset, lengthBytes);
  requireSpace(target, targetOffset, lengthBytes + VLAN_TAG_BYTES);
  const addressesEnd = sourceOffset + ADDRESSES_BYTES;
  target.set(source.subarray(sourceOffset, addressesEnd), targetOffset);
  target.set(
    source.subarray(addressesEnd, sourceOffset + lengthBytes),
    targetOffset + ADDRESSES_BYTES + VLAN_TAG_BYTES,
  );
  writeTag(target, targetOffset, tci);
  return lengthBytes + VLAN_TAG_BYTES;
}

function writeTag(bytes: Uint8Array, offset: number, tci: number): void {
  writeUint16(bytes, offset + ETHER_TYPE_OFFSET, ETHER_TYPE.vlan);
  writeUint16(bytes, offset + ETHER_TYPE_OFFSET + 2, tci);
}

function requireWholeHeader(lengthBytes: number): void {
  requireRange('frame length', lengthBytes, ETHERNET_HEADER_BYTES, Number.MAX_SAFE_INTEGER);
}
