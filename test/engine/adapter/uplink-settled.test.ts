import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { InlineHost } from '../../support/inline-host';

const FRAME_BYTES = 64;
const LONG_MS = 60_000;

interface Waiting {
  readonly host: InlineHost;
  readonly isSettled: () => boolean;
  /** Lets threads and waits go on for a while. */
  readonly goOn: () => Promise<void>;
}

/** A host with a frame on its uplink, which somebody waits for. */
async function waiting(longestMs: number): Promise<Waiting> {
  const host = await InlineHost.create();
  const frame = host.memory.take(FRAME_BYTES, 'A test frame');
  host.kernel.wirePut(host.outWire, frame, FRAME_BYTES, host.threads.nowNs);
  let settled = false;
  void host.adapter.hardware.uplinkSettled(longestMs).then(() => {
    settled = true;
  });
  const goOn = async (): Promise<void> => {
    for (let turn = 0; turn < 20; turn++) {
      host.threads.settle();
      await nextTurn();
    }
  };
  return { host, isSettled: () => settled, goOn };
}

describe('an uplink that settles', () => {
  it('has settled when its reader has taken what was on it', async () => {
    const { host, isSettled, goOn } = await waiting(LONG_MS);
    await goOn();
    expect(isSettled()).toBe(false);
    expect(host.sent()).toHaveLength(1);
    await goOn();
    expect(isSettled()).toBe(true);
  });

  it('is not waited for longer than it is said', async () => {
    const { isSettled, goOn } = await waiting(0);
    await goOn();
    expect(isSettled()).toBe(true);
  });
});
