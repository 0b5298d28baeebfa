/** What pause, restart, reset, halt, initialise and surprise removal do to queues and frames (reference §6.5). */
import { describe, expect, it } from 'vitest';
import type { AdapterEvent } from '../../../src/contract/vmq';
import { ADAPTER_EVENTS, ADAPTER_STATES } from '../../../src/contract/vmq';
import { legalAdapterStates, nextAdapterState } from '../../../src/engine/ndis/adapter-state';
import { macFilter } from '../../../src/engine/ndis/filter-parameters';
import { NdisStatusError } from '../../../src/engine/ndis/status';
import { RefusalError } from '../../../src/shared/refusal-error';
import { InlineHost } from '../../support/inline-host';
import { stampedFrame } from '../../support/stamped-frames';
import { everyNumber, portOf, underTraffic } from '../../support/traffic';

const WEB = { mac: '02:00:5e:10:00:01', vlan: 10, ipv4: '10.0.10.11' };
const DB = { mac: '02:00:5e:10:00:02', vlan: 10, ipv4: '10.0.10.12' };

async function aHost(bufferMode: 'shared-memory' | 'host-buffers' = 'shared-memory') {
  const host = await InlineHost.create({ bufferMode });
  return { host, vms: [await host.addVm('web', WEB), await host.addVm('db', DB)] };
}

const live = (host: InlineHost, event: AdapterEvent): Promise<void> =>
  host.drive(host.adapter.liveThrough(event));

/** Queue and filters of each NIC. */
function places(host: InlineHost): unknown[] {
  const { adapter } = host;
  return host.vms.map((vm) => {
    const queueId = adapter.switch.servingQueueOf(portOf(vm).index);
    return [
      queueId,
      adapter.ndis.queueState(queueId),
      adapter.ndis.filters(queueId).map(({ mac, vlan }) => [mac, vlan]),
    ];
  });
}

const delivered = (host: InlineHost): number[] =>
  host.vms.map((vm) => portOf(vm).counters().rxFrames);

function send(host: InlineHost, frames: number): void {
  for (let i = 0; i < frames; i++)
    for (const target of [WEB, DB]) host.receive(stampedFrame(target, i));
  host.threads.settle();
}

/** Numbers that are missing, and whether the others are in order. */
function gaps(given: readonly number[], sent: number): { missing: number; isInOrder: boolean } {
  return {
    missing: sent - given.length,
    isInOrder: given.every((stamp, index) => index === 0 || stamp > (given[index - 1] ?? 0)),
  };
}

describe('the states of an adapter', () => {
  it('§6.5 rule 1: have exactly the cells that the reference names', () => {
    const cells = ADAPTER_EVENTS.flatMap((event) =>
      ADAPTER_STATES.flatMap((state) => {
        const next = nextAdapterState(state, event);
        return next === 'illegal' ? [] : [`${state} ${event} ${next}`];
      }),
    );
    expect(cells).toEqual([
      'running pause paused',
      'paused restart running',
      'running reset running',
      'paused reset paused',
      'running halt halted',
      'paused halt halted',
      'removed halt halted',
      'halted initialise running',
      'removed initialise running',
      'running surprise-removal removed',
      'paused surprise-removal removed',
    ]);
  });

  it('refuse an event in an illegal cell, with what was expected, and nothing changes', async () => {
    const { host } = await aHost();
    const before = host.adapter.ndis.snapshot();
    const refusal: unknown = await live(host, 'restart').catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(RefusalError);
    expect((refusal as RefusalError).refusal).toMatchObject({
      code: 'wrong-state',
      why: `Expected an adapter that is ${legalAdapterStates('restart').join()}, found one that is running.`,
    });
    expect(host.adapter.ndis.snapshot()).toEqual(before);
  });
});

