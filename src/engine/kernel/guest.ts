/**
 * The embedded guest: a virtio-net driver (virtio 1.x §5.1, driver side) and a small IP stack. All
 * its state is in its VM's memory at G_BASE, so it can be stopped between two turns and run on
 * another host. A vCPU thread calls it; what a hypervisor would do (dirty log, kicks) is done at
 * the marked places here, on its behalf.
 */
import {
  GN_DIGEST,
  GN_MAC_HIGH,
  GN_MAC_LOW,
  GN_RX_AVAIL,
  GN_RX_AVAIL_NEXT,
  GN_RX_BUFFERS,
  GN_RX_LAST_USED,
  GN_RX_SIZE,
  GN_RX_USED,
  GN_TX_AVAIL,
  GN_TX_AVAIL_NEXT,
  GN_TX_LAST_USED,
  GN_TX_SIZE,
  GN_TX_USED,
  GUEST_BUFFER,
  GUEST_DIGEST,
  GUEST_NIC_SIZE,
  GUEST_STAMPS,
  G_BASE,
  G_FLAGS,
  G_NICS,
  G_NIC_COUNT,
  G_WORKLOAD,
  N_KICK,
  N_OWNER,
  N_STARVED,
  N_VCPU,
  VIRTIO_NET_HEADER,
  V_MEMORY,
  V_NICS,
  V_STOLEN_NS,
  WORKLOAD_PAGE_WRITER,
  WORKLOAD_SENDER,
} from './layout';
import { markDirty } from './dirty';
import { dirty, enterGuest, memoryBase, state } from './guest-context';
import { publishAvail, txInFlight, txReclaim } from './guest-driver';
import { checkStamp } from './guest-stamps';
import { ETHERTYPE_ARP, ETHERTYPE_IPV4, onArp, onIpv4, sunk } from './guest-stack';
import { runPageWriter, runSender, workloadDue } from './guest-workload';
import { threadAt, wake } from './thread';

/** Frames that a guest takes before the next one runs: a turn of some 10 µs. */
const GUEST_BURST: u32 = 256;

function digest(hash: u64, at: u32, length: u32): u64 {
  hash = (hash ^ u64(length)) * 0x100000001b3;
  for (let i: u32 = 0; i < length; i++) hash = (hash ^ u64(load<u8>(at + i))) * 0x100000001b3;
  return hash;
}

function receive(nic: u32, port: u32, now: f64): u32 {
  let last = load<u32>(nic, GN_RX_LAST_USED);
  const size = load<u32>(nic, GN_RX_SIZE);
  const used = memoryBase + load<u32>(nic, GN_RX_USED);
  // Pairs with showUsed of the device.
  const available = (u32(atomic.load<u16>(used + 2)) - last) & 0xffff;
  let next = load<u32>(nic, GN_RX_AVAIL_NEXT);
  const avail = load<u32>(nic, GN_RX_AVAIL);
  let n: u32 = 0;
  while (n < available && n < GUEST_BURST) {
    if (txInFlight(nic) >= load<u32>(nic, GN_TX_SIZE)) break; // no room for an answer: it waits
    const element = used + 4 + (last & (size - 1)) * 8;
    const id = load<u32>(element) & (size - 1);
    const written = load<u32>(element, 4);
    if (written > <u32>VIRTIO_NET_HEADER && written <= <u32>GUEST_BUFFER) {
      const frame =
        memoryBase + load<u32>(nic, GN_RX_BUFFERS) + id * GUEST_BUFFER + VIRTIO_NET_HEADER;
      const length = written - VIRTIO_NET_HEADER;
      const flags = load<u32>(state, G_FLAGS);
      if ((flags & GUEST_DIGEST) != 0)
        store<u64>(nic, digest(load<u64>(nic, GN_DIGEST), frame, length), GN_DIGEST);
      const type = u32(load<u16>(frame, 12));
      if (type == ETHERTYPE_ARP) onArp(nic, frame, length);
      else if (
        type != ETHERTYPE_IPV4 ||
        load<u32>(frame) != load<u32>(nic, GN_MAC_LOW) ||
        u32(load<u16>(frame, 4)) != load<u32>(nic, GN_MAC_HIGH) ||
        !onIpv4(nic, frame, length, now)
      ) {
        sunk();
        if ((flags & GUEST_STAMPS) != 0) checkStamp(nic, frame, length);
      }
    }
    store<u16>(memoryBase + avail + 4 + (next & (size - 1)) * 2, u16(id));
    next++;
    last++;
    n++;
  }
  if (n == 0) return 0;
  markDirty(dirty, avail, 4 + size * 2);
  store<u32>(nic, last, GN_RX_LAST_USED);
  store<u32>(nic, next, GN_RX_AVAIL_NEXT);
  publishAvail(avail, next);
  // Hypervisor: the serving thread asked to be told when buffers are posted.
  if (atomic.load<u32>(port, N_STARVED) != 0 && atomic.xchg<u32>(port + N_STARVED, 0) != 0)
    wake(threadAt(load<u32>(port, N_VCPU), atomic.load<u32>(port, N_OWNER)));
  return n;
}

