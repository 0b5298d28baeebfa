/**
 * A serving thread's turn: the thread of a queue, or the default queue's thread. It harvests all
 * completed frames of its queue and indicates them in one go, takes what other threads have for its
 * NICs, takes what its guests send, and posts receive buffers.
 */
import {
  A_NICS,
  BURST,
  COMPLETION_SIZE,
  CT_INDICATIONS,
  CT_RECEIVE_COPIES,
  C_ADDRESS,
  C_COOKIE,
  C_FENCE,
  C_FLAGS,
  C_LENGTH,
  C_NIC,
  C_SOURCE_HIGH,
  C_SOURCE_LOW,
  C_SPLIT,
  C_VLAN,
  DROP_PORT_DOWN,
  DROP_SENDER_DENIED,
  ENTRY_SIZE,
  E_ADDRESS,
  E_LENGTH,
  E_NIC,
  E_VLAN,
  FENCE_MARK,
  INDICATED_RESOURCES,
  INDICATED_SHARED_MEMORY,
  INDICATED_SINGLE_QUEUE,
  LOOKAHEAD_BUFFER,
  MAX_THREADS,
  NIC_MOVING,
  NIC_UP,
  N_DIRTY,
  N_KICK,
  N_MEMORY,
  N_OWNER,
  N_PHASE,
  N_PREVIOUS_OWNER,
  N_RX_USED_NEXT,
  N_STARVED,
  N_STATE,
  N_VLAN,
  QUEUE_SHARED_MEMORY,
  Q_COMPLETION_RING,
  Q_FENCES,
  Q_FENCES_PASSED,
  Q_FREE_RING,
  Q_HOLD,
  Q_ID,
  Q_INDICATIONS,
  Q_LAST_FLAGS,
  Q_LAST_FRAMES,
  Q_LOOKAHEAD,
  Q_LOW_RESOURCES,
  Q_MODE,
  Q_NIC,
  R_ENTRIES,
  R_HEAD,
  T_ADAPTER,
  T_INDEX,
  T_IN_RINGS,
  T_NIC_COUNT,
  T_NIC_LIST,
  T_NOTICES,
  T_PENDING,
  T_POOL_FREE,
  T_QUEUE,
  T_STALLED,
  VIRTIO_NET_HEADER,
} from './layout';
import { copyBytes } from './copy';
import { markDirty } from './dirty';
import { mustWait, passFence, passOn } from './handover';
import { bookLatency, noteOldest } from './latency';
import { refusesSender } from './policy';
import {
  copyIn,
  countDelivered,
  deliver,
  publishUsed,
  receiveBuffers,
  useReceiveBuffer,
  writeNetHeader,
} from './port';
import { post, postedBuffers } from './receive-buffers';
import { ringAdvance, ringAvailable, ringEntry } from './ring';
import { forward, learnFromWire } from './switch';
import { bump, count, countDrop, poolRelease, reclaimAll } from './thread';
import { maySend, refuse, takeTransmits } from './transmit';

/**
 * Makes a split frame whole: what the host has looked at in memory of its own goes into the room that
 * was left in front of the rest. Until here the guest could not have changed a byte of it.
 */
function joinSplit(thread: u32, queue: u32, nic: u32, entry: u32): void {
  const split = u32(load<u16>(entry, C_NIC));
  const slot = (entry - load<u32>(queue, Q_COMPLETION_RING) - R_ENTRIES) / COMPLETION_SIZE;
  const address = load<u32>(entry, C_ADDRESS);
  writeNetHeader(address - VIRTIO_NET_HEADER);
  copyBytes(address, load<u32>(queue, Q_LOOKAHEAD) + slot * LOOKAHEAD_BUFFER, split);
  count(thread, CT_RECEIVE_COPIES, 1);
  const offset = address - VIRTIO_NET_HEADER - load<u32>(nic, N_MEMORY);
  markDirty(load<u32>(nic, N_DIRTY), offset, VIRTIO_NET_HEADER + split);
}

