/** §4: which queue a frame goes to and what becomes of its tag, through the real kernels. */
import { describe, expect, it } from 'vitest';

import {
  C_ETHER_TYPE,
  C_FLAGS,
  C_LENGTH,
  C_TAGGED,
  C_VLAN,
  COMPLETION_SIZE,
  Q_COMPLETION_RING,
} from '../../../src/engine/kernel/layout';
import {
  macFilter,
  macOnlyFilter,
  type ReceiveFilterParameters,
} from '../../../src/engine/ndis/filter-parameters';
import { ringEntries } from '../../../src/engine/thread/rings';
import type { VlanTag } from '../../../src/engine/wire/vlan-tag';
import { QueueLab, numberedFrame, type LabGuest } from './queue-lab';

const MAC = '02:00:5e:10:00:01';
const V = 42;
const W = 43;
const TAGS: readonly (readonly [string, VlanTag | undefined])[] = [
  ['untagged', undefined],
  ['VLAN 0', { vlanId: 0, priority: 5 }],
  ['VLAN V', { vlanId: V, priority: 3 }],
  ['VLAN W', { vlanId: W, priority: 7, dropEligible: true }],
];
const BROADCAST = 'ff:ff:ff:ff:ff:ff';
const MULTICAST = '01:00:5e:00:00:05';

/** A queue in Running with one filter; its thread does not run, so that completions stay to be seen. */
async function aQueueWith(
  filter: (queueId: number) => ReceiveFilterParameters,
  vlan?: number,
): Promise<{ lab: QueueLab; guest: LabGuest; queueId: number; filterId: number }> {
  const lab = await QueueLab.create({ bufferMode: 'host-buffers' });
  const guest = await lab.addVm('web', { mac: MAC, ...(vlan === undefined ? {} : { vlan }) });
  const queueId = await lab.allocate(guest);
  const filterId = await lab.setFilter(queueId, guest, filter(queueId));
  await lab.complete(queueId);
  return { lab, guest, queueId, filterId };
}

interface Completion {
  readonly length: number;
  readonly tci: number;
  readonly isTagged: boolean;
  readonly etherType: number;
}

/** Completed frames of a queue that nobody has harvested. */
function completions(lab: QueueLab, queueId: number): readonly Completion[] {
  const { memory } = lab.host;
  const ring = memory.getU32(lab.block(queueId).address + Q_COMPLETION_RING);
  const half = (at: number): number => memory.u16[at / 2] ?? 0;
  return ringEntries(memory, ring, COMPLETION_SIZE).map((entry) => ({
    length: half(entry + C_LENGTH),
    tci: half(entry + C_VLAN),
    isTagged: (half(entry + C_FLAGS) & C_TAGGED) !== 0,
    etherType: half(entry + C_ETHER_TYPE),
  }));
}

/** Runs the hardware alone. */
function receiveOnly(lab: QueueLab): void {
  for (let n = 0; n < 4; n++) lab.round(({ role }) => role === 'adapter');
}

