/** §6.2 to §6.6: what goes with frames: indications, returns, sends, interrupts; and resets. */
import { describe, expect, it } from 'vitest';

import type { BufferMode } from '../../../src/contract/model';
import { E_NIC, ENTRY_SIZE } from '../../../src/engine/kernel/layout';
import { affinityOf } from '../../../src/engine/ndis/group-affinity';
import {
  QUEUE_CHANGE_FLAGS,
  QUEUE_PARAMETER_FLAGS,
} from '../../../src/engine/ndis/queue-parameters';
import { ringEntries } from '../../../src/engine/thread/rings';
import { aQueueIn, anAdapter, expectRefusal } from '../ndis/an-adapter';
import { QueueLab, type LabGuest, type Runs } from './queue-lab';

const WEB = { mac: '02:00:5e:10:00:01', vlan: 10, ipv4: '10.0.10.11' };
const APP = { mac: '02:00:5e:10:00:02', vlan: 10, ipv4: '10.0.10.12' };
const MODES: readonly BufferMode[] = ['shared-memory', 'host-buffers'];
const HARDWARE: Runs = ({ role }) => role === 'adapter';

describe.each(MODES)('an indication, with %s', (bufferMode) => {
  it.each([
    ['set', QUEUE_PARAMETER_FLAGS.PER_QUEUE_RECEIVE_INDICATION],
    ['clear', 0],
  ])(
    'A.10, §6.2 rules 3 and 4: is of one queue and says so, with the per-queue flag %s',
    async (_how, flags) => {
      const lab = await QueueLab.create({ bufferMode });
      const guests = [await lab.addVm('web', WEB), await lab.addVm('app', APP)];
      const queues: number[] = [];
      for (const guest of guests) {
        const queueId = await lab.allocate(guest, { flags });
        await lab.setFilter(queueId, guest);
        await lab.complete(queueId);
        queues.push(queueId);
      }
      for (let n = 0; n < 5; n++) for (const guest of guests) lab.sendTo(guest);
      lab.settle(HARDWARE);
      lab.settle();
      for (const queueId of queues)
        expect(lab.block(queueId).lastIndication()).toMatchObject({
          queueId,
          frames: 5,
          isSingleQueue: true,
        });
    },
  );

  it('A.11, §3.4 rule 4, §6.2 rules 5, 9 and 10: has the real queue id, filter id 0, and the default ports', async () => {
    const lab = await QueueLab.create({ bufferMode });
    const guest = await lab.addVm('web', WEB);
    const { queueId } = await lab.runningQueue(guest);
    lab.sendTo(guest);
    lab.send({ mac: '02:00:5e:dd:00:01', tag: { vlanId: 10 } });
    lab.settle();
    const plain = { filterId: 0, vPortId: 0, portNumber: 0, frames: 1 };
    expect(lab.block(queueId).lastIndication()).toMatchObject({ ...plain, queueId });
    expect(lab.block(0).lastIndication()).toMatchObject({ ...plain, queueId: 0 });
  });

  it('§6.2 rule 6, §5.6 rule 3: says that its shared memory is valid', async () => {
    const lab = await QueueLab.create({ bufferMode });
    const guest = await lab.addVm('web', WEB);
    const { queueId } = await lab.runningQueue(guest);
    expect(lab.block(queueId).lastIndication()).toBeUndefined();
    lab.sendTo(guest);
    lab.settle();
    expect(lab.block(queueId).lastIndication()?.isSharedMemoryInfoValid).toBe(true);
  });
});

it('§6.2 rule 11: a queue that is short of host buffers says so, copies at once, and has them back', async () => {
  const lab = await QueueLab.create({ bufferMode: 'host-buffers' });
  const guest = await lab.addVm('web', WEB);
  const { queueId } = await lab.runningQueue(guest);
  lab.sendTo(guest, 10);
  lab.settle();
  expect(lab.block(queueId).lastIndication()?.isLowResources).toBe(false);
  const posted = lab.block(queueId).postedBuffers();
  // The hardware fills all that is posted before each turn of the queue's thread.
  const own = lab.threadOf(queueId);
  const lowResources = (): number => lab.block(queueId).counters().lowResources;
  for (let turn = 0; turn < 20 && lowResources() === 0; turn++) {
    while (lab.block(queueId).postedBuffers() > 0) {
      lab.sendTo(guest, Math.min(50, lab.block(queueId).postedBuffers()));
      lab.settle(HARDWARE);
    }
    // A guest that posts receive buffers seldom: frames pile up in the queue's.
    if (turn % 3 === 2) lab.round(({ role }) => role === 'vcpu');
    lab.round(({ thread }) => thread === own);
  }
  expect(lowResources()).toBe(1);
  expect(lab.block(queueId).lastIndication()?.isLowResources).toBe(true);
  lab.settle();
  expect(guest.given).toHaveLength(lab.framesSent);
  expect(lab.block(queueId).postedBuffers()).toBe(posted);
});

