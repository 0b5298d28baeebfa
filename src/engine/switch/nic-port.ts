/**
 * A NIC and its port of the switch: the NIC block in host memory, its hold list, and what the
 * administrator asked for. Control thread; the block's cursors belong to the serving thread.
 */
import type { NicConfig } from '../../contract/model';
import {
  E_ADDRESS,
  E_LENGTH,
  E_VLAN,
  ENTRY_SIZE,
  N_ADAPTER,
  N_DIRTY,
  N_DROPPED,
  N_HOLD_RING,
  N_INDEX,
  N_KICK,
  N_MAC_COUNT,
  N_MACS,
  N_MEMORY,
  N_MEMORY_SIZE,
  N_POLICY,
  N_RX_AVAIL,
  N_RX_BYTES,
  N_RX_DESC,
  N_RX_FRAMES,
  N_RX_LAST_AVAIL,
  N_RX_SIZE,
  N_RX_USED,
  N_RX_USED_NEXT,
  N_RX_USED_SHOWN,
  N_SPARE_COUNT,
  N_SPARES,
  N_STARVED,
  N_STATE,
  N_TX_AVAIL,
  N_TX_BYTES,
  N_TX_DESC,
  N_TX_FRAMES,
  N_TX_LAST_AVAIL,
  N_TX_SIZE,
  N_TX_USED,
  N_TX_USED_NEXT,
  N_TX_USED_SHOWN,
  N_VCPU,
  N_VLAN,
  N_VM,
  NIC_SIZE,
} from '../kernel/layout';
import type { HostMemory } from '../memory/host-memory';
import { RefusalError } from '../../shared/refusal-error';
import { kernelMac } from '../thread/kernel-mac';
import { createPolicy } from './port-policy';
import { advanceRing, createHoldRing, ringEntries, ringFill } from '../thread/rings';

/** Frames held for a NIC during a handover. */
const HOLD_FRAMES = 2048;
/** Frames held for a NIC in the gap of a migration, where the memory allows it. */
export const GAP_FRAMES = 16_384;
/** Largest virtqueue, virtio 1.x §2.7. */
const LARGEST_RING = 32_768;

/** One virtqueue: guest addresses, and how far the device has come. */
export interface VirtqueuePlace {
  readonly desc: number;
  readonly avail: number;
  readonly used: number;
  /** Entries, a power of two. */
  readonly size: number;
}

/** Cursors of a fresh guest's virtqueues. */
export const FRESH_CURSORS: NicCursors = {
  rxAvail: 0,
  rxUsed: 0,
  txAvail: 0,
  txUsed: 0,
  rxSpares: [],
};

/** Cursors of a NIC's two virtqueues: what a migration carries. Free running, 16 bits count. */
export interface NicCursors {
  readonly rxAvail: number;
  readonly rxUsed: number;
  readonly txAvail: number;
  readonly txUsed: number;
  /** Heads of receive descriptors that were taken and not filled. */
  readonly rxSpares: readonly number[];
}

export interface NicCounters {
  readonly rxFrames: number;
  readonly rxBytes: number;
  readonly txFrames: number;
  readonly txBytes: number;
  readonly dropped: number;
}

export interface NicPlace {
  readonly index: number;
  readonly vmId: string;
  readonly vmName: string;
  /** VM block, its memory, and the thread block of its vCPU thread. */
  readonly vm: number;
  readonly memory: number;
  readonly memoryBytes: number;
  readonly vcpu: number;
  /** Adapter block. */
  readonly adapter: number;
  /** Frames that may be held; a power of two. Left out: as many as a handover needs. */
  readonly holdFrames?: number;
}

/** Regions of a hold list. */
interface HoldList {
  readonly ring: number;
  readonly buffers: number;
}

