/** §3: what frames do in each state of a queue and while it changes, through the real kernels. */
import { describe, expect, it } from 'vitest';

import { macFilter, macOnlyFilter } from '../../../src/engine/ndis/filter-parameters';
import { affinityOf } from '../../../src/engine/ndis/group-affinity';
import { QUEUE_CHANGE_FLAGS } from '../../../src/engine/ndis/queue-parameters';
import type { QueueState } from '../../../src/contract/host';
import type { BufferMode } from '../../../src/contract/model';
import { QueueLab, type LabGuest, type Runs } from './queue-lab';

const WEB = { mac: '02:00:5e:10:00:01', vlan: 10 };
const DB = { mac: '02:00:5e:20:00:01', vlan: 20 };
const MODES: readonly BufferMode[] = ['shared-memory', 'host-buffers'];

interface Given {
  readonly lab: QueueLab;
  readonly guest: LabGuest;
  readonly queueId: number;
}

/** A VM and a queue for it in a state. */
async function aQueueIn(state: QueueState, bufferMode: BufferMode): Promise<Given> {
  const lab = await QueueLab.create({ bufferMode });
  const guest = await lab.addVm('web', WEB);
  const queueId = await lab.allocate(guest);
  if (state === 'Set' || state === 'Running') await lab.setFilter(queueId, guest);
  if (state === 'Paused' || state === 'Running') await lab.complete(queueId);
  expect(lab.ndis.queueState(queueId)).toBe(state);
  return { lab, guest, queueId };
}

/** Frames to the guest: how many the queue and the default queue got, and what the guest was given. */
function offer({ lab, guest, queueId }: Given, frames: number): { own: number; default: number } {
  const before = [lab.framesOn(queueId), lab.framesOn(0)] as const;
  const numbers = lab.sendTo(guest, frames);
  lab.settle();
  expect(guest.given.slice(-frames)).toEqual(numbers);
  return { own: lab.framesOn(queueId) - before[0], default: lab.framesOn(0) - before[1] };
}

describe.each(MODES)('frames in each state, with %s', (bufferMode) => {
  it('§3.1 rule 2, §6.2 rule 2: none on a queue in Allocated', async () => {
    expect(offer(await aQueueIn('Allocated', bufferMode), 5)).toEqual({ own: 0, default: 5 });
  });

  it('§3.1 rule 3, §3.7 rule 5: none on a queue in Set, although a filter matches', async () => {
    expect(offer(await aQueueIn('Set', bufferMode), 5)).toEqual({ own: 0, default: 5 });
  });

  it('§3.1 rule 4: none on a queue in Paused', async () => {
    expect(offer(await aQueueIn('Paused', bufferMode), 5)).toEqual({ own: 0, default: 5 });
  });

  it('§3.1 rule 5, §3.2 rule 10, A.4, §6.1 rule 1: those of its filter on a queue in Running', async () => {
    expect(offer(await aQueueIn('Running', bufferMode), 5)).toEqual({ own: 5, default: 0 });
  });

  it('§3.1 rule 4, §4.7 rule 6, §3.7 rules 1 and 4, A.5: after the last clear the queue is empty and gets nothing more', async () => {
    const given = await aQueueIn('Running', bufferMode);
    const { lab, guest, queueId } = given;
    const [filter] = lab.ndis.filters(queueId);
    const before = (): void => void lab.sendTo(guest);
    await lab.drive(lab.binding.clearFilter(queueId, filter?.filterId ?? 0), { before });
    expect(lab.block(queueId).pendingFrames()).toBe(0);
    expect(lab.block(queueId).guestBuffers()).toEqual([]);
    expect(offer(given, 5)).toEqual({ own: 0, default: 5 });
    // What came while the filter was cleared was delivered, in order.
    expect(guest.given).toEqual(Array.from({ length: lab.framesSent }, (_, index) => index));
  });

  it('§3.1 rules 1, 6 and 7, §3.7 rule 4: nothing in Stop DMA and Freeing, nor when the queue is gone', async () => {
    const given = await aQueueIn('Paused', bufferMode);
    const { lab, guest, queueId } = given;
    const block = lab.block(queueId);
    const seen = new Map<QueueState, number>();
    lab.ndis.onQueueTransition(({ to }) => seen.set(to, block.counters().frames));
    const before = (): void => void lab.sendTo(guest);
    await lab.drive(lab.binding.freeQueue(queueId), { before });
    lab.settle();
    expect([...seen]).toEqual([
      ['StopDma', 0],
      ['Freeing', 0],
      ['Undefined', 0],
    ]);
    expect(lab.ndis.queueState(queueId)).toBe('Undefined');
    expect(lab.ndis.filters(queueId)).toEqual([]);
    expect(guest.given).toEqual(Array.from({ length: lab.framesSent }, (_, index) => index));
    expect(lab.framesOn(0)).toBe(lab.framesSent);
  });

  it('§3.7 rule 2, §4.6 rule 5: a filter set on an empty, complete queue takes effect without a loss', async () => {
    const { lab, guest, queueId } = await aQueueIn('Paused', bufferMode);
    const before = (): void => void lab.sendTo(guest, 2);
    await lab.drive(lab.binding.setFilter(macFilter(queueId, WEB.mac, WEB.vlan)), { before });
    lab.sendTo(guest, 5);
    lab.settle();
    expect(lab.framesOn(queueId)).toBeGreaterThan(4);
    expect(guest.given).toEqual(Array.from({ length: lab.framesSent }, (_, index) => index));
    expect(lab.host.conservation()).toMatchObject({ holds: true, held: 0, dropped: {} });
  });

  it('§3.5 rule 21, A.12, §6.7 rule 3: a move to another processor loses nothing and keeps the order', async () => {
    const { lab, guest, queueId } = await aQueueIn('Running', bufferMode);
    const before = (): void => void lab.sendTo(guest, 3);
    for (const processor of [1, 0, 1]) {
      const update = {
        flags: QUEUE_CHANGE_FLAGS.PROCESSOR_AFFINITY_CHANGED,
        processorAffinity: affinityOf(processor),
      };
      await lab.drive(lab.binding.setQueueParameters(queueId, update), { before });
      expect(lab.host.adapter.miniport.threadOf(queueId)?.processor).toBe(processor);
    }
    lab.settle();
    expect(guest.given).toEqual(Array.from({ length: lab.framesSent }, (_, index) => index));
    expect(lab.framesOn(queueId)).toBe(lab.framesSent);
  });

  it('§3.8 rules 5 and 7: a free gives all memory of the queue back', async () => {
    const { lab, guest, queueId } = await aQueueIn('Paused', bufferMode);
    await lab.drive(lab.binding.freeQueue(queueId));
    const { memory } = lab.host;
    const used = memory.usedBytes;
    // Threads and their pools are kept for the next queue; nothing may be added to them.
    for (let n = 0; n < 3; n++) {
      const next = await lab.allocate(guest);
      await lab.complete(next);
      await lab.drive(lab.binding.freeQueue(next));
    }
    expect(memory.usedBytes).toBe(used);
  });
});

