/**
 * A serving thread's turn: the thread of a queue, or the default queue's thread. It harvests all
 * completed frames of its queue and indicates them in one go, takes what other threads have for its
 * NICs, takes what its guests send, and posts receive buffers.
 *
 * Handover of a NIC between two owners (`docs/design.md` §4):
 * ```
 *  To the default queue: N_PHASE = LEAVING first, and the default queue holds what it gets already.
 *  To a queue: the NIC moves while its frames still take the default queue, so that buffers are
 *  posted before the filter is set; then completions wait (Q_HOLD) for what came before them.
 *
 *  old owner  fence found → spares given back → N_PHASE = MOVING → N_OWNER = next     (passFence)
 *  control    waits until every serving thread has begun a new turn        (nobody pushes to the old one now)
 *  old owner  passes on what its rings still hold for the NIC              (passOn, in takeRing)
 *  new owner  delivers what the old one passes on; holds everything else, and leaves its queue waiting
 *  new owner  delivers what it held → N_PHASE = OWNED                      (adopt)
 * ```
 */
import {
  A_NICS,
  BURST,
  BUFFER_DATA,
  C_ADDRESS,
  C_COOKIE,
  C_FENCE,
  C_FLAGS,
  C_LENGTH,
  C_NIC,
  C_SOURCE_HIGH,
  C_SOURCE_LOW,
  C_VLAN,
  COMPLETION_SIZE,
  CT_ANNOUNCED,
  CT_FROM_VMS,
  CT_INDICATIONS,
  CT_STALE,
  DROP_BAD_DESCRIPTOR,
  DROP_DHCP_GUARD,
  DROP_MALFORMED,
  DROP_PORT_DOWN,
  DROP_SENDER_DENIED,
  DROP_SOURCE_MAC_REFUSED,
  DROP_TAG_REFUSED,
  E_ADDRESS,
  E_LENGTH,
  E_NIC,
  E_VLAN,
  ENTRY_SIZE,
  FENCE_MARK,
  FRAME_MAX,
  FRAME_MIN,
  FREE_ADDRESS,
  FREE_COOKIE,
  FREE_SIZE,
  INDICATED_RESOURCES,
  INDICATED_SHARED_MEMORY,
  INDICATED_SINGLE_QUEUE,
  MAX_THREADS,
  N_DROPPED,
  N_KICK,
  N_MAC_COUNT,
  N_MACS,
  N_NEXT_OWNER,
  N_OWNER,
  N_PHASE,
  N_PREVIOUS_OWNER,
  N_RX_SIZE,
  N_STARVED,
  N_STATE,
  N_TX_AVAIL,
  N_TX_BYTES,
  N_TX_DESC,
  N_TX_FRAMES,
  N_TX_LAST_AVAIL,
  N_TX_SIZE,
  N_TX_USED,
  N_TX_USED_NEXT,
  N_VLAN,
  NIC_ARRIVING,
  NIC_MOVING,
  NIC_OWNED,
  NIC_UP,
  Q_BACKLOG_TURNS,
  Q_COMPLETION_RING,
  Q_FENCES,
  Q_FENCES_PASSED,
  Q_FREE_RING,
  Q_HOLD,
  Q_ID,
  Q_INDICATIONS,
  Q_LAST_FLAGS,
  Q_LAST_FRAMES,
  Q_LOW_RESOURCES,
  Q_MODE,
  Q_NIC,
  Q_TURN_NS,
  QUEUE_SHARED_MEMORY,
  R_CAPACITY,
  R_HEAD,
  R_NEXT,
  T_ADAPTER,
  T_IN_RINGS,
  T_INDEX,
  T_NIC_COUNT,
  T_NIC_LIST,
  T_NOTICES,
  T_OUT_RINGS,
  T_PENDING,
  T_POOL_FREE,
  T_POOL_SIZE,
  T_QUEUE,
  T_STALLED,
  VIRTIO_NET_HEADER,
} from './layout';
import {
  availCount,
  availHead,
  copyIn,
  countDelivered,
  deliver,
  drainHold,
  giveReceiveBuffer,
  isHolding,
  publishUsed,
  receiveBuffers,
  takeDescriptor,
  takeReceiveBuffer,
  takenHead,
  takenLength,
  TAKE_BAD,
  useReceiveBuffer,
  writeUsed,
} from './port';
import { refusesDhcpServer, refusesSender } from './policy';
import { ringAdvance, ringAvailable, ringEntry, ringPublish, ringReserve } from './ring';
import { forward, learnFromWire } from './switch';
import {
  bump,
  count,
  countDrop,
  frameOf,
  poolRelease,
  poolTake,
  reclaim,
  reclaimAll,
  signal,
  threadAt,
  wake,
} from './thread';

