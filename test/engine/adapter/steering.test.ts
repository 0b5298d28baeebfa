/** Changes of filters while frames flow: no frame is lost or overtaken, and none reaches a guest's memory that must not. */
import { describe, expect, it } from 'vitest';
import { DEFAULT_RECEIVE_QUEUE_ID } from '../../../src/engine/ndis/queue-parameters';
import { macFilter, macOnlyFilter } from '../../../src/engine/ndis/filter-parameters';
import { affinityOf } from '../../../src/engine/ndis/group-affinity';
import { receiveQueueParameters } from '../../../src/engine/ndis/queue-parameters';
import type { VirtualMachine } from '../../../src/engine/vm/virtual-machine';
import { InlineHost } from '../../support/inline-host';
import { stampedFrame } from '../../support/stamped-frames';
import { everyNumber, portOf, underTraffic } from '../../support/traffic';

const WEB = { mac: '02:00:5e:10:00:01', vlan: 10 };
const SECOND = { mac: '02:00:5e:10:00:11', vlan: 10 };

type Mode = 'shared-memory' | 'host-buffers';

/** A VM without a queue, and a protocol that gives it one. */
async function aBinding(mode: Mode, moreMacs: readonly string[] = []) {
  const host = await InlineHost.create({ bufferMode: mode });
  const vm = await host.addVm('web', { ...WEB, moreMacs, queue: { mode: 'none' } });
  return { host, vm, binding: host.adapter.ndis.bind('test') };
}

async function aRunningQueue(mode: Mode, moreMacs: readonly string[] = []) {
  const fixture = await aBinding(mode, moreMacs);
  const { host, vm, binding } = fixture;
  const parameters = { processorAffinity: affinityOf(0), portId: portOf(vm).portId };
  const queueId = await host.drive(binding.allocateQueue(receiveQueueParameters(parameters)));
  const filterId = await host.drive(binding.setFilter(macFilter(queueId, WEB.mac, WEB.vlan)));
  await host.drive(binding.queueAllocationComplete([queueId]));
  return { ...fixture, queueId, filterId };
}

const MARKER = [0xde, 0xad, 0xfa, 0xce, 0x5a, 0xa5, 0xc0, 0xde];

/** A frame full of a marker. */
function markedFrame(target: { mac: string; vlan: number }): Uint8Array {
  const frame = stampedFrame(target, 1, 400);
  for (let at = 60; at + 8 < frame.length; at += 8) frame.set(MARKER, at);
  return frame;
}

/** Whether the marker is anywhere in the memory of a VM. */
function hasMarker(host: InlineHost, vm: VirtualMachine): boolean {
  const memory = host.memory.u8.subarray(vm.memory, vm.memory + vm.memoryBytes);
  for (let at = memory.indexOf(0xde); at >= 0; at = memory.indexOf(0xde, at + 1))
    if (MARKER.every((octet, index) => memory[at + index] === octet)) return true;
  return false;
}

describe.each(['shared-memory', 'host-buffers'] as const)(
  'filters of a running queue, %s',
  (mode) => {
    it('come and go one by one under traffic to all addresses, without loss and in order', async () => {
      const { host, vm, binding, queueId } = await aRunningQueue(mode, [SECOND.mac]);
      const { sent, given } = await underTraffic(
        host,
        [vm],
        async () => {
          for (let i = 0; i < 3; i++) {
            const filterId = await binding.setFilter(macFilter(queueId, SECOND.mac, SECOND.vlan));
            await binding.clearFilter(queueId, filterId);
          }
        },
        [WEB, SECOND],
      );
      expect(sent).toBeGreaterThan(100);
      expect(given).toEqual([everyNumber(sent), everyNumber(sent)]);
      expect(host.conservation()).toMatchObject({ holds: true, held: 0, dropped: {} });
      expect(host.adapter.miniport.modeOf(queueId)).toBe(mode);
    });

    it('may be cleared first set first, and the others go on', async () => {
      const { host, vm, binding, queueId, filterId } = await aRunningQueue(mode, [SECOND.mac]);
      const { sent, given } = await underTraffic(
        host,
        [vm],
        async () => {
          await binding.setFilter(macFilter(queueId, SECOND.mac, SECOND.vlan));
          await binding.clearFilter(queueId, filterId);
        },
        [WEB, SECOND],
      );
      expect(given).toEqual([everyNumber(sent), everyNumber(sent)]);
      const before = host.adapter.miniport.blockOf(queueId)?.counters().frames ?? 0;
      for (const target of [WEB, SECOND]) host.receive(stampedFrame(target, 0));
      host.threads.settle();
      expect(host.adapter.miniport.blockOf(queueId)?.counters().frames).toBe(before + 1);
    });
  },
);

