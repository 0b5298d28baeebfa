/**
 * A host on the test's own thread, real kernels under it, and a protocol of its own on its adapter:
 * the test makes the requests and the frames, and says which thread takes its turn.
 */
import { affinityOf } from '../../../src/engine/ndis/group-affinity';
import type { NicPort } from '../../../src/engine/switch/nic-port';
import {
  macFilter,
  type ReceiveFilterParameters,
} from '../../../src/engine/ndis/filter-parameters';
import type { ProtocolBinding } from '../../../src/engine/ndis/protocol-binding';
import {
  receiveQueueParameters,
  type QueueParametersRequest,
} from '../../../src/engine/ndis/queue-parameters';
import type { QueueBlock } from '../../../src/engine/adapter/queue-block';
import { writeWorkload } from '../../../src/engine/vm/guest-image';
import type { VirtualMachine } from '../../../src/engine/vm/virtual-machine';
import type { VlanTag } from '../../../src/engine/wire/vlan-tag';
import { buildUdpFrame } from '../../../src/engine/wire/udp';
import type { AdapterConfig, Workload } from '../../../src/contract/model';
import type { ThreadRole } from '../../../src/contract/telemetry';
import { parseIpv4Address } from '../../../src/shared/ipv4-address';
import { parseMacAddress } from '../../../src/shared/mac-address';
import { GuestTap } from '../../support/guest-tap';
import { InlineHost, type InlineVmOptions } from '../../support/inline-host';
import { stampOf } from '../../support/stamped-frames';

/** A VM on the adapter, and the numbers of the frames that its guest was given, in order. */
export interface LabGuest {
  readonly vm: VirtualMachine;
  readonly port: NicPort;
  readonly mac: string;
  readonly vlan: number | null;
  readonly tap: GuestTap;
  readonly given: number[];
}

/** What decides whether a thread takes its turn. */
export interface ThreadOfTurn {
  readonly role: ThreadRole;
  /** Thread block. */
  readonly thread: number;
  /** Requests of the control thread that it has not looked at. */
  readonly requests: number;
}
export type Runs = (thread: ThreadOfTurn) => boolean;

export interface FrameAddress {
  readonly mac: string;
  /** Left out: untagged. */
  readonly tag?: VlanTag;
  readonly source?: string;
}

const CLIENT = '02:00:5e:cc:00:01';
const ALL: Runs = () => true;
/** A request takes fewer than a hundred. */
const PATIENCE_ROUNDS = 2000;

/** A UDP frame to an address, numbered as `stampOf` reads it, with a text behind the number. */
export function numberedFrame(
  { mac, tag, source = CLIENT }: FrameAddress,
  number: number,
  payloadBytes = 24,
  text = '',
): Uint8Array {
  const bytes = new Uint8Array(1600);
  const payload = new Uint8Array(payloadBytes);
  new DataView(payload.buffer).setUint32(0, number);
  payload.set(new TextEncoder().encode(text), 4);
  const length = buildUdpFrame(
    bytes,
    0,
    {
      destination: parseMacAddress(mac),
      source: parseMacAddress(source),
      ...(tag === undefined ? {} : { vlan: tag }),
    },
    { source: parseIpv4Address('10.0.0.99'), destination: parseIpv4Address('10.0.0.1') },
    { sourcePort: 5000, destinationPort: 9, payload },
  );
  return bytes.slice(0, length);
}

export class QueueLab {
  readonly host: InlineHost;
  readonly binding: ProtocolBinding;
  readonly guests: LabGuest[] = [];
  #sent = 0;

  private constructor(host: InlineHost) {
    this.host = host;
    this.binding = host.adapter.ndis.bind('conformance');
  }

  static async create(config: Partial<AdapterConfig> = {}): Promise<QueueLab> {
    return new QueueLab(await InlineHost.create(config));
  }

  get ndis(): InlineHost['adapter']['ndis'] {
    return this.host.adapter.ndis;
  }

  /** A running VM on the default queue: the switch asks for none, so the test may. */
  async addVm(name: string, options: InlineVmOptions): Promise<LabGuest> {
    const vm = await this.host.addVm(name, { queue: { mode: 'none' }, ...options });
    const [port] = vm.ports;
    if (!port) throw new Error('a VM has a NIC');
    const tap = new GuestTap(this.host.memory, port);
    const { mac, vlan = null } = options;
    const guest = { vm, port, mac, vlan, tap, given: [] };
    this.guests.push(guest);
    return guest;
  }