describe.each(['shared-memory', 'host-buffers'] as const)('a pause, with %s', (mode) => {
  it('§6.5 rules 1, 2 and 3: drops every frame with its reason, in and out, and keeps queues and filters', async () => {
    const { host } = await aHost(mode);
    const before = places(host);
    await live(host, 'pause');
    expect(host.adapter.ndis.state).toBe('paused');
    send(host, 20);
    expect(delivered(host)).toEqual([0, 0]);
    expect(places(host)).toEqual(before);
    expect(host.conservation()).toMatchObject({
      holds: true,
      held: 0,
      dropped: { 'adapter-paused': 40 },
    });
    await live(host, 'restart');
    send(host, 20);
    expect(delivered(host)).toEqual([20, 20]);
    expect(host.conservation()).toMatchObject({ holds: true, dropped: { 'adapter-paused': 40 } });
  });

  it('§6.5 rule 2: ends when everything that was indicated has come back, and what came before it is delivered', async () => {
    const { host, vms } = await aHost(mode);
    const { sent, given } = await underTraffic(host, vms, () => host.adapter.liveThrough('pause'));
    const missing = given.map((stamps) => sent - stamps.length);
    for (const stamps of given) expect(stamps).toEqual(everyNumber(stamps.length));
    expect(host.conservation()).toMatchObject({
      holds: true,
      held: 0,
      dropped: { 'adapter-paused': missing.reduce((sum, count) => sum + count, 0) },
    });
  });

  it('§6.5 rule 2: lets VMs of the host talk to each other, and answers requests', async () => {
    const { host, vms } = await aHost(mode);
    await live(host, 'pause');
    // Its first frame is a broadcast, which would go out of the wire too.
    const sender = await host.addVm('app', {
      mac: '02:00:5e:10:00:03',
      vlan: 10,
      ipv4: '10.0.10.13',
      workload: {
        kind: 'sender',
        destinationIpv4: WEB.ipv4,
        framesPerSecond: 100_000,
        frameBytes: 100,
      },
    });
    for (let i = 0; i < 500; i++) host.threads.round();
    expect(sender.snapshot().guest.sentFrames).toBeGreaterThan(50);
    const [web] = vms;
    expect(web?.snapshot().guest.sunkFrames).toBeGreaterThan(20);
    await host.drive(host.adapter.switch.setFilters(0, false));
    await host.drive(host.adapter.switch.setFilters(0, true));
    expect(host.conservation().dropped).toMatchObject({ 'adapter-paused': 1 });
  });
});

describe('a reset', () => {
  it.each(['shared-memory', 'host-buffers'] as const)(
    '§6.5 rule 4: restores queues and filters, and loses only what came during it, with %s',
    async (mode) => {
      const { host, vms } = await aHost(mode);
      const before = places(host);
      const { sent, given } = await underTraffic(host, vms, async () => {
        for (let i = 0; i < 3; i++) await host.adapter.liveThrough('reset');
      });
      expect(places(host)).toEqual(before);
      expect(host.adapter.ndis.state).toBe('running');
      const results = given.map((stamps) => gaps(stamps, sent));
      expect(results.every(({ isInOrder }) => isInOrder)).toBe(true);
      const missing = results.reduce((sum, result) => sum + result.missing, 0);
      expect(missing).toBeGreaterThan(0);
      expect(host.conservation()).toMatchObject({
        holds: true,
        held: 0,
        dropped: { 'adapter-reset': missing },
      });
      const counted = delivered(host);
      send(host, 10);
      expect(delivered(host)).toEqual(counted.map((frames) => frames + 10));
    },
  );

  it('of a paused adapter leaves it paused', async () => {
    const { host } = await aHost();
    await live(host, 'pause');
    await live(host, 'reset');
    expect(host.adapter.ndis.state).toBe('paused');
    send(host, 1);
    expect(host.conservation().dropped).toEqual({ 'adapter-paused': 2 });
  });
});