describe('shared memory', () => {
  it.each([
    ['tests no VLAN', macOnlyFilter(0, SECOND.mac)],
    ['tests another VLAN than the port’s', macFilter(0, SECOND.mac, 20)],
    ['tests an address that the port does not have', macFilter(0, '02:00:5e:10:00:77', 10)],
  ])('is given up when a further filter %s, without loss', async (_, filter) => {
    const { host, vm, binding, queueId } = await aRunningQueue('shared-memory', [SECOND.mac]);
    const filterIds: number[] = [];
    const { sent, given } = await underTraffic(host, [vm], async () => {
      filterIds.push(await binding.setFilter({ ...filter, queueId }));
    });
    expect(given).toEqual([everyNumber(sent)]);
    expect(host.adapter.miniport.modeOf(queueId)).toBe('host-buffers');
    await host.drive(binding.clearFilter(queueId, filterIds[0] ?? 0));
    expect(host.adapter.miniport.modeOf(queueId)).toBe('shared-memory');
  });

  it.each(['shared-memory', 'host-buffers'] as const)(
    '§5.2 rule 8, §5.4 rule 1, A.16: never holds a byte of a frame of another VLAN, asked for %s',
    async (mode) => {
      const { host, vm, binding, queueId } = await aRunningQueue(mode, [SECOND.mac]);
      const other = await host.addVm('db', { mac: '02:00:5e:10:00:02', vlan: 20 });
      await host.drive(binding.setFilter(macOnlyFilter(queueId, SECOND.mac)));
      await host.drive(binding.setFilter(macFilter(queueId, WEB.mac, 20)));
      for (const vlan of [20, 30])
        for (const { mac } of [WEB, SECOND]) host.receive(markedFrame({ mac, vlan }));
      host.threads.settle();
      expect(hasMarker(host, vm)).toBe(false);
      // Unknown there, so it was flooded to the port of VLAN 20.
      expect(hasMarker(host, other)).toBe(true);
      host.receive(markedFrame(SECOND));
      host.threads.settle();
      expect(hasMarker(host, vm)).toBe(true);
    },
  );

  it('shows a guest no more than its own frame, whatever was in the buffer before', async () => {
    const { host, vm } = await aRunningQueue('host-buffers');
    const other = await host.addVm('db', { mac: '02:00:5e:10:00:02', vlan: 10 });
    for (let i = 0; i < 300; i++) {
      host.receive(markedFrame({ mac: '02:00:5e:10:00:02', vlan: 10 }));
      host.receive(stampedFrame(WEB, i));
      host.threads.settle();
    }
    expect(portOf(vm).counters().rxFrames).toBe(300);
    expect([hasMarker(host, vm), hasMarker(host, other)]).toEqual([false, true]);
  });
});

describe('overlapping filters', () => {
  it('§4.1 rule 5: go by the lowest id, also between one with VLAN and one without', async () => {
    const { host, binding, queueId } = await aRunningQueue('host-buffers', [SECOND.mac]);
    const second = await host.addVm('db', {
      mac: '02:00:5e:10:00:02',
      vlan: 10,
      queue: { mode: 'none' },
    });
    const parameters = { processorAffinity: affinityOf(0), portId: portOf(second).portId };
    const other = await host.drive(binding.allocateQueue(receiveQueueParameters(parameters)));
    await host.drive(binding.setFilter(macOnlyFilter(queueId, SECOND.mac)));
    await host.drive(binding.setFilter(macFilter(other, SECOND.mac, 10)));
    await host.drive(binding.queueAllocationComplete([other]));
    const frames = (id: number): number =>
      host.adapter.miniport.blockOf(id)?.counters().frames ?? 0;
    host.receive(stampedFrame(SECOND, 1));
    host.threads.settle();
    expect([frames(queueId), frames(other)]).toEqual([1, 0]);
  });

  it('§4.1 rule 5, §3.9 rule 5: may name the default queue: a lower id there keeps frames from a queue, until it is cleared', async () => {
    const { host, vm, binding } = await aBinding('shared-memory');
    const ofDefault = await host.drive(
      binding.setFilter(macOnlyFilter(DEFAULT_RECEIVE_QUEUE_ID, WEB.mac)),
    );
    const parameters = { processorAffinity: affinityOf(0), portId: portOf(vm).portId };
    const queueId = await host.drive(binding.allocateQueue(receiveQueueParameters(parameters)));
    await host.drive(binding.setFilter(macFilter(queueId, WEB.mac, WEB.vlan)));
    await host.drive(binding.queueAllocationComplete([queueId]));
    const frames = (): number => host.adapter.miniport.blockOf(queueId)?.counters().frames ?? 0;
    host.receive(stampedFrame(WEB, 1));
    host.threads.settle();
    expect([frames(), portOf(vm).counters().rxFrames]).toEqual([0, 1]);
    const { sent, given } = await underTraffic(host, [vm], () =>
      binding.clearFilter(DEFAULT_RECEIVE_QUEUE_ID, ofDefault),
    );
    expect(given[0]?.slice(-sent)).toEqual(everyNumber(sent));
    const before = frames();
    host.receive(stampedFrame(WEB, 2));
    host.threads.settle();
    expect(frames()).toBe(before + 1);
  });
});

describe('a port', () => {
  it('has one queue: another one for it is refused', async () => {
    const { host, vm, binding } = await aRunningQueue('shared-memory');
    const parameters = { processorAffinity: affinityOf(1), portId: portOf(vm).portId };
    const refused: unknown = await host.drive(
      binding.allocateQueue(receiveQueueParameters(parameters)).catch((error: unknown) => error),
    );
    expect(String(refused)).toContain('portId: expected a port without a queue');
    expect(host.adapter.ndis.enumQueues()).toHaveLength(2);
  });
});
