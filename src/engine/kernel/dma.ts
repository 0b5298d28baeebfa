/**
 * Frames of a burst go into the receive buffers of their queues. The burst is sorted by queue first, in
 * order of arrival; then each queue is served at one go, so that its rings are looked at and published
 * once. Adapter thread.
 */
import {
  A_BURST,
  A_BURST_QUEUES,
  COMPLETION_SIZE,
  C_ADDRESS,
  C_FLAGS,
  C_SOURCE_HIGH,
  C_SPLIT,
  C_TAGGED,
  C_TIME,
  DROP_NO_RECEIVE_BUFFER,
  FREE_ADDRESS,
  FREE_COOKIE,
  FREE_SIZE,
  LOOKAHEAD_BUFFER,
  QUEUE_SHARED_MEMORY,
  Q_BURST_FIRST,
  Q_BURST_FRAMES,
  Q_BURST_LAST,
  Q_BURST_ROOM,
  Q_BYTES,
  Q_COMPLETION_RING,
  Q_DROPPED,
  Q_FIRST_NS,
  Q_FRAMES,
  Q_FREE_RING,
  Q_ID,
  Q_LOOKAHEAD,
  Q_LOOKAHEAD_SIZE,
  Q_MODE,
  Q_SHORT,
  Q_THREAD,
  Q_UNSIGNALLED,
  Q_WAITED_NS,
  R_CAPACITY,
  R_ENTRIES,
  R_HEAD,
  R_NEXT,
  VIRTIO_NET_HEADER,
  WE_FRAME,
  WE_LENGTH,
  WE_TIME,
} from './layout';
import { copyBytes } from './copy';
import { raisedWord } from './interrupts';
import { writeNetHeader } from './port';
import { ringAdvance, ringAvailable, ringPublish } from './ring';
import { bump, countDrop, wake } from './thread';

export const ETHERTYPE_VLAN: u32 = 0x0081; // 0x8100 as a little-endian load sees it

/** Queue that had no buffer in this turn, the last one of several; 0: none. */
let starved: u32 = 0;
/** Frames of the present burst, and queues that they are for. */
let burstFrames: u32 = 0;
let burstQueues: u32 = 0;

/** Whether a queue had no buffer for a frame of the last turn, and still has none. */
export function adapterStarved(): bool {
  // Pairs with endShortage.
  return starved != 0 && atomic.load<u32>(starved, Q_SHORT) != 0;
}

/** Before a turn. */
export function clearStarved(): void {
  starved = 0;
}

const ETHERTYPE_IPV4: u32 = 0x0008;

/** Copies the first `bytes` of a frame from wire memory, without its tag. */
function copyOut(target: u32, frame: u32, tagged: bool, bytes: u32): void {
  if (!tagged) copyBytes(target, frame, bytes);
  else {
    copyBytes(target, frame, 12);
    copyBytes(target + 12, frame + 16, bytes - 12);
  }
}

/**
 * Where a frame is split: not before the lookahead size, and behind the headers of IPv4 and UDP or TCP
 * when they reach further. A short frame is all lookahead.
 */
function splitAt(frame: u32, length: u32, tagged: bool, lookahead: u32): u32 {
  const ip = frame + (tagged ? 18 : 14);
  let end: u32 = lookahead;
  if (u32(load<u16>(ip - 2)) == ETHERTYPE_IPV4 && length >= 34) {
    const transport: u32 = 14 + (u32(load<u8>(ip)) & 0xf) * 4;
    const protocol = u32(load<u8>(ip, 9));
    if (protocol == 17) end = transport + 8;
    else if (protocol == 6 && transport + 13 <= length)
      end = transport + (u32(load<u8>(ip + transport - 14 + 12)) >> 4) * 4;
  }
  const split = end > lookahead && end <= <u32>LOOKAHEAD_BUFFER ? end : lookahead;
  return min(split, length);
}

