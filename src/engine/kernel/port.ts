/**
 * The host side of a NIC: its virtqueues (virtio 1.x §2.7 split rings, device side), delivery into
 * the guest, and the hold list. Runs on the NIC's one serving thread.
 *
 * Guest memory is hostile: each field is read once into a local, checked, then used.
 */
import {
  CT_BYTES_FROM_WIRE,
  CT_FROM_WIRE,
  CT_RECEIVE_COPIES,
  CT_TO_VMS,
  DROP_BAD_DESCRIPTOR,
  DROP_HOLD_FULL,
  DROP_NO_PORT_IN_VLAN,
  DROP_PORT_DOWN,
  DROP_PORT_FULL,
  E_ADDRESS,
  E_LENGTH,
  E_VLAN,
  ENTRY_SIZE,
  LF_FRAME,
  LF_LENGTH,
  LF_VLAN,
  N_DIRTY,
  N_DROPPED,
  N_HOLD_RING,
  N_MEMORY,
  N_MEMORY_SIZE,
  N_PHASE,
  N_RX_AVAIL,
  N_RX_BYTES,
  N_RX_DESC,
  N_RX_FRAMES,
  N_RX_LAST_AVAIL,
  N_RX_SIZE,
  N_RX_USED,
  N_RX_USED_NEXT,
  N_RX_USED_SHOWN,
  N_SPARE_COUNT,
  N_SPARES,
  N_STARVED,
  N_STATE,
  N_TX_USED,
  N_TX_USED_NEXT,
  N_TX_USED_SHOWN,
  N_VCPU,
  N_VLAN,
  NIC_DOWN,
  NIC_HOLDING,
  NIC_MOVING,
  NIC_UP,
  R_HEAD,
  RX_BUFFER_MIN,
  VIRTIO_NET_HEADER,
  VRING_DESC_NEXT,
  VRING_DESC_SIZE,
  VRING_DESC_WRITE,
  VRING_NO_INTERRUPT,
} from './layout';
import { copyBytes } from './copy';
import { markDirty } from './dirty';
import { ringAdvance, ringAvailable, ringEntry, ringPublish, ringReserve } from './ring';
import { bump, count, countDrop, wake } from './thread';

/** Descriptor head of the buffer that takeDescriptor returned. */
export let takenHead: u32 = 0;
/** Its length in bytes. */
export let takenLength: u32 = 0;

/** takeDescriptor: the guest has posted nothing. */
export const TAKE_NONE: u32 = 0;
/** takeDescriptor: a descriptor was taken that breaks the rules; takenHead says which. */
export const TAKE_BAD: u32 = 1;

/** Entries that the guest has posted and the host has not taken; an impossible count takes the port down. */
export function availCount(nic: u32, avail: u32, size: u32, last: u32): u32 {
  // Pairs with the guest's release of avail.idx: ring entries are written before it.
  const posted = (u32(atomic.load<u16>(load<u32>(nic, N_MEMORY) + avail + 2)) - last) & 0xffff;
  if (posted <= size) return posted;
  atomic.store<u32>(nic, NIC_DOWN, N_STATE);
  return 0;
}

/** Descriptor head in entry `last` of an avail ring. */
export function availHead(nic: u32, avail: u32, size: u32, last: u32): u32 {
  return u32(load<u16>(load<u32>(nic, N_MEMORY) + avail + 4 + (last & (size - 1)) * 2));
}

/**
 * Checks the one descriptor at `head`.
 * @returns host address of the buffer, or TAKE_BAD.
 */
export function takeDescriptor(nic: u32, desc: u32, size: u32, head: u32, flagsWanted: u32): u32 {
  const memory = load<u32>(nic, N_MEMORY);
  takenHead = head;
  takenLength = 0;
  if (head >= size) return TAKE_BAD;
  const at = memory + desc + head * VRING_DESC_SIZE;
  const address = load<u64>(at);
  const length = load<u32>(at, 8);
  const flags = u32(load<u16>(at, 12));
  const memorySize = load<u32>(nic, N_MEMORY_SIZE);
  if ((flags & VRING_DESC_NEXT) != 0 || (flags & VRING_DESC_WRITE) != flagsWanted) return TAKE_BAD;
  if (length > memorySize || address > u64(memorySize - length)) return TAKE_BAD;
  takenLength = length;
  return memory + u32(address);
}

/** Receive buffers that can be taken now: given back ones, and those that the guest has posted. */
export function receiveBuffers(nic: u32): u32 {
  const posted = availCount(
    nic,
    load<u32>(nic, N_RX_AVAIL),
    load<u32>(nic, N_RX_SIZE),
    load<u32>(nic, N_RX_LAST_AVAIL),
  );
  return posted + load<u32>(nic, N_SPARE_COUNT);
}

/**
 * Takes the guest's next receive buffer; call only when receiveBuffers is not 0.
 * @returns host address, or TAKE_BAD (takenHead says which).
 */
