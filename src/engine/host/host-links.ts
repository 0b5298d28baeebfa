/** The links of a host: uplinks to the fabric, and what is plugged into an adapter. Control thread. */
import type { LinkConfig } from '../../contract/model';
import { linkEvent, type LinkChange } from '../link/link-events';
import { nextPowerOfTwo } from '../../shared/power-of-two';
import { RefusalError } from '../../shared/refusal-error';
import { WE_FRAME } from '../kernel/layout';
import { UPLINK_BYTES, type HostAdapter } from './host-adapter';
import { requireAdapter, type HostParts } from './host-parts';

export class HostLinks {
  readonly #parts: HostParts;
  readonly #plugged = new Map<string, { readonly adapter: HostAdapter; readonly wire: number }>();

  readonly #uplinks = new Map<string, HostAdapter>();

  constructor(parts: HostParts) {
    this.#parts = parts;
    parts.links.onChange = (change) => {
      const adapter = this.#uplinks.get(change.linkId);
      if (adapter) this.#uplinkChanged(adapter, change);
      else if (this.#plugged.has(change.linkId)) parts.log.forward(linkEvent(change));
      else parts.log.changed();
    };
  }

  /** Connects an adapter's wire to the fabric, and again whenever the fabric comes back. */
  async connectUplink(adapter: HostAdapter, socketPath: string): Promise<void> {
    const { links } = this.#parts;
    const inRing = adapter.createInWire(UPLINK_BYTES);
    const outRing = adapter.createOutWire();
    adapter.hardware.plugWire(inRing);
    adapter.hardware.setUplink(outRing);
    const id = `uplink-${adapter.config.id}`;
    this.#uplinks.set(id, adapter);
    await links.openStream({
      id,
      name: `uplink of ${adapter.config.name}`,
      socketPath,
      inRing,
      outRing,
    });
  }

  async add(link: LinkConfig): Promise<void> {
    if (link.plug.at !== 'adapter') {
      throw new RefusalError({
        code: 'invalid-value',
        what: `${link.name} cannot be plugged in here.`,
        why: 'Its plug is the fabric, and this is a host.',
        remedy: '',
        field: 'plug',
      });
    }
    const adapter = requireAdapter(this.#parts, link.plug.adapter);
    const wire = adapter.createInWire(sourceRingBytes(link));
    try {
      await this.#parts.links.add(link, wire);
      adapter.hardware.plugWire(wire);
    } catch (error) {
      if (this.#parts.links.has(link.id)) await this.#parts.links.remove(link.id);
      this.#parts.memory.give(wire);
      throw error;
    }
    this.#plugged.set(link.id, { adapter, wire });
    await this.#parts.links.start(link.id);
  }

  start(linkId: string): Promise<void> {
    return this.#parts.links.start(linkId);
  }

  stop(linkId: string): Promise<void> {
    return this.#parts.links.stop(linkId);
  }

  async remove(linkId: string): Promise<void> {
    await this.#parts.links.remove(linkId);
    const plugged = this.#plugged.get(linkId);
    this.#plugged.delete(linkId);
    if (!plugged) return;
    await plugged.adapter.hardware.unplugWire(plugged.wire);
    this.#parts.memory.give(plugged.wire);
  }

  #uplinkChanged(adapter: HostAdapter, { change, reason }: LinkChange): void {
    if (change !== 'connected' && change !== 'disconnected') return;
    const connected = change === 'connected';
    adapter.uplink = connected ? 'connected' : 'connecting';
    const object = { kind: 'adapter', id: adapter.config.id, name: adapter.config.name } as const;
    const text = `${adapter.config.name} ${connected ? 'is connected to' : 'lost'} the fabric.`;
    this.#parts.log.emit(
      connected ? 'adapter/uplink-connected' : 'adapter/uplink-lost',
      object,
      text,
      reason === '' ? 'The fabric accepted the connection.' : reason,
      connected ? 'info' : 'warning',
    );
  }
}

/** Frames that the wire ring of a generator holds at least. */
const SOURCE_FRAMES = 1024;
const LEAST_SOURCE_BYTES = 1 << 18;

/** A generator waits for room, so its wire ring is as small as it may be: of short frames it stays in the cache. */
function sourceRingBytes(link: LinkConfig): number {
  if (link.kind !== 'generator') return UPLINK_BYTES;
  return nextPowerOfTwo(Math.max(LEAST_SOURCE_BYTES, SOURCE_FRAMES * (WE_FRAME + link.frameBytes)));
}