describe('the cases of §4.4 in the hardware', () => {
  it.each([
    ['A', (queueId: number) => macFilter(queueId, MAC, null), [true, true, false, false]],
    ['B', (queueId: number) => macFilter(queueId, MAC, V), [false, false, true, false]],
    ['C', (queueId: number) => macOnlyFilter(queueId, MAC), [true, true, true, true]],
  ] as const)(
    'A.13, A.4, A.6, §4.4 rules 1, 2, 3 and 8, §6.2 rule 1: case %s',
    async (_name, filter, own) => {
      const { lab, queueId } = await aQueueWith(filter);
      const queues = TAGS.map(([, tag]) => {
        const before = lab.framesOn(queueId);
        const onDefault = lab.framesOn(0);
        lab.send({ mac: MAC, ...(tag === undefined ? {} : { tag }) });
        receiveOnly(lab);
        const counts = [lab.framesOn(queueId) - before, lab.framesOn(0) - onDefault];
        expect([...counts].sort((one, other) => one - other)).toEqual([0, 1]);
        return counts[0] === 1;
      });
      expect(queues).toEqual(own);
    },
  );

  it('A.13, §4.5 rules 1, 2 and 3, §6.2 rule 8: a tag is taken out of the data and kept whole in the completion', async () => {
    const { lab, queueId } = await aQueueWith((id) => macOnlyFilter(id, MAC));
    for (const [, tag] of TAGS) lab.send({ mac: MAC, ...(tag === undefined ? {} : { tag }) });
    receiveOnly(lab);
    const length = numberedFrame({ mac: MAC }, 0).length;
    const plain = { length, etherType: 0x0008 };
    expect(completions(lab, queueId)).toEqual([
      { ...plain, isTagged: false, tci: 0 },
      { ...plain, isTagged: true, tci: 5 << 13 },
      { ...plain, isTagged: true, tci: (3 << 13) | V },
      { ...plain, isTagged: true, tci: (7 << 13) | 0x1000 | W },
    ]);
  });

  it('§4.5 rule 4: the switch drops by the kept VLAN id what the port may not get', async () => {
    const { lab, guest, queueId } = await aQueueWith((id) => macOnlyFilter(id, MAC), V);
    const allowed = lab.send({ mac: MAC, tag: { vlanId: V } });
    lab.send({ mac: MAC, tag: { vlanId: W } });
    lab.send({ mac: MAC });
    lab.settle();
    expect(lab.framesOn(queueId)).toBe(3);
    expect(guest.given).toEqual([allowed]);
    expect(lab.host.conservation()).toMatchObject({
      holds: true,
      dropped: { 'no-port-in-vlan': 2 },
    });
  });
});

describe('several filters', () => {
  it('§4.1 rule 2, §4.10 rule 7: a second address of a VM is another filter on its queue', async () => {
    const other = '02:00:5e:10:00:77';
    const { lab, guest, queueId } = await aQueueWith((id) => macFilter(id, MAC, V), V);
    const second = await lab.setFilter(queueId, guest, macFilter(queueId, other, V));
    lab.send({ mac: MAC, tag: { vlanId: V } });
    lab.send({ mac: other, tag: { vlanId: V } });
    lab.settle();
    expect(lab.framesOn(queueId)).toBe(2);
    await lab.drive(lab.binding.clearFilter(queueId, second));
    lab.send({ mac: other, tag: { vlanId: V } });
    lab.send({ mac: MAC, tag: { vlanId: V } });
    lab.settle();
    expect([lab.framesOn(queueId), lab.framesOn(0)]).toEqual([3, 1]);
  });

  it('§4.6 rule 7: a filter is changed by clearing it and setting another', async () => {
    const { lab, guest, queueId, filterId } = await aQueueWith((id) => macFilter(id, MAC, V), V);
    await lab.drive(lab.binding.clearFilter(queueId, filterId));
    const next = await lab.setFilter(queueId, guest, macFilter(queueId, MAC, W));
    expect(next).not.toBe(filterId);
    lab.send({ mac: MAC, tag: { vlanId: V } });
    lab.send({ mac: MAC, tag: { vlanId: W } });
    receiveOnly(lab);
    expect([lab.framesOn(queueId), lab.framesOn(0)]).toEqual([1, 1]);
  });

  it('§4.8 rule 3: a cleared filter’s address goes to the default queue by itself', async () => {
    const { lab, guest, queueId, filterId } = await aQueueWith((id) => macFilter(id, MAC, V), V);
    await lab.drive(lab.binding.clearFilter(queueId, filterId));
    const [number] = lab.sendTo(guest);
    lab.settle();
    expect([lab.framesOn(queueId), lab.framesOn(0)]).toEqual([0, 1]);
    expect(guest.given).toEqual([number]);
  });

  it('§4.8 rule 4: an address is shifted to another queue without loss and in order', async () => {
    const { lab, guest, queueId, filterId } = await aQueueWith((id) => macFilter(id, MAC, V), V);
    const before = (): void => void lab.sendTo(guest, 2);
    await lab.drive(lab.binding.clearFilter(queueId, filterId), { before });
    await lab.drive(lab.binding.freeQueue(queueId), { before });
    const next = await lab.allocate(guest);
    await lab.complete(next);
    await lab.drive(lab.binding.setFilter(macFilter(next, MAC, V)), { before });
    lab.sendTo(guest, 5);
    lab.settle();
    expect(lab.framesOn(next)).toBeGreaterThan(4);
    expect(guest.given).toEqual(Array.from({ length: lab.framesSent }, (_, index) => index));
  });
});