const ETHERTYPE_VLAN: u32 = 0x0081;

// ── Handover ────────────────────────────────────────────────────────────────────────────────────

function removeFromList(thread: u32, nic: u32): void {
  const list = load<u32>(thread, T_NIC_LIST);
  const n = load<u32>(thread, T_NIC_COUNT);
  for (let i: u32 = 0; i < n; i++) {
    if (load<u32>(list + i * 4) != nic) continue;
    store<u32>(list + i * 4, load<u32>(list + (n - 1) * 4));
    store<u32>(thread, n - 1, T_NIC_COUNT);
    return;
  }
}

/** Guest buffers that were posted and not filled are the NIC's again. The adapter has let go of the free ring. */
function giveBack(queue: u32, nic: u32): void {
  if (load<u32>(queue, Q_MODE) != QUEUE_SHARED_MEMORY) return;
  const ring = load<u32>(queue, Q_FREE_RING);
  const end = load<u32>(ring, R_NEXT);
  let at = atomic.load<u32>(ring, R_HEAD);
  for (; at != end; at++)
    giveReceiveBuffer(nic, load<u32>(ringEntry(ring, at, FREE_SIZE), FREE_COOKIE));
  ringAdvance(ring, at);
}

/** The old owner gives a NIC away: everything before the fence is delivered. */
export function passFence(thread: u32, nic: u32): void {
  publishUsed(nic);
  const queue = load<u32>(thread, T_QUEUE);
  if (load<u32>(queue, Q_NIC) == nic) giveBack(queue, nic);
  removeFromList(thread, nic);
  store<u32>(nic, load<u32>(thread, T_INDEX), N_PREVIOUS_OWNER);
  atomic.store<u32>(nic, NIC_MOVING, N_PHASE);
  const next = load<u32>(nic, N_NEXT_OWNER);
  // Pairs with toNic and takeRing: cursors and phase are written before the owner changes.
  atomic.store<u32>(nic, next, N_OWNER);
  wake(threadAt(thread, next));
}

/**
 * The new owner takes a NIC once what it held is delivered: that goes first. Called between two turns
 * of its thread, until it returns true.
 */
export function adopt(thread: u32, nic: u32, mayWait: bool): bool {
  if (!isHolding(atomic.load<u32>(nic, N_STATE)) && !drainHold(thread, nic, mayWait)) return false;
  const list = load<u32>(thread, T_NIC_LIST);
  const n = load<u32>(thread, T_NIC_COUNT);
  atomic.store<u32>(nic, NIC_OWNED, N_PHASE);
  store<u32>(list + n * 4, nic);
  store<u32>(thread, n + 1, T_NIC_COUNT);
  publishUsed(nic);
  return true;
}

/** The serving thread lets go of a NIC that is taken away for good (its VM is stopped or gone). */
export function disown(thread: u32, nic: u32): void {
  publishUsed(nic);
  removeFromList(thread, nic);
}

/** True while this queue's own NIC is on its way here: its frames wait in the rings. */
function mustWait(thread: u32, queue: u32): bool {
  const nic = load<u32>(queue, Q_NIC);
  if (nic == 0) return false;
  return (
    atomic.load<u32>(nic, N_OWNER) != load<u32>(thread, T_INDEX) ||
    atomic.load<u32>(nic, N_PHASE) == NIC_MOVING
  );
}

// ── Own queue: harvest and indicate ──────────────────────────────────────────────────────────────