export function takeReceiveBuffer(nic: u32): u32 {
  const size = load<u32>(nic, N_RX_SIZE);
  const spares = load<u32>(nic, N_SPARE_COUNT);
  let head: u32;
  if (spares != 0) {
    store<u32>(nic, spares - 1, N_SPARE_COUNT);
    head = u32(load<u16>(load<u32>(nic, N_SPARES) + (spares - 1) * 2));
  } else {
    const last = load<u32>(nic, N_RX_LAST_AVAIL);
    store<u32>(nic, last + 1, N_RX_LAST_AVAIL);
    head = availHead(nic, load<u32>(nic, N_RX_AVAIL), size, last);
  }
  const target = takeDescriptor(nic, load<u32>(nic, N_RX_DESC), size, head, VRING_DESC_WRITE);
  return takenLength < <u32>RX_BUFFER_MIN ? TAKE_BAD : target;
}

/** Gives a receive buffer back that was taken and not filled. At most as many as the ring has entries. */
export function giveReceiveBuffer(nic: u32, head: u32): void {
  const spares = load<u32>(nic, N_SPARE_COUNT);
  if (spares >= load<u32>(nic, N_RX_SIZE)) return;
  store<u16>(load<u32>(nic, N_SPARES) + spares * 2, u16(head));
  store<u32>(nic, spares + 1, N_SPARE_COUNT);
}

/** Shows the guest a received frame of `length` bytes (0: the buffer comes back unused). */
export function useReceiveBuffer(nic: u32, head: u32, length: u32): void {
  const next = load<u32>(nic, N_RX_USED_NEXT);
  writeUsed(nic, load<u32>(nic, N_RX_USED), load<u32>(nic, N_RX_SIZE), next, head, length);
  store<u32>(nic, next + 1, N_RX_USED_NEXT);
}

/** Writes used entry `index` (not yet visible to the guest). */
export function writeUsed(
  nic: u32,
  used: u32,
  size: u32,
  index: u32,
  head: u32,
  length: u32,
): void {
  const offset = used + 4 + (index & (size - 1)) * 8;
  const at = load<u32>(nic, N_MEMORY) + offset;
  store<u32>(at, head);
  store<u32>(at, length, 4);
  markDirty(load<u32>(nic, N_DIRTY), offset, 8);
}

function showUsed(nic: u32, used: u32, index: u32): void {
  // Pairs with the guest's acquire of used.idx: entries and frames are written before it.
  atomic.store<u16>(load<u32>(nic, N_MEMORY) + used + 2, u16(index));
  markDirty(load<u32>(nic, N_DIRTY), used, 4);
}

/** Publishes what this turn used, both directions, and interrupts the guest unless it asked not to. Once per turn. */
export function publishUsed(nic: u32): void {
  let notify = false;
  const rxNext = load<u32>(nic, N_RX_USED_NEXT);
  if (rxNext != load<u32>(nic, N_RX_USED_SHOWN)) {
    showUsed(nic, load<u32>(nic, N_RX_USED), rxNext);
    store<u32>(nic, rxNext, N_RX_USED_SHOWN);
    notify =
      (load<u16>(load<u32>(nic, N_MEMORY) + load<u32>(nic, N_RX_AVAIL)) & VRING_NO_INTERRUPT) == 0;
  }
  const txNext = load<u32>(nic, N_TX_USED_NEXT);
  if (txNext != load<u32>(nic, N_TX_USED_SHOWN)) {
    showUsed(nic, load<u32>(nic, N_TX_USED), txNext);
    store<u32>(nic, txNext, N_TX_USED_SHOWN);
    notify = true;
  }
  const vcpu = load<u32>(nic, N_VCPU);
  if (notify && vcpu != 0) wake(vcpu);
}

/** Writes the virtio_net_hdr of a received frame: no offload, one buffer. */
export function writeNetHeader(at: u32): void {
  store<u64>(at, 0);
  store<u32>(at, 0x00010000, 8);
}

function drop(thread: u32, nic: u32, reason: u32): void {
  countDrop(thread, reason);
  bump(nic + N_DROPPED, 1);
}

/** Copies a frame into the guest's next receive buffer, or drops it with its reason. */
export function copyIn(thread: u32, nic: u32, address: u32, length: u32): void {
  if (receiveBuffers(nic) == 0) {
    drop(thread, nic, DROP_PORT_FULL);
    return;
  }
  const target = takeReceiveBuffer(nic);
  const head = takenHead;
  if (target == TAKE_BAD) {
    useReceiveBuffer(nic, head, 0);
    drop(thread, nic, DROP_BAD_DESCRIPTOR);
    return;
  }
  writeNetHeader(target);
  copyBytes(target + VIRTIO_NET_HEADER, address, length);
  count(thread, CT_RECEIVE_COPIES, 1);
  markDirty(load<u32>(nic, N_DIRTY), target - load<u32>(nic, N_MEMORY), VIRTIO_NET_HEADER + length);
  useReceiveBuffer(nic, head, VIRTIO_NET_HEADER + length);
  countDelivered(thread, nic, length);
}

export function countDelivered(thread: u32, nic: u32, length: u32): void {
  count(thread, CT_TO_VMS, 1);
  bump(nic + N_RX_FRAMES, 1);
  bump(nic + N_RX_BYTES, length);
}