  /** A queue in Allocated for a guest's port. */
  allocate(guest: LabGuest, wish: Partial<QueueParametersRequest> = {}): Promise<number> {
    const parameters = receiveQueueParameters({
      processorAffinity: affinityOf(0),
      portId: guest.port.portId,
      vmName: guest.vm.config.name,
      ...wish,
    });
    return this.drive(this.binding.allocateQueue(parameters));
  }

  /** Sets a filter; the guest's own address in its own VLAN unless told otherwise. */
  setFilter(queueId: number, guest: LabGuest, filter?: ReceiveFilterParameters): Promise<number> {
    return this.drive(this.binding.setFilter(filter ?? macFilter(queueId, guest.mac, guest.vlan)));
  }

  async complete(queueId: number): Promise<void> {
    const [result] = await this.drive(this.binding.queueAllocationComplete([queueId]));
    if (result?.completionStatus !== 'NDIS_STATUS_SUCCESS') throw new Error(result?.reason);
  }

  /** A queue in Running with the guest's own address as its filter. */
  async runningQueue(guest: LabGuest): Promise<{ queueId: number; filterId: number }> {
    const queueId = await this.allocate(guest);
    const filterId = await this.setFilter(queueId, guest);
    await this.complete(queueId);
    return { queueId, filterId };
  }

  /** Lets a guest do something else from now on. */
  async startSending(guest: LabGuest, workload: Workload): Promise<void> {
    const { memory, threads } = this.host;
    writeWorkload(memory, guest.vm.memory, workload, threads.nowNs);
    await new Promise((resolve) => setImmediate(resolve));
  }

  /** Puts a numbered frame on the wire. Answers its number. */
  send(address: FrameAddress, payloadBytes?: number, text?: string): number {
    const number = this.#sent++;
    if (!this.host.receive(numberedFrame(address, number, payloadBytes, text)))
      throw new Error('the wire is full');
    return number;
  }

  /** Frames to a guest as it should get them: its address, its VLAN. Answers their numbers. */
  sendTo(guest: LabGuest, frames = 1): number[] {
    const address = {
      mac: guest.mac,
      ...(guest.vlan === null ? {} : { tag: { vlanId: guest.vlan } }),
    };
    return Array.from({ length: frames }, () => this.send(address));
  }

  get framesSent(): number {
    return this.#sent;
  }

  /** One turn of each thread that runs; then the guests. Answers what was moved. */
  round(runs: Runs = ALL): number {
    const turn = (wanted: (role: ThreadRole) => boolean): number =>
      this.host.threads.round((threads) =>
        threads.filter(
          ({ start: { role, thread }, requests }) =>
            wanted(role) && runs({ role, thread, requests }),
        ),
      );
    const moved = turn((role) => role !== 'vcpu');
    this.collect();
    return moved + turn((role) => role === 'vcpu');
  }

  /** Rounds until nothing moves any more. */
  settle(runs: Runs = ALL): void {
    for (let idle = 0, i = 0; idle < 4 && i < 50_000; i++)
      idle = this.round(runs) === 0 ? idle + 1 : 0;
  }

  /** Rounds until `work` has settled. */
  async drive<Result>(
    work: Promise<Result>,
    { runs = ALL, before = () => undefined }: { runs?: Runs; before?: () => void } = {},
  ): Promise<Result> {
    const state = { settled: false };
    const settle = (): void => {
      state.settled = true;
    };
    work.then(settle, settle);
    for (let round = 0; round < PATIENCE_ROUNDS && !state.settled; round++) {
      before();
      this.round(runs);
      await new Promise((resolve) => setImmediate(resolve));
    }
    if (!state.settled) {
      const pending = JSON.stringify(this.ndis.pendingRequest());
      throw new Error(`still not done after ${PATIENCE_ROUNDS} rounds: ${pending}`);
    }
    return work;
  }

  /** Frames that the hardware has put into a queue so far. */
  framesOn(queueId: number): number {
    return this.block(queueId).counters().frames;
  }

  block(queueId: number): QueueBlock {
    const block =
      queueId === 0
        ? this.host.adapter.hardware.defaultQueue
        : this.host.adapter.miniport.blockOf(queueId);
    if (!block) throw new Error(`no queue ${queueId} in the hardware`);
    return block;
  }

  /** Thread block of the thread that serves a queue. */
  threadOf(queueId: number): number {
    const { hardware, miniport } = this.host.adapter;
    const thread = queueId === 0 ? hardware.defaultThread : miniport.threadOf(queueId);
    if (!thread) throw new Error(`no thread serves queue ${queueId}`);
    return thread.thread;
  }

  private collect(): void {
    for (const { tap, given } of this.guests)
      for (const frame of tap.take()) if (frame.length >= 46) given.push(stampOf(frame));
  }
}
