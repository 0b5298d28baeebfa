/** Transmit side of the embedded guest's virtio-net driver (virtio 1.x §5.1, driver side). */
import {
  GN_TX_AVAIL,
  GN_TX_AVAIL_NEXT,
  GN_TX_BUFFERS,
  GN_TX_DESC,
  GN_TX_LAST_USED,
  GN_TX_SIZE,
  GN_TX_USED,
  GUEST_BUFFER,
  VIRTIO_NET_HEADER,
  VRING_DESC_SIZE,
} from './layout';
import { markDirty } from './dirty';
import { dirty, memoryBase } from './guest-context';

export function txInFlight(nic: u32): u32 {
  return load<u32>(nic, GN_TX_AVAIL_NEXT) - load<u32>(nic, GN_TX_LAST_USED);
}

export function txReclaim(nic: u32): u32 {
  const last = load<u32>(nic, GN_TX_LAST_USED);
  // Pairs with showUsed of the device. It completes in order, so a count is enough.
  const done = (u32(atomic.load<u16>(memoryBase + load<u32>(nic, GN_TX_USED) + 2)) - last) & 0xffff;
  store<u32>(nic, last + done, GN_TX_LAST_USED);
  return done;
}

/** Next free transmit buffer (address of its frame), or 0. */
export function txBuffer(nic: u32): u32 {
  const size = load<u32>(nic, GN_TX_SIZE);
  if (txInFlight(nic) >= size) return 0;
  const slot = load<u32>(nic, GN_TX_AVAIL_NEXT) & (size - 1);
  return memoryBase + load<u32>(nic, GN_TX_BUFFERS) + slot * GUEST_BUFFER + VIRTIO_NET_HEADER;
}

/** Queues the buffer of the last txBuffer with a frame of `length` bytes. */
export function txSend(nic: u32, length: u32): void {
  const size = load<u32>(nic, GN_TX_SIZE);
  const next = load<u32>(nic, GN_TX_AVAIL_NEXT);
  const slot = next & (size - 1);
  const buffer = load<u32>(nic, GN_TX_BUFFERS) + slot * GUEST_BUFFER;
  store<u64>(memoryBase + buffer, 0);
  store<u32>(memoryBase + buffer, 0, 8);
  const desc = load<u32>(nic, GN_TX_DESC) + slot * VRING_DESC_SIZE;
  store<u64>(memoryBase + desc, buffer);
  store<u32>(memoryBase + desc, VIRTIO_NET_HEADER + length, 8);
  store<u32>(memoryBase + desc, 0, 12);
  const avail = load<u32>(nic, GN_TX_AVAIL) + 4 + slot * 2;
  store<u16>(memoryBase + avail, u16(slot));
  store<u32>(nic, next + 1, GN_TX_AVAIL_NEXT);
  markDirty(dirty, buffer, VIRTIO_NET_HEADER + length);
  markDirty(dirty, desc, VRING_DESC_SIZE);
  markDirty(dirty, avail, 2);
}

export function publishAvail(avail: u32, next: u32): void {
  // Pairs with availCount of the device.
  atomic.store<u16>(memoryBase + avail + 2, u16(next));
  markDirty(dirty, avail, 4);
}