export class NicPort {
  readonly index: number;
  readonly vmId: string;
  readonly block: number;
  vmName: string;
  config: NicConfig;
  readonly #memory: HostMemory;
  readonly #hold: HoldList;
  /** The hold list for the gap of a migration, while there is one. */
  #wide: HoldList | undefined;
  readonly #spares: number;
  /** Policy block; 0: none. */
  readonly #policy: number;

  constructor(memory: HostMemory, config: NicConfig, place: NicPlace) {
    this.#memory = memory;
    this.config = config;
    this.index = place.index;
    this.vmId = place.vmId;
    this.vmName = place.vmName;
    this.block = memory.take(NIC_SIZE, 'A NIC block');
    this.#hold = createHoldRing(memory, place.holdFrames ?? HOLD_FRAMES);
    this.#spares = memory.take(LARGEST_RING * 2, 'A list of receive buffers');
    this.#policy = createPolicy(memory, config.policy);
    const fields: readonly (readonly [number, number])[] = [
      [N_INDEX, place.index],
      [N_VLAN, this.vlanId],
      [N_MEMORY, place.memory],
      [N_MEMORY_SIZE, place.memoryBytes],
      [N_MAC_COUNT, config.macs.length],
      [N_VCPU, place.vcpu],
      [N_ADAPTER, place.adapter],
      [N_HOLD_RING, this.#hold.ring],
      [N_VM, place.vm],
      [N_SPARES, this.#spares],
      [N_POLICY, this.#policy],
    ];
    for (const [field, value] of fields) memory.setU32(this.block + field, value);
    for (const [i, mac] of config.macs.entries()) {
      const { low, high } = kernelMac(mac);
      memory.setU32(this.block + N_MACS + i * 8, low);
      memory.setU32(this.block + N_MACS + i * 8 + 4, high);
    }
  }

  /** Access VLAN, 0 when untagged. */
  get vlanId(): number {
    return this.config.vlan.mode === 'access' ? this.config.vlan.id : 0;
  }

  /** Port id in queue parameters: never 0, which means "no port". */
  get portId(): number {
    return this.index + 1;
  }

  /** Tells the device where the guest's virtqueues are. Before it is served. */
  connect(rx: VirtqueuePlace, tx: VirtqueuePlace, cursors: NicCursors): void {
    const fields: readonly (readonly [number, number])[] = [
      [N_RX_DESC, rx.desc],
      [N_RX_AVAIL, rx.avail],
      [N_RX_USED, rx.used],
      [N_RX_SIZE, rx.size],
      [N_TX_DESC, tx.desc],
      [N_TX_AVAIL, tx.avail],
      [N_TX_USED, tx.used],
      [N_TX_SIZE, tx.size],
      [N_RX_LAST_AVAIL, cursors.rxAvail],
      [N_RX_USED_NEXT, cursors.rxUsed],
      [N_RX_USED_SHOWN, cursors.rxUsed],
      [N_TX_LAST_AVAIL, cursors.txAvail],
      [N_TX_USED_NEXT, cursors.txUsed],
      [N_TX_USED_SHOWN, cursors.txUsed],
      [N_KICK, 1],
      [N_STARVED, 0],
      [N_SPARE_COUNT, cursors.rxSpares.length],
    ];
    for (const [field, value] of fields) this.#memory.setU32(this.block + field, value);
    this.#memory.u16.set(cursors.rxSpares, this.#spares / 2);
  }

  /** Where the virtqueues are; for a migration. */
  places(): { rx: VirtqueuePlace; tx: VirtqueuePlace } {
    const read = (field: number): number => this.#memory.getU32(this.block + field);
    return {
      rx: {
        desc: read(N_RX_DESC),
        avail: read(N_RX_AVAIL),
        used: read(N_RX_USED),
        size: read(N_RX_SIZE),
      },
      tx: {
        desc: read(N_TX_DESC),
        avail: read(N_TX_AVAIL),
        used: read(N_TX_USED),
        size: read(N_TX_SIZE),
      },
    };
  }

  /** How far the device has come. Exact while nobody serves the NIC. */
  cursors(): NicCursors {
    const read = (field: number): number => this.#memory.getU32(this.block + field);
    return {
      rxAvail: read(N_RX_LAST_AVAIL),
      rxUsed: read(N_RX_USED_NEXT),
      txAvail: read(N_TX_LAST_AVAIL),
      txUsed: read(N_TX_USED_NEXT),
      rxSpares: [
        ...this.#memory.u16.subarray(this.#spares / 2, this.#spares / 2 + read(N_SPARE_COUNT)),
      ],
    };
  }

  /** NIC_DOWN, NIC_UP or NIC_HOLDING; every serving thread sees it at its next turn. */
  setState(state: number): void {
    Atomics.store(this.#memory.i32, (this.block + N_STATE) >>> 2, state);
  }

  get state(): number {
    return this.#memory.getU32(this.block + N_STATE);
  }

  /** Asks its serving thread to look at what the guest wants to send. */
  kick(): void {
    Atomics.store(this.#memory.i32, (this.block + N_KICK) >>> 2, 1);
  }

  setDirtyBitmap(bitmap: number): void {
    Atomics.store(this.#memory.i32, (this.block + N_DIRTY) >>> 2, bitmap);
  }

  counters(): NicCounters {
    const read = (field: number): number => this.#memory.getCounter(this.block + field);
    return {
      rxFrames: read(N_RX_FRAMES),
      rxBytes: read(N_RX_BYTES),
      txFrames: read(N_TX_FRAMES),
      txBytes: read(N_TX_BYTES),
      dropped: read(N_DROPPED),
    };
  }

  /**
   * Makes room for the frames of a migration's gap; without the memory for it the NIC keeps the room
   * that it has. While nothing is held and no handover of the NIC is under way.
   */
  widenHold(): void {
    if (this.#wide) return;
    try {
      this.#wide = createHoldRing(this.#memory, GAP_FRAMES);
    } catch (error) {
      if (error instanceof RefusalError) return;
      throw error;
    }
    this.#useHold(this.#wide);
  }

  /**
   * Goes back to the ordinary hold list. While nothing is held and the port is up.
   * @param settled every serving thread has begun a new turn: nobody uses the old list then.
   */
  async narrowHold(settled: () => Promise<void>): Promise<void> {
    const wide = this.#wide;
    if (!wide) return;
    this.#useHold(this.#hold);
    await settled();
    this.#wide = undefined;
    this.#give(wide);
  }

  /** Takes everything that is held, in order. Only while its owner does not flush the list itself. */
  takeHeld(): { readonly bytes: Uint8Array; readonly vlan: number }[] {
    const memory = this.#memory;
    const { ring } = this.#wide ?? this.#hold;
    const entries = ringEntries(memory, ring, ENTRY_SIZE);
    const frames = entries.map((entry) => {
      const address = memory.getU32(entry + E_ADDRESS);
      const length = memory.u16[(entry + E_LENGTH) / 2] ?? 0;
      return {
        bytes: memory.u8.slice(address, address + length),
        vlan: memory.u16[(entry + E_VLAN) / 2] ?? 0,
      };
    });
    advanceRing(memory, ring, entries.length);
    return frames;
  }

  heldFrames(): number {
    return ringFill(this.#memory, (this.#wide ?? this.#hold).ring);
  }

  /** Gives its memory back. After no thread knows it any more. */
  free(): void {
    this.#give(this.#hold);
    if (this.#wide) this.#give(this.#wide);
    this.#memory.give(this.#spares);
    if (this.#policy !== 0) this.#memory.give(this.#policy);
    this.#memory.give(this.block);
  }

  #useHold({ ring }: HoldList): void {
    Atomics.store(this.#memory.i32, (this.block + N_HOLD_RING) >>> 2, ring);
  }

  #give({ ring, buffers }: HoldList): void {
    this.#memory.give(ring);
    this.#memory.give(buffers);
  }
}
