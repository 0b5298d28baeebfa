/**
 * The meter against a real guest: the link thread's probe over its real protocol, a host's data path
 * with an embedded guest, and between them a path that the test makes faulty. What the meter reports
 * must be exactly what was done to the frames.
 */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import type { ProbeResult } from '../../../src/contract/migration';
import { LinkControl } from '../../../src/engine/link/link-control';
import { HostMemory } from '../../../src/engine/memory/host-memory';
import { monotonicClock } from '../../../src/engine/thread/clock';
import { compileKernel, instantiateKernel, type Kernel } from '../../../src/engine/thread/kernel';
import { createWireRing } from '../../../src/engine/thread/rings';
import { ThreadTable } from '../../../src/engine/thread/thread-table';
import { ACCOUNT_SEQUENCE, readProbeSequence } from '../../../src/engine/wire/probe';
import { InlineHost } from '../../support/inline-host';
import { createInlineLinkThread } from './inline-link-thread';

const PROBE = 'probe';
const VM = { mac: '02:00:5e:10:00:01', ipv4: '10.0.10.11', vlan: 10 };
const FLOW = {
  ...{ mac: VM.mac, ipv4: VM.ipv4, vlanId: VM.vlan, perSecond: 5000 },
  ...{ ownMac: '02:00:5e:fd:00:00', ownIpv4: '10.0.10.250' },
};
/** Of a tagged frame: Ethernet, tag, IPv4, UDP. */
const PAYLOAD_OFFSET = 14 + 4 + 20 + 8;
const NOTHING = { lost: 0, duplicated: 0, reordered: 0 };

/** What one direction of the path makes of a frame: the frames that come out now. */
type Way = (frame: Uint8Array, sequence: number) => readonly Uint8Array[];
const CLEAN: Way = (frame) => [frame];

let memory: HostMemory;
let kernel: Kernel;
let threads: ThreadTable;
let links: LinkControl;
let host: InlineHost;
let inRing: number;
let outRing: number;
let staging: number;
let flowId = 0;
const clock = monotonicClock();

beforeEach(async () => {
  // Nobody waits for late answers in real time.
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  memory = new HostMemory(32);
  const module = await compileKernel();
  kernel = instantiateKernel(module, memory.memory);
  threads = new ThreadTable(memory, module, createInlineLinkThread);
  links = new LinkControl(memory, await threads.start({ role: 'link', name: 'links' }));
  inRing = createWireRing(memory, 262_144, 0);
  outRing = createWireRing(memory, 262_144, 0);
  staging = memory.take(65_536, 'A test frame');
  host = await InlineHost.create();
  await host.addVm('web', VM);
});

afterEach(async () => {
  await threads.stopAll();
  vi.useRealTimers();
});

function sequenceOf(frame: Uint8Array): number {
  return readProbeSequence(frame, PAYLOAD_OFFSET);
}

/** Takes what the meter has sent, lets the guest answer, and gives the meter the answers. */
function carry(there: Way, back: Way): void {
  for (;;) {
    const length = kernel.wireTake(inRing, staging);
    if (length === 0) break;
    const frame = memory.u8.slice(staging, staging + length);
    for (const sent of there(frame, sequenceOf(frame))) host.receive(sent);
  }
  host.threads.nowNs = Math.max(host.threads.nowNs, clock());
  host.threads.settle();
  for (const answer of host.sent()) {
    for (const frame of back(answer, sequenceOf(answer))) {
      memory.u8.set(frame, staging);
      kernel.wirePut(outRing, staging, frame.length, clock());
    }
  }
}

/** Lets the link thread handle what it has, and so much time pass for its timers. */
async function pass(ms: number): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
  vi.advanceTimersByTime(ms);
}

/** Lets a flow run until so many probes were sent, ends it, and says what the meter measured. */
async function measure(probes: number, there = CLEAN, back = CLEAN): Promise<ProbeResult> {
  flowId += 1;
  await links.addProbe(PROBE, { ...FLOW, flowId }, { inRing, outRing });
  while ((await links.sampleProbe(PROBE)).sent < probes) {
    carry(there, back);
    await pass(1);
  }
  const box: { result?: ProbeResult } = {};
  const finished = links.finishProbe(PROBE).then((result) => {
    box.result = result;
  });
  while (!box.result) {
    carry(there, back);
    await pass(10);
  }
  await finished;
  return box.result;
}

/** A way that loses the numbered probes. */
function losing(from: number, count: number): Way {
  return (frame, sequence) => (sequence >= from && sequence < from + count ? [] : [frame]);
}

/** A way that loses everything for some time, from probe 100 on. */
function silentFor(ms: number): Way {
  let untilNs = Infinity;
  return (frame, sequence) => {
    if (sequence < 100) return [frame];
    if (untilNs === Infinity) untilNs = clock() + ms * 1e6;
    return clock() < untilNs ? [] : [frame];
  };
}

/** A way on which one probe comes twice, and another one behind its three successors. */
function doublingAndDelaying(twice: number, late: number): Way {
  let delayed: Uint8Array[] = [];
  return (frame, sequence) => {
    if (sequence === late) {
      delayed = [frame];
      return [];
    }
    if (sequence === late + 3) return [frame, ...delayed.splice(0)];
    return sequence === twice ? [frame, frame] : [frame];
  };
}

