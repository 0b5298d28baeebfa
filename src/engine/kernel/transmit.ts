/** Frames that guests send, and those that the host sends on behalf of a NIC. On the serving thread. */
import {
  BURST,
  CT_ANNOUNCED,
  CT_FROM_VMS,
  DROP_BAD_DESCRIPTOR,
  DROP_DHCP_GUARD,
  DROP_MALFORMED,
  DROP_SOURCE_MAC_REFUSED,
  DROP_TAG_REFUSED,
  FRAME_MAX,
  FRAME_MIN,
  NIC_ARRIVING,
  NIC_UP,
  N_DROPPED,
  N_KICK,
  N_MACS,
  N_MAC_COUNT,
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
  T_POOL_FREE,
  VIRTIO_NET_HEADER,
} from './layout';
import { copyBytes } from './copy';
import { refusesDhcpServer } from './policy';
import {
  TAKE_BAD,
  availCount,
  availHead,
  takeDescriptor,
  takenHead,
  takenLength,
  writeUsed,
} from './port';
import { forward } from './switch';
import { bump, count, countDrop, frameOf, poolRelease, poolTake } from './thread';

const ETHERTYPE_VLAN: u32 = 0x0081;

function hasMac(nic: u32, low: u32, high: u32): bool {
  const n = load<u32>(nic, N_MAC_COUNT);
  for (let i: u32 = 0; i < n; i++) {
    if (load<u32>(nic + N_MACS + i * 8) == low && load<u32>(nic + N_MACS + i * 8, 4) == high)
      return true;
  }
  return false;
}

export function refuse(thread: u32, nic: u32, reason: u32): void {
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
  copyBytes(frame, address + VIRTIO_NET_HEADER, length);
  if (!hasMac(nic, load<u32>(frame, 6), u32(load<u16>(frame, 10))))
    refuse(thread, nic, DROP_SOURCE_MAC_REFUSED);
  else if (u32(load<u16>(frame, 12)) == ETHERTYPE_VLAN) refuse(thread, nic, DROP_TAG_REFUSED);
  else if (refusesDhcpServer(nic, frame, length)) refuse(thread, nic, DROP_DHCP_GUARD);
  else forward(thread, nic, frame, length, load<u32>(nic, N_VLAN));
  poolRelease(thread, buffer);
}

export function maySend(nic: u32): bool {
  const state = atomic.load<u32>(nic, N_STATE);
  return state == NIC_UP || state == NIC_ARRIVING;
}

/** Takes a burst from a NIC's transmit virtqueue. Without a free buffer the frames stay in the guest. */
export function takeTransmits(thread: u32, nic: u32): u32 {
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

/** Sends a frame on behalf of a NIC (an announcement after a move): to the VLAN's ports and the wire. */
export function announce(thread: u32, nic: u32, source: u32, length: u32): bool {
  const buffer = poolTake(thread);
  if (buffer == 0) return false;
  copyBytes(frameOf(buffer), source, length);
  count(thread, CT_ANNOUNCED, 1);
  forward(thread, nic, frameOf(buffer), length, load<u32>(nic, N_VLAN));
  poolRelease(thread, buffer);
  return true;
}