it('§9.2 rule 1, §9.1 rules 3, 4, 7, 8, 9 and 12: the adapter carries out the six requests of VMQ', async () => {
  const { lab, queueId } = await aQueueIn('Running', 'shared-memory');
  const [filter] = lab.ndis.filters(queueId);
  const update = { flags: QUEUE_CHANGE_FLAGS.NAME_CHANGED, queueName: 'renamed' };
  await lab.drive(lab.binding.setQueueParameters(queueId, update));
  await lab.drive(lab.binding.clearFilter(queueId, filter?.filterId ?? 0));
  await lab.drive(lab.binding.freeQueue(queueId));
  const log = lab.ndis.requestLog().filter(({ caller }) => caller === 'conformance');
  expect(log.map(({ oid, status }) => [oid.replace('OID_RECEIVE_FILTER_', ''), status])).toEqual(
    [
      ...['ALLOCATE_QUEUE', 'SET_FILTER', 'QUEUE_ALLOCATION_COMPLETE'],
      ...['QUEUE_PARAMETERS', 'CLEAR_FILTER', 'FREE_QUEUE'],
    ].map((oid) => [oid, 'NDIS_STATUS_SUCCESS']),
  );
});

describe('a free with frames outstanding', () => {
  /** More than a thread takes from a ring in one turn. */
  const FRAMES = 110;

  /**
   * A queue in Paused whose thread has passed frames on to another VM's thread, which takes no turn
   * of its own accord: what it was given in that time it has not read.
   */
  async function outstanding(): Promise<Given & { other: LabGuest; runs: Runs }> {
    const lab = await QueueLab.create({ bufferMode: 'host-buffers' });
    const guest = await lab.addVm('web', WEB);
    const other = await lab.addVm('db', DB);
    const second = await lab.runningQueue(other);
    const queueId = await lab.allocate(guest);
    const filterId = await lab.setFilter(queueId, guest, macOnlyFilter(queueId, WEB.mac));
    await lab.complete(queueId);
    const slow = lab.threadOf(second.queueId);
    const runs: Runs = ({ thread, requests }) => thread !== slow || requests > 0;
    // In this VLAN the address is unknown, so the frames are flooded to its ports.
    for (let n = 0; n < FRAMES; n++) lab.send({ mac: WEB.mac, tag: { vlanId: DB.vlan } });
    for (let n = 0; n < 5; n++) lab.round(runs);
    await lab.drive(lab.binding.clearFilter(queueId, filterId), { runs });
    expect(other.given.length).toBeLessThan(FRAMES);
    return { lab, guest, queueId, other, runs };
  }

  const all = Array.from({ length: FRAMES }, (_, index) => index);

  it('A.8, §3.7 rule 7, §3.8 rules 4 and 6, §6.3 rule 5: ends only when the last of them is back', async () => {
    const { lab, queueId, other, runs } = await outstanding();
    let isFreed = false;
    const free = lab.binding.freeQueue(queueId).then(() => {
      isFreed = true;
    });
    for (let i = 0; i < 20; i++) {
      lab.round(runs);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    expect([lab.ndis.queueState(queueId), isFreed]).toEqual(['Freeing', false]);
    expect(lab.ndis.pendingRequest()).toMatchObject({ oid: 'OID_RECEIVE_FILTER_FREE_QUEUE' });
    await lab.drive(free);
    expect(lab.ndis.queueState(queueId)).toBe('Undefined');
    expect(other.given).toEqual(all);
    expect(lab.host.conservation()).toMatchObject({ holds: true, held: 0, dropped: {} });
  });

  it('§3.7 rule 6, §3.8 rule 12: frames handed up before the free stay as they were until they are read', async () => {
    const { lab, guest, queueId, other, runs } = await outstanding();
    const free = lab.binding.freeQueue(queueId);
    // Frames that could be written over them, were their buffers in use again.
    for (let n = 0; n < 50; n++) {
      lab.sendTo(guest, 10);
      lab.round(runs);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await lab.drive(free);
    expect(other.given).toEqual(all);
    expect(guest.given).toHaveLength(500);
  });
});
