/**
 * A queue lab beside its oracle: sends frames, drives requests while threads sit out turns, and
 * checks every invariant of Appendix A that can be looked at between two steps.
 */
import { expect } from 'vitest';

import {
  FREE_ADDRESS,
  FREE_SIZE,
  N_RX_LAST_AVAIL,
  N_RX_USED_NEXT,
  N_SPARE_COUNT,
  Q_FREE_RING,
  T_POOL_FREE,
  T_POOL_SIZE,
} from '../../../src/engine/kernel/layout';
import { capabilityFault } from '../../../src/engine/ndis/capability-rules';
import { processorsOf } from '../../../src/engine/ndis/group-affinity';
import type { ProtocolBinding } from '../../../src/engine/ndis/protocol-binding';
import { nextState } from '../../../src/engine/ndis/queue-state';
import { NdisStatusError, type NdisStatus } from '../../../src/engine/ndis/status';
import { ringEntries } from '../../../src/engine/thread/rings';
import type { BufferMode } from '../../../src/contract/model';
import { FrameOracle, type OracleFrame, type OraclePort } from './frame-oracle';
import { QueueLab, type LabGuest, type Runs } from './queue-lab';

export const PORTS: readonly OraclePort[] = [
  { mac: '02:00:5e:10:00:01', vlan: 10 },
  { mac: '02:00:5e:20:00:01', vlan: 20 },
  { mac: '02:00:5e:30:00:01', vlan: 0 },
];
/** An address that no port has: only filters know it. */
export const SECOND_MAC = '02:00:5e:40:00:01';
export const BROADCAST = 'ff:ff:ff:ff:ff:ff';

/** Few, so that both run out. */
const LIMITS = { queues: 3, filters: 12 };
const OK = 'NDIS_STATUS_SUCCESS';
const PAYLOAD = 40;
/** In each frame, before the numbers of those who may see it. */
const MARKER = '<for the eyes of:';

/** How threads share the time of a step: some sit rounds out. */
export interface Pace {
  readonly seed: number;
  /** 0 to 0.7: how often a serving thread does not run. */
  readonly idle: number;
}

/** Frames that were sent and whose way is known. */
interface SentFrame {
  readonly frame: OracleFrame;
  readonly receivers: readonly number[];
  /**
   * Sent while it changed which queue gets it, for another NIC than the one that moves: between two
   * queues there is no order (§6.7).
   */
  readonly isLoose: boolean;
}

/** What a request changes while frames are on their way. */
export interface Change {
  /** The oracle once the request has succeeded. */
  readonly to: FrameOracle;
  /** Queues whose filters change, or meet one that does: their NICs may take the default queue meanwhile. */
  readonly queues: readonly number[];
}

/** The queues that a frame may go to while a request changes it. */
function queuesOf(frame: OracleFrame, oracle: FrameOracle, change: Change): readonly number[] {
  const queues = new Set([oracle.queueOf(frame), change.to.queueOf(frame)]);
  if (change.queues.some((queueId) => queues.has(queueId))) queues.add(0);
  return [...queues];
}

