/** How often the processor copies a frame on its way into a VM: counted where it is copied. */
import { describe, expect, it } from 'vitest';

import type { AdapterConfig } from '../../../src/contract/model';
import { DEFAULT_ADAPTER_PROFILE } from '../../../src/contract/vmq';
import { sumCounter } from '../../../src/engine/host/counters';
import { CT_RECEIVE_COPIES, CT_TO_VMS } from '../../../src/engine/kernel/layout';
import { InlineHost } from '../../support/inline-host';
import { stampedFrame } from '../../support/stamped-frames';

const WEB = { mac: '02:00:5e:10:00:01', vlan: 10 };
const FRAMES = 200;

/** Copies and frames delivered, after some frames to one VM. */
async function copiesWith(config: Partial<AdapterConfig>, frame = stampedFrame) {
  const host = await InlineHost.create(config);
  await host.addVm('web', WEB);
  const total = (counter: number): number => sumCounter(host.memory, host.table.blocks(), counter);
  // What a VM's arrival brings does not count.
  const before = { copies: total(CT_RECEIVE_COPIES), delivered: total(CT_TO_VMS) };
  for (let number = 0; number < FRAMES; number++) {
    host.receive(frame(WEB, number));
    host.threads.round();
  }
  for (let round = 0; round < 10; round++) host.threads.round();
  return {
    copies: total(CT_RECEIVE_COPIES) - before.copies,
    delivered: total(CT_TO_VMS) - before.delivered,
  };
}

function broadcast(target: typeof WEB, number: number): Uint8Array {
  return stampedFrame(target, number).fill(0xff, 0, 6);
}

describe('copies on the way into a VM', () => {
  it('are none with shared memory', async () => {
    expect(await copiesWith({ bufferMode: 'shared-memory' })).toEqual({
      copies: 0,
      delivered: FRAMES,
    });
  });

  it.each([
    ['host buffers', { bufferMode: 'host-buffers' }],
    ['VMQ off', { vmqEnabled: false }],
  ] as const)('are one per frame with %s', async (_name, config) => {
    expect(await copiesWith(config)).toEqual({ copies: FRAMES, delivered: FRAMES });
  });

  it('are one per broadcast with shared memory too: it takes the default queue', async () => {
    expect(await copiesWith({ bufferMode: 'shared-memory' }, broadcast)).toEqual({
      copies: FRAMES,
      delivered: FRAMES,
    });
  });

  it('count the first bytes of a split frame, which the host has looked at', async () => {
    const profile = {
      ...DEFAULT_ADAPTER_PROFILE,
      ndisRevision: '6.20',
      dynamicAffinity: false,
      vectorCoalescing: false,
      lookaheadSplit: { minBytes: 64, maxBytes: 128 },
    } as const;
    expect(await copiesWith({ bufferMode: 'shared-memory', profile })).toEqual({
      copies: FRAMES,
      delivered: FRAMES,
    });
  });
});
