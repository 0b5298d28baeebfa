/** §5: what lies in whose memory, byte by byte, through the real kernels. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { BufferMode } from '../../../src/contract/model';
import { DEFAULT_ADAPTER_PROFILE } from '../../../src/contract/vmq';
import {
  C_ADDRESS,
  C_FLAGS,
  C_LENGTH,
  C_NIC,
  C_SPLIT,
  COMPLETION_SIZE,
  FREE_ADDRESS,
  FREE_SIZE,
  N_RX_DESC,
  N_RX_SIZE,
  PORT_NONE,
  PORT_WIRE,
  Q_COMPLETION_RING,
  Q_FREE_RING,
  VIRTIO_NET_HEADER,
  VRING_DESC_SIZE,
} from '../../../src/engine/kernel/layout';
import { macOnlyFilter } from '../../../src/engine/ndis/filter-parameters';
import { QUEUE_PARAMETER_FLAGS } from '../../../src/engine/ndis/queue-parameters';
import { kernelMac } from '../../../src/engine/thread/kernel-mac';
import { ringEntries } from '../../../src/engine/thread/rings';
import { QueueLab, numberedFrame, type LabGuest, type Runs } from './queue-lab';

const WEB = { mac: '02:00:5e:10:00:01', vlan: 10 };
const DB = { mac: '02:00:5e:20:00:01', vlan: 20 };
const MODES: readonly BufferMode[] = ['shared-memory', 'host-buffers'];

/** Bytes that occur nowhere else. */
function marker(name: string): Uint8Array {
  return new TextEncoder().encode(`<<${name}:${'0123456789abcdef'.repeat(2)}>>`);
}

/** A frame with a marker in its payload, at the very end of it. */
function marked(mac: string, vlanId: number, name: string, payloadBytes = 200): Uint8Array {
  const frame = numberedFrame({ mac, tag: { vlanId } }, 0, payloadBytes);
  frame.set(marker(name), frame.length - marker(name).length);
  return frame;
}

function holds(lab: QueueLab, guest: LabGuest, name: string): boolean {
  const { memory, memoryBytes } = guest.vm;
  const ram = lab.host.memory.u8.subarray(memory, memory + memoryBytes);
  return Buffer.from(ram.buffer, ram.byteOffset, ram.length).includes(Buffer.from(marker(name)));
}

/** Where the next frames of a queue go. */
function postedAddresses(lab: QueueLab, queueId: number): readonly number[] {
  const { memory } = lab.host;
  const ring = memory.getU32(lab.block(queueId).address + Q_FREE_RING);
  return ringEntries(memory, ring, FREE_SIZE).map((entry) => memory.getU32(entry + FREE_ADDRESS));
}

/** Where completed frames of a queue lie. */
function completedAddresses(lab: QueueLab, queueId: number): readonly number[] {
  const { memory } = lab.host;
  const ring = memory.getU32(lab.block(queueId).address + Q_COMPLETION_RING);
  return ringEntries(memory, ring, COMPLETION_SIZE).map((entry) =>
    memory.getU32(entry + C_ADDRESS),
  );
}

function isIn(guest: LabGuest, address: number): boolean {
  const { memory, memoryBytes } = guest.vm;
  return address >= memory && address < memory + memoryBytes;
}

/** Shared memory of a queue: for what, and whose. */
function usages(lab: QueueLab, queueId: number): readonly string[] {
  return lab.host.adapter.miniport
    .sharedMemoryOf(queueId)
    .map(({ usage, provider }) => `${usage} of the ${provider}`);
}

/** Runs the hardware alone. */
function receiveOnly(lab: QueueLab): void {
  for (let n = 0; n < 4; n++) lab.round(({ role }) => role === 'adapter');
}

/** Port that the switch has for an address: PORT_NONE, PORT_WIRE, or that of a NIC. */
function learned(lab: QueueLab, mac: string, vlan: number): number {
  const { kernel, adapter } = lab.host;
  const { low, high } = kernelMac(mac);
  return kernel.macLookup(adapter.hardware.macTable, kernel.macKey(low, high, vlan));
}