/** One completed frame of a VM queue. Returns false when the guest must post buffers first. */
function indicateToNic(thread: u32, queue: u32, nic: u32, entry: u32, mayWait: bool): bool {
  const length = u32(load<u16>(entry, C_LENGTH));
  if (load<u32>(queue, Q_MODE) == QUEUE_SHARED_MEMORY) {
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
  ringAdvance(ring, head);
  if (frames != 0) {
    recordIndication(queue, u32(frames), isDefault);
    count(thread, CT_INDICATIONS, 1);
  }
  return u32(frames);
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

/** Turns with a backlog after which a queue counts as saturated; a turn without one takes one back. */
const BACKLOG_TURNS: u32 = 64;
/** A turn that comes later than this after the last one had to wait for its processor. */
const WAITED_NS: f64 = 200000;
/** Receive buffers of a saturated queue: few enough to stay in the cache. */
const FEW_BUFFERS: u32 = 512;

/**
 * How many receive buffers to post. Many, so that frames find one while the thread waits for its
 * processor; few while the queue is saturated: then more of them would only leave the cache.
 */
function postLimit(queue: u32, capacity: u32, now: f64): u32 {
  const hasWaited = now - load<f64>(queue, Q_TURN_NS) > WAITED_NS;
  store<f64>(queue, now, Q_TURN_NS);
  const turns = load<u32>(queue, Q_BACKLOG_TURNS);
  const hasBacklog = ringAvailable(load<u32>(queue, Q_COMPLETION_RING)) >= <u32>BURST;
  if (hasBacklog && !hasWaited) {
    if (turns < BACKLOG_TURNS) store<u32>(queue, turns + 1, Q_BACKLOG_TURNS);
  } else if (turns > 0) store<u32>(queue, turns - 1, Q_BACKLOG_TURNS);
  return turns * 2 > BACKLOG_TURNS ? min(capacity, FEW_BUFFERS) : capacity;
}

/** Posts receive buffers up to the limit: the guest's own, or the thread's pool. */
function post(thread: u32, queue: u32, now: f64): void {
  const ring = load<u32>(queue, Q_FREE_RING);
  const limit = postLimit(queue, load<u32>(ring, R_CAPACITY), now);
  if (load<u32>(queue, Q_MODE) == QUEUE_SHARED_MEMORY) {
    const nic = load<u32>(queue, Q_NIC);
    if (atomic.load<u32>(nic, N_STATE) == NIC_UP && !mustWait(thread, queue))
      postGuestBuffers(nic, ring, limit);
  } else {
    // A quarter of the pool stays for frames that guests send.
    const reserve = load<u32>(thread, T_POOL_SIZE) >> 2;
    while (load<u32>(thread, T_POOL_FREE) > reserve && postedBuffers(ring) < limit) {
      const entry = ringReserve(ring, FREE_SIZE);
      if (entry == 0) break;
      const buffer = poolTake(thread);
      store<u32>(entry, buffer + BUFFER_DATA, FREE_ADDRESS);
      store<u32>(entry, buffer, FREE_COOKIE);
    }
  }
  ringPublish(ring);
}

/** Buffers that the adapter may still take. */
function postedBuffers(ring: u32): u32 {
  return load<u32>(ring, R_NEXT) - atomic.load<u32>(ring, R_HEAD);
}

function postGuestBuffers(nic: u32, ring: u32, limit: u32): void {
  // A quarter stays for frames that other VMs and broadcasts bring.
  const reserve = load<u32>(nic, N_RX_SIZE) >> 2;
  let n = receiveBuffers(nic);
  while (n > reserve) {
    if (postedBuffers(ring) >= limit) break;
    const address = takeReceiveBuffer(nic);
    if (address == TAKE_BAD) useReceiveBuffer(nic, takenHead, 0);
    else {
      const entry = ringReserve(ring, FREE_SIZE);
      store<u32>(entry, address, FREE_ADDRESS);
      store<u32>(entry, takenHead, FREE_COOKIE);
    }
    n--;
  }
  if (postedBuffers(ring) < min(reserve, limit)) atomic.store<u32>(nic, 1, N_STARVED);
}

// ── Frames from other threads ────────────────────────────────────────────────────────────────────

/** Copies a stale entry (its NIC has a new owner) onto this thread's own ring to that owner. */
function passOn(thread: u32, nic: u32, entry: u32): bool {
  const owner = atomic.load<u32>(nic, N_OWNER);
  const ring = load<u32>(load<u32>(thread, T_OUT_RINGS) + owner * 4);
  if (ring == 0) return false;
  reclaim(thread, ring);
  const buffer = poolTake(thread);
  if (buffer == 0) return false;
  const out = ringReserve(ring, ENTRY_SIZE);
  if (out == 0) {
    poolRelease(thread, buffer);
    return false;
  }
  const length = u32(load<u16>(entry, E_LENGTH));
  memory.copy(frameOf(buffer), load<u32>(entry, E_ADDRESS), length);
  store<u32>(out, frameOf(buffer), E_ADDRESS);
  store<u16>(out, u16(length), E_LENGTH);
  store<u16>(out, load<u16>(entry, E_VLAN), E_VLAN);
  store<u16>(out, load<u16>(entry, E_NIC), E_NIC);
  ringPublish(ring);
  signal(thread, threadAt(thread, owner));
  count(thread, CT_STALE, 1);
  return true;
}

/** Takes a burst from the ring of thread `producer`. Returns entries taken. */
function takeRing(thread: u32, ring: u32, producer: u32): u32 {
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

// ── Frames that guests send ──────────────────────────────────────────────────────────────────────

function hasMac(nic: u32, low: u32, high: u32): bool {
  const n = load<u32>(nic, N_MAC_COUNT);
  for (let i: u32 = 0; i < n; i++) {
    if (load<u32>(nic + N_MACS + i * 8) == low && load<u32>(nic + N_MACS + i * 8, 4) == high)
      return true;
  }
  return false;
}

function refuse(thread: u32, nic: u32, reason: u32): void {
  countDrop(thread, reason);
  bump(nic + N_DROPPED, 1);
}

/** A frame is copied out of the guest once; every check reads the copy. */
function sendOne(thread: u32, nic: u32, address: u32, length: u32): void {
  count(thread, CT_FROM_VMS, 1);
  bump(nic + N_TX_FRAMES, 1);
  bump(nic + N_TX_BYTES, length);
  if (address == TAKE_BAD) {
    refuse(thread, nic, DROP_BAD_DESCRIPTOR);
    return;
  }
  if (length < <u32>FRAME_MIN || length > <u32>FRAME_MAX) {
    refuse(thread, nic, DROP_MALFORMED);
    return;
  }
  const buffer = poolTake(thread);
  const frame = frameOf(buffer);
  memory.copy(frame, address + VIRTIO_NET_HEADER, length);
  if (!hasMac(nic, load<u32>(frame, 6), u32(load<u16>(frame, 10))))
    refuse(thread, nic, DROP_SOURCE_MAC_REFUSED);
  else if (u32(load<u16>(frame, 12)) == ETHERTYPE_VLAN) refuse(thread, nic, DROP_TAG_REFUSED);
  else if (refusesDhcpServer(nic, frame, length)) refuse(thread, nic, DROP_DHCP_GUARD);
  else forward(thread, nic, frame, length, load<u32>(nic, N_VLAN));
  poolRelease(thread, buffer);
}

function maySend(nic: u32): bool {
  const state = atomic.load<u32>(nic, N_STATE);
  return state == NIC_UP || state == NIC_ARRIVING;
}

/** Takes a burst from a NIC's transmit virtqueue. Without a free buffer the frames stay in the guest. */
function takeTransmits(thread: u32, nic: u32): u32 {
  // Pairs with the guest's kick: the flag is taken before avail.idx is read.
  if (atomic.load<u32>(nic, N_KICK) == 0) return 0;
  atomic.store<u32>(nic, 0, N_KICK);
  if (!maySend(nic)) return 0;
  const size = load<u32>(nic, N_TX_SIZE);
  const avail = load<u32>(nic, N_TX_AVAIL);
  let last = load<u32>(nic, N_TX_LAST_AVAIL);
  const posted = availCount(nic, avail, size, last);
  let sent: u32 = 0;
  while (sent < posted && sent < <u32>BURST && load<u32>(thread, T_POOL_FREE) != 0) {
    const address = takeDescriptor(
      nic,
      load<u32>(nic, N_TX_DESC),
      size,
      availHead(nic, avail, size, last),
      0,
    );
    const bad = address == TAKE_BAD || takenLength < <u32>VIRTIO_NET_HEADER;
    const head = takenHead;
    // Before it is sent: a thread that dies here must not send it twice.
    store<u32>(nic, last + 1, N_TX_LAST_AVAIL);
    sendOne(thread, nic, bad ? TAKE_BAD : address, bad ? 0 : takenLength - VIRTIO_NET_HEADER);
    const next = load<u32>(nic, N_TX_USED_NEXT);
    writeUsed(nic, load<u32>(nic, N_TX_USED), size, next, head, 0);
    store<u32>(nic, next + 1, N_TX_USED_NEXT);
    last++;
    sent++;
  }
  if (sent < posted) atomic.store<u32>(nic, 1, N_KICK);
  return sent;
}

// ── Turn ────────────────────────────────────────────────────────────────────────────────────────

/** One turn of a serving thread at `now` (ns). Returns frames moved; 0 means it may sleep. */
export function serveTurn(thread: u32, now: f64): u32 {
  const queue = load<u32>(thread, T_QUEUE);
  if (queue == 0) return 0;
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

// ── Called between two turns, for the control thread ────────────────────────────────────────────

/** Sends a frame on behalf of a NIC (an announcement after a move): to the VLAN's ports and the wire. */
export function announce(thread: u32, nic: u32, source: u32, length: u32): bool {
  const buffer = poolTake(thread);
  if (buffer == 0) return false;
  memory.copy(frameOf(buffer), source, length);
  count(thread, CT_ANNOUNCED, 1);
  forward(thread, nic, frameOf(buffer), length, load<u32>(nic, N_VLAN));
  poolRelease(thread, buffer);
  return true;
}
