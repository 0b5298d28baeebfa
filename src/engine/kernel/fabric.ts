/**
 * The fabric: a VLAN-aware learning switch between wire rings. One thread, one call per turn. A
 * frame's VLAN is its tag's; untagged frames are VLAN 0.
 */
import {
  BURST,
  CT_COPIES,
  CT_FLOODED,
  CT_FORWARDED,
  CT_FROM_WIRE,
  CT_TO_WIRE,
  DROP_MALFORMED,
  DROP_NO_PORT_IN_VLAN,
  DROP_SAME_PORT,
  DROP_WIRE_FULL,
  FB_LEARN_SECOND,
  FB_MAC_TABLE,
  FB_PORTS,
  FB_THREAD,
  FP_BYTES_IN,
  FP_BYTES_OUT,
  FP_DROPPED,
  FP_FRAMES_IN,
  FP_FRAMES_OUT,
  FP_IN,
  FP_OUT,
  FRAME_MAX_TAGGED,
  FRAME_MIN,
  MAX_FABRIC_PORTS,
  PORT_NONE,
  W_HEAD,
  W_TAIL,
  WE_FRAME,
  WE_LENGTH,
} from './layout';
import { copyBytes } from './copy';
import { macKey, macLearn, macLookup } from './mac-table';
import { bump, count, countDrop } from './thread';
import { wireAdvance, wireAfter, wireEmpty, wirePeek, wirePublish, wireReserve } from './wire-ring';

const ETHERTYPE_VLAN: u32 = 0x0081;

function output(thread: u32, port: u32, frame: u32, length: u32, now: f64): void {
  const ring = load<u32>(port, FP_OUT);
  const entry = wireReserve(ring, length, now);
  if (entry == 0) {
    countDrop(thread, DROP_WIRE_FULL);
    bump(port + FP_DROPPED, 1);
    return;
  }
  copyBytes(entry + WE_FRAME, frame, length);
  count(thread, CT_TO_WIRE, 1);
  bump(port + FP_FRAMES_OUT, 1);
  bump(port + FP_BYTES_OUT, length);
}

function portAt(fabric: u32, index: u32): u32 {
  return load<u32>(fabric + FB_PORTS + index * 4);
}

function floodPorts(fabric: u32, thread: u32, from: u32, frame: u32, length: u32, now: f64): void {
  let targets: u64 = 0;
  for (let i: u32 = 0; i < <u32>MAX_FABRIC_PORTS; i++) {
    const port = portAt(fabric, i);
    if (port == 0 || i == from || load<u32>(port, FP_OUT) == 0) continue;
    output(thread, port, frame, length, now);
    targets++;
  }
  if (targets == 0) countDrop(thread, DROP_NO_PORT_IN_VLAN);
  else {
    count(thread, CT_COPIES, targets - 1);
    count(thread, CT_FLOODED, 1);
  }
}

function switchFrame(fabric: u32, thread: u32, from: u32, frame: u32, length: u32, now: f64): void {
  if (length < <u32>FRAME_MIN || length > <u32>FRAME_MAX_TAGGED) {
    countDrop(thread, DROP_MALFORMED);
    return;
  }
  const tagged = length >= 18 && u32(load<u16>(frame, 12)) == ETHERTYPE_VLAN;
  const vlan = tagged ? u32(bswap<u16>(load<u16>(frame, 14))) & 0xfff : 0;
  const table = load<u32>(fabric, FB_MAC_TABLE);
  const sourceLow = load<u32>(frame, 6);
  // Only ports that can be reached are worth learning: a source-only port never gets frames.
  if ((sourceLow & 1) == 0 && load<u32>(portAt(fabric, from), FP_OUT) != 0)
    macLearn(
      table,
      macKey(sourceLow, u32(load<u16>(frame, 10)), vlan),
      from + 1,
      load<u32>(fabric, FB_LEARN_SECOND),
    );
  const low = load<u32>(frame);
  const port =
    (low & 1) != 0 ? PORT_NONE : macLookup(table, macKey(low, u32(load<u16>(frame, 4)), vlan));
  const target = port == PORT_NONE ? 0 : portAt(fabric, port - 1);
  if (target == 0 || load<u32>(target, FP_OUT) == 0)
    floodPorts(fabric, thread, from, frame, length, now);
  else if (port - 1 == from) countDrop(thread, DROP_SAME_PORT);
  else {
    count(thread, CT_FORWARDED, 1);
    output(thread, target, frame, length, now);
  }
}

/** One turn of the fabric thread. Returns frames moved. */
export function fabricTurn(fabric: u32, now: f64): u32 {
  const thread = load<u32>(fabric, FB_THREAD);
  let moved: u32 = 0;
  for (let i: u32 = 0; i < <u32>MAX_FABRIC_PORTS; i++) {
    const port = portAt(fabric, i);
    if (port == 0) continue;
    const ring = load<u32>(port, FP_IN);
    let head = load<u32>(ring, W_HEAD);
    // Pairs with wirePublish.
    const tail = atomic.load<u32>(ring, W_TAIL);
    let n: u32 = 0;
    let bytes: u64 = 0;
    while (n < <u32>BURST) {
      const entry = wirePeek(ring, head, tail);
      if (entry == 0) break;
      const length = load<u32>(entry, WE_LENGTH);
      switchFrame(fabric, thread, i, entry + WE_FRAME, length, now);
      head = wireAfter(ring, head, entry);
      bytes += length;
      n++;
    }
    if (n == 0) continue;
    wireAdvance(ring, head);
    bump(port + FP_FRAMES_IN, n);
    bump(port + FP_BYTES_IN, bytes);
    count(thread, CT_FROM_WIRE, n);
    moved += n;
  }
  if (moved == 0) return 0;
  for (let i: u32 = 0; i < <u32>MAX_FABRIC_PORTS; i++) {
    const port = portAt(fabric, i);
    if (port != 0 && load<u32>(port, FP_OUT) != 0) wirePublish(load<u32>(port, FP_OUT));
  }
  return moved;
}

export function fabricHasWork(fabric: u32): bool {
  for (let i: u32 = 0; i < <u32>MAX_FABRIC_PORTS; i++) {
    const port = portAt(fabric, i);
    if (port != 0 && !wireEmpty(load<u32>(port, FP_IN))) return true;
  }
  return false;
}
