/** Queues for the NICs of a switch, while frames flow, through the real adapter on the test's own thread. */
import { describe, expect, it } from 'vitest';
import type { NicConfig } from '../../../src/contract/model';
import { DEFAULT_ADAPTER_PROFILE, type AdapterProfile } from '../../../src/contract/vmq';
import type { VirtualMachine } from '../../../src/engine/vm/virtual-machine';
import { InlineHost } from '../../support/inline-host';
import { stampedFrame } from '../../support/stamped-frames';
import { everyNumber, portOf, underTraffic } from '../../support/traffic';

const OLD: AdapterProfile = {
  ...DEFAULT_ADAPTER_PROFILE,
  ndisRevision: '6.20',
  dynamicAffinity: false,
  vectorCoalescing: false,
};

const place = (number: number): { mac: string; vlan: number } => ({
  mac: `02:00:5e:10:00:0${number}`,
  vlan: 10,
});

function addVm(
  host: InlineHost,
  number: number,
  queue: NicConfig['queue'] = { mode: 'automatic' },
): Promise<VirtualMachine> {
  return host.addVm(`vm-${number}`, { ...place(number), queue });
}

/** Names of the VMs that have a queue. */
function holders(host: InlineHost): string[] {
  return host.vms
    .filter((vm) => host.adapter.switch.servingQueueOf(portOf(vm).index) > 0)
    .map((vm) => vm.config.name);
}

const ruleOf = (host: InlineHost, vm: VirtualMachine): string | undefined =>
  host.adapter.switch.noQueueReasonOf(portOf(vm).index)?.rule;

async function ask(host: InlineHost, vm: VirtualMachine, queue: NicConfig['queue']): Promise<void> {
  const port = portOf(vm);
  port.config = { ...port.config, queue };
  await host.drive(host.adapter.switch.requestQueue(port.index));
}

async function leave(host: InlineHost, vm: VirtualMachine): Promise<void> {
  await host.drive(host.adapter.switch.detach(portOf(vm).index));
  host.vms.splice(host.vms.indexOf(vm), 1);
}