/** A reproducible sequence of numbers from 0 to 1. */
function numbersFrom(seed: number): () => number {
  let state = seed >>> 0 || 1;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

export class LabBench {
  readonly lab: QueueLab;
  readonly bindings: readonly [ProtocolBinding, ProtocolBinding];
  readonly #guests: readonly LabGuest[];
  readonly #sent: SentFrame[] = [];
  /** Frames that each queue got as of the last check, and since then: surely, and perhaps. */
  readonly #onQueue = new Map<number, { checked: number; sure: number; perhaps: number }>();
  readonly #given: number[] = PORTS.map(() => 0);
  #statuses = 0;
  #checks = 0;
  #faults: string[] = [];

  private constructor(lab: QueueLab, guests: readonly LabGuest[]) {
    this.lab = lab;
    this.#guests = guests;
    this.bindings = [lab.binding, lab.ndis.bind('other')];
    lab.ndis.onStatus(({ status }) => {
      if (status === 'NDIS_STATUS_RECEIVE_QUEUE_STATE') this.#statuses += 1;
    });
    lab.ndis.onWarning(({ kind, text }) => {
      if (kind === 'miniport-fault') this.#faults.push(text);
    });
    this.#watchTransitions();
  }

  static async create(bufferMode: BufferMode): Promise<LabBench> {
    const lab = await QueueLab.create({ bufferMode, queueCount: LIMITS.queues });
    const guests: LabGuest[] = [];
    for (const [index, { mac, vlan }] of PORTS.entries())
      guests.push(await lab.addVm(`vm-${index}`, { mac, ...(vlan === 0 ? {} : { vlan }) }));
    return new LabBench(lab, guests);
  }

  /** The oracle for a bench that nothing was asked of yet. */
  static oracle(): FrameOracle {
    return new FrameOracle(PORTS, LIMITS);
  }

  /** Steps after which everything was checked. */
  get checks(): number {
    return this.#checks;
  }

  /** The port id that a queue names for a guest. */
  portId(port: number): number {
    return this.#guests[port]?.port.portId ?? 0;
  }

  /** Sends frames whose way the oracle knows; while a request changes it, either way will do. */
  send(
    oracle: FrameOracle,
    frames: readonly OracleFrame[],
    change: Change = { to: oracle, queues: [] },
  ): void {
    for (const frame of frames) {
      const receivers = oracle.receiversOf(frame);
      // Who gets a frame that is on its way while a request changes that is not laid down.
      if (String(receivers) !== String(change.to.receiversOf(frame))) continue;
      const { mac, vlanId } = frame;
      const tag = vlanId === null ? {} : { tag: { vlanId, priority: 3 } };
      this.lab.send({ mac, ...tag }, PAYLOAD, `${MARKER}${receivers.join('+')}>`);
      const queues = queuesOf(frame, oracle, change);
      // Frames between the default queue and a port's own stay in order. What the thread of
      // another port's queue passes on does not: between two queues there is no order (§6.7).
      const ports = queues.flatMap((queueId) => oracle.queues.get(queueId)?.port ?? []);
      const isMoved = receivers.every((receiver) => ports.every((port) => port === receiver));
      this.#sent.push({ frame, receivers, isLoose: queues.length > 1 && !isMoved });
      for (const queueId of queues) {
        const counts = this.#countsOf(queueId);
        if (queues.length === 1) counts.sure += 1;
        else counts.perhaps += 1;
      }
    }
  }

  /** Makes a request and answers its status; frames flow meanwhile, and threads sit turns out. */
  async request(
    work: () => Promise<NdisStatus | undefined>,
    pace: Pace,
    before: () => void,
  ): Promise<NdisStatus> {
    try {
      return (await this.lab.drive(work(), { runs: this.runs(pace), before })) ?? OK;
    } catch (error) {
      if (error instanceof NdisStatusError) return error.status;
      throw error;
    }
  }

  /** Which threads take their turn: hardware always, the others as the pace says. */
  runs({ seed, idle }: Pace): Runs {
    const next = numbersFrom(seed);
    return ({ role }) => role === 'adapter' || next() >= idle;
  }

  // ── Invariants ────────────────────────────────────────────────────────────────────────────────

  /** Lets everything come to rest and checks Appendix A. */
  check(oracle: FrameOracle): void {
    this.#checks += 1;
    this.lab.settle();
    this.#checkControl(oracle);
    this.#checkQueues(oracle);
    this.#checkGuests();
    this.#checkBuffers(oracle);
    this.#checkIndications(oracle);
    this.#checkAccount();
    expect(this.#faults).toEqual([]);
  }

  /** A.16: no byte of a frame lies in the memory of a guest that it was not for, shown or not. */
  checkMemory(): void {
    for (const [port, { vm }] of this.#guests.entries()) {
      const { u8 } = this.lab.host.memory;
      const ram = Buffer.from(u8.buffer, u8.byteOffset + vm.memory, vm.memoryBytes);
      for (let at = ram.indexOf(MARKER); at >= 0; at = ram.indexOf(MARKER, at + 1)) {
        const start = at + MARKER.length;
        const readers = ram.toString('latin1', start, ram.indexOf('>', start));
        expect(readers.split('+'), `a frame in the memory of guest ${port}`).toContain(
          String(port),
        );
      }
    }
  }

  /** A.8, between any two turns: each buffer is free, in DMA, or outstanding. */
  checkAccounts(oracle: FrameOracle): void {
    for (const queueId of [0, ...oracle.queues.keys()]) {
      const account = this.lab.host.adapter.miniport.bufferAccountOf(queueId);
      if (account === undefined) continue;
      const { total, free, inDma, outstanding } = account;
      expect(free + inDma + outstanding, `buffers of queue ${queueId}`).toBe(total);
    }
  }

  #checkControl(oracle: FrameOracle): void {
    const { ndis } = this.lab;
    const infos = ndis.enumQueues();
    const ids = [...oracle.queues.keys()].sort((one, other) => one - other);
    // A.1, A.2
    expect(infos.map(({ queueId }) => queueId)).toEqual([0, ...ids]);
    const filterIds = [...oracle.filters.keys()].sort((one, other) => one - other);
    expect(ndis.filters().map(({ filterId }) => filterId)).toEqual(filterIds);
    for (const info of infos) {
      // A.3, A.14
      expect(info.exactState).toBe(oracle.stateOf(info.queueId));
      expect(info.numFilters).toBe(oracle.filtersOf(info.queueId).length);
      const processor = oracle.queues.get(info.queueId)?.processor;
      if (processor !== undefined)
        expect(processorsOf(info.processorAffinity)).toEqual([processor]);
    }
    // A.7
    expect(this.#statuses).toBe(oracle.frees);
    // A.17
    const { capabilities } = this.lab.host.adapter.miniport;
    expect(capabilityFault(capabilities)).toBeUndefined();
  }

  /** A.4, A.5, A.6: each frame went to exactly the queue of the oracle. */
  #checkQueues(oracle: FrameOracle): void {
    let arrived = 0;
    for (const queueId of [0, ...oracle.queues.keys()]) {
      const counts = this.#countsOf(queueId);
      const frames = this.lab.framesOn(queueId);
      const since = frames - counts.checked;
      expect(since, `frames on queue ${queueId}`).toBeGreaterThanOrEqual(counts.sure);
      expect(since, `frames on queue ${queueId}`).toBeLessThanOrEqual(counts.sure + counts.perhaps);
      arrived += since;
      this.#onQueue.set(queueId, { checked: frames, sure: 0, perhaps: 0 });
    }
    const sent = this.#sent.length - this.#checkedFrames;
    this.#checkedFrames = this.#sent.length;
    expect(arrived, 'frames on all queues').toBe(sent);
  }

  #checkedFrames = 0;

  /** A.12, A.16: each guest has what it should have, nothing else, and each flow in order. */
  #checkGuests(): void {
    for (const [port, guest] of this.#guests.entries()) {
      const given = guest.given.slice(this.#given[port]);
      this.#given[port] = guest.given.length;
      const numbers = [...given].sort((one, other) => one - other);
      expect(numbers, `frames of guest ${port}`).toEqual(this.#expectedOf(port));
      const flows = new Map<string, number>();
      for (const number of given) {
        const sent = this.#sent[number];
        if (sent === undefined || sent.isLoose) continue;
        const flow = `${sent.frame.mac}/${sent.frame.vlanId ?? 'untagged'}`;
        expect(number, `order of ${flow}`).toBeGreaterThan(flows.get(flow) ?? -1);
        flows.set(flow, number);
      }
    }
    this.#expectedFrom = this.#sent.length;
  }

  #expectedFrom = 0;

  #expectedOf(port: number): readonly number[] {
    return this.#sent
      .slice(this.#expectedFrom)
      .flatMap(({ receivers }, index) =>
        receivers.includes(port) ? [this.#expectedFrom + index] : [],
      );
  }

  /** A.8: each buffer is free, or posted, or with somebody; at rest nobody has one. */
  #checkBuffers(oracle: FrameOracle): void {
    const { memory } = this.lab.host;
    for (const queueId of [0, ...oracle.queues.keys()]) {
      const block = this.lab.block(queueId);
      const thread = this.lab.threadOf(queueId);
      const inGuest = block.guestBuffers().length;
      const posted = inGuest > 0 ? 0 : block.postedBuffers();
      const free = memory.getU32(thread + T_POOL_FREE);
      // A queue that is not complete serves nothing and has posted nothing.
      expect(free + posted, `buffers of queue ${queueId}`).toBe(
        memory.getU32(thread + T_POOL_SIZE),
      );
    }
    for (const [port, { port: nic }] of this.#guests.entries()) {
      const field = (offset: number): number => memory.getU32(nic.block + offset);
      const queue = [...oracle.queues].find(([, one]) => one.port === port);
      const onQueue = queue ? this.lab.block(queue[0]).guestBuffers().length : 0;
      const taken = field(N_RX_LAST_AVAIL) - field(N_RX_USED_NEXT);
      expect(taken, `receive buffers of guest ${port}`).toBe(field(N_SPARE_COUNT) + onQueue);
    }
  }

  /** A.10, A.11: every indication is of its own queue alone. */
  #checkIndications(oracle: FrameOracle): void {
    for (const queueId of [0, ...oracle.queues.keys()]) {
      const indication = this.lab.block(queueId).lastIndication();
      if (indication !== undefined)
        expect(indication).toMatchObject({ queueId, filterId: 0, isSingleQueue: true });
    }
  }

  /** A.19 within one host: what entered was delivered or is a counted drop. */
  #checkAccount(): void {
    const dropped = this.#sent.filter(({ receivers }) => receivers.length === 0).length;
    expect(this.lab.host.conservation()).toMatchObject({
      holds: true,
      held: 0,
      entered: { fromWire: this.#sent.length },
      dropped: dropped === 0 ? {} : { 'no-port-in-vlan': dropped },
    });
  }

  #countsOf(queueId: number): { checked: number; sure: number; perhaps: number } {
    const counts = this.#onQueue.get(queueId) ?? { checked: 0, sure: 0, perhaps: 0 };
    this.#onQueue.set(queueId, counts);
    return counts;
  }

  /** A.3: only moves of the table; A.9: no byte changes between DMA-stopped and the end of a free. */
  #watchTransitions(): void {
    const frozen = new Map<number, Buffer>();
    this.lab.ndis.onQueueTransition(({ queueId, event, from, to }) => {
      if (queueId !== 0 && event !== 'FREE_REFUSED') expect(nextState(from, event)).toBe(to);
      if (event === 'FREE_QUEUE') this.#buffers.set(queueId, this.#bufferAddresses(queueId));
      if (event === 'DMA_STOPPED') frozen.set(queueId, this.#bytesOf(queueId));
      if (event !== 'RESOURCES_FREED') return;
      expect(this.#bytesOf(queueId).equals(frozen.get(queueId) ?? Buffer.alloc(0))).toBe(true);
      this.#onQueue.delete(queueId);
    });
  }

  readonly #buffers = new Map<number, readonly number[]>();

  #bufferAddresses(queueId: number): readonly number[] {
    const { memory } = this.lab.host;
    const block = this.lab.block(queueId);
    if (block.guestBuffers().length > 0) return [];
    const ring = memory.getU32(block.address + Q_FREE_RING);
    return ringEntries(memory, ring, FREE_SIZE)
      .slice(0, 50)
      .map((entry) => memory.getU32(entry + FREE_ADDRESS));
  }

  #bytesOf(queueId: number): Buffer {
    const { u8 } = this.lab.host.memory;
    const addresses = this.#buffers.get(queueId) ?? [];
    return Buffer.concat(addresses.map((address) => u8.slice(address, address + 128)));
  }
}
