/** A Linux guest that QEMU moves from one instance to a new one, on a fabric of ours. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { waitUntil } from '../child';
import { onExit } from '../exit-hooks';
import { GUEST_IPV4, GUEST_MAC, makeLinuxGuest, type LinuxGuest } from '../peers/linux-guest';
import { hasQemu, Qemu, type QemuMigration } from '../peers/qemu';
import { Pinger, type PingScore } from './pinger';

const BOOT_LIMIT_MS = 60_000;
const CALM_MS = 700;

export interface MeasuredMove extends QemuMigration {
  readonly pings: PingScore;
}

export class QemuPair {
  readonly #guest: LinuxGuest;
  readonly #folder: string;
  readonly #fabricSocket: string;
  readonly #forget: () => void;
  #running: Qemu;
  #instances = 1;

  /** Boots the guest; undefined when QEMU or the guest's packages are not there. */
  static async boot(fabricSocket: string, perSecond: number): Promise<QemuPair | undefined> {
    const guest = hasQemu() ? makeLinuxGuest() : undefined;
    if (guest === undefined) return undefined;
    const folder = mkdtempSync(join(tmpdir(), 'vmq-bench-qemu-'));
    const forget = onExit(() => {
      guest.remove();
      rmSync(folder, { recursive: true, force: true });
    });
    try {
      const first = await Qemu.start({ guest, folder, fabricSocket }, 'q0');
      const pair = new QemuPair(guest, folder, fabricSocket, first, forget);
      await pair.#booted(perSecond);
      return pair;
    } catch (error) {
      forget();
      throw error;
    }
  }

  private constructor(
    guest: LinuxGuest,
    folder: string,
    fabricSocket: string,
    first: Qemu,
    forget: () => void,
  ) {
    this.#guest = guest;
    this.#folder = folder;
    this.#fabricSocket = fabricSocket;
    this.#running = first;
    this.#forget = forget;
  }

  pinger(perSecond: number): Pinger {
    const target = { mac: GUEST_MAC, ipv4: GUEST_IPV4 };
    return new Pinger({ fabricSocket: this.#fabricSocket, ...target, perSecond });
  }

  /** Moves the guest to a new instance and ends the old one. */
  async move(perSecond: number): Promise<MeasuredMove> {
    const { incoming, next } = await this.#nextInstance();
    const pinger = this.pinger(perSecond);
    try {
      await calm();
      await pinger.restart();
      await calm();
      const moved = await this.#running.migrateTo(incoming);
      await calm();
      const pings = await pinger.stop();
      await this.#running.end();
      this.#running = next;
      return { ...moved, pings };
    } catch (error) {
      pinger.abandon();
      await next.end();
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.#running.end();
    this.#forget();
  }

  async #nextInstance(): Promise<{ incoming: string; next: Qemu }> {
    const name = `q${this.#instances++}`;
    const incoming = join(this.#folder, `${name}.in`);
    const place = { guest: this.#guest, folder: this.#folder, fabricSocket: this.#fabricSocket };
    return { incoming, next: await Qemu.start(place, name, incoming) };
  }

  async #booted(perSecond: number): Promise<void> {
    const pinger = this.pinger(perSecond);
    try {
      await waitUntil(
        'the Linux guest to answer',
        async () => (await pinger.score()).answered > perSecond / 4,
        BOOT_LIMIT_MS,
      );
    } finally {
      pinger.abandon();
    }
  }
}

export function calm(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, CALM_MS));
}
