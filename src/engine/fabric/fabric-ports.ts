/**
 * The ports of the fabric: blocks and rings in host memory, and the table that the fabric thread
 * reads. Control thread.
 *
 * A port goes away in four steps, so that no frame is lost and none goes astray: its link has let go
 * (the caller's part); what came in is switched; the fabric thread has seen that the port is gone;
 * the addresses learned on it are forgotten. Only then is its number used again.
 */
import type { FabricReport, FabricSnapshot } from '../../contract';
import { RefusalError } from '../../shared/refusal-error';
import { KIB } from '../../shared/units';
import {
  FABRIC_PORT_SIZE,
  FB_MAC_TABLE,
  FB_PORTS,
  FB_THREAD,
  FP_BYTES_IN,
  FP_BYTES_OUT,
  FP_DROPPED,
  FP_FRAMES_IN,
  FP_FRAMES_OUT,
  FP_IN,
  FP_OUT,
  MAX_FABRIC_PORTS,
} from '../kernel/layout';
import type { HostMemory } from '../memory/host-memory';
import type { EngineThread } from '../thread/engine-thread';
import type { Kernel } from '../thread/kernel';
import { createWireRing, wireFill } from '../thread/rings';

const RING_BYTES = 512 * KIB;

export type PortKind = FabricSnapshot['ports'][number]['kind'];
export type PortReport = FabricReport['ports'][number];

/** A port in use. */
export interface FabricPort {
  /** Position in the fabric's table. */
  readonly index: number;
  readonly name: string;
  readonly kind: PortKind;
  readonly block: number;
  readonly inRing: number;
  /** 0 for a port that only sends. */
  readonly outRing: number;
}

const COUNTERS = {
  framesIn: FP_FRAMES_IN,
  bytesIn: FP_BYTES_IN,
  framesOut: FP_FRAMES_OUT,
  bytesOut: FP_BYTES_OUT,
  dropped: FP_DROPPED,
} as const;

type PortCounts = Omit<PortReport, 'name'>;

export class FabricPorts {
  readonly #memory: HostMemory;
  readonly #kernel: Kernel;
  readonly #fabric: number;
  readonly #thread: EngineThread;
  readonly #ports: (FabricPort | undefined)[] = [];
  /** What ports counted that are gone. */
  #removed: PortCounts | undefined;

  /** @param kernel an instance of the control thread; @param fabric the fabric block. */
  constructor(memory: HostMemory, kernel: Kernel, fabric: number, thread: EngineThread) {
    this.#memory = memory;
    this.#kernel = kernel;
    this.#fabric = fabric;
    this.#thread = thread;
  }

  all(): FabricPort[] {
    return this.#ports.filter((port) => port !== undefined);
  }

  /**
   * A new port, which frames can use at once.
   * @param name in words; left out: `port N`.
   * @throws RefusalError `invalid-value` when all ports are taken, `host-memory-exhausted`
   */
  add(kind: PortKind, name?: string): FabricPort {
    const index = this.#freeIndex();
    const hasOutput = kind !== 'link';
    const memory = this.#memory;
    const block = memory.take(FABRIC_PORT_SIZE, 'A port of the fabric');
    const fabricThread = memory.getU32(this.#fabric + FB_THREAD);
    const inRing = createWireRing(memory, RING_BYTES, fabricThread);
    const outRing = hasOutput ? createWireRing(memory, RING_BYTES, 0) : 0;
    memory.setU32(block + FP_IN, inRing);
    memory.setU32(block + FP_OUT, outRing);
    const port = { index, name: name ?? `port ${index + 1}`, kind, block, inRing, outRing };
    this.#ports[index] = port;
    this.#show(index, block);
    return port;
  }

  /** Takes a port away. Its link has let go of the rings already. */
  async remove(port: FabricPort): Promise<void> {
    // Frames that came in are switched: the fabric thread is at work while there are any.
    while (wireFill(this.#memory, port.inRing) > 0) await this.#thread.request({ kind: 'sync' });
    this.#show(port.index, 0);
    // Answered between two turns: no turn that saw the port is under way.
    await this.#thread.request({ kind: 'sync' });
    const macTable = this.#memory.getU32(this.#fabric + FB_MAC_TABLE);
    this.#kernel.macForgetPort(macTable, port.index + 1);
    this.#fold(port);
    for (const region of [port.block, port.inRing, port.outRing]) {
      if (region !== 0) this.#memory.give(region);
    }
    this.#ports[port.index] = undefined;
  }

  /** Counts of every port; those of ports that are gone are one row. */
  reports(): PortReport[] {
    const reports = this.all().map((port) => ({ name: port.name, ...this.#counts(port) }));
    if (this.#removed) reports.push({ name: 'removed ports', ...this.#removed });
    return reports;
  }

  #freeIndex(): number {
    for (let index = 0; index < MAX_FABRIC_PORTS; index++) {
      if (!this.#ports[index]) return index;
    }
    throw new RefusalError({
      code: 'invalid-value',
      what: 'Nothing more can be plugged into the fabric.',
      why: `It has ${MAX_FABRIC_PORTS} ports, and all are in use.`,
      remedy: 'Remove a link, or disconnect a client.',
    });
  }

  #show(index: number, block: number): void {
    // The fabric thread reads the word plainly, once per turn; the block was written before.
    Atomics.store(this.#memory.i32, (this.#fabric + FB_PORTS + index * 4) >>> 2, block);
  }

  #counts(port: FabricPort): PortCounts {
    const read = (counter: keyof PortCounts): number =>
      this.#memory.getCounter(port.block + COUNTERS[counter]);
    return {
      framesIn: read('framesIn'),
      bytesIn: read('bytesIn'),
      framesOut: read('framesOut'),
      bytesOut: read('bytesOut'),
      dropped: read('dropped'),
    };
  }

  #fold(port: FabricPort): void {
    const more = this.#counts(port);
    const sum = this.#removed ?? { framesIn: 0, bytesIn: 0, framesOut: 0, bytesOut: 0, dropped: 0 };
    this.#removed = {
      framesIn: sum.framesIn + more.framesIn,
      bytesIn: sum.bytesIn + more.bytesIn,
      framesOut: sum.framesOut + more.framesOut,
      bytesOut: sum.bytesOut + more.bytesOut,
      dropped: sum.dropped + more.dropped,
    };
  }
}
