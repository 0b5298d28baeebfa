/**
 * Handover of a NIC between two owners (`docs/design.md` §4), on the serving threads.
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
  CT_RECEIVE_COPIES,
  CT_STALE,
  ENTRY_SIZE,
  E_ADDRESS,
  E_LENGTH,
  E_NIC,
  E_VLAN,
  FREE_COOKIE,
  FREE_SIZE,
  NIC_MOVING,
  NIC_OWNED,
  N_NEXT_OWNER,
  N_OWNER,
  N_PHASE,
  N_PREVIOUS_OWNER,
  N_STATE,
  QUEUE_SHARED_MEMORY,
  Q_FREE_RING,
  Q_MODE,
  Q_NIC,
  R_HEAD,
  R_NEXT,
  T_INDEX,
  T_NIC_COUNT,
  T_NIC_LIST,
  T_OUT_RINGS,
  T_QUEUE,
} from './layout';
import { copyBytes } from './copy';
import { drainHold, giveReceiveBuffer, isHolding, publishUsed } from './port';
import { ringAdvance, ringEntry, ringPublish, ringReserveReclaimed } from './ring';
import { count, frameOf, poolRelease, poolTake, reclaim, signal, threadAt, wake } from './thread';

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
export function mustWait(thread: u32, queue: u32): bool {
  const nic = load<u32>(queue, Q_NIC);
  if (nic == 0) return false;
  return (
    atomic.load<u32>(nic, N_OWNER) != load<u32>(thread, T_INDEX) ||
    atomic.load<u32>(nic, N_PHASE) == NIC_MOVING
  );
}

/** Copies a stale entry (its NIC has a new owner) onto this thread's own ring to that owner. */
export function passOn(thread: u32, nic: u32, entry: u32): bool {
  const owner = atomic.load<u32>(nic, N_OWNER);
  const ring = load<u32>(load<u32>(thread, T_OUT_RINGS) + owner * 4);
  if (ring == 0) return false;
  reclaim(thread, ring);
  const buffer = poolTake(thread);
  if (buffer == 0) return false;
  const out = ringReserveReclaimed(ring, ENTRY_SIZE);
  if (out == 0) {
    poolRelease(thread, buffer);
    return false;
  }
  const length = u32(load<u16>(entry, E_LENGTH));
  copyBytes(frameOf(buffer), load<u32>(entry, E_ADDRESS), length);
  store<u32>(out, frameOf(buffer), E_ADDRESS);
  store<u16>(out, u16(length), E_LENGTH);
  store<u16>(out, load<u16>(entry, E_VLAN), E_VLAN);
  store<u16>(out, load<u16>(entry, E_NIC), E_NIC);
  ringPublish(ring);
  signal(thread, threadAt(thread, owner));
  count(thread, CT_STALE, 1);
  count(thread, CT_RECEIVE_COPIES, 1);
  return true;
}