/** One completed frame of a VM queue. Returns false when the guest must post buffers first. */
function indicateToNic(thread: u32, queue: u32, nic: u32, entry: u32, mayWait: bool): bool {
  const length = u32(load<u16>(entry, C_LENGTH));
  if (load<u32>(queue, Q_MODE) == QUEUE_SHARED_MEMORY) {
    if ((load<u16>(entry, C_FLAGS) & C_SPLIT) != 0) joinSplit(thread, queue, nic, entry);
    useReceiveBuffer(nic, load<u32>(entry, C_COOKIE), VIRTIO_NET_HEADER + length);
    countDelivered(thread, nic, length);
    return true;
  }
  if (mayWait && atomic.load<u32>(nic, N_STATE) == NIC_UP && receiveBuffers(nic) == 0) return false;
  const vlan = u32(load<u16>(entry, C_VLAN));
  // The port's policy decides from the completion, before the one copy into the guest.
  const address = load<u32>(entry, C_ADDRESS);
  if ((vlan & 0xfff) != load<u32>(nic, N_VLAN)) forward(thread, 0, address, length, vlan);
  else if (refusesSender(nic, address, length)) refuse(thread, nic, DROP_SENDER_DENIED);
  else deliver(thread, nic, address, length, vlan);
  poolRelease(thread, load<u32>(entry, C_COOKIE));
  return true;
}

/** Fewer receive buffers than this that the adapter can fill: it is short of them. */
const LOW_BUFFERS: u32 = 32;

/**
 * What a receive indication says beside its frames. All are of one queue, and lie in memory that was
 * allocated for it. A VM queue copies at once out of host buffers, so when it is short of them they
 * are its own again when the call returns.
 */
function recordIndication(queue: u32, frames: u32, isDefault: bool): void {
  let flags = INDICATED_SINGLE_QUEUE | INDICATED_SHARED_MEMORY;
  if (
    !isDefault &&
    load<u32>(queue, Q_MODE) != QUEUE_SHARED_MEMORY &&
    postedBuffers(load<u32>(queue, Q_FREE_RING)) < LOW_BUFFERS
  ) {
    flags |= INDICATED_RESOURCES;
    bump(queue + Q_LOW_RESOURCES, 1);
  }
  bump(queue + Q_INDICATIONS, 1);
  store<u32>(queue, frames, Q_LAST_FRAMES);
  store<u32>(queue, u32(flags), Q_LAST_FLAGS);
}

/**
 * Harvests the thread's queue: one receive indication of all frames that are in it now. The default
 * queue serves many guests, so it goes on to them after a burst.
 */
function harvest(thread: u32, queue: u32): u32 {
  const ring = load<u32>(queue, Q_COMPLETION_RING);
  let head = load<u32>(ring, R_HEAD);
  const isDefault = load<u32>(queue, Q_ID) == 0;
  const available = ringAvailable(ring);
  const n = isDefault ? min(available, <u32>BURST) : available;
  if (n == 0) return 0;
  const adapter = load<u32>(thread, T_ADAPTER);
  const own = load<u32>(queue, Q_NIC);
  const used = load<u32>(own, N_RX_USED_NEXT);
  // A fence behind them means that the NIC leaves: then nothing may wait for the guest.
  const mayWait = load<u32>(queue, Q_FENCES) == load<u32>(queue, Q_FENCES_PASSED);
  let frames: u64 = 0;
  for (let i: u32 = 0; i < n; i++) {
    const entry = ringEntry(ring, head, COMPLETION_SIZE);
    if ((load<u16>(entry, C_FLAGS) & C_FENCE) != 0) {
      const index = u32(load<u16>(entry, C_NIC));
      if (index != <u32>FENCE_MARK)
        passFence(thread, load<u32>(load<u32>(adapter, A_NICS) + index * 4));
      store<u32>(queue, load<u32>(queue, Q_FENCES_PASSED) + 1, Q_FENCES_PASSED);
      atomic.add<u32>(thread + T_NOTICES, 1);
      head++;
      if (isDefault) continue;
      break; // what follows belongs to the NIC's next time on this queue
    }
    const vlan = u32(load<u16>(entry, C_VLAN));
    learnFromWire(
      thread,
      adapter,
      load<u32>(entry, C_SOURCE_LOW),
      u32(load<u16>(entry, C_SOURCE_HIGH)),
      vlan & 0xfff,
    );
    if (isDefault) {
      forward(thread, 0, load<u32>(entry, C_ADDRESS), u32(load<u16>(entry, C_LENGTH)), vlan);
      poolRelease(thread, load<u32>(entry, C_COOKIE));
    } else if (!indicateToNic(thread, queue, own, entry, mayWait)) {
      atomic.store<u32>(own, 1, N_STARVED);
      store<u32>(thread, 1, T_STALLED);
      break;
    }
    head++;
    frames++;
  }
  if (frames != 0) noteOldest(queue, ring, own, used);
  ringAdvance(ring, head);
  if (frames != 0) {
    recordIndication(queue, u32(frames), isDefault);
    count(thread, CT_INDICATIONS, 1);
  }
  return u32(frames);
}