describe('scarce queues', () => {
  it('go to who came first among equals, and a freed one to who has waited longest', async () => {
    const host = await InlineHost.create({ queueCount: 2 });
    const vms = [];
    for (const number of [1, 2, 3, 4]) vms.push(await addVm(host, number));
    expect(holders(host)).toEqual(['vm-1', 'vm-2']);
    const [first, , third] = vms;
    if (!first || !third) throw new Error('there are four VMs');
    expect(ruleOf(host, third)).toBe('all-taken');
    await leave(host, first);
    expect(holders(host)).toEqual(['vm-2', 'vm-3']);
    expect(ruleOf(host, third)).toBeUndefined();
  });

  it('are offered to the heaviest that waits when one is freed', async () => {
    const host = await InlineHost.create({ queueCount: 1 });
    const first = await addVm(host, 1, { mode: 'automatic', weight: 90 });
    await addVm(host, 2, { mode: 'automatic', weight: 20 });
    await addVm(host, 3, { mode: 'automatic', weight: 80 });
    await leave(host, first);
    expect(holders(host)).toEqual(['vm-3']);
  });

  it('are taken from the lightest by a heavier newcomer, without losing a frame or its order', async () => {
    const host = await InlineHost.create({ queueCount: 2 });
    const heavy = await addVm(host, 1, { mode: 'automatic', weight: 60 });
    const light = await addVm(host, 2, { mode: 'automatic', weight: 30 });
    const newcomer = await host.addVm('vm-3', { ...place(3), queue: { mode: 'none' } });
    const vms = [heavy, light, newcomer];
    const { sent, given } = await underTraffic(host, vms, async () => {
      const port = portOf(newcomer);
      port.config = { ...port.config, queue: { mode: 'automatic', weight: 40 } };
      await host.adapter.switch.requestQueue(port.index);
    });
    expect(sent).toBeGreaterThan(50);
    for (const frames of given) expect(frames).toEqual(everyNumber(sent));
    expect(host.conservation()).toMatchObject({ holds: true, held: 0, dropped: {} });
    expect(holders(host)).toEqual(['vm-1', 'vm-3']);
    const reason = host.adapter.switch.noQueueReasonOf(portOf(light).index);
    expect(reason?.rule).toBe('taken-by-heavier');
    expect(reason?.text).toContain('vm-3 with weight 40; this one has weight 30');
    expect(reason?.remedy).toContain('Raise its weight above 40');
  });

  it('are never taken from an equal', async () => {
    const host = await InlineHost.create({ queueCount: 1 });
    await addVm(host, 1, { mode: 'automatic', weight: 50 });
    const second = await addVm(host, 2, { mode: 'automatic', weight: 50 });
    expect(holders(host)).toEqual(['vm-1']);
    expect(ruleOf(host, second)).toBe('all-taken');
  });

  it('change hands when weights change', async () => {
    const host = await InlineHost.create({ queueCount: 1 });
    const first = await addVm(host, 1, { mode: 'automatic', weight: 50 });
    const second = await addVm(host, 2, { mode: 'automatic', weight: 10 });
    await ask(host, second, { mode: 'automatic', weight: 51 });
    expect(holders(host)).toEqual(['vm-2']);
    await ask(host, second, { mode: 'automatic', weight: 0 });
    expect(holders(host)).toEqual(['vm-1']);
    expect([ruleOf(host, first), ruleOf(host, second)]).toEqual([undefined, 'asked-for-none']);
  });

  it('count receive filters too: a NIC whose addresses do not fit waits, and a smaller one goes first', async () => {
    const profile = { ...DEFAULT_ADAPTER_PROFILE, numQueues: 3, numReceiveFilters: 3 };
    const host = await InlineHost.create({ queueCount: 3, profile });
    await addVm(host, 1);
    await addVm(host, 2);
    const wide = await host.addVm('vm-3', {
      ...place(3),
      moreMacs: ['02:00:5e:10:00:13'],
    });
    expect(holders(host)).toEqual(['vm-1', 'vm-2']);
    expect(ruleOf(host, wide)).toBe('filters-taken');
    await addVm(host, 4);
    expect(holders(host)).toEqual(['vm-1', 'vm-2', 'vm-4']);
  });

  it('keep the place of a VM that is being moved, so that it finds its queue when it stays', async () => {
    const host = await InlineHost.create({ queueCount: 1 });
    const first = await addVm(host, 1);
    const second = await addVm(host, 2);
    await host.drive(host.adapter.switch.releaseQueue(portOf(first).index, { rule: 'migrating' }));
    expect([ruleOf(host, first), ruleOf(host, second)]).toEqual(['migrating', 'all-taken']);
    await host.drive(host.adapter.switch.requestQueue(portOf(first).index));
    expect(holders(host)).toEqual(['vm-1']);
    await host.drive(host.adapter.switch.releaseQueue(portOf(first).index, { rule: 'migrating' }));
    await leave(host, first);
    expect(holders(host)).toEqual(['vm-2']);
  });

  it('are given back when an adapter offers fewer, lightest first, and given out when it offers more', async () => {
    const host = await InlineHost.create({ queueCount: 3 });
    for (const [number, weight] of [
      [1, 10],
      [2, 30],
      [3, 20],
    ] as const)
      await addVm(host, number, { mode: 'automatic', weight });
    await host.drive(host.adapter.configure({ ...host.adapter.config, queueCount: 1 }));
    expect(holders(host)).toEqual(['vm-2']);
    expect(host.adapter.ndis.capabilities.current?.numQueues).toBe(1);
    await host.drive(host.adapter.configure({ ...host.adapter.config, queueCount: 2 }));
    expect(holders(host)).toEqual(['vm-2', 'vm-3']);
    expect(host.adapter.ndis.capabilities.hardware.numQueues).toBe(64);
  });
});