describe('a halt', () => {
  it('A.15, §6.5 rule 7: takes queues and filters away first, by the documented steps, and says so for each NIC', async () => {
    const { host, vms } = await aHost();
    const seen: string[] = [];
    host.adapter.ndis.onQueueTransition(({ queueId, from, to }) => {
      if (queueId === 1 && from !== to) seen.push(to);
    });
    const { sent, given } = await underTraffic(host, vms, () => host.adapter.liveThrough('halt'));
    expect(seen).toEqual(['Paused', 'StopDma', 'Freeing', 'Undefined']);
    expect(host.adapter.ndis.snapshot()).toMatchObject({
      state: 'halted',
      bindings: [],
      filters: [],
      queues: [{ queueId: 0 }],
    });
    const missing = given.map((stamps) => sent - stamps.length);
    for (const stamps of given) expect(stamps).toEqual(everyNumber(stamps.length));
    expect(host.conservation()).toMatchObject({
      holds: true,
      held: 0,
      dropped: { 'adapter-halted': missing.reduce((sum, count) => sum + count, 0) },
    });
    const reason = host.adapter.switch.noQueueReasonOf(0);
    expect(reason).toMatchObject({ rule: 'adapter-down' });
    expect(reason?.text).toContain('nic-a is halted');
  });

  it('ends with an initialisation: queues as anew, and frames', async () => {
    const { host } = await aHost();
    await live(host, 'halt');
    send(host, 5);
    await live(host, 'initialise');
    expect(places(host).map((place) => (place as unknown[])[1])).toEqual(['Running', 'Running']);
    expect(host.adapter.switch.noQueueReasonOf(0)).toBeNull();
    send(host, 5);
    expect(delivered(host)).toEqual([5, 5]);
    expect(host.conservation()).toMatchObject({ holds: true, dropped: { 'adapter-halted': 10 } });
  });

  it('lets a VM be started and stopped meanwhile', async () => {
    const { host, vms } = await aHost();
    await live(host, 'halt');
    const late = await host.addVm('late', { mac: '02:00:5e:10:00:04', vlan: 10 });
    const [web] = vms;
    if (!web) throw new Error('there are two VMs');
    await host.drive(host.adapter.switch.detach(portOf(web).index));
    expect(host.adapter.switch.noQueueReasonOf(portOf(late).index)?.rule).toBe('adapter-down');
    await live(host, 'initialise');
    expect(host.adapter.switch.servingQueueOf(portOf(late).index)).toBeGreaterThan(0);
  });
});

describe('a surprise removal', () => {
  it('§6.5 rule 8: drops every frame from that moment on, and takes queues and filters away after it', async () => {
    const { host, vms } = await aHost();
    const { sent, given } = await underTraffic(host, vms, () =>
      host.adapter.liveThrough('surprise-removal'),
    );
    expect(host.adapter.ndis.snapshot()).toMatchObject({
      state: 'removed',
      bindings: [],
      filters: [],
      queues: [{ queueId: 0 }],
    });
    const missing = given.map((stamps) => sent - stamps.length);
    for (const stamps of given) expect(stamps).toEqual(everyNumber(stamps.length));
    expect(host.conservation()).toMatchObject({
      holds: true,
      held: 0,
      dropped: { 'adapter-removed': missing.reduce((sum, count) => sum + count, 0) },
    });
    expect(host.adapter.switch.noQueueReasonOf(1)?.text).toContain('nic-a is removed');
  });

  it('§6.5 rule 8, §9.4 rule 9: lets requests fail with NOT_ACCEPTED at once, also those that wait', async () => {
    const { host } = await aHost();
    const other = host.adapter.ndis.bind('other');
    const removed = host.adapter.liveThrough('surprise-removal');
    await Promise.resolve();
    const waiting = other.setFilter(macFilter(0, '02:00:5e:10:00:09', null));
    const refused: unknown = await host.drive(waiting.catch((error: unknown) => error));
    expect(refused).toBeInstanceOf(NdisStatusError);
    expect((refused as NdisStatusError).status).toBe('NDIS_STATUS_NOT_ACCEPTED');
    await host.drive(removed);
  });

  it('is undone by an initialisation, when the hardware is there again', async () => {
    const { host } = await aHost();
    await live(host, 'surprise-removal');
    await live(host, 'initialise');
    send(host, 3);
    expect(delivered(host)).toEqual([3, 3]);
    expect(host.adapter.switch.noQueueReasonOf(0)).toBeNull();
  });
});
