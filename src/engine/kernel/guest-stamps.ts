/**
 * The embedded guest's check of the generator's frames: all that one target gets are alike but for a
 * running number in their last eight bytes (`generate` of link.ts). The first is kept in the guest's
 * own memory, and each later one must equal it and have a greater number; numbers may be missing,
 * since a full queue drops.
 */
import {
  GN_LAST_STAMP,
  GN_REFERENCE,
  GN_REFERENCE_BYTES,
  GN_STAMPS_CHECKED,
  GN_STAMPS_CORRUPT,
  GN_STAMPS_OUT_OF_ORDER,
} from './layout';
import { copyBytes } from './copy';
import { markDirty } from './dirty';
import { dirty, memoryBase } from './guest-context';
import { bump } from './thread';

const STAMP_BYTES: u32 = 8;

/** Whether the first `length` bytes are the same. */
function isSame(one: u32, other: u32, length: u32): bool {
  let at: u32 = 0;
  for (; at + 8 <= length; at += 8) {
    if (load<u64>(one + at) != load<u64>(other + at)) return false;
  }
  for (; at < length; at++) {
    if (load<u8>(one + at) != load<u8>(other + at)) return false;
  }
  return true;
}

/**
 * Checks a frame that the guest has not answered. Frames to a group address are not the generator's:
 * a VM that has moved here announces itself to all.
 */
export function checkStamp(nic: u32, frame: u32, length: u32): void {
  if ((load<u8>(frame) & 1) != 0) return;
  bump(nic + GN_STAMPS_CHECKED, 1);
  const reference = memoryBase + load<u32>(nic, GN_REFERENCE);
  const expected = load<u32>(nic, GN_REFERENCE_BYTES);
  if (length < STAMP_BYTES || (expected != 0 && length != expected)) {
    bump(nic + GN_STAMPS_CORRUPT, 1);
    return;
  }
  const stamp = load<u64>(frame + length - STAMP_BYTES);
  if (expected == 0) {
    copyBytes(reference, frame, length);
    markDirty(dirty, load<u32>(nic, GN_REFERENCE), length);
    store<u32>(nic, length, GN_REFERENCE_BYTES);
    store<u64>(nic, stamp, GN_LAST_STAMP);
  } else if (!isSame(reference, frame, length - STAMP_BYTES)) bump(nic + GN_STAMPS_CORRUPT, 1);
  else if (stamp <= load<u64>(nic, GN_LAST_STAMP)) bump(nic + GN_STAMPS_OUT_OF_ORDER, 1);
  else store<u64>(nic, stamp, GN_LAST_STAMP);
}
