/**
 * The embedded guest: a virtio-net driver (virtio 1.x §5.1, driver side) and a small IP stack. All
 * its state is in its VM's memory at G_BASE, so it can be stopped between two turns and run on
 * another host. A vCPU thread calls it; what a hypervisor would do (dirty log, kicks) is done at
 * the marked places here, on its behalf.
 */
import {
  BURST,
  G_ARP_DUE_NS,
  G_ARP_REPLIES,
  G_BASE,
  G_DUE_NS,
  G_ECHO_REPLIES,
  G_FLAGS,
  G_FRAME_BYTES,
  G_NIC_COUNT,
  G_NICS,
  G_PAGES_WRITTEN,
  G_RATE,
  G_SENT,
  G_SUNK,
  G_TARGET_IP,
  G_TARGET_KNOWN,
  G_TARGET_MAC_HIGH,
  G_TARGET_MAC_LOW,
  G_UDP_ECHOES,
  G_WORKLOAD,
  G_WRITER_NEXT,
  G_WRITER_PAGES,
  G_WRITER_ROUND,
  G_WRITER_START,
  GN_DIGEST,
  GN_IP,
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
  GN_TX_BUFFERS,
  GN_TX_DESC,
  GN_TX_LAST_USED,
  GN_TX_SIZE,
  GN_TX_USED,
  GUEST_BUFFER,
  GUEST_DIGEST,
  GUEST_NIC_SIZE,
  N_KICK,
  N_OWNER,
  N_STARVED,
  N_VCPU,
  PAGE_SIZE,
  T_VM_COUNT,
  T_VM_LIST,
  V_DIRTY,
  V_MEMORY,
  V_NICS,
  V_PAUSED_NS,
  V_STOLEN_NS,
  V_THROTTLE,
  VIRTIO_NET_HEADER,
  VRING_DESC_SIZE,
  WORKLOAD_PAGE_WRITER,
  WORKLOAD_SENDER,
} from './layout';
import { markDirty } from './dirty';
import { stampProbe } from './probe';
import { bump, threadAt, wake } from './thread';

const ETHERTYPE_ARP: u32 = 0x0608; // as little-endian loads see network order
const ETHERTYPE_IPV4: u32 = 0x0008;
const PORT_ECHO: u32 = 0x0700;
const PORT_DISCARD: u32 = 0x0900;
const PAGES_PER_TURN: u32 = 32;
const ARP_RETRY_NS: f64 = 500000000;
/** A guest that was away longer than this does not make up for it. */
const CATCH_UP_NS: f64 = 50000000;
/** A throttled guest pauses in the first part of each period. */
const THROTTLE_PERIOD_NS: f64 = 20000000;

// The guest that runs now: caches of one turn, never state.
let memoryBase: u32 = 0;
let state: u32 = 0;
let dirty: u32 = 0;

function digest(hash: u64, at: u32, length: u32): u64 {
  hash = (hash ^ u64(length)) * 0x100000001b3;
  for (let i: u32 = 0; i < length; i++) hash = (hash ^ u64(load<u8>(at + i))) * 0x100000001b3;
  return hash;
}

// ── Transmit side of the driver ─────────────────────────────────────────────────────────────────

function txInFlight(nic: u32): u32 {
  return load<u32>(nic, GN_TX_AVAIL_NEXT) - load<u32>(nic, GN_TX_LAST_USED);
}

function txReclaim(nic: u32): u32 {
  const last = load<u32>(nic, GN_TX_LAST_USED);
  // Pairs with showUsed of the device. It completes in order, so a count is enough.
  const done = (u32(atomic.load<u16>(memoryBase + load<u32>(nic, GN_TX_USED) + 2)) - last) & 0xffff;
  store<u32>(nic, last + done, GN_TX_LAST_USED);
  return done;
}

