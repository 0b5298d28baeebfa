/**
 * Addresses of marker traps. A migration needs one that no late marker of another can reach, and the
 * switches on the way learn it for minutes: so one is used again, but not before it has rested.
 * Control thread.
 */
import { randomBytes } from 'node:crypto';

/** No frame is on its way for as long. */
const REST_MS = 10_000;

export class TrapAddresses {
  readonly #nowMs: () => number;
  /** Nobody uses them, oldest first. */
  readonly #resting: { readonly mac: string; readonly sinceMs: number }[] = [];

  constructor(nowMs: () => number = () => performance.now()) {
    this.#nowMs = nowMs;
  }

  take(): string {
    const [oldest] = this.#resting;
    if (oldest === undefined || this.#nowMs() - oldest.sinceMs < REST_MS) return localAddress();
    this.#resting.shift();
    return oldest.mac;
  }

  /** The trap is closed. */
  giveBack(mac: string): void {
    this.#resting.push({ mac, sinceMs: this.#nowMs() });
  }
}

/** A random address of the locally administered range, apart from the one that VMs get theirs from. */
function localAddress(): string {
  const octets = [...randomBytes(3)].map((value) => value.toString(16).padStart(2, '0'));
  return ['06', '4d', '4b', ...octets].join(':');
}