describe.each(MODES)('a guest’s memory, with %s', (bufferMode) => {
  it('§5.4 rule 1, §5.5 rule 6, A.16: has nothing of a frame of another VLAN or for another address', async () => {
    const lab = await QueueLab.create({ bufferMode });
    const guest = await lab.addVm('web', WEB);
    const other = await lab.addVm('db', DB);
    await lab.runningQueue(guest);
    await lab.runningQueue(other);
    const frames = [
      marked(WEB.mac, WEB.vlan, 'own'),
      marked(WEB.mac, DB.vlan, 'wrong VLAN'),
      marked('ff:ff:ff:ff:ff:ff', DB.vlan, 'other broadcast'),
      marked(DB.mac, DB.vlan, 'other VM'),
    ];
    for (const frame of frames) {
      lab.host.receive(frame);
      lab.settle();
    }
    const names = ['own', 'wrong VLAN', 'other broadcast', 'other VM'];
    expect(names.filter((name) => holds(lab, guest, name))).toEqual(['own']);
    expect(names.filter((name) => holds(lab, other, name))).toEqual(names.slice(1));
  });

  it('§5.4 rule 4, §5.5 rule 5: a short frame shows nothing of the longer one that its buffer held before', async () => {
    const lab = await QueueLab.create({ bufferMode });
    const guest = await lab.addVm('web', WEB);
    const first = await lab.runningQueue(guest);
    const posted = postedAddresses(lab, first.queueId).length;
    // Every buffer of the queue's pool holds the other VM's secret.
    for (let n = 0; n < 2 * posted; n += 32) {
      for (let i = 0; i < 32; i++) lab.host.receive(marked(WEB.mac, WEB.vlan, 'secret', 1000));
      lab.settle();
    }
    await lab.drive(lab.binding.clearFilter(first.queueId, first.filterId));
    await lab.drive(lab.binding.freeQueue(first.queueId));
    const other = await lab.addVm('db', DB);
    await lab.runningQueue(other);
    lab.sendTo(other, 20);
    lab.settle();
    expect(other.given).toHaveLength(20);
    expect([holds(lab, guest, 'secret'), holds(lab, other, 'secret')]).toEqual([true, false]);
  });

  it('§5.5 rule 3, §5.4 rule 4: no buffer is posted on two queues', async () => {
    const lab = await QueueLab.create({ bufferMode });
    const guest = await lab.addVm('web', WEB);
    const other = await lab.addVm('db', DB);
    const queues = [0];
    for (const one of [guest, other]) queues.push((await lab.runningQueue(one)).queueId);
    lab.settle();
    const addresses = queues.flatMap((queueId) => postedAddresses(lab, queueId));
    expect(addresses.length).toBeGreaterThan(300);
    expect(new Set(addresses).size).toBe(addresses.length);
  });

  it('§5.5 rule 7, §6.8 rule 1: without a buffer a frame is dropped on its queue alone', async () => {
    const lab = await QueueLab.create({ bufferMode });
    const guest = await lab.addVm('web', WEB);
    const other = await lab.addVm('db', DB);
    const own = await lab.runningQueue(guest);
    const second = await lab.runningQueue(other);
    const posted = postedAddresses(lab, own.queueId).length;
    const stuck = lab.threadOf(own.queueId);
    const runs = ({ thread, role }: { thread: number; role: string }): boolean =>
      thread !== stuck && role !== 'vcpu';
    const extra = 40;
    for (let n = 0; n < posted + extra; n += 20) {
      lab.sendTo(guest, Math.min(20, posted + extra - n));
      lab.sendTo(other, 1);
      lab.round(runs);
    }
    lab.settle(runs);
    expect(lab.block(own.queueId).counters()).toMatchObject({ frames: posted, dropped: extra });
    expect(lab.block(second.queueId).counters()).toMatchObject({ dropped: 0 });
    expect(lab.block(0).counters()).toMatchObject({ frames: 0, dropped: 0 });
    lab.settle();
    expect(lab.host.conservation()).toMatchObject({
      holds: true,
      held: 0,
      dropped: { 'no-receive-buffer': extra },
    });
  });
});