describe('frames that match no filter', () => {
  it('§4.10 rules 1 and 2: broadcast and multicast go to the default queue, and the switch copies them', async () => {
    const { lab, guest, queueId } = await aQueueWith((id) => macFilter(id, MAC, V), V);
    const other = await lab.addVm('app', { mac: '02:00:5e:10:00:02', vlan: V });
    const stranger = await lab.addVm('db', { mac: '02:00:5e:20:00:01', vlan: W });
    const numbers = [BROADCAST, MULTICAST].map((mac) => lab.send({ mac, tag: { vlanId: V } }));
    lab.settle();
    expect([lab.framesOn(queueId), lab.framesOn(0)]).toEqual([0, 2]);
    expect([guest.given, other.given, stranger.given]).toEqual([numbers, numbers, []]);
    expect(lab.host.conservation()).toMatchObject({ holds: true, copiesMade: 2 });
  });

  it('§4.10 rules 3, 4 and 5, §3.9 rule 4, A.6: whatever comes, a queue gets its own and the default queue the rest', async () => {
    const { lab, guest, queueId } = await aQueueWith((id) => macFilter(id, MAC, V), V);
    const own = lab.send({ mac: MAC, tag: { vlanId: V } });
    const hostMac = '02:00:5e:ff:00:01';
    lab.send({ mac: hostMac });
    // Unknown in this VLAN, where the VM has a port: the switch floods it.
    const flooded = lab.send({ mac: '02:00:5e:dd:00:01', tag: { vlanId: V } });
    // Nobody is in that VLAN.
    lab.send({ mac: '02:00:5e:dd:00:02', tag: { vlanId: W } });
    lab.settle();
    expect([lab.framesOn(queueId), lab.framesOn(0)]).toEqual([1, 3]);
    expect(guest.given).toEqual([own, flooded]);
    expect(lab.host.conservation()).toMatchObject({
      holds: true,
      dropped: { 'no-port-in-vlan': 2 },
    });
  });

  it.each(['shared-memory', 'host-buffers'] as const)(
    '§4.10 rule 8, §5.4 rule 1: a frame with the right MAC and a wrong VLAN never reaches the guest, with %s',
    async (bufferMode) => {
      const lab = await QueueLab.create({ bufferMode });
      const guest = await lab.addVm('web', { mac: MAC, vlan: V });
      const { queueId } = await lab.runningQueue(guest);
      lab.send({ mac: MAC, tag: { vlanId: W } });
      lab.send({ mac: MAC });
      lab.settle();
      expect([lab.framesOn(queueId), guest.given]).toEqual([0, []]);
      expect(lab.host.conservation()).toMatchObject({ holds: true, delivered: { toVms: 0 } });
    },
  );
});

it('§4.4 rule 10: the switch sets UNTAGGED_OR_ZERO for a port without VLAN, and a VLAN test for one with', async () => {
  const lab = await QueueLab.create();
  await lab.addVm('plain', { mac: MAC, queue: { mode: 'automatic' } });
  await lab.addVm('access', {
    mac: '02:00:5e:10:00:02',
    vlan: V,
    queue: { mode: 'automatic' },
  });
  expect(lab.ndis.filters().map(({ mac, vlan }) => [mac, vlan])).toEqual([
    [MAC, 'untagged-or-zero'],
    ['02:00:5e:10:00:02', V],
  ]);
});
