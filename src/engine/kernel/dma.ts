/** A frame of the wire goes into a receive buffer of its queue, with its completion. Adapter thread. */
import {
  COMPLETION_SIZE,
  C_ADDRESS,
  C_COOKIE,
  C_ETHER_TYPE,
  C_FLAGS,
  C_LENGTH,
  C_NIC,
  C_SOURCE_HIGH,
  C_SOURCE_LOW,
  C_SPLIT,
  C_TAGGED,
  C_TIME,
  C_VLAN,
  DROP_NO_RECEIVE_BUFFER,
  FREE_ADDRESS,
  FREE_COOKIE,
  FREE_SIZE,
  LOOKAHEAD_BUFFER,
  QUEUE_SHARED_MEMORY,
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
  R_ENTRIES,
  VIRTIO_NET_HEADER,
} from './layout';
import { copyBytes } from './copy';
import { raisedWord } from './interrupts';
import { writeNetHeader } from './port';
import { ringReserve, ringTake, ringUntaken } from './ring';
import { bump, countDrop, wake } from './thread';

/** Queue that had no buffer in this turn, the last one of several; 0: none. */
let starved: u32 = 0;

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

/** A frame waits for a buffer of its queue, and others behind it, only so long after the last one did. */
const WAIT_INTERVAL_NS: f64 = 1000000;

/**
 * A queue has no buffer. A burst may come while its thread is about to post some, so the wire waits for
 * a moment, but seldom: a queue that is full for longer drops at its own edge, and no other feels it.
 * Returns whether the frame was dropped.
 */
function dropUnlessItMayWait(thread: u32, queue: u32, now: f64): bool {
  starved = queue;
  atomic.store<u32>(queue, 1, Q_SHORT);
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
 * Writes one frame from wire memory into the next buffer of its queue, and its completion.
 * @returns false: it must be tried again after the thread has given way.
 */
export function dma(
  adapter: u32,
  thread: u32,
  queue: u32,
  frame: u32,
  length: u32,
  tci: u32,
  tagged: bool,
  time: f64,
  now: f64,
): bool {
  const free = load<u32>(queue, Q_FREE_RING);
  if (ringUntaken(free) == 0) return dropUnlessItMayWait(thread, queue, now);
  const completion = ringReserve(load<u32>(queue, Q_COMPLETION_RING), COMPLETION_SIZE);
  if (completion == 0) {
    countDrop(thread, DROP_NO_RECEIVE_BUFFER);
    bump(queue + Q_DROPPED, 1);
    return true;
  }
  const buffer = ringTake(free, FREE_SIZE);
  let target = load<u32>(buffer, FREE_ADDRESS);
  store<u32>(completion, load<u32>(buffer, FREE_COOKIE), C_COOKIE);
  const isShared = load<u32>(queue, Q_MODE) == QUEUE_SHARED_MEMORY;
  if (isShared) target += VIRTIO_NET_HEADER;
  const out = tagged ? length - 4 : length;
  const lookahead = load<u32>(queue, Q_LOOKAHEAD);
  let flags: u32 = tagged ? C_TAGGED : 0;
  if (isShared && lookahead != 0) {
    const split = splitAt(frame, out, tagged, load<u32>(queue, Q_LOOKAHEAD_SIZE));
    const ring = load<u32>(queue, Q_COMPLETION_RING);
    const slot = (completion - ring - R_ENTRIES) / COMPLETION_SIZE;
    copyOut(lookahead + slot * LOOKAHEAD_BUFFER, frame, tagged, split);
    // Room is left in front for what the lookahead buffer has: the host puts it there.
    const rest = frame + split + (tagged ? 4 : 0);
    copyBytes(target + split, rest, out - split);
    store<u16>(completion, u16(split), C_NIC);
    flags |= C_SPLIT;
  } else {
    if (isShared) writeNetHeader(target - VIRTIO_NET_HEADER);
    copyOut(target, frame, tagged, out);
  }
  store<u32>(completion, target, C_ADDRESS);
  store<u16>(completion, u16(out), C_LENGTH);
  store<u16>(completion, u16(tci), C_VLAN);
  store<u16>(completion, u16(flags), C_FLAGS);
  store<f64>(completion, time, C_TIME);
  // All from wire memory: nothing is decided from memory that a guest can write.
  store<u32>(completion, load<u32>(frame, 6), C_SOURCE_LOW);
  store<u16>(completion, load<u16>(frame, 10), C_SOURCE_HIGH);
  store<u16>(completion, tagged ? load<u16>(frame, 16) : load<u16>(frame, 12), C_ETHER_TYPE);
  bump(queue + Q_FRAMES, 1);
  bump(queue + Q_BYTES, out);
  const waiting = load<u32>(queue, Q_UNSIGNALLED);
  if (waiting == 0) {
    store<f64>(queue, now, Q_FIRST_NS);
    const id = load<u32>(queue, Q_ID);
    const word = raisedWord(adapter, id);
    store<u64>(word, load<u64>(word) | (u64(1) << (id & 63)));
  }
  store<u32>(queue, waiting + 1, Q_UNSIGNALLED);
  return true;
}