describe('shared memory', () => {
  it('§6.1 rule 2, §5.3 rule 1, §5.5 rule 1: the hardware fills a buffer that was posted on the queue, and no other', async () => {
    const lab = await QueueLab.create({ bufferMode: 'shared-memory' });
    const guest = await lab.addVm('web', WEB);
    const { queueId } = await lab.runningQueue(guest);
    lab.settle();
    const posted = postedAddresses(lab, queueId).slice(0, 3);
    lab.sendTo(guest, 3);
    receiveOnly(lab);
    expect(completedAddresses(lab, queueId)).toEqual(
      posted.map((address) => address + VIRTIO_NET_HEADER),
    );
    expect(posted.every((address) => isIn(guest, address))).toBe(true);
  });

  it('§5.4 rules 2 and 3: what a guest changes in a frame before the switch looks at it decides nothing', async () => {
    const lab = await QueueLab.create({ bufferMode: 'shared-memory' });
    const guest = await lab.addVm('web', WEB);
    const { queueId } = await lab.runningQueue(guest);
    const [truth, lie] = ['02:00:5e:cc:00:01', '02:00:5e:cc:00:66'];
    lab.send({ mac: WEB.mac, tag: { vlanId: WEB.vlan }, source: truth });
    receiveOnly(lab);
    const [address = 0] = completedAddresses(lab, queueId);
    // The guest writes another source address and a tag into the frame that lies in its memory.
    lab.host.memory.u8.set(
      [0x02, 0x00, 0x5e, 0xcc, 0x00, 0x66, 0x81, 0x00, 0, DB.vlan],
      address + 6,
    );
    lab.settle();
    expect(learned(lab, truth, WEB.vlan)).toBe(PORT_WIRE);
    expect(learned(lab, lie, WEB.vlan)).toBe(PORT_NONE);
    expect(learned(lab, lie, DB.vlan)).toBe(PORT_NONE);
    expect(guest.port.counters().rxFrames).toBe(1);
  });

  it('§5.5 rule 2: a descriptor that the guest changes after it was taken changes nothing', async () => {
    const lab = await QueueLab.create({ bufferMode: 'shared-memory' });
    const guest = await lab.addVm('web', WEB);
    const other = await lab.addVm('db', DB);
    const { queueId } = await lab.runningQueue(guest);
    lab.settle();
    const posted = postedAddresses(lab, queueId);
    const { memory } = lab.host;
    const field = (offset: number): number => memory.getU32(guest.port.block + offset);
    // Every descriptor points into the other VM, and is as long as anything can be.
    const elsewhere = other.vm.memory - guest.vm.memory;
    for (let index = 0; index < field(N_RX_SIZE); index++) {
      const descriptor = guest.vm.memory + field(N_RX_DESC) + index * VRING_DESC_SIZE;
      memory.setU32(descriptor, elsewhere + index * 2048);
      memory.setU32(descriptor + 8, 0xffff_ffff);
    }
    lab.host.receive(marked(WEB.mac, WEB.vlan, 'own'));
    receiveOnly(lab);
    expect(completedAddresses(lab, queueId)).toEqual([(posted[0] ?? 0) + VIRTIO_NET_HEADER]);
    expect([holds(lab, guest, 'own'), holds(lab, other, 'own')]).toEqual([true, false]);
  });

  it.each(MODES)(
    '§5.4 rule 5: a descriptor that points outside of the VM is not written to, with %s',
    async (bufferMode) => {
      const lab = await QueueLab.create({ bufferMode });
      const guest = await lab.addVm('web', WEB);
      const other = await lab.addVm('db', DB);
      const { memory } = lab.host;
      const field = (offset: number): number => memory.getU32(guest.port.block + offset);
      for (let index = 0; index < field(N_RX_SIZE); index++) {
        const descriptor = guest.vm.memory + field(N_RX_DESC) + index * VRING_DESC_SIZE;
        memory.setU32(descriptor, other.vm.memory - guest.vm.memory + index * 2048);
      }
      await lab.runningQueue(guest);
      for (let n = 0; n < 20; n++) lab.host.receive(marked(WEB.mac, WEB.vlan, 'own'));
      lab.settle();
      expect([holds(lab, guest, 'own'), holds(lab, other, 'own')]).toEqual([false, false]);
      expect(lab.host.conservation()).toMatchObject({ holds: true, delivered: { toVms: 0 } });
    },
  );
});