/** Takes a burst from the ring of thread `producer`. Returns entries taken. */
export function takeRing(thread: u32, ring: u32, producer: u32): u32 {
  const adapter = load<u32>(thread, T_ADAPTER);
  const nics = load<u32>(adapter, A_NICS);
  let head = load<u32>(ring, R_HEAD);
  const n = min(ringAvailable(ring), <u32>BURST);
  let taken: u32 = 0;
  for (; taken < n; taken++) {
    const entry = ringEntry(ring, head, ENTRY_SIZE);
    const nic = load<u32>(nics + u32(load<u16>(entry, E_NIC)) * 4);
    if (nic == 0) countDrop(thread, DROP_PORT_DOWN);
    else if (atomic.load<u32>(nic, N_OWNER) != load<u32>(thread, T_INDEX)) {
      // Pairs with passFence. A full ring: the rest waits here, in order.
      if (!passOn(thread, nic, entry)) break;
    } else {
      const address = load<u32>(entry, E_ADDRESS);
      const length = u32(load<u16>(entry, E_LENGTH));
      const moving =
        atomic.load<u32>(nic, N_PHASE) == NIC_MOVING &&
        load<u32>(nic, N_PREVIOUS_OWNER) == producer;
      if (moving && atomic.load<u32>(nic, N_STATE) == NIC_UP) {
        copyIn(thread, nic, address, length);
        publishUsed(nic);
      } else deliver(thread, nic, address, length, u32(load<u16>(entry, E_VLAN)));
    }
    head++;
  }
  ringAdvance(ring, head);
  return taken;
}

/** Visits every ring that has entries. What comes for a NIC on its way here is held, or is of its previous owner. */
function takeRings(thread: u32): u32 {
  let moved: u32 = 0;
  for (let word: u32 = 0; word < <u32>(MAX_THREADS / 64); word++) {
    const at = thread + T_PENDING + word * 8;
    // Pairs with signal: bits are taken before the rings are looked at.
    if (atomic.load<u64>(at) == 0) continue;
    let bits = atomic.xchg<u64>(at, 0);
    let again: u64 = 0;
    while (bits != 0) {
      const bit = u32(ctz(bits));
      bits &= bits - 1;
      const producer = word * 64 + bit;
      const ring = load<u32>(load<u32>(thread, T_IN_RINGS) + producer * 4);
      if (ring == 0) continue;
      moved += takeRing(thread, ring, producer);
      if (ringAvailable(ring) != 0) again |= u64(1) << bit;
    }
    if (again != 0) atomic.or<u64>(at, again);
  }
  return moved;
}

/**
 * One turn of a serving thread. Returns frames moved; 0 means it may sleep.
 * @param now ns; read after the turn before, when that one moved frames.
 */
export function serveTurn(thread: u32, now: f64): u32 {
  const queue = load<u32>(thread, T_QUEUE);
  if (queue == 0) return 0;
  bookLatency(queue, now);
  const waiting = mustWait(thread, queue);
  store<u32>(thread, 0, T_STALLED);
  reclaimAll(thread);
  post(thread, queue, now);
  let moved = waiting || load<u32>(queue, Q_HOLD) != 0 ? 0 : harvest(thread, queue);
  moved += takeRings(thread);
  const list = load<u32>(thread, T_NIC_LIST);
  const n = load<u32>(thread, T_NIC_COUNT);
  for (let i: u32 = 0; i < n; i++) {
    const nic = load<u32>(list + i * 4);
    moved += takeTransmits(thread, nic);
    publishUsed(nic);
  }
  return moved;
}

/** True when a sleeping serving thread would find something to do. */
export function serveHasWork(thread: u32): bool {
  const queue = load<u32>(thread, T_QUEUE);
  if (queue == 0) return false;
  const waiting = mustWait(thread, queue);
  if (
    !waiting &&
    load<u32>(queue, Q_HOLD) == 0 &&
    ringAvailable(load<u32>(queue, Q_COMPLETION_RING)) != 0
  ) {
    const own = load<u32>(queue, Q_NIC);
    if (load<u32>(thread, T_STALLED) == 0 || receiveBuffers(own) != 0) return true;
  }
  for (let word: u32 = 0; word < <u32>(MAX_THREADS / 64); word++)
    if (atomic.load<u64>(thread + T_PENDING + word * 8) != 0) return true;
  const list = load<u32>(thread, T_NIC_LIST);
  const n = load<u32>(thread, T_NIC_COUNT);
  for (let i: u32 = 0; i < n; i++) {
    const nic = load<u32>(list + i * 4);
    if (atomic.load<u32>(nic, N_KICK) != 0 && maySend(nic) && load<u32>(thread, T_POOL_FREE) != 0)
      return true;
  }
  return false;
}