/** Runs one guest for a burst. Returns what it did; 0 means it waits for frames or for guestDue. */
export function guestTurn(vm: u32, now: f64): u32 {
  enterGuest(vm);
  const nics = load<u32>(state, G_NIC_COUNT);
  const workload = load<u32>(state, G_WORKLOAD);
  const guestNow = now - load<f64>(vm, V_STOLEN_NS);
  let done: u32 = 0;
  for (let i: u32 = 0; i < nics; i++) {
    const nic = state + G_NICS + i * GUEST_NIC_SIZE;
    done += txReclaim(nic);
    done += receive(nic, load<u32>(vm + V_NICS + i * 4), now);
  }
  if (workload == WORKLOAD_SENDER) done += runSender(guestNow);
  else if (workload == WORKLOAD_PAGE_WRITER) done += runPageWriter(guestNow);
  if (done == 0) return 0;
  markDirty(dirty, G_BASE, G_NICS + nics * GUEST_NIC_SIZE);
  for (let i: u32 = 0; i < nics; i++) {
    const nic = state + G_NICS + i * GUEST_NIC_SIZE;
    const next = load<u32>(nic, GN_TX_AVAIL_NEXT);
    const avail = load<u32>(nic, GN_TX_AVAIL);
    if (u32(load<u16>(memoryBase + avail, 2)) == (next & 0xffff)) continue;
    publishAvail(avail, next);
    kick(load<u32>(vm + V_NICS + i * 4));
  }
  return done;
}

/** Hypervisor: the guest has frames to send. Pairs with takeTransmits. */
export function kick(port: u32): void {
  atomic.store<u32>(port, 1, N_KICK);
  const vcpu = load<u32>(port, N_VCPU);
  if (vcpu != 0) wake(threadAt(vcpu, atomic.load<u32>(port, N_OWNER)));
}

/** When the guest's workload has something to do next, in ns; a large number when never. */
export function guestDue(vm: u32): f64 {
  const due = workloadDue(load<u32>(vm, V_MEMORY) + G_BASE);
  return due == f64.MAX_VALUE ? due : due + load<f64>(vm, V_STOLEN_NS);
}

/** True when the device has used buffers that the guest can take now. */
export function guestHasWork(vm: u32): bool {
  enterGuest(vm);
  const at = memoryBase + G_BASE;
  const nics = load<u32>(at, G_NIC_COUNT);
  for (let i: u32 = 0; i < nics; i++) {
    const nic = at + G_NICS + i * GUEST_NIC_SIZE;
    if (
      u32(atomic.load<u16>(memoryBase + load<u32>(nic, GN_TX_USED) + 2)) !=
      (load<u32>(nic, GN_TX_LAST_USED) & 0xffff)
    )
      return true;
    const rx =
      u32(atomic.load<u16>(memoryBase + load<u32>(nic, GN_RX_USED) + 2)) !=
      (load<u32>(nic, GN_RX_LAST_USED) & 0xffff);
    if (rx && txInFlight(nic) < load<u32>(nic, GN_TX_SIZE)) return true;
  }
  return false;
}
