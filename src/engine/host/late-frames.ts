/**
 * Frames that reach a VM's old host in the gap of a migration. The old host holds them and sends
 * them, in order, over a socket of their own to the new one, where they come in like frames from
 * the wire. They must not go through the fabric: it would learn their senders at the old host.
 * QEMU stream framing; the path is derived from the migration's token, which only the two hosts and
 * the lab know. Control thread.
 */
import { createHash } from 'node:crypto';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import { once } from 'node:events';
import { CT_TO_WIRE, T_COUNTERS } from '../kernel/layout';
import type { NicPort } from '../switch/nic-port';
import { createWireRing } from '../thread/rings';
import { copyWithVlanTag } from '../wire/vlan';
import { VLAN_TAG_BYTES } from '../wire/vlan-tag';
import type { HostAdapter } from './host-adapter';
import { requireAdapter, type HostParts } from './host-parts';

/** The target stops waiting for late frames after this. */
const INLET_OPEN_MS = 10_000;
const UNUSED_WIRE_BYTES = 1 << 18;
const LENGTH_BYTES = 4;

/** Where late frames for one adapter go; `socket` is the migration's own. */
function latePath(socket: string, token: string, adapter: string): string {
  const name = createHash('sha256').update(`${token}/${adapter}`).digest('hex').slice(0, 24);
  return join(dirname(socket), `late-${name}`);
}

/** The target's side: listens until the source has said everything. */
export class LateFrameInlet {
  readonly #parts: HostParts;
  readonly #adapter: HostAdapter;
  readonly #id: string;
  readonly #inRing: number;
  readonly #outRing: number;
  readonly #timer: NodeJS.Timeout;
  #closing: Promise<void> | undefined;

  /** Listens. @param migration socket and token as the source knows them. */
  static async open(
    parts: HostParts,
    adapter: HostAdapter,
    migration: { id: string; socket: string; token: string },
  ): Promise<LateFrameInlet> {
    const inlet = new LateFrameInlet(parts, adapter, `late-${migration.id}-${adapter.config.id}`);
    await parts.links.listen(
      inlet.#id,
      latePath(migration.socket, migration.token, adapter.config.name),
      (connection) => {
        const link = {
          id: inlet.#id,
          name: 'late frames',
          inRing: inlet.#inRing,
          outRing: inlet.#outRing,
        };
        void connection.accept(link).catch(() => inlet.close());
      },
    );
    return inlet;
  }

  private constructor(parts: HostParts, adapter: HostAdapter, id: string) {
    this.#parts = parts;
    this.#adapter = adapter;
    this.#id = id;
    this.#inRing = adapter.createInWire();
    this.#outRing = createWireRing(parts.memory, UNUSED_WIRE_BYTES, 0);
    adapter.hardware.plugWire(this.#inRing);
    this.#timer = setTimeout(() => void this.close(), INLET_OPEN_MS);
  }

  /** Lets go of everything. The ring is empty by then: the adapter has taken what came. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    clearTimeout(this.#timer);
    const { links, memory, kernel } = this.#parts;
    await links.unlisten(this.#id);
    if (links.has(this.#id)) await links.remove(this.#id);
    while (kernel.wireEmpty(this.#inRing) === 0)
      await new Promise((resolve) => setTimeout(resolve, 1));
    await this.#adapter.hardware.unplugWire(this.#inRing);
    memory.give(this.#inRing);
    memory.give(this.#outRing);
  }
}

/** The source's side of one NIC: sends what is held, and is told when there is more. */
export class LateFrameOutlet {
  readonly #parts: HostParts;
  readonly #port: NicPort;
  readonly #path: string;
  frames = 0;

  constructor(parts: HostParts, port: NicPort, migration: { socket: string; token: string }) {
    this.#parts = parts;
    this.#port = port;
    this.#path = latePath(
      migration.socket,
      migration.token,
      requireAdapter(parts, port.config.adapter).config.name,
    );
  }

  /** Sends held frames for `forMs`, then ends. @throws Error when the target does not take them. */
  async run(forMs: number): Promise<void> {
    const socket = connect(this.#path);
    await once(socket, 'connect');
    const deadline = performance.now() + forMs;
    do {
      const chunks = this.#port.takeHeld().map((frame) => this.#framed(frame.bytes, frame.vlan));
      this.#count(chunks.length);
      if (chunks.length > 0) socket.write(Buffer.concat(chunks));
      await new Promise((resolve) => setTimeout(resolve, 2));
    } while (performance.now() < deadline);
    socket.end();
    await once(socket, 'close');
  }

  #framed(frame: Uint8Array, vlan: number): Uint8Array {
    const out = new Uint8Array(LENGTH_BYTES + frame.length + VLAN_TAG_BYTES);
    let length = frame.length;
    if (vlan === 0) out.set(frame, LENGTH_BYTES);
    else length = copyWithVlanTag(frame, 0, frame.length, vlan, out, LENGTH_BYTES);
    new DataView(out.buffer).setUint32(0, length);
    return out.subarray(0, LENGTH_BYTES + length);
  }

  /** They leave this host as if by a wire. */
  #count(frames: number): void {
    this.frames += frames;
    const counter = this.#parts.ownBlock + T_COUNTERS + CT_TO_WIRE * 8;
    this.#parts.memory.setCounter(counter, this.#parts.memory.getCounter(counter) + frames);
  }
}
