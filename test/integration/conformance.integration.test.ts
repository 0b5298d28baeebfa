/**
 * VMQ with real threads: random requests while frames flow as fast as they go, moves of queues
 * without loss, and the account of a migration. What one seed did can be repeated with VMQ_SEED.
 */
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';

import type { BufferMode } from '../../src/contract/model';
import { pendingRequestOf } from '../../src/engine/host/request-view';
import { T_QUEUE } from '../../src/engine/kernel/layout';
import {
  macFilter,
  macOnlyFilter,
  type ReceiveFilterParameters,
} from '../../src/engine/ndis/filter-parameters';
import { affinityOf } from '../../src/engine/ndis/group-affinity';
import type { ProtocolBinding } from '../../src/engine/ndis/protocol-binding';
import { QUEUE_CHANGE_FLAGS, receiveQueueParameters } from '../../src/engine/ndis/queue-parameters';
import { NdisStatusError } from '../../src/engine/ndis/status';
import { ringFill } from '../../src/engine/thread/rings';
import { writeWorkload } from '../../src/engine/vm/guest-image';
import type { VirtualMachine } from '../../src/engine/vm/virtual-machine';
import { EngineLab, sleep, until, vmConfig } from '../support/engine-lab';
import { FrameDigest } from '../support/frame-digest';
import { TestHost } from '../support/inline-host';
import { RealThreads } from '../support/real-threads';
import { stampedFrame, type StampedTarget } from '../support/stamped-frames';
import { announcedSeed } from '../support/seed';

type Host = TestHost<RealThreads>;
type FilterOf = (queueId: number) => ReceiveFilterParameters;

const WEB = { mac: '02:00:5e:10:00:01', vlan: 10, ipv4: '10.0.10.11' };
const APP = { mac: '02:00:5e:10:00:02', vlan: 10, ipv4: '10.0.10.12' };
const DB = { mac: '02:00:5e:20:00:01', vlan: 20, ipv4: '10.0.20.11' };
const NONE = { queue: { mode: 'none' } } as const;
/** A request that takes longer is taken for a deadlock. */
const DEADLOCK_MS = 20_000;

let host: Host | undefined;

afterEach(async () => {
  await host?.table.stopAll();
  host = undefined;
});

/** Puts numbered frames on the wire until it is stopped; never more than `ahead` beyond what was delivered. */
class Traffic {
  readonly #host: Host;
  readonly #targets: readonly StampedTarget[];
  readonly #ahead: number;
  readonly #taken: () => number;
  #running = true;
  readonly #done: Promise<void>;
  sent = 0;

  /**
   * @param ahead most frames that are sent and not taken yet.
   * @param taken how many were taken; by the guests themselves where none may be lost, since a guest
   * that stands still has no buffers any more.
   */
  constructor(
    over: Host,
    targets: readonly StampedTarget[],
    ahead = Infinity,
    taken = (): number => over.conservation().delivered.toVms,
  ) {
    this.#host = over;
    this.#targets = targets;
    this.#ahead = ahead;
    this.#taken = taken;
    this.#done = this.#run();
  }

  async stop(): Promise<void> {
    this.#running = false;
    await this.#done;
  }

  async #run(): Promise<void> {
    while (this.#running) {
      const behind = this.sent - this.#taken();
      for (let n = behind; n < this.#ahead && n < behind + 256; n++) {
        const target = this.#targets[this.sent % this.#targets.length];
        if (!target || !this.#host.receive(stampedFrame(target, this.sent))) break;
        this.sent++;
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

async function settled<Result>(what: string, work: Promise<Result>): Promise<Result> {
  const pending = host?.adapter.ndis;
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`${what}: ${JSON.stringify(pending?.pendingRequest())}`));
    }, DEADLOCK_MS);
  });
  try {
    return await Promise.race([work, deadline]);
  } finally {
    clearTimeout(timer);
  }
}

/** Nothing has moved for a while, and the account of what did is exact. */
async function expectBalanced(over: Host): Promise<void> {
  const still = async (): Promise<boolean> => {
    const before = JSON.stringify(over.conservation());
    await sleep(100);
    return JSON.stringify(over.conservation()) === before;
  };
  const deadline = performance.now() + DEADLOCK_MS;
  while (!(await still()) || !over.conservation().holds || over.conservation().held > 0)
    if (performance.now() > deadline) break;
  expect(over.conservation()).toMatchObject({ holds: true, held: 0 });
}