describe('a probe of a guest', () => {
  it('finds nothing wrong with a path without faults', async () => {
    const { toVm, fromVm, ...both } = await measure(200);
    expect(both).toMatchObject({ ...NOTHING, sent: both.received });
    expect([toVm, fromVm]).toMatchObject([
      { ...NOTHING, sent: both.sent, received: both.sent },
      { ...NOTHING, sent: both.sent, received: both.sent },
    ]);
    expect(both.sent).toBeGreaterThanOrEqual(200);
  });

  it.each([1, 7, 100])(
    'reports a loss of %i on the way there as exactly that, and none on the way back',
    async (k) => {
      const { toVm, fromVm, ...both } = await measure(200, losing(50, k));
      expect(both).toMatchObject({ ...NOTHING, lost: k });
      expect([toVm, fromVm]).toMatchObject([{ ...NOTHING, lost: k }, NOTHING]);
    },
  );

  it.each([1, 7, 100])(
    'reports a loss of %i on the way back as exactly that, and none on the way there',
    async (k) => {
      const { toVm, fromVm, ...both } = await measure(200, CLEAN, losing(50, k));
      expect(both).toMatchObject({ ...NOTHING, lost: k });
      expect([toVm, fromVm]).toMatchObject([NOTHING, { ...NOTHING, lost: k }]);
    },
  );

  it('tells apart the last probes of a flow too', async () => {
    const isLast = (sequence: number) => sequence >= 100 && sequence !== ACCOUNT_SEQUENCE;
    const back = await measure(150, CLEAN, (frame, sequence) => (isLast(sequence) ? [] : [frame]));
    expect([back.toVm.lost, back.fromVm.lost]).toEqual([0, back.sent - 100]);
    await links.remove(PROBE);
    const there = await measure(150, (frame, sequence) => (isLast(sequence) ? [] : [frame]));
    expect([there.toVm.lost, there.fromVm.lost]).toEqual([there.sent - 100, 0]);
  });

  it('reports losses of both ways at once', async () => {
    const { toVm, fromVm } = await measure(200, losing(20, 30), losing(45, 30));
    expect([toVm.lost, fromVm.lost]).toEqual([30, 25]);
  });

  it('reports what was doubled and overtaken on the way there, and nothing on the way back', async () => {
    const { toVm, fromVm, ...both } = await measure(200, doublingAndDelaying(60, 90));
    expect(both).toMatchObject({ lost: 0, duplicated: 1, reordered: 1 });
    expect([toVm, fromVm]).toMatchObject([{ lost: 0, duplicated: 1, reordered: 1 }, NOTHING]);
  });

  it('reports what was doubled and overtaken on the way back, and nothing on the way there', async () => {
    const { toVm, fromVm, ...both } = await measure(200, CLEAN, doublingAndDelaying(60, 90));
    expect(both).toMatchObject({ lost: 0, duplicated: 1, reordered: 1 });
    expect([toVm, fromVm]).toMatchObject([NOTHING, { lost: 0, duplicated: 1, reordered: 1 }]);
  });

  it('measures silence where it was', async () => {
    const back = await measure(600, CLEAN, silentFor(60));
    expect(back.fromVm.silenceMs).toBeGreaterThan(30);
    expect(back.silenceMs).toBe(back.fromVm.silenceMs);
    await links.remove(PROBE);
    const there = await measure(600, silentFor(60));
    expect(there.toVm.silenceMs).toBeGreaterThanOrEqual(60);
    expect(there.silenceMs).toBeGreaterThan(30);
  });

  it('loses exactly as many frames of a direction as it is told', async () => {
    let isTold = false;
    const told: Promise<void>[] = [];
    const { toVm, fromVm, lost } = await measure(300, CLEAN, (frame, sequence) => {
      if (sequence >= 50 && !isTold) {
        isTold = true;
        told.push(
          links.loseProbes(PROBE, 'to-vm', 20),
          links.loseProbes(PROBE, 'from-vm', 11),
          links.loseProbes(PROBE, 'to-vm', 5),
        );
      }
      return [frame];
    });
    await Promise.all(told);
    expect([lost, toVm.lost, fromVm.lost]).toEqual([36, 25, 11]);
  });

  it('is not misled by another flow to the same guest', async () => {
    const there: Way = (frame, sequence) => {
      const stranger = frame.slice();
      stranger[PAYLOAD_OFFSET + 4] = 0xff;
      return sequence % 3 === 0 ? [stranger, frame] : [frame];
    };
    const { toVm, fromVm } = await measure(200, there, losing(50, 7));
    expect([toVm, fromVm]).toMatchObject([NOTHING, { ...NOTHING, lost: 7 }]);
  });

  it('samples what it has measured while it runs', async () => {
    await measure(100, losing(10, 5));
    const last = await links.sampleProbe(PROBE);
    expect(last.toVmReceived).toBe(last.sent - 5);
    expect(last.received).toBe(last.sent - 5);
    expect(last.atMs).toBeGreaterThan(0);
    await links.remove(PROBE);
    await expect(links.sampleProbe(PROBE)).rejects.toMatchObject({
      refusal: { code: 'not-found' },
    });
  });
});
