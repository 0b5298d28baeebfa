/**
 * Frames that a host sends of its own: announcements and markers. They leave by the default queue's
 * thread, in the order of the calls. Control thread.
 */
import type { HostMemory } from '../memory/host-memory';
import type { NicPort } from '../switch/nic-port';
import type { EngineThread } from '../thread/engine-thread';

const FRAME_BYTES = 2048;

export class FrameSender {
  readonly #memory: HostMemory;
  readonly #frame: number;
  #last: Promise<unknown> = Promise.resolve();

  constructor(memory: HostMemory) {
    this.#memory = memory;
    this.#frame = memory.take(FRAME_BYTES, 'A frame of the host');
  }

  /**
   * Sends one frame as if the NIC had sent it, into its VLAN.
   * @param thread default queue's thread of the NIC's adapter.
   * @param build writes the frame and returns its length.
   */
  send(port: NicPort, thread: EngineThread, build: (bytes: Uint8Array) => number): Promise<void> {
    const sent = this.#last.then(async () => {
      const at = this.#frame;
      const length = build(this.#memory.u8.subarray(at, at + FRAME_BYTES));
      await thread.request({ kind: 'announce', nic: port.block, source: at, length });
    });
    this.#last = sent.catch(() => undefined);
    return sent;
  }
}
