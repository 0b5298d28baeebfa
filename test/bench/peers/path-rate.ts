/** How many frames a second come through from a sending to a receiving `testpmd`, whatever is between them. */
import type { Measurement, Side } from '../comparison';
import { sleep } from '../engine/receive-rate';
import type { Testpmd } from './testpmd';

/** What is between the two ends, where it must not run while others are measured. */
export interface Pausable {
  pause(): void;
  resume(): void;
}

/** For what is still on its way when the sender has stopped. */
const DRAIN_MS = 100;

export class PathRate implements Side {
  readonly name: string;
  readonly #sender: Testpmd;
  readonly #receiver: Testpmd;
  readonly #isLossless: boolean;
  readonly #between: Pausable | undefined;

  /** @param isLossless whether every frame that the sender counts must arrive; a path through the kernel loses some uncounted */
  constructor(
    name: string,
    sender: Testpmd,
    receiver: Testpmd,
    isLossless: boolean,
    between?: Pausable,
  ) {
    this.name = name;
    this.#sender = sender;
    this.#receiver = receiver;
    this.#isLossless = isLossless;
    this.#between = between;
    between?.pause();
  }

  async measure(seconds: number): Promise<Measurement> {
    this.#between?.resume();
    try {
      return await this.#measure(seconds);
    } finally {
      this.#between?.pause();
    }
  }

  async #measure(seconds: number): Promise<Measurement> {
    const [sender, receiver] = [this.#sender, this.#receiver];
    const sentBefore = (await sender.counts()).sent;
    const receivedBefore = (await receiver.counts()).received;
    await receiver.startForwarding();
    await sender.startForwarding();
    await sleep(Math.min(100, seconds * 200));
    const first = (await receiver.counts()).received;
    const start = performance.now();
    await sleep(seconds * 1000);
    const last = (await receiver.counts()).received;
    const elapsed = (performance.now() - start) / 1000;
    await sender.stopForwarding();
    await sleep(DRAIN_MS);
    await receiver.stopForwarding();
    const sent = (await sender.counts()).sent - sentBefore;
    const received = (await receiver.counts()).received - receivedBefore;
    return {
      value: (last - first) / elapsed,
      conserved: !this.#isLossless || received === sent,
    };
  }
}
