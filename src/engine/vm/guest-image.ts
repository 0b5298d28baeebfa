/**
 * Boots an embedded guest: writes its state, its driver's rings and its buffers into the VM's
 * memory, as a firmware and a driver's start would. All guest addresses; nothing of it is kept
 * outside, so a migrated guest needs no boot.
 *
 * ```
 *  0x1000   guest state, NIC states                      G_BASE
 *  0x2000   per NIC: RX descriptors, avail, used; TX descriptors, avail, used   (page aligned)
 *           RX buffers, TX buffers (2 KiB each), a page for the frame that others are compared with
 *           page writer's pages, to the end of the memory
 * ```
 */
import type { NicConfig, Workload } from '../../contract/model';
import { ipv4AddressToNumber, parseIpv4Address } from '../../shared/ipv4-address';
import { MIB } from '../../shared/units';
import {
  G_BASE,
  G_BOOT_NS,
  G_DUE_NS,
  G_FLAGS,
  G_FRAME_BYTES,
  G_MAGIC,
  G_NIC_COUNT,
  G_NICS,
  G_RATE,
  G_TARGET_IP,
  G_WORKLOAD,
  G_WRITER_PAGES,
  G_WRITER_START,
  GN_IP,
  GN_MAC_HIGH,
  GN_MAC_LOW,
  GN_REFERENCE,
  GN_REFERENCE_BYTES,
  GN_RX_AVAIL,
  GN_RX_AVAIL_NEXT,
  GN_RX_BUFFERS,
  GN_RX_DESC,
  GN_RX_SIZE,
  GN_RX_USED,
  GN_STAMPS_CHECKED,
  GN_STAMPS_CORRUPT,
  GN_STAMPS_OUT_OF_ORDER,
  GN_TX_AVAIL,
  GN_TX_BUFFERS,
  GN_TX_DESC,
  GN_TX_SIZE,
  GN_TX_USED,
  GUEST_BUFFER,
  GUEST_DIGEST,
  GUEST_MAGIC,
  GUEST_NIC_SIZE,
  GUEST_STAMPS,
  PAGE_SIZE,
  VRING_DESC_SIZE,
  VRING_DESC_WRITE,
  WORKLOAD_PAGE_WRITER,
  WORKLOAD_RESPONDER,
  WORKLOAD_SENDER,
} from '../kernel/layout';
import type { MemoryViews } from '../memory/host-memory';
import { kernelMac } from '../thread/kernel-mac';

/** Where one NIC's virtqueues are, in guest addresses. */
export interface GuestQueues {
  readonly rx: GuestRing;
  readonly tx: GuestRing;
}
export interface GuestRing {
  readonly desc: number;
  readonly avail: number;
  readonly used: number;
  readonly size: number;
}

export interface GuestSetup {
  readonly nics: readonly NicConfig[];
  readonly workload: Workload;
  /** Monotonic time of the boot. */
  readonly nowNs: number;
}

const NIC_AREA = 0x2000;

/** Writes the guest into zeroed memory at host address `memory`; answers where its virtqueues are. */
export function bootGuest(
  views: MemoryViews,
  memory: number,
  memoryBytes: number,
  setup: GuestSetup,
): readonly GuestQueues[] {
  const image = new GuestImage(views, memory);
  const size = ringSize(memoryBytes);
  let next = NIC_AREA;
  const queues: GuestQueues[] = [];
  for (const [index, nic] of setup.nics.entries()) {
    const made = image.writeNic(index, nic, next, size);
    queues.push(made.queues);
    next = made.end;
  }
  const state = G_BASE;
  image.set(state + G_MAGIC, GUEST_MAGIC);
  image.set(state + G_NIC_COUNT, setup.nics.length);
  image.set(state + G_WRITER_START, next);
  image.set(state + G_WRITER_PAGES, Math.max(1, Math.floor((memoryBytes - next) / PAGE_SIZE)));
  views.setF64(memory + state + G_BOOT_NS, setup.nowNs);
  writeWorkload(views, memory, setup.workload, setup.nowNs);
  return queues;
}

/** Entries of each virtqueue: the buffers take at most half of the memory. */
function ringSize(memoryBytes: number): number {
  if (memoryBytes < 16 * MIB) return 128;
  if (memoryBytes < 64 * MIB) return 512;
  return memoryBytes < 256 * MIB ? 1024 : 4096;
}

