/**
 * Latency of a queue, from the link's writing of a frame into wire memory to the used index that
 * shows it to the guest. One frame of each indication is measured, the oldest, which waited longest,
 * and all frames of the indication count as much: no percentile over frames is below the true one.
 * (Counted once, a burst that piled up while the thread stood still would weigh as little as one frame.)
 *
 * A kernel has no clock and needs none here: the used index is published at the end of a turn, and
 * `now` of the next turn was read right after it, and after the guest was woken. Serving thread.
 */
import {
  COMPLETION_SIZE,
  C_FENCE,
  C_FLAGS,
  C_TIME,
  LATENCY_BUCKETS,
  LATENCY_FROM_POWER,
  LATENCY_STEP_BITS,
  LATENCY_TO_POWER,
  N_RX_USED_NEXT,
  Q_LAST_FRAMES,
  Q_LATENCY,
  Q_LONGEST_NS,
  Q_OLDEST_NS,
  R_HEAD,
} from './layout';
import { ringEntry } from './ring';
import { bump } from './thread';

/** Bucket of a latency; `shared/latency-histogram.ts` says the same in TypeScript. */
export function latencyBucket(ns: f64): u32 {
  // So written, what is no number is short too.
  if (!(ns >= f64(1 << LATENCY_FROM_POWER))) return 0;
  if (ns >= f64(1 << LATENCY_TO_POWER)) return LATENCY_BUCKETS - 1;
  const whole = u32(ns);
  const power: u32 = 31 - clz(whole);
  const step = (whole >> (power - LATENCY_STEP_BITS)) & ((1 << LATENCY_STEP_BITS) - 1);
  return 1 + ((power - LATENCY_FROM_POWER) << LATENCY_STEP_BITS) + step;
}

/**
 * Notes the oldest frame of an indication, before its entries go back to the adapter.
 * @param nic of a VM queue, else 0. @param used its N_RX_USED_NEXT before the indication: when it is
 * the same after it, the indication brought the guest nothing, and does not count.
 */
export function noteOldest(queue: u32, ring: u32, nic: u32, used: u32): void {
  if (nic != 0 && load<u32>(nic, N_RX_USED_NEXT) == used) return;
  let at = load<u32>(ring, R_HEAD);
  let entry = ringEntry(ring, at, COMPLETION_SIZE);
  // Fences may lie before it. The caller has found a frame, so there is one.
  while ((load<u16>(entry, C_FLAGS) & C_FENCE) != 0) entry = ringEntry(ring, ++at, COMPLETION_SIZE);
  store<f64>(queue, load<f64>(entry, C_TIME), Q_OLDEST_NS);
}

/** Books the indication that the turn before published: the last one. @param now when that turn had ended. */
export function bookLatency(queue: u32, now: f64): void {
  const since = load<f64>(queue, Q_OLDEST_NS);
  if (since == 0) return;
  store<f64>(queue, 0, Q_OLDEST_NS);
  const ns = now - since;
  // The longest first: who reads meanwhile finds none in a bucket beyond it.
  if (ns > load<f64>(queue, Q_LONGEST_NS)) store<f64>(queue, ns, Q_LONGEST_NS);
  bump(queue + Q_LATENCY + latencyBucket(ns) * 8, load<u32>(queue, Q_LAST_FRAMES));
}
