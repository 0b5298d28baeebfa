/**
 * Per-frame work of link threads: QEMU stream framing (4-byte big-endian length, then the frame),
 * replay of captured batches, and the generator.
 */
import {
  B_FRAME,
  B_LENGTH,
  B_TIME,
  BUFFER_SIZE,
  W_HEAD,
  W_TAIL,
  WE_FRAME,
  WE_LENGTH,
} from './layout';
import { copyBytes } from './copy';
import { wireAdvance, wireAfter, wirePeek, wirePublish, wireReserve } from './wire-ring';

/** deframe: the stream claims a frame length that no Ethernet frame has. */
export const FRAMING_ERROR: u32 = 0xffffffff;
const LONGEST: u32 = 65535;

/** Frames counted by the last call. */
export let framesMoved: u32 = 0;
/** Their bytes. */
export let bytesMoved: u32 = 0;

export function lastFrames(): u32 {
  return framesMoved;
}
export function lastBytes(): u32 {
  return bytesMoved;
}

/**
 * Takes whole frames of a received stream into a wire ring. Returns bytes consumed, or FRAMING_ERROR
 * when the stream begins with a wrong length: frames before one are delivered first.
 */
export function deframe(ring: u32, source: u32, length: u32, now: f64): u32 {
  let at: u32 = 0;
  framesMoved = 0;
  bytesMoved = 0;
  while (at + 4 <= length) {
    const size = bswap<u32>(load<u32>(source + at));
    if (size == 0 || size > LONGEST) {
      if (at == 0) return FRAMING_ERROR;
      break;
    }
    if (at + 4 + size > length) break;
    const entry = wireReserve(ring, size, now);
    if (entry == 0) break;
    copyBytes(entry + WE_FRAME, source + at + 4, size);
    at += 4 + size;
    framesMoved++;
    bytesMoved += size;
  }
  wirePublish(ring);
  return at;
}

/** Moves frames of a wire ring into a stream buffer. Returns bytes written. */
export function enframe(ring: u32, target: u32, capacity: u32): u32 {
  let head = load<u32>(ring, W_HEAD);
  // Pairs with wirePublish.
  const tail = atomic.load<u32>(ring, W_TAIL);
  let at: u32 = 0;
  framesMoved = 0;
  bytesMoved = 0;
  for (;;) {
    const entry = wirePeek(ring, head, tail);
    if (entry == 0) break;
    const length = load<u32>(entry, WE_LENGTH);
    if (at + 4 + length > capacity) break;
    store<u32>(target + at, bswap<u32>(length));
    copyBytes(target + at + 4, entry + WE_FRAME, length);
    at += 4 + length;
    framesMoved++;
    bytesMoved += length;
    head = wireAfter(ring, head, entry);
  }
  wireAdvance(ring, head);
  return at;
}

/**
 * Offers captured frames that are due: records from `at` to `end` whose time is at most `until`, at
 * most `limit` of them, as far as the ring has room. Returns the address of the next record.
 */
export function replay(ring: u32, at: u32, end: u32, until: f64, limit: u32, now: f64): u32 {
  framesMoved = 0;
  bytesMoved = 0;
  while (at < end && framesMoved < limit) {
    if (load<f64>(at, B_TIME) > until) break;
    const length = load<u32>(at, B_LENGTH);
    const entry = wireReserve(ring, length, now);
    if (entry == 0) break;
    copyBytes(entry + WE_FRAME, at + B_FRAME, length);
    framesMoved++;
    bytesMoved += length;
    at += (B_FRAME + length + 15) & ~15;
  }
  wirePublish(ring);
  return at;
}

/**
 * Generates up to `frames` frames of `length` bytes from `templates` (one buffer each, in turn),
 * with a running sequence number in the last 8 bytes. Returns frames made.
 */
export function generate(
  ring: u32,
  templates: u32,
  templateCount: u32,
  length: u32,
  frames: u32,
  sequence: f64,
  now: f64,
): u32 {
  let made: u32 = 0;
  let number = u64(sequence);
  let template = u32(number % u64(templateCount));
  while (made < frames) {
    const entry = wireReserve(ring, length, now);
    if (entry == 0) break;
    copyBytes(entry + WE_FRAME, templates + template * BUFFER_SIZE, length);
    if (++template == templateCount) template = 0;
    store<u64>(entry + WE_FRAME + length - 8, number);
    number++;
    made++;
  }
  wirePublish(ring);
  return made;
}

/** Puts one frame on a wire ring. Returns false when it is full. For low rates: probes, tests. */
export function wirePut(ring: u32, source: u32, length: u32, now: f64): bool {
  const entry = wireReserve(ring, length, now);
  if (entry == 0) return false;
  copyBytes(entry + WE_FRAME, source, length);
  wirePublish(ring);
  return true;
}

/** Takes one frame from a wire ring into `target` (64 KiB). Returns its length, or 0. */
export function wireTake(ring: u32, target: u32): u32 {
  const head = load<u32>(ring, W_HEAD);
  const entry = wirePeek(ring, head, atomic.load<u32>(ring, W_TAIL));
  if (entry == 0) return 0;
  const length = load<u32>(entry, WE_LENGTH);
  copyBytes(target, entry + WE_FRAME, length);
  wireAdvance(ring, wireAfter(ring, head, entry));
  return length;
}