/** What a binding has on the adapter. */
interface Owned {
  readonly binding: ProtocolBinding;
  readonly vms: readonly VirtualMachine[];
  readonly queues: Map<number, { readonly vm: VirtualMachine; readonly filters: Set<number> }>;
  /** Its filters on the default queue. */
  readonly ofDefault: Set<number>;
}

const REQUESTS = [
  ...(['allocate', 'complete', 'set', 'set', 'clear', 'free', 'move', 'stray'] as const),
  'reset',
] as const;
const requestArbitrary = fc.record({
  by: fc.nat({ max: 1 }),
  kind: fc.constantFrom(...REQUESTS),
  pick: fc.nat({ max: 7 }),
  anyVlan: fc.boolean(),
});
type RandomRequest = typeof requestArbitrary extends fc.Arbitrary<infer Value> ? Value : never;

/** Makes one request of `owner`; what it refers to may be gone by the time of its turn. */
async function request(
  over: Host,
  owner: Owned,
  { kind, pick, anyVlan }: RandomRequest,
): Promise<void> {
  const { binding, queues, vms } = owner;
  const ids = [...queues.keys()];
  const queueId = ids[pick % ids.length] ?? 77;
  const queue = queues.get(queueId);
  const nic = queue?.vm.config.nics[0];
  const mac = nic?.macs[0] ?? WEB.mac;
  const vlan = nic?.vlan.mode === 'access' ? nic.vlan.id : null;
  switch (kind) {
    case 'allocate': {
      const free = vms.filter((vm) => ![...queues.values()].some((one) => one.vm === vm));
      const vm = free[pick % free.length];
      if (!vm) return;
      const id = await binding.allocateQueue(
        receiveQueueParameters({
          processorAffinity: affinityOf(pick % 2),
          portId: vm.ports[0]?.portId ?? 0,
        }),
      );
      queues.set(id, { vm, filters: new Set() });
      return;
    }
    case 'complete':
      await binding.queueAllocationComplete([queueId]);
      return;
    case 'set': {
      // Now and then one of another VM's addresses, or one that keeps frames on the default queue.
      const target = pick % 4 === 3 ? 0 : queueId;
      const address = pick > 4 ? DB.mac : mac;
      const filters = target === 0 ? owner.ofDefault : queue?.filters;
      if (!filters || filters.size > 2) return;
      const exact = macFilter(target, address, vlan);
      filters.add(await binding.setFilter(anyVlan ? macOnlyFilter(target, address) : exact));
      return;
    }
    case 'clear': {
      const target = pick % 4 === 3 ? 0 : queueId;
      const filters = target === 0 ? owner.ofDefault : queue?.filters;
      const [filterId] = filters ?? [];
      if (filterId === undefined) return;
      await binding.clearFilter(target, filterId);
      filters?.delete(filterId);
      return;
    }
    case 'free':
      await binding.freeQueue(queueId);
      queues.delete(queueId);
      return;
    case 'move':
      await binding.setQueueParameters(queueId, {
        flags: QUEUE_CHANGE_FLAGS.PROCESSOR_AFFINITY_CHANGED,
        processorAffinity: affinityOf(pick % 2),
      });
      return;
    case 'stray':
      await binding.clearFilter(0, 999);
      return;
    case 'reset':
      if (pick === 0) await over.adapter.ndis.liveThrough('reset');
  }
}

