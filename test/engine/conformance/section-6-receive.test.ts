/** §6: the way of frames through adapter, queues and switch, turn by turn, through the real kernels. */
import { describe, expect, it } from 'vitest';

import type { BufferMode } from '../../../src/contract/model';
import { Q_THREAD, T_POOL_FREE } from '../../../src/engine/kernel/layout';
import { affinityOf } from '../../../src/engine/ndis/group-affinity';
import { kernelMac } from '../../../src/engine/thread/kernel-mac';
import { QueueLab, type LabGuest } from './queue-lab';

const WEB = { mac: '02:00:5e:10:00:01', vlan: 10, ipv4: '10.0.10.11' };
const APP = { mac: '02:00:5e:10:00:02', vlan: 10, ipv4: '10.0.10.12' };
const MODES: readonly BufferMode[] = ['shared-memory', 'host-buffers'];

async function aRunningQueue(
  bufferMode: BufferMode,
): Promise<{ lab: QueueLab; guest: LabGuest; queueId: number; filterId: number }> {
  const lab = await QueueLab.create({ bufferMode });
  const guest = await lab.addVm('web', WEB);
  return { lab, guest, ...(await lab.runningQueue(guest)) };
}

/** Runs the hardware alone. */
function receiveOnly(lab: QueueLab): void {
  for (let n = 0; n < 4; n++) lab.round(({ role }) => role === 'adapter');
}

describe.each(MODES)('a frame on its way, with %s', (bufferMode) => {
  it('§6.1 rule 3: the interrupt is raised on the queue, whose thread is on the queue’s processor', async () => {
    const lab = await QueueLab.create({ bufferMode });
    const guest = await lab.addVm('web', WEB);
    const queueId = await lab.allocate(guest, { processorAffinity: affinityOf(1) });
    await lab.setFilter(queueId, guest);
    await lab.complete(queueId);
    const interrupts = (id: number): number => lab.block(id).counters().interrupts;
    const before = interrupts(queueId);
    lab.sendTo(guest);
    receiveOnly(lab);
    expect([interrupts(queueId) - before, interrupts(0)]).toEqual([1, 0]);
    const thread = lab.host.adapter.miniport.threadOf(queueId);
    expect(thread?.processor).toBe(1);
    expect(lab.host.memory.getU32(lab.block(queueId).address + Q_THREAD)).toBe(thread?.thread);
  });

  it('§6.1 rule 4: all frames of a harvest are one indication', async () => {
    const { lab, guest, queueId } = await aRunningQueue(bufferMode);
    const indications = (): number => lab.block(queueId).counters().indications;
    const before = indications();
    const numbers = lab.sendTo(guest, 10);
    receiveOnly(lab);
    expect(indications()).toBe(before);
    lab.settle();
    expect(indications()).toBe(before + 1);
    expect(guest.given).toEqual(numbers);
  });

  it('§6.1 rule 5: the queue says which port it is; no address is looked up', async () => {
    const { lab, guest } = await aRunningQueue(bufferMode);
    const { kernel, adapter } = lab.host;
    const { low, high } = kernelMac(WEB.mac);
    const key = BigInt.asUintN(64, kernel.macKey(low, high, WEB.vlan));
    kernel.macForget(adapter.hardware.macTable, key);
    const numbers = lab.sendTo(guest, 3);
    lab.settle();
    expect(guest.given).toEqual(numbers);
    expect(lab.host.conservation()).toMatchObject({ holds: true, copiesMade: 0 });
  });

  it('A.8, §6.1 rule 6: the buffers of frames that were delivered are free again', async () => {
    const { lab, guest, queueId } = await aRunningQueue(bufferMode);
    lab.settle();
    const thread = lab.threadOf(queueId);
    const free = (): number =>
      lab.block(queueId).postedBuffers() + lab.host.memory.getU32(thread + T_POOL_FREE);
    const before = free();
    for (let n = 0; n < 20; n++) {
      lab.sendTo(guest, 100);
      lab.settle();
    }
    expect(free()).toBe(before);
    expect(guest.given).toHaveLength(2000);
  });

  it('A.12, §6.2 rule 7, §6.7 rule 1: a queue is first in, first out, whatever the turns', async () => {
    const { lab, guest, queueId } = await aRunningQueue(bufferMode);
    const thread = lab.threadOf(queueId);
    for (let n = 0; n < 60; n++) {
      lab.sendTo(guest, 1 + ((n * 7) % 13));
      lab.round((one) => one.thread !== thread || n % 3 === 0);
    }
    lab.settle();
    expect(guest.given).toEqual(Array.from({ length: lab.framesSent }, (_, index) => index));
  });

  it('§6.7 rule 2: each queue has one thread, and no thread two queues', async () => {
    const { lab, queueId } = await aRunningQueue(bufferMode);
    const other = await lab.runningQueue(await lab.addVm('app', APP));
    const threads = [0, queueId, other.queueId].map((id) => lab.threadOf(id));
    expect(new Set(threads).size).toBe(3);
  });

  it('§6.4 rule 7: what a VM sends while its queue is freed is sent', async () => {
    const lab = await QueueLab.create({ bufferMode });
    const app = await lab.addVm('app', APP);
    const workload = {
      kind: 'sender',
      destinationIpv4: APP.ipv4,
      framesPerSecond: 100_000,
      frameBytes: 100,
    } as const;
    const web = await lab.addVm('web', { ...WEB, workload });
    const { queueId, filterId } = await lab.runningQueue(web);
    for (let n = 0; n < 200; n++) lab.round();
    const onQueue = web.vm.snapshot().guest.sentFrames;
    await lab.drive(lab.binding.clearFilter(queueId, filterId));
    await lab.drive(lab.binding.freeQueue(queueId));
    for (let n = 0; n < 50; n++) lab.round();
    const sent = web.vm.snapshot().guest.sentFrames;
    expect(onQueue).toBeGreaterThan(50);
    expect(sent).toBeGreaterThan(onQueue);
    expect(app.vm.snapshot().guest.sunkFrames).toBeGreaterThan(sent - 64);
    expect(lab.host.conservation()).toMatchObject({ holds: true, dropped: {} });
  });
});