describe('buffers come back', () => {
  it('§6.3 rules 2 and 3: in any number and in any order of their readers, each once', async () => {
    const lab = await QueueLab.create({ bufferMode: 'host-buffers' });
    const guests: LabGuest[] = [];
    for (const [index, { mac }] of [WEB, APP, { mac: '02:00:5e:10:00:03' }].entries()) {
      guests.push(await lab.addVm(`vm-${index}`, { mac, vlan: 10 }));
    }
    for (const guest of guests) await lab.runningQueue(guest);
    const buffers = (): number => lab.block(0).postedBuffers();
    const before = buffers();
    // Broadcasts are indicated once, and read by three threads at three speeds.
    for (let n = 0; n < 120; n++) {
      lab.send({ mac: 'ff:ff:ff:ff:ff:ff', tag: { vlanId: 10 } });
      lab.round(({ thread, role, requests }) => {
        const reader = guests.findIndex((_, index) => lab.threadOf(index + 1) === thread);
        return role === 'adapter' || reader < 0 || requests > 0 || n % (2 + 3 * reader) === 0;
      });
    }
    lab.settle();
    for (const { given } of guests) expect(given).toHaveLength(120);
    expect(buffers()).toBe(before);
    expect(lab.host.conservation()).toMatchObject({ holds: true, held: 0, dropped: {} });
  });
});

describe('a frame that a VM sends', () => {
  /** A VM that asks for an address which only the wire may know. */
  async function aSender(hasQueue: boolean): Promise<{ lab: QueueLab; queueId: number }> {
    const lab = await QueueLab.create({ bufferMode: 'host-buffers' });
    const workload = {
      kind: 'sender',
      destinationIpv4: '10.0.10.99',
      framesPerSecond: 1000,
      frameBytes: 100,
    } as const;
    const idle = { kind: 'responder' } as const;
    const guest = await lab.addVm('web', { ...WEB, workload: hasQueue ? idle : workload });
    if (!hasQueue) return { lab, queueId: 0 };
    const { queueId } = await lab.runningQueue(guest);
    await lab.startSending(guest, workload);
    return { lab, queueId };
  }

  it.each([true, false])(
    'A.11, §6.4 rule 1: carries the id of its VM’s queue (own queue: %s)',
    async (hasQueue) => {
      const { lab, queueId } = await aSender(hasQueue);
      for (let n = 0; n < 300; n++) lab.round();
      const sent = lab.host.sent().length;
      expect(sent).toBeGreaterThan(0);
      expect(lab.block(queueId).counters().sentFrames).toBe(sent);
    },
  );

  it('A.11, §6.4 rule 4, §3.9 rule 10: with an id that names no queue counts on the default queue, and is sent', async () => {
    const { lab, queueId } = await aSender(true);
    const { memory, table, adapter } = lab.host;
    const ring = table.ring(
      adapter.miniport.threadOf(queueId)?.index ?? -1,
      adapter.hardware.thread.index,
    );
    const waiting = (): readonly number[] => ringEntries(memory, ring, ENTRY_SIZE);
    for (let n = 0; n < 300 && waiting().length === 0; n++)
      lab.round(({ role }) => role !== 'adapter');
    const entries = waiting();
    expect(entries.map((entry) => memory.u16[(entry + E_NIC) / 2])).toEqual(
      entries.map(() => queueId),
    );
    for (const entry of entries) memory.u16[(entry + E_NIC) / 2] = 77;
    lab.round(HARDWARE);
    expect(lab.host.sent()).toHaveLength(entries.length);
    expect(lab.block(0).counters().sentFrames).toBe(entries.length);
    expect(lab.block(queueId).counters().sentFrames).toBe(0);
  });
});

describe('interrupts', () => {
  it('§2.3 rule 11, §6.6 rules 3 and 5: queues on one processor share a vector and its interrupt', async () => {
    const lab = await QueueLab.create();
    const guests = [await lab.addVm('web', WEB), await lab.addVm('app', APP)];
    const far = await lab.addVm('far', { mac: '02:00:5e:10:00:03', vlan: 10 });
    const queues: number[] = [];
    for (const [guest, processor] of [
      ...guests.map((one) => [one, 0] as const),
      [far, 1] as const,
    ]) {
      const queueId = await lab.allocate(guest, { processorAffinity: affinityOf(processor) });
      await lab.setFilter(queueId, guest);
      await lab.complete(queueId);
      queues.push(queueId);
    }
    const infos = queues.map((queueId) => lab.binding.queueParameters(queueId));
    const [first, second, third] = infos.map((info) => info.interruptCoalescingDomainId);
    expect(first).toBeGreaterThan(0);
    expect(second).toBe(first);
    expect(third).not.toBe(first);
    expect(infos[0]?.msixTableEntry).toBe(infos[1]?.msixTableEntry);
    expect(infos[2]?.msixTableEntry).not.toBe(infos[0]?.msixTableEntry);
    const before = lab.host.adapter.hardware.interrupts();
    for (const guest of [...guests, far]) lab.sendTo(guest);
    lab.settle(HARDWARE);
    // Three queues got a frame each; two of them share one interrupt.
    expect(lab.host.adapter.hardware.interrupts() - before).toBe(2);
  });

  it('§3.6 rule 2, §6.6 rule 5: a queue that moves joins the domain of its new processor, and a status says so', async () => {
    const lab = await QueueLab.create();
    await lab.runningQueue(await lab.addVm('web', WEB));
    const { queueId } = await lab.runningQueue(await lab.addVm('app', APP));
    const domain = (): number => lab.binding.queueParameters(queueId).interruptCoalescingDomainId;
    const before = domain();
    const statuses: string[] = [];
    lab.ndis.onStatus(({ status }) => statuses.push(status));
    const update = {
      flags: QUEUE_CHANGE_FLAGS.PROCESSOR_AFFINITY_CHANGED,
      processorAffinity: affinityOf(1),
    };
    await lab.drive(lab.binding.setQueueParameters(queueId, update));
    expect(statuses).toEqual(['NDIS_STATUS_RECEIVE_FILTER_QUEUE_PARAMETERS']);
    expect(domain()).not.toBe(before);
  });
});