describe('host buffers', () => {
  it('§5.2 rule 7, §6.1 rule 6: whole frames lie in host memory, and the host copies them to the guest', async () => {
    const lab = await QueueLab.create({ bufferMode: 'host-buffers' });
    const guest = await lab.addVm('web', WEB);
    const { queueId } = await lab.runningQueue(guest);
    lab.host.receive(marked(WEB.mac, WEB.vlan, 'own'));
    receiveOnly(lab);
    const [address = 0] = completedAddresses(lab, queueId);
    expect([isIn(guest, address), holds(lab, guest, 'own')]).toEqual([false, false]);
    lab.settle();
    expect(holds(lab, guest, 'own')).toBe(true);
  });

  it('A.16: a frame that the port’s policy drops leaves nothing in the guest', async () => {
    const lab = await QueueLab.create({ bufferMode: 'host-buffers' });
    const guest = await lab.addVm('web', WEB);
    const queueId = await lab.allocate(guest);
    await lab.setFilter(queueId, guest, macOnlyFilter(queueId, WEB.mac));
    await lab.complete(queueId);
    lab.host.receive(marked(WEB.mac, DB.vlan, 'wrong VLAN'));
    lab.host.receive(marked(WEB.mac, WEB.vlan, 'own'));
    lab.settle();
    expect(lab.framesOn(queueId)).toBe(2);
    expect(['own', 'wrong VLAN'].map((name) => holds(lab, guest, name))).toEqual([true, false]);
  });

  it('shared memory is not used for a queue whose filter tests no VLAN', async () => {
    const lab = await QueueLab.create({ bufferMode: 'shared-memory' });
    const guest = await lab.addVm('web', WEB);
    const queueId = await lab.allocate(guest);
    await lab.setFilter(queueId, guest, macOnlyFilter(queueId, WEB.mac));
    await lab.complete(queueId);
    lab.host.receive(marked(WEB.mac, DB.vlan, 'wrong VLAN'));
    lab.settle();
    expect([lab.framesOn(queueId), holds(lab, guest, 'wrong VLAN')]).toEqual([1, false]);
  });

  it('A.9, §5.5 rule 4, §3.8 rules 2 and 3: no byte of a queue’s buffers changes after DMA-stopped', async () => {
    const lab = await QueueLab.create({ bufferMode: 'host-buffers' });
    const guest = await lab.addVm('web', WEB);
    const { queueId, filterId } = await lab.runningQueue(guest);
    lab.sendTo(guest, 40);
    lab.settle();
    const buffers = postedAddresses(lab, queueId);
    expect(buffers.length).toBeGreaterThan(100);
    const contents = (): Buffer =>
      Buffer.concat(buffers.map((at) => lab.host.memory.u8.slice(at, at + 1900)));
    await lab.drive(lab.binding.clearFilter(queueId, filterId));
    const seen: Buffer[] = [];
    lab.ndis.onQueueTransition(({ event }) => {
      if (event === 'DMA_STOPPED' || event === 'RESOURCES_FREED') seen.push(contents());
    });
    const before = (): void => void lab.sendTo(guest, 3);
    await lab.drive(lab.binding.freeQueue(queueId), { before });
    expect(seen).toHaveLength(2);
    expect(seen[1]?.equals(seen[0] ?? Buffer.alloc(0))).toBe(true);
  });
});

