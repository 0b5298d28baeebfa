/** Receive buffers of a queue: how many a serving thread posts, and which. */
import {
  A_THREAD,
  BUFFER_DATA,
  BURST,
  FREE_ADDRESS,
  FREE_COOKIE,
  FREE_SIZE,
  NIC_UP,
  N_RX_SIZE,
  N_STARVED,
  N_STATE,
  QUEUE_SHARED_MEMORY,
  Q_BACKLOG_TURNS,
  Q_COMPLETION_RING,
  Q_FREE_RING,
  Q_MODE,
  Q_NIC,
  Q_SHORT,
  Q_TURN_NS,
  R_CAPACITY,
  R_HEAD,
  R_NEXT,
  T_ADAPTER,
  T_POOL_FREE,
  T_POOL_SIZE,
  T_WAKE,
} from './layout';
import { mustWait } from './handover';
import { TAKE_BAD, receiveBuffers, takeReceiveBuffer, takenHead, useReceiveBuffer } from './port';
import { ringAvailable, ringPublish, ringReserve } from './ring';
import { poolTake } from './thread';

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
export function post(thread: u32, queue: u32, now: f64): void {
  const ring = load<u32>(queue, Q_FREE_RING);
  const limit = postLimit(queue, load<u32>(ring, R_CAPACITY), now);
  let most = limit;
  if (load<u32>(queue, Q_MODE) == QUEUE_SHARED_MEMORY) {
    const nic = load<u32>(queue, Q_NIC);
    most = min(limit, load<u32>(nic, N_RX_SIZE));
    if (atomic.load<u32>(nic, N_STATE) == NIC_UP && !mustWait(thread, queue))
      postGuestBuffers(nic, ring, limit);
  } else {
    // A quarter of the pool stays for frames that guests send.
    const reserve = load<u32>(thread, T_POOL_SIZE) >> 2;
    let posted = postedBuffers(ring);
    for (; load<u32>(thread, T_POOL_FREE) > reserve && posted < limit; posted++) {
      const entry = ringReserve(ring, FREE_SIZE);
      if (entry == 0) break;
      const buffer = poolTake(thread);
      store<u32>(entry, buffer + BUFFER_DATA, FREE_ADDRESS);
      store<u32>(entry, buffer, FREE_COOKIE);
    }
  }
  ringPublish(ring);
  // Pairs with dma: buffers are posted before the shortage is over.
  if (atomic.load<u32>(queue, Q_SHORT) != 0 && postedBuffers(ring) * 4 >= most)
    endShortage(thread, queue);
}

/** The adapter need not give way to this queue any longer: it has buffers again. */
function endShortage(thread: u32, queue: u32): void {
  atomic.store<u32>(queue, 0, Q_SHORT);
  const adapter = load<u32>(load<u32>(thread, T_ADAPTER), A_THREAD);
  atomic.add<i32>(adapter + T_WAKE, 1);
  atomic.notify(adapter + T_WAKE, 1);
}

/** Buffers that the adapter may still take. */
export function postedBuffers(ring: u32): u32 {
  return load<u32>(ring, R_NEXT) - atomic.load<u32>(ring, R_HEAD);
}

function postGuestBuffers(nic: u32, ring: u32, limit: u32): void {
  // A quarter stays for frames that other VMs and broadcasts bring.
  const reserve = load<u32>(nic, N_RX_SIZE) >> 2;
  let n = receiveBuffers(nic);
  let posted = postedBuffers(ring);
  while (n > reserve && posted < limit) {
    const address = takeReceiveBuffer(nic);
    if (address == TAKE_BAD) useReceiveBuffer(nic, takenHead, 0);
    else {
      const entry = ringReserve(ring, FREE_SIZE);
      store<u32>(entry, address, FREE_ADDRESS);
      store<u32>(entry, takenHead, FREE_COOKIE);
      posted++;
    }
    n--;
  }
  if (postedBuffers(ring) < min(reserve, limit)) atomic.store<u32>(nic, 1, N_STARVED);
}