/** Keeps a frame for a NIC whose new owner or new host is not ready yet; order is kept. */
export function hold(thread: u32, nic: u32, address: u32, length: u32, vlan: u32): void {
  const entry = ringReserve(load<u32>(nic, N_HOLD_RING), ENTRY_SIZE);
  if (entry == 0) {
    drop(thread, nic, DROP_HOLD_FULL);
    return;
  }
  // Hold buffers are fixed, one for each slot: the slot's number gives its address.
  const target = load<u32>(entry, E_ADDRESS);
  copyBytes(target, address, length);
  count(thread, CT_RECEIVE_COPIES, 1);
  store<u16>(entry, u16(length), E_LENGTH);
  store<u16>(entry, u16(vlan), E_VLAN);
  ringPublish(load<u32>(nic, N_HOLD_RING));
}

/** Delivers everything held for a NIC, in order. Called by its new owner before anything newer. */
export function flushHold(thread: u32, nic: u32): void {
  const ring = load<u32>(nic, N_HOLD_RING);
  const n = ringAvailable(ring);
  if (n == 0) return;
  const head = load<u32>(ring, R_HEAD);
  for (let i: u32 = 0; i < n; i++) {
    const entry = ringEntry(ring, head + i, ENTRY_SIZE);
    if (atomic.load<u32>(nic, N_STATE) == NIC_DOWN) drop(thread, nic, DROP_PORT_DOWN);
    else copyIn(thread, nic, load<u32>(entry, E_ADDRESS), u32(load<u16>(entry, E_LENGTH)));
  }
  ringAdvance(ring, head + n);
}

/**
 * Delivers held frames, in order, as far as the guest has buffers (`mayWait` false: what does not fit
 * is dropped). Returns whether none is left; what comes meanwhile is held behind them.
 */
export function drainHold(thread: u32, nic: u32, mayWait: bool): bool {
  if (!mayWait || atomic.load<u32>(nic, N_STATE) == NIC_DOWN) {
    flushHold(thread, nic);
    publishUsed(nic);
    return true;
  }
  const ring = load<u32>(nic, N_HOLD_RING);
  const n = ringAvailable(ring);
  const head = load<u32>(ring, R_HEAD);
  let i: u32 = 0;
  for (; i < n && receiveBuffers(nic) != 0; i++) {
    const entry = ringEntry(ring, head + i, ENTRY_SIZE);
    copyIn(thread, nic, load<u32>(entry, E_ADDRESS), u32(load<u16>(entry, E_LENGTH)));
  }
  ringAdvance(ring, head + i);
  publishUsed(nic);
  if (i == n) return true;
  atomic.store<u32>(nic, 1, N_STARVED);
  return false;
}

/** Delivers what is held and then opens the port: what comes later goes straight in. False while frames are left. */
export function releaseHold(thread: u32, nic: u32, mayWait: bool): bool {
  if (!drainHold(thread, nic, mayWait)) return false;
  if (isHolding(atomic.load<u32>(nic, N_STATE))) atomic.store<u32>(nic, NIC_UP, N_STATE);
  return true;
}

/** Frames that are held for a NIC. */
export function heldCount(nic: u32): u32 {
  return ringAvailable(load<u32>(nic, N_HOLD_RING));
}

/**
 * Delivers a batch of frames from the VM's old host, checked by the control thread, as far as the
 * guest has buffers (`mayWait` false: what does not fit is dropped).
 * @returns address of the first entry that was not delivered; `end` when all were.
 */
export function deliverLate(thread: u32, nic: u32, at: u32, end: u32, mayWait: bool): u32 {
  while (at < end) {
    const length = load<u32>(at, LF_LENGTH);
    const vlan = load<u32>(at, LF_VLAN) & 0xfff;
    const isDown = atomic.load<u32>(nic, N_STATE) == NIC_DOWN;
    if (mayWait && !isDown && receiveBuffers(nic) == 0) {
      atomic.store<u32>(nic, 1, N_STARVED);
      break;
    }
    count(thread, CT_FROM_WIRE, 1);
    count(thread, CT_BYTES_FROM_WIRE, length);
    if (isDown) drop(thread, nic, DROP_PORT_DOWN);
    else if (vlan != load<u32>(nic, N_VLAN)) drop(thread, nic, DROP_NO_PORT_IN_VLAN);
    else copyIn(thread, nic, at + LF_FRAME, length);
    at += LF_FRAME + ((length + 7) & ~7);
  }
  publishUsed(nic);
  return at;
}

/** Whether frames for a NIC in this state are held. */
export function isHolding(state: u32): bool {
  return state >= <u32>NIC_HOLDING;
}

/** Delivers a frame to a NIC that this thread owns: into the guest, onto its hold list, or dropped. */
export function deliver(thread: u32, nic: u32, address: u32, length: u32, vlan: u32): void {
  const state = atomic.load<u32>(nic, N_STATE);
  if (state == NIC_DOWN) drop(thread, nic, DROP_PORT_DOWN);
  else if (isHolding(state) || atomic.load<u32>(nic, N_PHASE) == NIC_MOVING)
    hold(thread, nic, address, length, vlan);
  else copyIn(thread, nic, address, length);
}
