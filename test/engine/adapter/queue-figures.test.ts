/** What can be read of a queue: its buffers, its interrupts, its last indication, what was sent on it. */
import { describe, expect, it } from 'vitest';
import type { NicConfig } from '../../../src/contract/model';
import { WIRE_BURST } from '../../../src/engine/kernel/layout';
import { InlineHost } from '../../support/inline-host';
import { stampedFrame } from '../../support/stamped-frames';
import { portOf } from '../../support/traffic';

const WEB = { mac: '02:00:5e:10:00:01', vlan: 10, ipv4: '10.0.10.11' };
const APP = { mac: '02:00:5e:10:00:02', vlan: 10, ipv4: '10.0.10.12' };
const on = (processor: number): NicConfig['queue'] => ({ mode: 'processor', processor });

const isServing = ({ start }: { start: { role: string } }): boolean => start.role === 'queue';
const isAdapter = ({ start }: { start: { role: string } }): boolean => start.role === 'adapter';

describe('the buffers of a queue', () => {
  it('A.8, §6.8 rule 2: are free, with the adapter, or outstanding: together all that there are, after each turn of any thread', async () => {
    const host = await InlineHost.create({ bufferMode: 'host-buffers' });
    await host.addVm('web', WEB);
    await host.addVm('app', {
      ...APP,
      workload: {
        kind: 'sender',
        destinationIpv4: WEB.ipv4,
        framesPerSecond: 500_000,
        frameBytes: 100,
      },
    });
    const { miniport } = host.adapter;
    let seen = 0;
    for (let round = 0; round < 400; round++) {
      for (let i = 0; i < 5; i++) host.receive(stampedFrame(round % 2 === 0 ? WEB : APP, i));
      // Broadcasts too: one buffer in several rings.
      const broadcast = stampedFrame(WEB, round);
      broadcast.fill(0xff, 0, 6);
      host.receive(broadcast);
      host.threads.round((threads) =>
        threads.filter((_, index) => (round * 7 + index * 3) % 4 !== 0),
      );
      for (const queueId of [0, 1, 2]) {
        const account = miniport.bufferAccountOf(queueId);
        if (!account) throw new Error('the queue has host buffers');
        const { total, free, inDma, outstanding } = account;
        expect(free + inDma + outstanding).toBe(total);
        seen = Math.max(seen, outstanding);
      }
    }
    expect(seen).toBeGreaterThan(0);
  });

  it('have no account when they are in the VM', async () => {
    const host = await InlineHost.create({ bufferMode: 'shared-memory' });
    await host.addVm('web', WEB);
    expect(host.adapter.miniport.bufferAccountOf(1)).toBeUndefined();
  });
});

describe('interrupts', () => {
  /** Interrupts of the adapter and of each queue, after one frame to each VM within the moderation time. */
  async function interruptsWith(processors: readonly [number, number]) {
    const host = await InlineHost.create({ moderationMicroseconds: 100 });
    await host.addVm('web', { ...WEB, queue: on(processors[0]) });
    await host.addVm('app', { ...APP, queue: on(processors[1]) });
    host.threads.settle();
    const before = host.adapter.hardware.interrupts();
    const adapterTurn = (ns: number): number =>
      host.threads.round((threads) => threads.filter(isAdapter), ns);
    // The wires never run empty in a turn, so that moderation counts.
    const flood = (target: typeof WEB, frames: number): void => {
      for (let i = 0; i < frames; i++) host.receive(stampedFrame(target, i));
    };
    flood(WEB, 1);
    flood({ ...WEB, mac: '02:00:5e:10:00:77' }, WIRE_BURST - 1);
    flood(APP, 1);
    flood({ ...WEB, mac: '02:00:5e:10:00:77' }, 3 * WIRE_BURST);
    adapterTurn(1000);
    adapterTurn(90_000);
    // The first queue is due now, the second one not yet.
    adapterTurn(15_000);
    const counted = [1, 2].map(
      (id) => host.adapter.miniport.blockOf(id)?.counters().interrupts ?? 0,
    );
    return { counted, raised: host.adapter.hardware.interrupts() - before };
  }

  it('§2.3 rule 11, §6.6 rule 5: are shared by the queues of a processor: when one is due, both are served by one', async () => {
    const { counted } = await interruptsWith([0, 0]);
    expect(counted).toEqual([1, 1]);
  });

  it('are each queue’s own on different processors', async () => {
    const { counted } = await interruptsWith([0, 1]);
    expect(counted).toEqual([1, 0]);
  });

  it('count once for a domain', async () => {
    const [shared, own] = [await interruptsWith([0, 0]), await interruptsWith([0, 1])];
    // The default queue has the same in both; one queue less was interrupted, and no interrupt less was raised.
    expect(shared.raised).toBe(own.raised);
  });
});

