/**
 * The guest's side of probe flows (the engine's `wire/probe.ts` draws the payload): an account of
 * each flow in the guest's own memory, so that it migrates with the VM, and a copy of it in each
 * answer. With more flows than it has room for, the one that was silent longest is forgotten and
 * starts afresh.
 */
import {
  G_FLOWS,
  GF_ANSWERS,
  GF_ID,
  GF_LAST_NS,
  GF_LONGEST_GAP_NS,
  GF_SINCE_NS,
  GUEST_FLOW_SIZE,
  GUEST_FLOWS,
} from './layout';

const MAGIC: u32 = 0x50514d56; // "VMQP", as little-endian loads see network order
const PROBE_BYTES: u32 = 48;
const ACCOUNT_SEQUENCE: u32 = 0xffffffff;

/** The flow's record; when there is none, a new one if `isNew`, else 0. */
function flowOf(state: u32, id: u32, isNew: bool): u32 {
  let oldest = state + G_FLOWS;
  for (let i: u32 = 0; i < <u32>GUEST_FLOWS; i++) {
    const flow = state + G_FLOWS + i * GUEST_FLOW_SIZE;
    if (load<u32>(flow, GF_ID) == id) return flow;
    // A free record has a time of 0.
    if (load<f64>(flow, GF_LAST_NS) < load<f64>(oldest, GF_LAST_NS)) oldest = flow;
  }
  if (!isNew) return 0;
  memory.fill(oldest, 0, GUEST_FLOW_SIZE);
  store<u32>(oldest, id, GF_ID);
  return oldest;
}

function countProbe(flow: u32, now: f64): void {
  const answers = load<u32>(flow, GF_ANSWERS);
  if (answers == 0) store<f64>(flow, now, GF_SINCE_NS);
  else {
    const gap = now - load<f64>(flow, GF_LAST_NS);
    if (gap > load<f64>(flow, GF_LONGEST_GAP_NS)) store<f64>(flow, gap, GF_LONGEST_GAP_NS);
  }
  store<u32>(flow, answers + 1, GF_ANSWERS);
  store<f64>(flow, now, GF_LAST_NS);
}

function storeNetwork(at: u32, value: f64): void {
  store<u64>(at, bswap<u64>(reinterpret<u64>(value)));
}

/**
 * Counts the probe at `payload`, of `length` bytes, and writes the account of its flow into it.
 * Returns false for a payload that is no probe.
 */
export function stampProbe(state: u32, payload: u32, length: u32, now: f64): bool {
  if (length < PROBE_BYTES || load<u32>(payload) != MAGIC) return false;
  const id = load<u32>(payload, 4);
  const asksOnly = load<u32>(payload, 8) == ACCOUNT_SEQUENCE;
  const flow = id == 0 ? 0 : flowOf(state, id, !asksOnly);
  if (flow == 0) return false;
  if (!asksOnly) countProbe(flow, now);
  store<u32>(payload, bswap<u32>(load<u32>(flow, GF_ANSWERS)), 20);
  storeNetwork(payload + 24, load<f64>(flow, GF_SINCE_NS));
  storeNetwork(payload + 32, load<f64>(flow, GF_LAST_NS));
  storeNetwork(payload + 40, load<f64>(flow, GF_LONGEST_GAP_NS));
  return true;
}