/** Next free transmit buffer (address of its frame), or 0. */
function txBuffer(nic: u32): u32 {
  const size = load<u32>(nic, GN_TX_SIZE);
  if (txInFlight(nic) >= size) return 0;
  const slot = load<u32>(nic, GN_TX_AVAIL_NEXT) & (size - 1);
  return memoryBase + load<u32>(nic, GN_TX_BUFFERS) + slot * GUEST_BUFFER + VIRTIO_NET_HEADER;
}

/** Queues the buffer of the last txBuffer with a frame of `length` bytes. */
function txSend(nic: u32, length: u32): void {
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

function publishAvail(avail: u32, next: u32): void {
  // Pairs with availCount of the device.
  atomic.store<u16>(memoryBase + avail + 2, u16(next));
  markDirty(dirty, avail, 4);
}

// ── Protocols ───────────────────────────────────────────────────────────────────────────────────

function setMacs(frame: u32, nic: u32, low: u32, high: u32): void {
  store<u32>(frame, low);
  store<u16>(frame, u16(high), 4);
  store<u32>(frame, load<u32>(nic, GN_MAC_LOW), 6);
  store<u16>(frame, u16(load<u32>(nic, GN_MAC_HIGH)), 10);
}

function buildArp(frame: u32, nic: u32, operation: u32, low: u32, high: u32, ip: u32): void {
  memory.fill(frame, 0, 60);
  store<u16>(frame, u16(ETHERTYPE_ARP), 12);
  store<u32>(frame, 0x00080100, 14); // Ethernet, IPv4
  store<u16>(frame, 0x0406, 18);
  store<u16>(frame, u16(operation << 8), 20);
  store<u32>(frame, load<u32>(nic, GN_MAC_LOW), 22);
  store<u16>(frame, u16(load<u32>(nic, GN_MAC_HIGH)), 26);
  store<u32>(frame, load<u32>(nic, GN_IP), 28);
  store<u32>(frame, low, 32);
  store<u16>(frame, u16(high), 36);
  store<u32>(frame, ip, 38);
}

function onArp(nic: u32, frame: u32, length: u32): void {
  if (length < 42 || load<u32>(frame, 14) != 0x00080100 || load<u16>(frame, 18) != 0x0406)
    return sunk();
  const operation = u32(load<u16>(frame, 20)) >> 8;
  const senderLow = load<u32>(frame, 22);
  const senderHigh = u32(load<u16>(frame, 26));
  const senderIp = load<u32>(frame, 28);
  if (operation == 2 && senderIp == load<u32>(state, G_TARGET_IP)) {
    store<u32>(state, senderLow, G_TARGET_MAC_LOW);
    store<u32>(state, senderHigh, G_TARGET_MAC_HIGH);
    store<u32>(state, 1, G_TARGET_KNOWN);
  }
  const ip = load<u32>(nic, GN_IP);
  if (operation != 1 || ip == 0 || load<u32>(frame, 38) != ip) return sunk();
  const reply = txBuffer(nic);
  buildArp(reply, nic, 2, senderLow, senderHigh, senderIp);
  setMacs(reply, nic, senderLow, senderHigh);
  txSend(nic, 60);
  bump(state + G_ARP_REPLIES, 1);
}

function sunk(): void {
  bump(state + G_SUNK, 1);
}

/** Answers ICMP echo (RFC 792) and UDP echo (RFC 862), probes with an account; everything else is sunk. */
function onIpv4(nic: u32, frame: u32, length: u32, now: f64): void {
  const ip = load<u32>(nic, GN_IP);
  if (length < 34 || load<u8>(frame, 14) != 0x45 || ip == 0 || load<u32>(frame, 30) != ip)
    return sunk();
  const total = u32(bswap<u16>(load<u16>(frame, 16)));
  if (total < 28 || total + 14 > length) return sunk();
  const protocol = u32(load<u8>(frame, 23));
  const isEcho = protocol == 1 && load<u8>(frame, 34) == 8;
  const isUdpEcho = protocol == 17 && u32(load<u16>(frame, 36)) == PORT_ECHO;
  if (!isEcho && !isUdpEcho) return sunk();
  const reply = txBuffer(nic);
  memory.copy(reply, frame, length);
  setMacs(reply, nic, load<u32>(frame, 6), u32(load<u16>(frame, 10)));
  store<u32>(reply, ip, 26);
  store<u32>(reply, load<u32>(frame, 26), 30);
  if (isEcho) {
    store<u8>(reply, 0, 34);
    // RFC 1624: the type falls by 8, so the checksum's high byte rises by 8.
    let sum = u32(bswap<u16>(load<u16>(frame, 36))) + 0x0800;
    sum = (sum & 0xffff) + (sum >>> 16);
    store<u16>(reply, bswap<u16>(u16(sum)), 36);
    bump(state + G_ECHO_REPLIES, 1);
  } else {
    store<u16>(reply, load<u16>(frame, 36), 34);
    store<u16>(reply, load<u16>(frame, 34), 36);
    // RFC 768: the checksum of a changed datagram is left out.
    if (stampProbe(state, reply + 42, total - 28, now)) store<u16>(reply, 0, 40);
    bump(state + G_UDP_ECHOES, 1);
  }
  txSend(nic, length);
}

// ── Receive side of the driver ──────────────────────────────────────────────────────────────────

function receive(nic: u32, port: u32, now: f64): u32 {
  let last = load<u32>(nic, GN_RX_LAST_USED);
  const size = load<u32>(nic, GN_RX_SIZE);
  const used = memoryBase + load<u32>(nic, GN_RX_USED);
  // Pairs with showUsed of the device.
  const available = (u32(atomic.load<u16>(used + 2)) - last) & 0xffff;
  let next = load<u32>(nic, GN_RX_AVAIL_NEXT);
  const avail = load<u32>(nic, GN_RX_AVAIL);
  let n: u32 = 0;
  while (n < available && n < <u32>BURST) {
    if (txInFlight(nic) >= load<u32>(nic, GN_TX_SIZE)) break; // no room for an answer: it waits
    const element = used + 4 + (last & (size - 1)) * 8;
    const id = load<u32>(element) & (size - 1);
    const written = load<u32>(element, 4);
    if (written > <u32>VIRTIO_NET_HEADER && written <= <u32>GUEST_BUFFER) {
      const frame =
        memoryBase + load<u32>(nic, GN_RX_BUFFERS) + id * GUEST_BUFFER + VIRTIO_NET_HEADER;
      const length = written - VIRTIO_NET_HEADER;
      if ((load<u32>(state, G_FLAGS) & GUEST_DIGEST) != 0)
        store<u64>(nic, digest(load<u64>(nic, GN_DIGEST), frame, length), GN_DIGEST);
      const type = u32(load<u16>(frame, 12));
      if (type == ETHERTYPE_ARP) onArp(nic, frame, length);
      else if (
        type == ETHERTYPE_IPV4 &&
        load<u32>(frame) == load<u32>(nic, GN_MAC_LOW) &&
        u32(load<u16>(frame, 4)) == load<u32>(nic, GN_MAC_HIGH)
      )
        onIpv4(nic, frame, length, now);
      else sunk();
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

// ── Workloads ───────────────────────────────────────────────────────────────────────────────────

/** How many items a paced workload owes at `now`; moves its due time on. */
function owed(now: f64, limit: u32): u32 {
  const rate = load<f64>(state, G_RATE);
  let due = load<f64>(state, G_DUE_NS);
  if (rate <= 0 || now < due) return 0;
  if (now - due > CATCH_UP_NS) due = now;
  const step: f64 = 1000000000 / rate;
  let n = u32((now - due) / step) + 1;
  if (n > limit) n = limit;
  store<f64>(state, due + f64(n) * step, G_DUE_NS);
  return n;
}

function sendOne(nic: u32, frame: u32, length: u32): void {
  memory.fill(frame, 0, length);
  setMacs(frame, nic, load<u32>(state, G_TARGET_MAC_LOW), load<u32>(state, G_TARGET_MAC_HIGH));
  store<u16>(frame, u16(ETHERTYPE_IPV4), 12);
  const total = length - 14;
  store<u16>(frame, 0x0045, 14);
  store<u16>(frame, bswap<u16>(u16(total)), 16);
  store<u16>(frame, 0x1140, 22); // TTL 64, UDP
  store<u32>(frame, load<u32>(nic, GN_IP), 26);
  store<u32>(frame, load<u32>(state, G_TARGET_IP), 30);
  let sum: u32 = 0;
  for (let i: u32 = 14; i < 34; i += 2) sum += u32(load<u16>(frame + i));
  sum = (sum & 0xffff) + (sum >>> 16);
  sum = (sum & 0xffff) + (sum >>> 16);
  store<u16>(frame, u16(~sum), 24);
  store<u16>(frame, u16(PORT_DISCARD), 34);
  store<u16>(frame, u16(PORT_DISCARD), 36);
  store<u16>(frame, bswap<u16>(u16(total - 20)), 38);
  store<u64>(frame, load<u64>(state, G_SENT), 42);
  txSend(nic, length);
  bump(state + G_SENT, 1);
}

function runSender(now: f64): u32 {
  const nic = state + G_NICS;
  if (load<u32>(state, G_TARGET_KNOWN) == 0) {
    if (now < load<f64>(state, G_ARP_DUE_NS)) return 0;
    const request = txBuffer(nic);
    if (request == 0) return 0;
    store<f64>(state, now + ARP_RETRY_NS, G_ARP_DUE_NS);
    buildArp(request, nic, 1, 0, 0, load<u32>(state, G_TARGET_IP));
    setMacs(request, nic, 0xffffffff, 0xffff);
    txSend(nic, 60);
    return 1;
  }
  const n = owed(now, BURST);
  let sent: u32 = 0;
  for (; sent < n; sent++) {
    const frame = txBuffer(nic);
    if (frame == 0) break;
    sendOne(nic, frame, load<u32>(state, G_FRAME_BYTES));
  }
  return n;
}

/** Word of a stamped page: no two words of a page are equal, so that no coding makes it shorter. */
function stampWord(round: u32, page: u32, at: u32): u64 {
  return ((u64(round) << 32) | u64(page)) ^ (u64(at + 1) * 0x9e3779b97f4a7c15);
}

/** Writes whole pages with the stamp (round, page) in every word. A page is consistent when all its words agree. */
function runPageWriter(now: f64): u32 {
  const n = owed(now, PAGES_PER_TURN);
  const pages = load<u32>(state, G_WRITER_PAGES);
  let page = load<u32>(state, G_WRITER_NEXT);
  let round = load<u32>(state, G_WRITER_ROUND);
  for (let i: u32 = 0; i < n; i++) {
    const offset = load<u32>(state, G_WRITER_START) + page * PAGE_SIZE;
    for (let at: u32 = 0; at < <u32>PAGE_SIZE; at += 8)
      store<u64>(memoryBase + offset + at, stampWord(round, page, at));
    markDirty(dirty, offset, PAGE_SIZE);
    page++;
    if (page == pages) {
      page = 0;
      round++;
    }
  }
  store<u32>(state, page, G_WRITER_NEXT);
  store<u32>(state, round, G_WRITER_ROUND);
  bump(state + G_PAGES_WRITTEN, n);
  return n;
}

// ── Turn ────────────────────────────────────────────────────────────────────────────────────────

/** Runs one guest for a burst. Returns what it did; 0 means it waits for frames or for guestDue. */
export function guestTurn(vm: u32, now: f64): u32 {
  memoryBase = load<u32>(vm, V_MEMORY);
  state = memoryBase + G_BASE;
  dirty = load<u32>(vm, V_DIRTY);
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

/** The same by the guest's own clock. */
function workloadDue(at: u32): f64 {
  const workload = load<u32>(at, G_WORKLOAD);
  if (workload == WORKLOAD_SENDER && load<u32>(at, G_TARGET_KNOWN) == 0)
    return load<f64>(at, G_ARP_DUE_NS);
  if (workload == WORKLOAD_SENDER && txInFlight(at + G_NICS) >= load<u32>(at + G_NICS, GN_TX_SIZE))
    return f64.MAX_VALUE;
  if (workload == WORKLOAD_SENDER || workload == WORKLOAD_PAGE_WRITER)
    return load<f64>(at, G_DUE_NS);
  return f64.MAX_VALUE;
}

/** True when the device has used buffers that the guest can take now. */
export function guestHasWork(vm: u32): bool {
  memoryBase = load<u32>(vm, V_MEMORY);
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

// ── vCPU thread ─────────────────────────────────────────────────────────────────────────────────

/** Start of the present turn, in ns. */
let turnNow: f64 = 0;

/** When a throttled guest's present pause ends, in ns; 0: it may run. */
function pausedUntil(vm: u32): f64 {
  const throttle = load<u32>(vm, V_THROTTLE);
  if (throttle == 0) return 0;
  const began = Math.floor(turnNow / THROTTLE_PERIOD_NS) * THROTTLE_PERIOD_NS;
  const until = began + (f64(throttle) / 100) * THROTTLE_PERIOD_NS;
  return turnNow < until ? until : 0;
}

/** Runs a guest unless it is paused; its clock stands while it is. */
function runGuest(vm: u32): u32 {
  const pausedNs = load<f64>(vm, V_PAUSED_NS);
  if (pausedUntil(vm) != 0) {
    if (pausedNs == 0) store<f64>(vm, turnNow, V_PAUSED_NS);
    return 0;
  }
  if (pausedNs != 0) {
    store<f64>(vm, load<f64>(vm, V_STOLEN_NS) + turnNow - pausedNs, V_STOLEN_NS);
    store<f64>(vm, 0, V_PAUSED_NS);
  }
  return guestTurn(vm, turnNow);
}

/** One turn of a vCPU thread: every guest gets a burst. */
export function vcpuTurn(thread: u32, now: f64): u32 {
  turnNow = now;
  const list = load<u32>(thread, T_VM_LIST);
  const n = load<u32>(thread, T_VM_COUNT);
  let done: u32 = 0;
  for (let i: u32 = 0; i < n; i++) done += runGuest(load<u32>(list + i * 4));
  return done;
}

/** When a vCPU thread has something to do without being woken: the earliest of its guests. */
export function vcpuDue(thread: u32): f64 {
  const list = load<u32>(thread, T_VM_LIST);
  const n = load<u32>(thread, T_VM_COUNT);
  let due: f64 = f64.MAX_VALUE;
  for (let i: u32 = 0; i < n; i++) {
    const vm = load<u32>(list + i * 4);
    const paused = pausedUntil(vm);
    due = min(due, paused != 0 ? paused : guestDue(vm));
  }
  return due;
}

export function vcpuHasWork(thread: u32): bool {
  const list = load<u32>(thread, T_VM_LIST);
  const n = load<u32>(thread, T_VM_COUNT);
  for (let i: u32 = 0; i < n; i++) {
    const vm = load<u32>(list + i * 4);
    if (pausedUntil(vm) == 0 && guestHasWork(vm)) return true;
  }
  return false;
}

/** Pages of a page writer's region whose words do not all agree. For checks while the guest is stopped. */
export function inconsistentPages(memory: u32): u32 {
  const at = memory + G_BASE;
  const pages = load<u32>(at, G_WRITER_PAGES);
  let bad: u32 = 0;
  for (let page: u32 = 0; page < pages; page++) {
    const start = memory + load<u32>(at, G_WRITER_START) + page * PAGE_SIZE;
    const next = load<u32>(at, G_WRITER_NEXT);
    let round = load<u32>(at, G_WRITER_ROUND);
    // A page before the cursor was written in this round, one behind it in the round before (never, in round 0).
    const isWritten = page < next || round != 0;
    if (page >= next) round--;
    let ok = true;
    for (let word: u32 = 0; ok && word < <u32>PAGE_SIZE; word += 8)
      ok = load<u64>(start + word) == (isWritten ? stampWord(round, page, word) : 0);
    if (!ok) bad++;
  }
  return bad;
}
