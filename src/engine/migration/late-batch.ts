/**
 * Frames that a VM's old host held for it, on their way to the new one: batches of one NIC's frames,
 * in order. Both sides of the one format; `protocol.ts` has its layout.
 */
import { FRAME_MAX, FRAME_MIN, LF_FRAME, LF_LENGTH, LF_VLAN } from '../kernel/layout';
import { LA_ENTRIES, LA_FRAMES, LA_NIC, LATE_MAX_BYTES } from './protocol';
import { streamInvalid } from './refusals';

/** A frame without its tag, and the TCI of the tag (0: none). */
export interface LateFrame {
  readonly bytes: Uint8Array;
  readonly vlan: number;
}

const ENTRIES_MAX = LATE_MAX_BYTES - LA_ENTRIES;

/** Payloads of LateFrames messages for the frames of one NIC. */
export function lateBatches(nic: number, frames: readonly LateFrame[]): Uint8Array[] {
  const batches: Uint8Array[] = [];
  for (let from = 0; from < frames.length;) {
    let bytes = 0;
    let to = from;
    for (; to < frames.length; to++) {
      const next = entryBytes(frames[to]?.bytes.length ?? 0);
      if (bytes + next > ENTRIES_MAX) break;
      bytes += next;
    }
    batches.push(lateBatch(nic, frames.slice(from, to), bytes));
    from = to;
  }
  return batches;
}

function lateBatch(nic: number, frames: readonly LateFrame[], bytes: number): Uint8Array {
  const payload = Buffer.alloc(LA_ENTRIES + bytes);
  payload.writeUInt32LE(nic, LA_NIC);
  payload.writeUInt32LE(frames.length, LA_FRAMES);
  let at = LA_ENTRIES;
  for (const frame of frames) {
    payload.writeUInt32LE(frame.bytes.length, at + LF_LENGTH);
    payload.writeUInt32LE(frame.vlan, at + LF_VLAN);
    payload.set(frame.bytes, at + LF_FRAME);
    at += entryBytes(frame.bytes.length);
  }
  return payload;
}

/**
 * The entries in a received payload, each of them checked, as a copy.
 * @param nics how many NICs the VM has.
 * @throws RefusalError `migration-stream-invalid`
 */
export function readLateBatch(
  payload: Uint8Array,
  nics: number,
): { readonly nic: number; readonly frames: number; readonly entries: Uint8Array } {
  // A copy first: what is checked is what is used.
  const bytes = Buffer.from(payload);
  const nic = bytes.readUInt32LE(LA_NIC);
  const frames = bytes.readUInt32LE(LA_FRAMES);
  if (nic >= nics) throw streamInvalid(`LateFrames: expected a NIC below ${nics}, got ${nic}.`);
  let at = LA_ENTRIES;
  let found = 0;
  for (; at + LF_FRAME <= bytes.length; found++) {
    const length = bytes.readUInt32LE(at + LF_LENGTH);
    const vlan = bytes.readUInt32LE(at + LF_VLAN);
    if (length < FRAME_MIN || length > FRAME_MAX) {
      throw streamInvalid(
        `LateFrames: expected a frame of ${FRAME_MIN} to ${FRAME_MAX} bytes, got ${length}.`,
      );
    }
    if (vlan > 0xffff) throw streamInvalid(`LateFrames: expected a tag of 16 bits, got ${vlan}.`);
    at += entryBytes(length);
  }
  if (at !== bytes.length || found !== frames) {
    throw streamInvalid(
      `LateFrames: expected ${frames} frames in ${bytes.length} bytes, got ${found} in ${at}.`,
    );
  }
  return { nic, frames, entries: bytes.subarray(LA_ENTRIES) };
}

function entryBytes(length: number): number {
  return LF_FRAME + Math.ceil(length / 8) * 8;
}
