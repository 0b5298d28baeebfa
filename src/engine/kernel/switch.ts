/**
 * The virtual switch's per-frame decisions: to one port, to all ports of a VLAN, to the wire, or
 * dropped with a reason. Runs on serving threads. A frame here always lies in a buffer of the
 * calling thread's own pool; every ring entry that names it takes one reference.
 */
import {
  A_LEARN_SECOND,
  A_MAC_TABLE,
  A_NIC_LIMIT,
  A_NICS,
  A_THREAD,
  A_UPLINK,
  CT_COPIES,
  CT_FLOODED,
  CT_FORWARDED,
  DROP_DESTINATION_SHARE,
  DROP_NO_PORT_IN_VLAN,
  DROP_SAME_PORT,
  DROP_SENDER_DENIED,
  DROP_WIRE_DOWN,
  DROP_WIRE_FULL,
  BUFFER_REFERENCES,
  E_ADDRESS,
  E_LENGTH,
  E_NIC,
  E_VLAN,
  ENTRY_SIZE,
  N_INDEX,
  N_NEXT_OWNER,
  N_OWNER,
  N_PHASE,
  N_STATE,
  N_VLAN,
  NIC_DEPARTED,
  NIC_DEPARTING,
  NIC_OWNED,
  PORT_NONE,
  PORT_STATIC,
  PORT_WIRE,
  Q_ID,
  T_ADAPTER,
  T_INDEX,
  T_LEARN_HIGH,
  T_LEARN_LOW,
  T_LEARN_SECOND,
  T_OUT_RINGS,
  T_QUEUE,
} from './layout';
import { macKey, macLearn, macLookup } from './mac-table';
import { deliver, hold } from './port';
import { refusesSender } from './policy';
import { ringPublish, ringReserveReclaimed } from './ring';
import { bufferOf, count, countDrop, reclaim, signal, threadAt } from './thread';

/** Puts a frame on the ring to another thread, taking one reference of its buffer. */
function push(
  thread: u32,
  target: u32,
  address: u32,
  length: u32,
  vlan: u32,
  nicIndex: u32,
  full: u32,
): void {
  const ring = load<u32>(load<u32>(thread, T_OUT_RINGS) + target * 4);
  if (ring == 0) {
    countDrop(thread, full);
    return;
  }
  // Slots whose entries were consumed may be written again only once their buffers are taken back.
  reclaim(thread, ring);
  const entry = ringReserveReclaimed(ring, ENTRY_SIZE);
  if (entry == 0) {
    countDrop(thread, full);
    return;
  }
  const buffer = bufferOf(address);
  store<u32>(buffer, load<u32>(buffer, BUFFER_REFERENCES) + 1, BUFFER_REFERENCES);
  store<u32>(entry, address, E_ADDRESS);
  store<u16>(entry, u16(length), E_LENGTH);
  store<u16>(entry, u16(vlan), E_VLAN);
  store<u16>(entry, u16(nicIndex), E_NIC);
  ringPublish(ring);
  signal(thread, threadAt(thread, target));
}

/** To a NIC, whoever serves it. The port's VLAN is checked here, last, for every frame. */
export function toNic(thread: u32, nic: u32, address: u32, length: u32, vlan: u32): void {
  if ((vlan & 0xfff) != load<u32>(nic, N_VLAN)) {
    countDrop(thread, DROP_NO_PORT_IN_VLAN);
    return;
  }
  if (refusesSender(nic, address, length)) {
    countDrop(thread, DROP_SENDER_DENIED);
    return;
  }
  // Pairs with passFence and adopt: the owner word decides who touches the virtqueues.
  const owner = atomic.load<u32>(nic, N_OWNER);
  if (owner == load<u32>(thread, T_INDEX)) deliver(thread, nic, address, length, vlan);
  else if (
    atomic.load<u32>(nic, N_PHASE) != NIC_OWNED &&
    load<u32>(nic, N_NEXT_OWNER) == load<u32>(thread, T_INDEX)
  )
    hold(thread, nic, address, length, vlan);
  else push(thread, owner, address, length, vlan, load<u32>(nic, N_INDEX), DROP_DESTINATION_SHARE);
}

