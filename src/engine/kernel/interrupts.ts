/** Interrupts of queues with completions: raised, or moderated. Adapter thread. */
import {
  A_INTERRUPTS,
  A_MODERATION_NS,
  A_QUEUES,
  A_RAISED,
  MAX_QUEUES,
  Q_DOMAIN,
  Q_FIRST_NS,
  Q_FREE_RING,
  Q_INTERRUPTS,
  Q_THREAD,
  Q_UNSIGNALLED,
} from './layout';
import { ringAvailable } from './ring';
import { bump, wake } from './thread';

/** So few completions are left to the moderation, however few receive buffers are left. */
const INTERRUPT_BATCH: u32 = 32;

/** Word of the bit that says that a queue has completions without an interrupt. */
export function raisedWord(adapter: u32, id: u32): u32 {
  return adapter + A_RAISED + (id >> 6) * 8;
}

/** Bit of a coalescing domain; 0 for a queue whose interrupt is its own. */
function domainBit(queue: u32): u64 {
  const domain = load<u32>(queue, Q_DOMAIN);
  return domain == 0 ? 0 : u64(1) << ((domain - 1) & 63);
}

/**
 * Whether a queue's interrupt may not wait any longer: its time is over, or no more receive buffers are
 * left than completions wait.
 */
function isDue(queue: u32, now: f64, moderation: f64): bool {
  if (now - load<f64>(queue, Q_FIRST_NS) >= moderation) return true;
  const waiting = load<u32>(queue, Q_UNSIGNALLED);
  return waiting >= INTERRUPT_BATCH && waiting >= ringAvailable(load<u32>(queue, Q_FREE_RING));
}

/**
 * Coalescing domains with an interrupt that is due. Bits of queues that are gone, or have nothing, are
 * taken out.
 */
function dueDomains(adapter: u32, now: f64, moderation: f64): u64 {
  let domains: u64 = 0;
  for (let word: u32 = 0; word < <u32>(MAX_QUEUES / 64); word++) {
    const at = adapter + A_RAISED + word * 8;
    let bits = load<u64>(at);
    while (bits != 0) {
      const bit = u32(ctz(bits));
      bits &= bits - 1;
      const queue = load<u32>(adapter + A_QUEUES + (word * 64 + bit) * 4);
      if (queue == 0 || load<u32>(queue, Q_UNSIGNALLED) == 0) {
        store<u64>(at, load<u64>(at) & ~(u64(1) << bit));
        continue;
      }
      if (isDue(queue, now, moderation)) domains |= domainBit(queue);
    }
  }
  return domains;
}

/**
 * Raises interrupts: at once when nothing more waits, else by moderation.
 * Queues of one coalescing domain share an interrupt: when one of them is due, all are served.
 */
export function interrupt(adapter: u32, now: f64, idle: bool): void {
  const moderation = load<f64>(adapter, A_MODERATION_NS);
  const due = dueDomains(adapter, now, moderation);
  let raised: u64 = 0;
  for (let word: u32 = 0; word < <u32>(MAX_QUEUES / 64); word++) {
    const at = adapter + A_RAISED + word * 8;
    let bits = load<u64>(at);
    while (bits != 0) {
      const bit = u32(ctz(bits));
      bits &= bits - 1;
      // It may have been taken away since its completions were published.
      const queue = load<u32>(adapter + A_QUEUES + (word * 64 + bit) * 4);
      if (queue == 0) continue;
      const domain = domainBit(queue);
      if (!idle && (due & domain) == 0 && !isDue(queue, now, moderation)) continue;
      store<u64>(at, load<u64>(at) & ~(u64(1) << bit));
      store<u32>(queue, 0, Q_UNSIGNALLED);
      bump(queue + Q_INTERRUPTS, 1);
      if (domain == 0 || (raised & domain) == 0) bump(adapter + A_INTERRUPTS, 1);
      raised |= domain;
      wake(load<u32>(queue, Q_THREAD));
    }
  }
}