/** Frames that a queue has buffers and completions for. */
function roomOf(queue: u32): u32 {
  const completions = load<u32>(queue, Q_COMPLETION_RING);
  // Pairs with ringAdvance of the serving thread.
  const waiting = load<u32>(completions, R_NEXT) - atomic.load<u32>(completions, R_HEAD);
  return min(
    ringAvailable(load<u32>(queue, Q_FREE_RING)),
    load<u32>(completions, R_CAPACITY) - waiting,
  );
}

/** A frame waits for a buffer of its queue, and others behind it, only so long after the last one did. */
const WAIT_INTERVAL_NS: f64 = 1000000;

/**
 * A queue has no buffer. A burst may come while its thread is about to post some, so the wire waits for
 * a moment, but seldom: a queue that is full for longer drops at its own edge, and no other feels it.
 * Returns whether the frame was dropped.
 */
function dropUnlessItMayWait(thread: u32, queue: u32, now: f64): bool {
  starved = queue;
  // A store that others see is dear, and a queue that is short drops many.
  if (atomic.load<u32>(queue, Q_SHORT) == 0) atomic.store<u32>(queue, 1, Q_SHORT);
  wake(load<u32>(queue, Q_THREAD));
  if (now - load<f64>(queue, Q_WAITED_NS) >= WAIT_INTERVAL_NS) {
    store<f64>(queue, now, Q_WAITED_NS);
    return false;
  }
  countDrop(thread, DROP_NO_RECEIVE_BUFFER);
  bump(queue + Q_DROPPED, 1);
  return true;
}

/**
 * Adds a frame to the burst, or drops it when its queue has no buffer.
 * @param entry of a wire ring; the frame has at most one tag and a legal length.
 * @returns false: the burst ends before this frame, which is tried again after the thread has given way.
 */
export function addToBurst(adapter: u32, thread: u32, queue: u32, entry: u32, now: f64): bool {
  const frames = load<u32>(queue, Q_BURST_FRAMES);
  if (frames == 0) store<u32>(queue, roomOf(queue), Q_BURST_ROOM);
  if (frames == load<u32>(queue, Q_BURST_ROOM)) return dropUnlessItMayWait(thread, queue, now);
  const position = burstFrames++;
  store<u32>(adapter + A_BURST + position * 8, entry);
  if (frames == 0) {
    store<u32>(adapter + A_BURST_QUEUES + burstQueues++ * 4, queue);
    store<u32>(queue, position, Q_BURST_FIRST);
  } else store<u32>(adapter + A_BURST + load<u32>(queue, Q_BURST_LAST) * 8, position, 4);
  store<u32>(queue, position, Q_BURST_LAST);
  store<u32>(queue, frames + 1, Q_BURST_FRAMES);
  return true;
}

/** Writes all frames of the burst into their buffers. */
export function dmaBurst(adapter: u32, now: f64): void {
  for (let i: u32 = 0; i < burstQueues; i++) {
    const queue = load<u32>(adapter + A_BURST_QUEUES + i * 4);
    dmaToQueue(adapter, queue, now);
  }
  burstFrames = 0;
  burstQueues = 0;
}

/** Writes a queue's frames of the burst into its next buffers, with their completions, and shows them at once. */
function dmaToQueue(adapter: u32, queue: u32, now: f64): void {
  const free = load<u32>(queue, Q_FREE_RING);
  const freeMask = load<u32>(free, R_CAPACITY) - 1;
  let buffer = load<u32>(free, R_HEAD);
  const completions = load<u32>(queue, Q_COMPLETION_RING);
  const completionMask = load<u32>(completions, R_CAPACITY) - 1;
  let next = load<u32>(completions, R_NEXT);
  const frames = load<u32>(queue, Q_BURST_FRAMES);
  let position = load<u32>(queue, Q_BURST_FIRST);
  let bytes: u64 = 0;
  for (let i: u32 = 0; i < frames; i++) {
    const entry = load<u32>(adapter + A_BURST + position * 8);
    position = load<u32>(adapter + A_BURST + position * 8, 4);
    bytes += dmaFrame(
      queue,
      entry,
      free + R_ENTRIES + (buffer++ & freeMask) * FREE_SIZE,
      completions + R_ENTRIES + (next & completionMask) * COMPLETION_SIZE,
      next & completionMask,
    );
    next++;
  }
  store<u32>(queue, 0, Q_BURST_FRAMES);
  store<u32>(completions, next, R_NEXT);
  ringPublish(completions);
  ringAdvance(free, buffer);
  bump(queue + Q_FRAMES, frames);
  bump(queue + Q_BYTES, bytes);
  markRaised(adapter, queue, frames, now);
}