describe('a NIC without a queue', () => {
  it('has a reason while VMQ is off, and its queue again when it is on', async () => {
    const host = await InlineHost.create({ vmqEnabled: false });
    const vm = await addVm(host, 1);
    expect(ruleOf(host, vm)).toBe('vmq-off');
    await host.drive(host.adapter.configure({ ...host.adapter.config, vmqEnabled: true }));
    expect(holders(host)).toEqual(['vm-1']);
  });

  it('has none on a link below 10 Gbit/s, unless the administrator wants it', async () => {
    const profile = { ...DEFAULT_ADAPTER_PROFILE, linkSpeedGbps: 1 };
    const host = await InlineHost.create({ profile });
    const vm = await addVm(host, 1);
    expect(ruleOf(host, vm)).toBe('slow-link');
    expect(host.adapter.ndis.capabilities.current).not.toBeNull();
    await host.drive(host.adapter.configure({ ...host.adapter.config, vmqBelow10Gbps: true }));
    expect(holders(host)).toEqual(['vm-1']);
  });

  it('has none in a VLAN on an NDIS 6.20 adapter that cannot filter by VLAN', async () => {
    const host = await InlineHost.create({ profile: { ...OLD, vlanFiltering: false } });
    const tagged = await addVm(host, 1);
    await host.addVm('vm-2', { mac: place(2).mac });
    expect(ruleOf(host, tagged)).toBe('no-vlan-filtering');
    expect(holders(host)).toEqual(['vm-2']);
  });

  it('is filtered by MAC alone from NDIS 6.30 on, into host buffers, where VLANs cannot be filtered', async () => {
    const profile = { ...DEFAULT_ADAPTER_PROFILE, vlanFiltering: false };
    const host = await InlineHost.create({ profile });
    const vm = await addVm(host, 1);
    const queueId = host.adapter.switch.servingQueueOf(portOf(vm).index);
    expect(host.adapter.ndis.filters(queueId).map(({ vlan }) => vlan)).toEqual(['any']);
    expect(host.adapter.miniport.modeOf(queueId)).toBe('host-buffers');
    host.receive(stampedFrame(place(1), 7));
    host.receive(stampedFrame({ ...place(1), vlan: 11 }, 8));
    host.threads.settle();
    expect(portOf(vm).counters().rxFrames).toBe(1);
  });

  it('says what the adapter refused, and lets others have the queue', async () => {
    const host = await InlineHost.create({ queueCount: 1 });
    await addVm(host, 1, { mode: 'automatic', weight: 10 });
    const wrong = await addVm(host, 2, { mode: 'processor', processor: 99, weight: 90 });
    const reason = host.adapter.switch.noQueueReasonOf(portOf(wrong).index);
    expect(reason).toMatchObject({ rule: 'refused' });
    expect(reason?.text).toContain('processor 99');
    expect(holders(host)).toEqual(['vm-1']);
    await ask(host, wrong, { mode: 'processor', processor: 1, weight: 90 });
    expect(holders(host)).toEqual(['vm-2']);
  });
});

describe('a queue', () => {
  it('moves to another processor while it runs, without losing a frame or its order', async () => {
    const host = await InlineHost.create();
    const vm = await addVm(host, 1, { mode: 'processor', processor: 0 });
    const before = host.adapter.switch.queueOf(portOf(vm).index);
    const { sent, given } = await underTraffic(host, [vm], async () => {
      const port = portOf(vm);
      for (const processor of [1, 0, 1]) {
        port.config = { ...port.config, queue: { mode: 'processor', processor } };
        await host.adapter.switch.requestQueue(port.index);
      }
    });
    expect(given).toEqual([everyNumber(sent)]);
    const after = host.adapter.switch.queueOf(portOf(vm).index);
    expect(after).toMatchObject({ queueId: before?.queueId, processor: 1 });
    expect(host.adapter.miniport.threadOf(after?.queueId ?? 0)?.processor).toBe(1);
  });

  it('is another one after a move on NDIS 6.20, which cannot move a queue', async () => {
    const host = await InlineHost.create({ profile: OLD });
    const vm = await addVm(host, 1, { mode: 'processor', processor: 0 });
    const before = host.adapter.switch.queueOf(portOf(vm).index);
    await ask(host, vm, { mode: 'processor', processor: 1 });
    const after = host.adapter.switch.queueOf(portOf(vm).index);
    expect(after?.processor).toBe(1);
    expect(after?.queueId).not.toBe(before?.queueId);
  });

  it('shares its interrupt with the queues of its processor from NDIS 6.30 on, and tells when that changes', async () => {
    const host = await InlineHost.create();
    const told: unknown[] = [];
    host.adapter.ndis.onStatus((indication) => told.push(indication.status));
    const first = await addVm(host, 1, { mode: 'processor', processor: 0 });
    await addVm(host, 2, { mode: 'processor', processor: 0 });
    const domains = (): number[] =>
      host.adapter.ndis
        .enumQueues()
        .slice(1)
        .map((queue) => queue.interruptCoalescingDomainId);
    const [shared, same] = domains();
    expect(shared).toBeGreaterThan(0);
    expect(same).toBe(shared);
    await ask(host, first, { mode: 'processor', processor: 1 });
    expect(new Set(domains()).size).toBe(2);
    expect(told).toEqual(['NDIS_STATUS_RECEIVE_FILTER_QUEUE_PARAMETERS']);
  });

  it('has an interrupt of its own on NDIS 6.20, whichever processor it is on', async () => {
    const profile = { ...OLD, numQueues: 2, msixVectors: 2 };
    const host = await InlineHost.create({ queueCount: 2, profile });
    await addVm(host, 1, { mode: 'processor', processor: 0 });
    await addVm(host, 2, { mode: 'processor', processor: 0 });
    expect(host.adapter.ndis.enumQueues().map((queue) => queue.msixTableEntry)).toEqual([0, 0, 1]);
    expect(
      host.adapter.ndis.enumQueues().map((queue) => queue.interruptCoalescingDomainId),
    ).toEqual([0, 0, 0]);
  });
});
