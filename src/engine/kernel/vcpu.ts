/** A vCPU thread: embedded guests, round robin by burst, each with its throttle. */
import { T_VM_COUNT, T_VM_LIST, V_PAUSED_NS, V_STOLEN_NS, V_THROTTLE } from './layout';
import { guestDue, guestHasWork, guestTurn } from './guest';

/** A throttled guest pauses in the first part of each period. */
const THROTTLE_PERIOD_NS: f64 = 20000000;
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