describe('allocations', () => {
  it.each([
    ['shared-memory', 'vm'],
    ['host-buffers', 'host'],
  ] as const)(
    '§5.1 rules 1, 2 and 3, §3.4 rule 7: are made by the miniport when a queue is completed, with %s',
    async (bufferMode, provider) => {
      const lab = await QueueLab.create({ bufferMode });
      const guest = await lab.addVm('web', WEB);
      const queueId = await lab.allocate(guest);
      await lab.setFilter(queueId, guest);
      const before = lab.host.memory.usedBytes;
      expect(usages(lab, queueId)).toEqual([]);
      await lab.complete(queueId);
      expect(usages(lab, queueId)).toEqual([`Receive of the ${provider}`]);
      const [allocation] = lab.host.adapter.miniport.sharedMemoryOf(queueId);
      expect(allocation?.queueId).toBe(queueId);
      expect(allocation?.lengthBytes).toBeGreaterThan(100_000);
      expect(lab.host.memory.usedBytes).toBeGreaterThan(before);
    },
  );

  it('§5.1 rule 8: stay until every frame of the queue has come back', async () => {
    const lab = await QueueLab.create({ bufferMode: 'host-buffers' });
    const guest = await lab.addVm('web', WEB);
    const other = await lab.addVm('db', DB);
    const reader = await lab.runningQueue(other);
    const queueId = await lab.allocate(guest);
    const filterId = await lab.setFilter(queueId, guest, macOnlyFilter(queueId, WEB.mac));
    await lab.complete(queueId);
    const slow = lab.threadOf(reader.queueId);
    const runs: Runs = ({ thread, requests }) => thread !== slow || requests > 0;
    // In this VLAN the address is unknown: the queue's thread passes the frames on.
    for (let n = 0; n < 110; n++) lab.send({ mac: WEB.mac, tag: { vlanId: DB.vlan } });
    for (let n = 0; n < 5; n++) lab.round(runs);
    await lab.drive(lab.binding.clearFilter(queueId, filterId), { runs });
    const free = lab.binding.freeQueue(queueId);
    for (let n = 0; n < 20; n++) {
      lab.round(runs);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(lab.ndis.queueState(queueId)).toBe('Freeing');
    expect(usages(lab, queueId)).toEqual(['Receive of the host']);
    await lab.drive(free);
    expect(usages(lab, queueId)).toEqual([]);
  });
});

describe('the lookahead split', () => {
  const LOOKAHEAD = 96;
  const profile = {
    ...DEFAULT_ADAPTER_PROFILE,
    ndisRevision: '6.20',
    dynamicAffinity: false,
    vectorCoalescing: false,
    lookaheadSplit: { minBytes: 64, maxBytes: 128 },
  } as const;

  it('§5.2 rules 2 and 3, §5.6 rule 1: each frame is in one segment of LookaheadSize or more, and one for the rest', async () => {
    const lab = await QueueLab.create({ profile, bufferMode: 'shared-memory' });
    const guest = await lab.addVm('web', WEB);
    const flags = QUEUE_PARAMETER_FLAGS.LOOKAHEAD_SPLIT_REQUIRED;
    const queueId = await lab.allocate(guest, { flags, lookaheadSize: LOOKAHEAD });
    await lab.setFilter(queueId, guest);
    await lab.complete(queueId);
    expect(usages(lab, queueId)).toEqual([
      'ReceiveLookahead of the host',
      'ReceivePostLookahead of the vm',
    ]);
    const lengths: number[] = [];
    const payload = fc.uint8Array({ minLength: 0, maxLength: 1400, size: 'max' });
    fc.assert(
      fc.property(payload, (bytes) => {
        const frame = numberedFrame({ mac: WEB.mac, tag: { vlanId: WEB.vlan } }, 0);
        const whole = Uint8Array.from([...frame.slice(0, 18), ...bytes]);
        lab.host.receive(whole);
        receiveOnly(lab);
        const [segments] = segmentsOf(lab, queueId);
        const length = whole.length - 4;
        expect(segments?.total).toBe(length);
        expect(segments?.lookahead).toBeGreaterThanOrEqual(Math.min(LOOKAHEAD, length));
        expect(segments && isIn(guest, segments.restAt)).toBe(true);
        lengths.push(segments?.lookahead ?? 0);
        lab.settle();
      }),
      { numRuns: 100 },
    );
    expect(Math.max(...lengths)).toBeGreaterThanOrEqual(LOOKAHEAD);
  });

  it('§5.6 rule 1: without split a frame is in one segment', async () => {
    const lab = await QueueLab.create({ bufferMode: 'shared-memory' });
    const guest = await lab.addVm('web', WEB);
    const { queueId } = await lab.runningQueue(guest);
    lab.sendTo(guest);
    receiveOnly(lab);
    expect(segmentsOf(lab, queueId)).toMatchObject([{ lookahead: 0 }]);
  });

  /** Completed frames: their length, how much of it is in the lookahead buffer, where the rest is. */
  function segmentsOf(
    lab: QueueLab,
    queueId: number,
  ): readonly { total: number; lookahead: number; restAt: number }[] {
    const { memory } = lab.host;
    const ring = memory.getU32(lab.block(queueId).address + Q_COMPLETION_RING);
    const half = (at: number): number => memory.u16[at / 2] ?? 0;
    return ringEntries(memory, ring, COMPLETION_SIZE).map((entry) => ({
      total: half(entry + C_LENGTH),
      lookahead: (half(entry + C_FLAGS) & C_SPLIT) === 0 ? 0 : half(entry + C_NIC),
      restAt: memory.getU32(entry + C_ADDRESS),
    }));
  }
});