/** To the adapter's uplink. */
export function toWire(thread: u32, adapter: u32, address: u32, length: u32, vlan: u32): void {
  if (load<u32>(adapter, A_UPLINK) == 0) {
    countDrop(thread, DROP_WIRE_DOWN);
    return;
  }
  push(
    thread,
    load<u32>(load<u32>(adapter, A_THREAD), T_INDEX),
    address,
    length,
    vlan,
    load<u32>(load<u32>(thread, T_QUEUE), Q_ID),
    DROP_WIRE_FULL,
  );
}

/** To all ports of the VLAN but `from` (0: it came from the wire), and to the wire if it came from a port. */
function flood(thread: u32, adapter: u32, from: u32, address: u32, length: u32, vlan: u32): void {
  const limit = load<u32>(adapter, A_NIC_LIMIT);
  const nics = load<u32>(adapter, A_NICS);
  let targets: u64 = 0;
  for (let i: u32 = 0; i < limit; i++) {
    const nic = load<u32>(nics + i * 4);
    if (nic == 0 || nic == from || load<u32>(nic, N_VLAN) != (vlan & 0xfff)) continue;
    // The VM runs on another host, which gets this frame by itself.
    if (atomic.load<u32>(nic, N_STATE) >= <u32>NIC_DEPARTING) continue;
    toNic(thread, nic, address, length, vlan);
    targets++;
  }
  if (from != 0 && load<u32>(adapter, A_UPLINK) != 0) {
    toWire(thread, adapter, address, length, vlan);
    targets++;
  }
  if (targets == 0) {
    countDrop(thread, DROP_NO_PORT_IN_VLAN);
    return;
  }
  count(thread, CT_COPIES, targets - 1);
  count(thread, CT_FLOODED, 1);
}

/** Learns the source of a frame from the wire; the last one is remembered so that a flow costs nothing. */
export function learnFromWire(thread: u32, adapter: u32, low: u32, high: u32, vlan: u32): void {
  if ((low & 1) != 0) return;
  const second = load<u32>(adapter, A_LEARN_SECOND);
  if (
    low == load<u32>(thread, T_LEARN_LOW) &&
    (high | (vlan << 16)) == load<u32>(thread, T_LEARN_HIGH) &&
    second == load<u32>(thread, T_LEARN_SECOND)
  )
    return;
  store<u32>(thread, low, T_LEARN_LOW);
  store<u32>(thread, high | (vlan << 16), T_LEARN_HIGH);
  store<u32>(thread, second, T_LEARN_SECOND);
  macLearn(load<u32>(adapter, A_MAC_TABLE), macKey(low, high, vlan), PORT_WIRE, second);
}

/** Decides where a frame goes. `from`: the NIC that sent it, or 0 when it came from the wire. */
export function forward(thread: u32, from: u32, address: u32, length: u32, vlan: u32): void {
  const adapter = load<u32>(thread, T_ADAPTER);
  const low = load<u32>(address);
  if ((low & 1) != 0) {
    flood(thread, adapter, from, address, length, vlan);
    return;
  }
  const port = macLookup(
    load<u32>(adapter, A_MAC_TABLE),
    macKey(low, u32(load<u16>(address, 4)), vlan),
  );
  if (port == PORT_NONE) {
    flood(thread, adapter, from, address, length, vlan);
    return;
  }
  if (port == PORT_WIRE) {
    if (from == 0) countDrop(thread, DROP_SAME_PORT);
    else {
      count(thread, CT_FORWARDED, 1);
      toWire(thread, adapter, address, length, vlan);
    }
    return;
  }
  const nic = load<u32>(load<u32>(adapter, A_NICS) + ((port & ~PORT_STATIC) - 1) * 4);
  if (nic == 0 || nic == from) {
    countDrop(thread, nic == 0 ? DROP_NO_PORT_IN_VLAN : DROP_SAME_PORT);
    return;
  }
  count(thread, CT_FORWARDED, 1);
  if (from != 0 && atomic.load<u32>(nic, N_STATE) == NIC_DEPARTED)
    toWire(thread, adapter, address, length, vlan);
  else toNic(thread, nic, address, length, vlan);
}