describe('requests while frames flow at full rate', () => {
  it.each<BufferMode>(['shared-memory', 'host-buffers'])(
    'A.3, A.7, A.8, §6.7 rule 4, §6.5 rule 4: every request ends as documented and no frame is unaccounted for, with %s',
    async (bufferMode) => {
      const seed = announcedSeed(`requests at full rate, ${bufferMode}`);
      const requests = fc.sample(fc.array(requestArbitrary, { minLength: 400, maxLength: 400 }), {
        seed,
        numRuns: 1,
      })[0];
      host = await TestHost.open(new RealThreads(), { bufferMode });
      const over = host;
      const sender = {
        kind: 'sender',
        destinationIpv4: WEB.ipv4,
        framesPerSecond: 100_000,
        frameBytes: 100,
      } as const;
      const vms = [
        await over.addVm('web', { ...WEB, ...NONE }),
        await over.addVm('app', { ...APP, ...NONE, workload: sender }),
        await over.addVm('db', { ...DB, ...NONE }),
      ];
      const { ndis } = over.adapter;
      const owners: Owned[] = [vms.slice(0, 2), vms.slice(2)].map((own, index) => ({
        binding: ndis.bind(`protocol ${index}`),
        vms: own,
        queues: new Map(),
        ofDefault: new Set(),
      }));
      let frees = 0;
      let stops = 0;
      ndis.onQueueTransition(({ event }) => void (frees += event === 'RESOURCES_FREED' ? 1 : 0));
      ndis.onStatus(
        ({ status }) => void (stops += status === 'NDIS_STATUS_RECEIVE_QUEUE_STATE' ? 1 : 0),
      );
      const warnings: string[] = [];
      ndis.onWarning(({ kind, text }) => {
        if (kind === 'miniport-fault') warnings.push(text);
      });
      const traffic = new Traffic(over, [WEB, APP, DB, { mac: WEB.mac, vlan: DB.vlan }]);
      const refusals = new Set<string>();
      const make = async (one: RandomRequest): Promise<void> => {
        try {
          const owner = owners[one.by];
          if (owner) await settled(one.kind, request(over, owner, one));
        } catch (error) {
          if (!(error instanceof NdisStatusError)) throw error;
          refusals.add(error.status);
        }
      };
      // Each binding makes its requests in order; the two do not wait for each other.
      await Promise.all(
        owners.map(async (_, by) => {
          for (const one of requests ?? []) if (one.by === by) await make(one);
        }),
      );
      for (const { binding, ofDefault } of owners)
        for (const filterId of ofDefault) await settled('clear', binding.clearFilter(0, filterId));
      for (const { binding, queues } of owners)
        for (const [queueId, { filters }] of queues) {
          for (const filterId of filters)
            await settled('clear', binding.clearFilter(queueId, filterId));
          await settled('free', binding.freeQueue(queueId));
        }
      await traffic.stop();
      for (const vm of vms)
        writeWorkload(over.memory, vm.memory, { kind: 'responder' }, over.threads.nowNs);
      expect(stops).toBe(frees);
      expect(frees).toBeGreaterThan(1);
      expect(warnings).toEqual([]);
      const documented = ['NDIS_STATUS_INVALID_PARAMETER', 'NDIS_STATUS_FILE_NOT_FOUND'];
      expect([...refusals].filter((status) => !documented.includes(status))).toEqual([]);
      expect(traffic.sent).toBeGreaterThan(10_000);
      expect(ndis.enumQueues().map(({ queueId }) => queueId)).toEqual([0]);
      await expectBalanced(over);
    },
  );
});

describe('a queue in use', () => {
  it.each<BufferMode>(['shared-memory', 'host-buffers'])(
    'A.12, §3.5 rule 21, §6.7 rule 3: moves between processors without loss and in order, with %s',
    async (bufferMode) => {
      host = await TestHost.open(new RealThreads(), { bufferMode });
      const over = host;
      const vm = await over.addVm('web', { ...WEB, ...NONE });
      const binding = over.adapter.ndis.bind('protocol');
      const queueId = await binding.allocateQueue(
        receiveQueueParameters({
          processorAffinity: affinityOf(0),
          portId: vm.ports[0]?.portId ?? 0,
        }),
      );
      await binding.setFilter(macFilter(queueId, WEB.mac, WEB.vlan));
      await binding.queueAllocationComplete([queueId]);
      const taken = (): number => vm.snapshot().guest.sunkFrames;
      const traffic = new Traffic(over, [WEB], 100, taken);
      for (let n = 0; n < 60; n++) {
        await binding.setQueueParameters(queueId, {
          flags: QUEUE_CHANGE_FLAGS.PROCESSOR_AFFINITY_CHANGED,
          processorAffinity: affinityOf(n % 2),
        });
        await sleep(5);
      }
      await traffic.stop();
      await expectBalanced(over);
      const digest = new FrameDigest();
      for (let number = 0; number < traffic.sent; number++) {
        const frame = Buffer.from(stampedFrame(WEB, number));
        digest.add(Buffer.concat([frame.subarray(0, 12), frame.subarray(16)]));
      }
      expect(traffic.sent).toBeGreaterThan(1000);
      expect(vm.snapshot().guest).toMatchObject({
        sunkFrames: traffic.sent,
        digests: [digest.toString()],
      });
      expect(over.adapter.miniport.blockOf(queueId)?.counters()).toMatchObject({
        frames: traffic.sent,
        dropped: 0,
      });
    },
  );
});

