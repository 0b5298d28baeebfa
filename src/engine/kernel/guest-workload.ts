/** What the embedded guest does by itself: it sends frames, or writes stamped pages. */
import {
  BURST,
  GN_IP,
  GN_TX_SIZE,
  G_ARP_DUE_NS,
  G_BASE,
  G_DUE_NS,
  G_FRAME_BYTES,
  G_NICS,
  G_PAGES_WRITTEN,
  G_RATE,
  G_SENT,
  G_TARGET_IP,
  G_TARGET_KNOWN,
  G_TARGET_MAC_HIGH,
  G_TARGET_MAC_LOW,
  G_WORKLOAD,
  G_WRITER_NEXT,
  G_WRITER_PAGES,
  G_WRITER_ROUND,
  G_WRITER_START,
  PAGE_SIZE,
  WORKLOAD_PAGE_WRITER,
  WORKLOAD_SENDER,
} from './layout';
import { markDirty } from './dirty';
import { dirty, memoryBase, state } from './guest-context';
import { txBuffer, txInFlight, txSend } from './guest-driver';
import { ETHERTYPE_IPV4, buildArp, setMacs } from './guest-stack';
import { bump } from './thread';

const PORT_DISCARD: u32 = 0x0900;
const PAGES_PER_TURN: u32 = 32;
const ARP_RETRY_NS: f64 = 500000000;
/** A guest that was away longer than this does not make up for it. */
const CATCH_UP_NS: f64 = 50000000;

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

export function runSender(now: f64): u32 {
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
export function runPageWriter(now: f64): u32 {
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

/** The same by the guest's own clock. */
export function workloadDue(at: u32): f64 {
  const workload = load<u32>(at, G_WORKLOAD);
  if (workload == WORKLOAD_SENDER && load<u32>(at, G_TARGET_KNOWN) == 0)
    return load<f64>(at, G_ARP_DUE_NS);
  if (workload == WORKLOAD_SENDER && txInFlight(at + G_NICS) >= load<u32>(at + G_NICS, GN_TX_SIZE))
    return f64.MAX_VALUE;
  if (workload == WORKLOAD_SENDER || workload == WORKLOAD_PAGE_WRITER)
    return load<f64>(at, G_DUE_NS);
  return f64.MAX_VALUE;
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