describe('an event of the adapter', () => {
  it.each(['pause', 'reset', 'halt', 'surprise-removal'] as const)(
    '§6.5 rules 2, 4, 7 and 8: %s ends whatever state its queues are in, while frames flow',
    async (event) => {
      const lab = await QueueLab.create();
      const guests: LabGuest[] = [];
      for (const n of [1, 2, 3, 4])
        guests.push(await lab.addVm(`vm-${n}`, { mac: `02:00:5e:10:00:0${n}`, vlan: 10 }));
      const [allocated, set, paused, running] = guests;
      if (!allocated || !set || !paused || !running) throw new Error('there are four VMs');
      await lab.allocate(allocated);
      await lab.setFilter(await lab.allocate(set), set);
      await lab.complete(await lab.allocate(paused));
      const { queueId } = await lab.runningQueue(running);
      const states = lab.ndis.enumQueues().map(({ exactState }) => exactState);
      expect(states).toEqual(['Running', 'Allocated', 'Set', 'Paused', 'Running']);
      const before = (): void => {
        for (const guest of guests) lab.sendTo(guest);
      };
      await lab.drive(lab.ndis.liveThrough(event), { before });
      lab.settle();
      const stays = event === 'pause' || event === 'reset';
      expect(lab.ndis.enumQueues().map(({ exactState }) => exactState)).toEqual(
        stays ? states : ['Running'],
      );
      expect(lab.host.conservation()).toMatchObject({ holds: true, held: 0 });
      if (event === 'pause') await lab.drive(lab.ndis.liveThrough('restart'));
      if (!stays) await lab.drive(lab.ndis.liveThrough(event === 'halt' ? 'initialise' : 'halt'));
      // Filters that stay are in effect again; others are not.
      const onDefault = lab.framesOn(0);
      const onQueue = stays ? lab.framesOn(queueId) : 0;
      lab.sendTo(running, 5);
      lab.settle();
      if (stays) expect(lab.framesOn(queueId) - onQueue).toBe(5);
      expect(lab.framesOn(0) - onDefault).toBe(event === 'halt' ? 5 : 0);
    },
  );
});

describe('a request during a reset', () => {
  it('§6.5 rule 5, §9.4 rule 9, §3.8 rule 10: is refused with NOT_ACCEPTED on 6.20, and nothing has changed', async () => {
    const fixture = anAdapter({ ndisVersion: '6.20' });
    const { queueId } = await aQueueIn('Paused', fixture);
    const held = fixture.miniport.holdNext('reset');
    const reset = fixture.adapter.liveThrough('reset');
    for (let n = 0; n < 5; n++) await Promise.resolve();
    const free = () => fixture.binding.freeQueue(queueId);
    await expectRefusal(fixture.adapter, free, 'NDIS_STATUS_NOT_ACCEPTED');
    held.release();
    await reset;
    await expect(free()).resolves.toBeUndefined();
  });

  it('§6.5 rule 4: waits for its end on 6.30', async () => {
    const fixture = anAdapter();
    const { queueId } = await aQueueIn('Paused', fixture);
    const held = fixture.miniport.holdNext('reset');
    const reset = fixture.adapter.liveThrough('reset');
    const order: string[] = [];
    const free = fixture.binding.freeQueue(queueId).then(() => order.push('free'));
    const ended = reset.then(() => order.push('reset'));
    for (let n = 0; n < 5; n++) await Promise.resolve();
    expect(order).toEqual([]);
    held.release();
    await Promise.all([free, ended]);
    expect(order).toEqual(['reset', 'free']);
  });
});

it('§4.7 rule 5, §9.4 rule 9: a clear after a surprise removal is refused with NOT_ACCEPTED', async () => {
  const fixture = anAdapter();
  const { queueId, filterId = 0 } = await aQueueIn('Running', fixture);
  await fixture.adapter.liveThrough('surprise-removal');
  const clear = () => fixture.binding.clearFilter(queueId, filterId);
  await expectRefusal(fixture.adapter, clear, 'NDIS_STATUS_NOT_ACCEPTED');
});