/** Completions that wait for an interrupt have become more. */
function markRaised(adapter: u32, queue: u32, frames: u32, now: f64): void {
  const waiting = load<u32>(queue, Q_UNSIGNALLED);
  if (waiting == 0) {
    store<f64>(queue, now, Q_FIRST_NS);
    const id = load<u32>(queue, Q_ID);
    const word = raisedWord(adapter, id);
    store<u64>(word, load<u64>(word) | (u64(1) << (id & 63)));
  }
  store<u32>(queue, waiting + frames, Q_UNSIGNALLED);
}

/**
 * Writes one frame from wire memory into a receive buffer, and its completion.
 * @param entry of the wire ring. @param buffer entry of the free ring.
 * @param slot number of the completion's slot, and of its lookahead buffer.
 * @returns bytes without the tag.
 */
function dmaFrame(queue: u32, entry: u32, buffer: u32, completion: u32, slot: u32): u32 {
  const frame = entry + WE_FRAME;
  const length = load<u32>(entry, WE_LENGTH);
  const tagged = length >= 18 && u32(load<u16>(frame, 12)) == ETHERTYPE_VLAN;
  const isShared = load<u32>(queue, Q_MODE) == QUEUE_SHARED_MEMORY;
  const target = load<u32>(buffer, FREE_ADDRESS) + (isShared ? VIRTIO_NET_HEADER : 0);
  const bytes = tagged ? length - 4 : length;
  const tci = tagged ? u32(bswap<u16>(load<u16>(frame, 14))) : 0;
  const lookahead = load<u32>(queue, Q_LOOKAHEAD);
  let flags: u32 = tagged ? C_TAGGED : 0;
  let split: u32 = 0;
  if (isShared && lookahead != 0) {
    split = splitAt(frame, bytes, tagged, load<u32>(queue, Q_LOOKAHEAD_SIZE));
    copyOut(lookahead + slot * LOOKAHEAD_BUFFER, frame, tagged, split);
    // Room is left in front for what the lookahead buffer has: the host puts it there.
    copyBytes(target + split, frame + split + (tagged ? 4 : 0), bytes - split);
    flags |= C_SPLIT;
  } else {
    if (isShared) writeNetHeader(target - VIRTIO_NET_HEADER);
    copyOut(target, frame, tagged, bytes);
  }
  // Two or three fields at once, each where the layout has it. All from wire memory: nothing is decided from
  // memory that a guest can write.
  store<u64>(completion, u64(target) | (u64(bytes) << 32) | (u64(tci) << 48), C_ADDRESS);
  const cookie = u64(load<u32>(buffer, FREE_COOKIE));
  store<u64>(completion, u64(flags) | (u64(split) << 16) | (cookie << 32), C_FLAGS);
  store<f64>(completion, load<f64>(entry, WE_TIME), C_TIME);
  const source = u64(load<u16>(frame, 10)) | (u64(load<u32>(frame, 6)) << 32);
  const type = u64(tagged ? load<u16>(frame, 16) : load<u16>(frame, 12));
  store<u64>(completion, source | (type << 16), C_SOURCE_HIGH);
  return bytes;
}