describe('an indication', () => {
  it.each(['shared-memory', 'host-buffers'] as const)(
    'is of one queue, names it, has no filter id, and lies in its shared memory: %s',
    async (bufferMode) => {
      const host = await InlineHost.create({ bufferMode });
      await host.addVm('web', WEB);
      const block = host.adapter.miniport.blockOf(1);
      expect(block?.lastIndication()).toBeUndefined();
      for (let i = 0; i < 7; i++) host.receive(stampedFrame(WEB, i));
      host.threads.round((threads) => threads.filter(isAdapter));
      host.threads.round((threads) => threads.filter(isServing));
      expect(block?.lastIndication()).toEqual({
        frames: 7,
        queueId: 1,
        filterId: 0,
        vPortId: 0,
        portNumber: 0,
        isSingleQueue: true,
        isSharedMemoryInfoValid: true,
        isLowResources: false,
      });
    },
  );

  it('§6.2 rule 11, §6.8 rule 2: says when buffers are short, and that is counted', async () => {
    const host = await InlineHost.create({ bufferMode: 'host-buffers' });
    await host.addVm('web', WEB);
    const block = host.adapter.miniport.blockOf(1);
    // Its guest stands still until the last buffers are nearly used up.
    const hasBuffers = (): boolean => (block?.postedBuffers() ?? 0) > 8;
    for (let i = 0; i < 10_000 && hasBuffers(); i++) {
      host.receive(stampedFrame(WEB, i));
      host.threads.round((threads) => threads.filter(({ start }) => start.role !== 'vcpu'));
    }
    expect(block?.counters().lowResources).toBe(0);
    host.threads.round((threads) => threads.filter(({ start }) => start.role === 'vcpu'));
    host.threads.round((threads) => threads.filter(isServing));
    expect(block?.lastIndication()).toMatchObject({ isLowResources: true });
    expect(block?.counters().lowResources).toBe(1);
  });
});

describe('a frame that is sent', () => {
  it('counts on the queue of its VM, and on the default queue without one', async () => {
    const host = await InlineHost.create();
    const workload = {
      kind: 'sender',
      destinationIpv4: '10.0.10.99',
      framesPerSecond: 1000,
      frameBytes: 100,
    } as const;
    const web = await host.addVm('web', { ...WEB, workload });
    for (let i = 0; i < 50; i++) host.threads.round();
    const sentOn = (id: number): number =>
      (id === 0
        ? host.adapter.hardware.defaultQueue
        : host.adapter.miniport.blockOf(id)
      )?.counters().sentFrames ?? 0;
    // Its request for an address, as soon as it runs, and before it had a queue.
    const before = [sentOn(0), sentOn(1)];
    expect(before).toEqual([1, 0]);
    host.threads.round(undefined, 2e9);
    for (let i = 0; i < 50; i++) host.threads.round();
    expect([sentOn(0), sentOn(1)]).toEqual([1, 1]);
    expect(portOf(web).counters().txFrames).toBe(2);
  });
});