/** Sets what the guest does; also while it is stopped between two turns. */
export function writeWorkload(
  views: MemoryViews,
  memory: number,
  workload: Workload,
  nowNs: number,
): void {
  const image = new GuestImage(views, memory);
  const kinds = {
    responder: WORKLOAD_RESPONDER,
    sender: WORKLOAD_SENDER,
    'page-writer': WORKLOAD_PAGE_WRITER,
  } as const;
  image.set(G_BASE + G_WORKLOAD, kinds[workload.kind]);
  image.set(G_BASE + G_FLAGS, workloadFlags(workload));
  image.forgetStamps();
  views.setF64(memory + G_BASE + G_DUE_NS, nowNs);
  if (workload.kind === 'sender') {
    image.setAddress(G_BASE + G_TARGET_IP, workload.destinationIpv4);
    image.set(G_BASE + G_FRAME_BYTES, workload.frameBytes);
    views.setF64(memory + G_BASE + G_RATE, workload.framesPerSecond);
  } else if (workload.kind === 'page-writer')
    views.setF64(memory + G_BASE + G_RATE, workload.pagesPerSecond);
}

function workloadFlags(workload: Workload): number {
  if (workload.kind !== 'responder') return 0;
  return (
    (workload.digest === true ? GUEST_DIGEST : 0) | (workload.stamps === true ? GUEST_STAMPS : 0)
  );
}

class GuestImage {
  readonly #views: MemoryViews;
  readonly #memory: number;

  constructor(views: MemoryViews, memory: number) {
    this.#views = views;
    this.#memory = memory;
  }

  set(address: number, value: number): void {
    this.#views.setU32(this.#memory + address, value);
  }

  set16(address: number, value: number): void {
    this.#views.u16[(this.#memory + address) / 2] = value;
  }

  /** The check of stamps begins anew, with the next frame as reference. */
  forgetStamps(): void {
    const nics = this.#views.getU32(this.#memory + G_BASE + G_NIC_COUNT);
    for (let index = 0; index < nics; index++) {
      const nic = this.#memory + G_BASE + G_NICS + index * GUEST_NIC_SIZE;
      this.#views.setU32(nic + GN_REFERENCE_BYTES, 0);
      for (const counter of [GN_STAMPS_CHECKED, GN_STAMPS_CORRUPT, GN_STAMPS_OUT_OF_ORDER])
        this.#views.u64[(nic + counter) / 8] = 0n;
    }
  }

  /** An IPv4 address in network order, as the guest's loads see it. */
  setAddress(address: number, ipv4: string): void {
    new DataView(this.#views.memory.buffer).setUint32(
      this.#memory + address,
      ipv4AddressToNumber(parseIpv4Address(ipv4)),
      false,
    );
  }

  writeNic(
    index: number,
    nic: NicConfig,
    start: number,
    size: number,
  ): { queues: GuestQueues; end: number } {
    const rx = ringAt(start, size);
    const tx = ringAt(rx.end, size);
    const rxBuffers = tx.end;
    const txBuffers = rxBuffers + size * GUEST_BUFFER;
    const reference = txBuffers + size * GUEST_BUFFER;
    const state = G_BASE + G_NICS + index * GUEST_NIC_SIZE;
    const { low, high } = kernelMac(nic.macs[0] ?? '');
    const fields: readonly (readonly [number, number])[] = [
      [GN_MAC_LOW, low],
      [GN_MAC_HIGH, high],
      [GN_RX_DESC, rx.desc],
      [GN_RX_AVAIL, rx.avail],
      [GN_RX_USED, rx.used],
      [GN_RX_SIZE, size],
      [GN_TX_DESC, tx.desc],
      [GN_TX_AVAIL, tx.avail],
      [GN_TX_USED, tx.used],
      [GN_TX_SIZE, size],
      [GN_RX_BUFFERS, rxBuffers],
      [GN_TX_BUFFERS, txBuffers],
      [GN_RX_AVAIL_NEXT, size],
      [GN_REFERENCE, reference],
    ];
    for (const [field, value] of fields) this.set(state + field, value);
    if (nic.ipv4 !== undefined) this.setAddress(state + GN_IP, nic.ipv4);
    this.#postAll(rx, rxBuffers);
    return { queues: { rx, tx }, end: reference + PAGE_SIZE };
  }

  /** The driver's start: every receive buffer is available. */
  #postAll(rx: GuestRing, buffers: number): void {
    for (let i = 0; i < rx.size; i++) {
      const desc = rx.desc + i * VRING_DESC_SIZE;
      this.set(desc, buffers + i * GUEST_BUFFER);
      this.set(desc + 8, GUEST_BUFFER);
      this.set16(desc + 12, VRING_DESC_WRITE);
      this.set16(rx.avail + 4 + i * 2, i);
    }
    this.set16(rx.avail + 2, rx.size);
  }
}

function ringAt(start: number, size: number): GuestRing & { end: number } {
  const desc = start;
  const avail = desc + size * VRING_DESC_SIZE;
  const used = Math.ceil((avail + 6 + size * 2) / PAGE_SIZE) * PAGE_SIZE;
  const end = Math.ceil((used + 6 + size * 8) / PAGE_SIZE) * PAGE_SIZE;
  return { desc, avail, used, size, end };
}
