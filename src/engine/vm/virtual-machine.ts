/**
 * A VM of a host: its memory, its block, its NICs, and the vCPU thread that runs its guest. Control
 * thread. Ports of the switch are made when it starts and removed when it stops.
 *
 * | state    | start   | stop    | outgoing move   | incoming move           |
 * |----------|---------|---------|-----------------|-------------------------|
 * | stopped  | running | –       | –               | –                       |
 * | running  | –       | stopped | paused          | –                       |
 * | paused   | –       | –       | running, or gone | –                      |
 * | incoming | –       | –       | –               | running, or gone        |
 */
import type { VmConfig } from '../../contract/model';
import type { VmSnapshot, VmState } from '../../contract/host';
import type { StampCheck } from '../../contract/report';
import { RefusalError } from '../../shared/refusal-error';
import { MIB } from '../../shared/units';
import {
  G_ARP_REPLIES,
  G_BASE,
  G_ECHO_REPLIES,
  G_MAGIC,
  G_NICS,
  G_PAGES_WRITTEN,
  G_SENT,
  G_SUNK,
  G_UDP_ECHOES,
  GN_DIGEST,
  GN_STAMPS_CHECKED,
  GN_STAMPS_CORRUPT,
  GN_STAMPS_OUT_OF_ORDER,
  GUEST_MAGIC,
  GUEST_NIC_SIZE,
  PAGE_SIZE,
  V_DIRTY,
  V_MEMORY,
  V_MEMORY_SIZE,
  V_NIC_COUNT,
  V_NICS,
  VM_SIZE,
} from '../kernel/layout';
import type { HostMemory } from '../memory/host-memory';
import type { NicPort } from '../switch/nic-port';
import type { EngineThread } from '../thread/engine-thread';

export class VirtualMachine {
  readonly vmId: string;
  /** VM block. */
  readonly block: number;
  /** Host address of its memory. */
  readonly memory: number;
  readonly memoryBytes: number;
  config: VmConfig;
  state: VmState = 'stopped';
  reason = '';
  /** Ports, in the order of the configuration; empty while stopped. */
  ports: readonly NicPort[] = [];
  /** Runs its guest; undefined while stopped. */
  vcpu: EngineThread | undefined;
  /** Resolves once it has everything that its old host held for it; at once for a VM that did not move. */
  settled: Promise<void> = Promise.resolve();
  readonly #hostMemory: HostMemory;
  #bitmap = 0;
  #isFresh = true;

  /** @throws RefusalError `host-memory-exhausted` */
  constructor(hostMemory: HostMemory, config: VmConfig) {
    this.#hostMemory = hostMemory;
    this.vmId = config.id;
    this.config = config;
    this.memoryBytes = config.memoryMiB * MIB;
    this.memory = hostMemory.take(this.memoryBytes, `The memory of ${config.name}`, PAGE_SIZE);
    this.block = hostMemory.take(VM_SIZE, 'A VM block');
    hostMemory.setU32(this.block + V_MEMORY, this.memory);
    hostMemory.setU32(this.block + V_MEMORY_SIZE, this.memoryBytes);
  }

  /** @throws RefusalError `wrong-state` */
  requireState(action: string, ...allowed: readonly VmState[]): void {
    if (allowed.includes(this.state)) return;
    throw new RefusalError({
      code: 'wrong-state',
      what: `${this.config.name} cannot be ${action}.`,
      why: `It must be ${allowed.join(' or ')}, and it is ${this.state}.`,
      remedy: this.state === 'running' ? 'Stop it first.' : '',
    });
  }

  /** A guest runs in its memory, booted here or moved here: the next boot must clear it. */
  markUsed(): void {
    this.#isFresh = false;
  }

  /** Zeroes the memory: a boot starts from nothing. Memory that was just reserved is zero already. */
  clearMemory(): void {
    const isFresh = this.#isFresh;
    this.#isFresh = false;
    if (isFresh) return;
    this.#hostMemory.u8.fill(0, this.memory, this.memory + this.memoryBytes);
  }

  setPorts(ports: readonly NicPort[]): void {
    this.ports = ports;
    this.#hostMemory.setU32(this.block + V_NIC_COUNT, ports.length);
    ports.forEach((port, index) => {
      this.#hostMemory.setU32(this.block + V_NICS + index * 4, port.block);
    });
  }

  get pages(): number {
    return this.memoryBytes / PAGE_SIZE;
  }

  /** Switches the dirty log on (a new bitmap) or off. Writers see it at their next turn. */
  setDirtyLog(on: boolean): number {
    const previous = this.#bitmap;
    this.#bitmap = on ? this.#hostMemory.take(Math.ceil(this.pages / 32) * 4, 'A dirty bitmap') : 0;
    Atomics.store(this.#hostMemory.i32, (this.block + V_DIRTY) >>> 2, this.#bitmap);
    for (const port of this.ports) port.setDirtyBitmap(this.#bitmap);
    this.#retired = previous;
    return this.#bitmap;
  }

  #retired = 0;

  /** Gives back the bitmap of a log that was switched off. After every writer has seen that. */
  freeRetiredLog(): void {
    if (this.#retired !== 0) this.#hostMemory.give(this.#retired);
    this.#retired = 0;
  }

  snapshot(): VmSnapshot {
    const state = this.memory + G_BASE;
    const booted = this.#isBooted();
    const stamps = this.stampCheck();
    const read = (field: number): number =>
      booted ? this.#hostMemory.getCounter(state + field) : 0;
    return {
      vmId: this.vmId,
      name: this.config.name,
      state: this.state,
      reason: this.reason,
      guest: {
        arpReplies: read(G_ARP_REPLIES),
        echoReplies: read(G_ECHO_REPLIES),
        udpEchoes: read(G_UDP_ECHOES),
        sunkFrames: read(G_SUNK),
        sentFrames: read(G_SENT),
        pagesWritten: read(G_PAGES_WRITTEN),
        digests: this.config.nics.map((_, index) => this.#digest(index)),
        ...(stamps === undefined ? {} : { stamps }),
      },
    };
  }

  /** What its guest found of the generator's frames, over its NICs; undefined for a guest without `stamps`. */
  stampCheck(): StampCheck | undefined {
    const { workload, nics } = this.config;
    if (workload.kind !== 'responder' || workload.stamps !== true || !this.#isBooted())
      return undefined;
    const sum = (counter: number): number =>
      nics.reduce(
        (total, _, index) => total + this.#hostMemory.getCounter(this.#nicState(index) + counter),
        0,
      );
    return {
      checked: sum(GN_STAMPS_CHECKED),
      corrupt: sum(GN_STAMPS_CORRUPT),
      outOfOrder: sum(GN_STAMPS_OUT_OF_ORDER),
    };
  }

  /** Gives all its memory back. Nobody may use it any more. */
  free(): void {
    if (this.#bitmap !== 0) this.#hostMemory.give(this.#bitmap);
    this.freeRetiredLog();
    this.#hostMemory.give(this.memory);
    this.#hostMemory.give(this.block);
  }

  #isBooted(): boolean {
    const magic = this.#hostMemory.getU32(this.memory + G_BASE + G_MAGIC);
    return magic === GUEST_MAGIC && this.state !== 'incoming';
  }

  #nicState(nic: number): number {
    return this.memory + G_BASE + G_NICS + nic * GUEST_NIC_SIZE;
  }

  #digest(nic: number): string {
    const at = this.#nicState(nic) + GN_DIGEST;
    return (this.#hostMemory.u64[at / 8] ?? 0n).toString(16).padStart(16, '0');
  }
}