describe('a free', () => {
  it('§6.7 rule 5: that waits for frames which another thread does not read is seen, with who holds them', async () => {
    host = await TestHost.open(new RealThreads(), { bufferMode: 'host-buffers' });
    const { adapter, memory, table } = host;
    const over = host;
    const binding = adapter.ndis.bind('protocol');
    const runningQueue = async (vm: VirtualMachine, filterOf: FilterOf): Promise<number> => {
      const portId = vm.ports[0]?.portId ?? 0;
      const parameters = receiveQueueParameters({ processorAffinity: affinityOf(0), portId });
      const queueId = await binding.allocateQueue(parameters);
      await binding.setFilter(filterOf(queueId));
      await binding.queueAllocationComplete([queueId]);
      return queueId;
    };
    const web = await over.addVm('web', { ...WEB, ...NONE });
    const db = await over.addVm('db', { ...DB, ...NONE });
    const reader = await runningQueue(db, (queueId) => macFilter(queueId, DB.mac, DB.vlan));
    const queueId = await runningQueue(web, (id) => macOnlyFilter(id, WEB.mac));
    // The reader's thread has no queue to serve for a while: it answers, and reads nothing.
    const thread = adapter.miniport.threadOf(reader)?.thread ?? 0;
    const served = memory.getU32(thread + T_QUEUE);
    Atomics.store(memory.i32, (thread + T_QUEUE) >>> 2, 0);
    // Unknown in this VLAN: the queue's thread passes them on to the reader's port.
    for (let n = 0; n < 50; n++) over.receive(stampedFrame({ mac: WEB.mac, vlan: DB.vlan }, n));
    const from = adapter.miniport.threadOf(queueId)?.index ?? -1;
    const to = adapter.miniport.threadOf(reader)?.index ?? -1;
    await until('the frames at the reader', () => ringFill(memory, table.ring(from, to)) === 50);
    const [filter] = adapter.ndis.filters(queueId);
    await settled('clear', binding.clearFilter(queueId, filter?.filterId ?? 0));
    const free = binding.freeQueue(queueId);
    const later = binding.freeQueue(reader).catch((error: unknown) => error);
    await until('the holder to be seen', () => pendingRequestOf(adapter)?.heldBy.length === 1);
    expect(pendingRequestOf(adapter)).toMatchObject({
      oid: 'OID_RECEIVE_FILTER_FREE_QUEUE',
      caller: 'protocol',
      waiting: 1,
      heldBy: [{ holder: `queue ${reader} of nic-a`, buffers: 50 }],
    });
    expect(adapter.ndis.queueState(queueId)).toBe('Freeing');
    Atomics.store(memory.i32, (thread + T_QUEUE) >>> 2, served);
    await settled('free', free);
    expect(await later).toBeInstanceOf(NdisStatusError);
    await expectBalanced(over);
    expect(db.snapshot().guest.sunkFrames).toBe(50);
  });
});

describe('a migration', () => {
  let lab: EngineLab | undefined;

  afterEach(async () => {
    await lab?.close();
    lab = undefined;
  });

  it('A.19: under traffic, what entered either host was delivered or is a counted drop', async () => {
    lab = new EngineLab();
    await lab.open();
    const { a, b } = lab.hosts;
    const vm = vmConfig('web', 'host-a', WEB.mac, WEB.vlan, WEB.ipv4, { kind: 'responder' });
    await a.addVm(vm);
    await a.startVm(vm.id);
    const client = await lab.client();
    let sent = 0;
    const timer = setInterval(() => {
      for (let n = 0; n < 20; n++) client.send(stampedFrame(WEB, sent++));
    }, 5);
    await until('frames at the source', () => (a.snapshot().vms[0]?.guest.sunkFrames ?? 0) > 200);
    await lab.migrate('m-1', a, b, vm);
    await until('frames at the target', () => {
      const [moved] = b.snapshot().vms;
      return (moved?.guest.sunkFrames ?? 0) > 1000;
    });
    clearInterval(timer);
    await sleep(300);
    client.close();
    const reports = await Promise.all([a, b].map(async (one) => (await one.report()).conservation));
    for (const report of reports) expect(report).toMatchObject({ holds: true, held: 0 });
    const total = reports.reduce((sum, { delivered }) => sum + delivered.toVms, 0);
    const dropped = reports.flatMap((report) => Object.values(report.dropped));
    expect(total + dropped.reduce((sum, frames) => sum + frames, 0)).toBeGreaterThanOrEqual(sent);
    expect(b.snapshot().vms[0]?.guest.sunkFrames).toBe(total);
  });
});
