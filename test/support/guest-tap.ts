/**
 * Reads what a VM's guest is given: watches the used ring of its receive virtqueue, between two
 * turns of the threads, as the guest's driver would.
 */
import {
  N_MEMORY,
  N_RX_DESC,
  N_RX_SIZE,
  N_RX_USED,
  VIRTIO_NET_HEADER,
  VRING_DESC_SIZE,
} from '../../src/engine/kernel/layout';
import type { MemoryViews } from '../../src/engine/memory/host-memory';
import type { NicPort } from '../../src/engine/switch/nic-port';

export class GuestTap {
  readonly #views: MemoryViews;
  readonly #port: NicPort;
  #seen = 0;

  constructor(views: MemoryViews, port: NicPort) {
    this.#views = views;
    this.#port = port;
  }

  /** Frames that the guest was shown since the last call, in order. Call before the guest runs again. */
  take(): Uint8Array[] {
    const views = this.#views;
    const field = (offset: number): number => views.getU32(this.#port.block + offset);
    const memory = field(N_MEMORY);
    const size = field(N_RX_SIZE);
    const used = memory + field(N_RX_USED);
    const shown = views.u16[(used + 2) / 2] ?? 0;
    const frames: Uint8Array[] = [];
    for (; (this.#seen & 0xffff) !== shown; this.#seen++) {
      const entry = used + 4 + (this.#seen & (size - 1)) * 8;
      const head = views.getU32(entry);
      const length = views.getU32(entry + 4);
      const buffer = memory + views.getU32(memory + field(N_RX_DESC) + head * VRING_DESC_SIZE);
      frames.push(views.u8.slice(buffer + VIRTIO_NET_HEADER, buffer + length));
    }
    return frames;
  }
}
