/**
 * The fabric process: the physical switch between the hosts of a lab. One thread switches frames
 * between ports; one link thread carries sockets, captures and probes. This is the control side, on
 * the process's main thread; `engine-host` gives it to the lab.
 *
 * ```
 *  host, client ── unix socket ──▶ link thread ── wire ring ──▶ fabric thread
 *               ◀──────────────── (one port per peer) ◀───────
 *  replay, generator ───────────▶ link thread ── wire ring ──▶ (a port that only sends)
 * ```
 */
import type {
  EngineEvent,
  FabricReport,
  FabricSnapshot,
  LinkConfig,
  ProbeResult,
  ProbeSample,
} from '../../contract';
import { RefusalError } from '../../shared/refusal-error';
import {
  FABRIC_SIZE,
  FB_LEARN_SECOND,
  FB_MAC_TABLE,
  FB_THREAD,
  MAC_TABLE_SIZE,
} from '../kernel/layout';
import { LinkControl, type WaitingConnection } from '../link/link-control';
import { linkEvent, type LinkChange } from '../link/link-events';
import type { ProbeDirection } from '../link/link-protocol';
import { HostMemory } from '../memory/host-memory';
import type { CreateWorker, EngineThread } from '../thread/engine-thread';
import { compileKernel, instantiateKernel, type Kernel } from '../thread/kernel';
import { ThreadTable } from '../thread/thread-table';
import { readConservation } from './fabric-conservation';
import { FabricPorts, type FabricPort } from './fabric-ports';
import { FabricProbes, type ProbeOrder } from './fabric-probes';

const MEMORY_MIB = 64;
/** How long a learned address is kept after its last frame. */
const MAC_AGE_SECONDS = 300;
const LISTENER = 'fabric';
/** What exists between `open` and `close`. */
interface Parts {
  readonly memory: HostMemory;
  readonly kernel: Kernel;
  readonly threads: ThreadTable;
  readonly fabric: number;
  readonly fabricThread: EngineThread;
  readonly ports: FabricPorts;
  readonly links: LinkControl;
  readonly probes: FabricProbes;
  readonly clock: NodeJS.Timeout;
}

export class Fabric {
  readonly #createWorker: CreateWorker;
  readonly #changeListeners = new Set<() => void>();
  readonly #eventListeners = new Set<(event: EngineEvent) => void>();
  /** Port of each link that is plugged in, streams included. */
  readonly #plugged = new Map<string, FabricPort>();
  /** Ports that are being taken away. */
  readonly #leaving = new Set<Promise<void>>();
  #parts: Parts | undefined;
  #revision = 0;
  #connections = 0;
  #learnedMacs = 0;
  /** Frames of all links when the counters were last seen to move. */
  #seenFrames = 0;
  /**
   * Told when a thread of the fabric died. Nothing can be saved then, since all state is between the
   * threads: by default the error ends the process, and the lab starts it again.
   */
  onFault: (fault: Error) => void = (fault) => {
    setImmediate(() => {
      throw fault;
    });
  };

  constructor(createWorker: CreateWorker) {
    this.#createWorker = createWorker;
  }

  // ── Life ──────────────────────────────────────────────────────────────────────────────────────

  /** Starts the threads and listens for hosts and clients. */
  async open(rendezvous: { readonly fabricSocket: string }): Promise<void> {
    const memory = new HostMemory(MEMORY_MIB);
    const module = await compileKernel();
    const threads = new ThreadTable(memory, module, this.#createWorker);
    threads.onDeath = (thread, cause) => {
      this.onFault(new Error(`the ${thread.role} thread of the fabric ended: ${cause}`));
    };
    try {
      const kernel = instantiateKernel(module, memory.memory);
      const parts = await startParts(memory, kernel, threads, () => {
        this.#tick();
      });
      this.#parts = parts;
      parts.links.onChange = (change) => {
        this.#linkChanged(change);
      };
      await parts.links.listen(LISTENER, rendezvous.fabricSocket, (connection) => {
        this.#track(this.#connect(connection));
      });
    } catch (cause) {
      clearInterval(this.#parts?.clock);
      this.#parts = undefined;
      await threads.stopAll();
      throw cause;
    }
    this.#changed();
  }

  async close(): Promise<void> {
    const parts = this.#parts;
    if (!parts) return;
    this.#parts = undefined;
    clearInterval(parts.clock);
    await Promise.allSettled(this.#leaving);
    parts.probes.close();
    await parts.threads.stopAll();
    this.#plugged.clear();
  }

  // ── What is seen ──────────────────────────────────────────────────────────────────────────────

  snapshot(): FabricSnapshot {
    const { ports, links } = this.#open();
    this.#revision += 1;
    return {
      revision: this.#revision,
      ports: ports.all().map(({ index, name, kind }) => ({ port: index, name, kind })),
      learnedMacs: this.#countMacs(),
      links: links.snapshots(),
    };
  }

  onChange(listener: () => void): () => void {
    this.#changeListeners.add(listener);
    return () => void this.#changeListeners.delete(listener);
  }

  onEvent(listener: (event: EngineEvent) => void): () => void {
    this.#eventListeners.add(listener);
    return () => void this.#eventListeners.delete(listener);
  }

  /** See `fabric-conservation.ts` for what the figures mean. */
  async report(): Promise<FabricReport> {
    const { memory, fabricThread, ports, links } = this.#open();
    const conservation = await readConservation(memory, fabricThread.thread, () =>
      fabricThread.request({ kind: 'sync' }),
    );
    return {
      ports: ports.reports(),
      links: links.reports(),
      ...conservation,
      learnedMacs: this.#countMacs(),
    };
  }

  // ── Links ─────────────────────────────────────────────────────────────────────────────────────

  /** Plugs a replay or a generator in and starts it. */
  async addLink(config: LinkConfig): Promise<void> {
    const { links, ports } = this.#open();
    const port = ports.add('link', config.name);
    try {
      await links.add(config, port.inRing);
    } catch (cause) {
      await ports.remove(port);
      throw cause;
    }
    this.#plugged.set(config.id, port);
    await links.start(config.id);
    this.#changed();
  }

  async startLink(linkId: string): Promise<void> {
    await this.#open().links.start(linkId);
  }

  async stopLink(linkId: string): Promise<void> {
    await this.#open().links.stop(linkId);
  }

  async removeLink(linkId: string): Promise<void> {
    const { links } = this.#open();
    if (!links.snapshots().some((link) => link.linkId === linkId)) throw noLink(linkId);
    await this.#unplug(linkId);
  }

  // ── Probes ────────────────────────────────────────────────────────────────────────────────────

  async startProbe(order: ProbeOrder): Promise<void> {
    await this.#open().probes.start(order);
    this.#probeEvent('probe/started', order.probeId, `A probe of ${order.ipv4} was started.`);
    this.#changed();
  }

  /** Stops a probe, waits for late answers, and answers what was measured. */
  async stopProbe(probeId: string): Promise<ProbeResult> {
    const result = await this.#open().probes.stop(probeId);
    const text = `A probe was stopped: ${result.received} of ${result.sent} answers came.`;
    this.#probeEvent('probe/stopped', probeId, text);
    this.#changed();
    return result;
  }

  /** What a probe has measured by now, ten times a second, until it is stopped. */
  watchProbe(probeId: string, signal: AbortSignal | undefined): AsyncGenerator<ProbeSample> {
    return this.#open().probes.watch(probeId, signal);
  }

  /** Fault injection: the next `frames` probe frames of one direction are dropped at the probe's port. */
  async loseProbes(probeId: string, direction: ProbeDirection, frames: number): Promise<void> {
    await this.#open().probes.lose(probeId, direction, frames);
    const way = direction === 'to-vm' ? 'to the VM' : 'from the VM';
    const text = `A fault was asked for: probe frames ${way} that are lost: ${frames}.`;
    this.#probeEvent('probe/loss-injected', probeId, text);
  }

  // ── Peers ─────────────────────────────────────────────────────────────────────────────────────

  /** Somebody connected: gives it a port. */
  async #connect(connection: WaitingConnection): Promise<void> {
    const parts = this.#parts;
    if (!parts) return;
    let port: FabricPort;
    try {
      port = parts.ports.add('client');
    } catch (cause) {
      await connection.reject();
      const reason = cause instanceof Error ? cause.message : String(cause);
      this.#portEvent(
        'fabric/port-refused',
        'warning',
        'a peer',
        'A peer was turned away.',
        reason,
      );
      return;
    }
    this.#connections += 1;
    const id = `${LISTENER}-${this.#connections}`;
    this.#plugged.set(id, port);
    const { inRing, outRing, name } = port;
    try {
      await connection.accept({ id, name, inRing, outRing });
    } catch {
      // The peer was gone before it was accepted; nobody needs to know.
      this.#plugged.delete(id);
      await parts.ports.remove(port);
    }
  }

  #linkChanged(change: LinkChange): void {
    if (change.kind === 'stream') this.#peerChanged(change);
    else if (change.kind !== 'probe') this.#emit(linkEvent(change));
    this.#changed();
  }

  #peerChanged({ linkId, name, change, reason }: LinkChange): void {
    if (change === 'connected') {
      const text = `A peer is connected to ${name}.`;
      this.#portEvent('fabric/port-connected', 'info', name, text, 'The peer connected.');
    } else if (change === 'failed') {
      const text = `The peer at ${name} was cut off.`;
      this.#portEvent('fabric/port-failed', 'error', name, text, reason);
    } else if (change === 'disconnected') {
      const text = `The peer at ${name} is gone.`;
      this.#portEvent('fabric/port-disconnected', 'info', name, text, reason);
      this.#track(this.#unplug(linkId));
    }
  }

  /** Removes a link and its port. */
  async #unplug(linkId: string): Promise<void> {
    const { links, ports } = this.#open();
    const port = this.#plugged.get(linkId);
    this.#plugged.delete(linkId);
    await links.remove(linkId);
    if (port) await ports.remove(port);
    this.#changed();
  }

  /** Work that no command waits for. Its failure is a fault, except while everything ends. */
  #track(work: Promise<void>): void {
    const tracked = work
      .catch((cause: unknown) => {
        if (this.#parts) this.onFault(cause instanceof Error ? cause : new Error(String(cause)));
      })
      .finally(() => this.#leaving.delete(tracked));
    this.#leaving.add(tracked);
  }

  // ── Once a second ─────────────────────────────────────────────────────────────────────────────

  #tick(): void {
    if (!this.#parts) return;
    const { memory, kernel, fabric, links } = this.#parts;
    const second = memory.getU32(fabric + FB_LEARN_SECOND) + 1;
    memory.setU32(fabric + FB_LEARN_SECOND, second);
    const before = this.#learnedMacs;
    const framesBefore = this.#seenFrames;
    const oldest = Math.max(0, second - MAC_AGE_SECONDS);
    this.#learnedMacs = kernel.macAge(memory.getU32(fabric + FB_MAC_TABLE), oldest);
    this.#seenFrames = links.reports().reduce((sum, { frames }) => sum + frames, 0);
    if (this.#learnedMacs !== before || this.#seenFrames !== framesBefore) this.#changed();
  }

  #countMacs(): number {
    const { memory, kernel, fabric } = this.#open();
    // Nothing is older than second 0: this only counts.
    this.#learnedMacs = kernel.macAge(memory.getU32(fabric + FB_MAC_TABLE), 0);
    return this.#learnedMacs;
  }

  // ── Reporting ─────────────────────────────────────────────────────────────────────────────────

  #open(): Parts {
    if (this.#parts) return this.#parts;
    throw new RefusalError({
      code: 'wrong-state',
      what: 'The fabric cannot do this now.',
      why: 'It is not open.',
      remedy: '',
    });
  }

  #changed(): void {
    for (const listener of this.#changeListeners) listener();
  }

  #emit(event: EngineEvent): void {
    for (const listener of this.#eventListeners) listener(event);
  }

  #portEvent(
    type: string,
    severity: EngineEvent['severity'],
    name: string,
    text: string,
    cause: string,
  ): void {
    const object = { kind: 'fabric', id: name.replaceAll(' ', '-'), name } as const;
    this.#emit({ timeMs: Date.now(), type, severity, object, text, cause });
  }

  #probeEvent(type: string, probeId: string, text: string): void {
    const object = { kind: 'fabric', id: probeId, name: `probe ${probeId}` } as const;
    const cause = 'The lab asked for it.';
    this.#emit({ timeMs: Date.now(), type, severity: 'info', object, text, cause });
  }
}

async function startParts(
  memory: HostMemory,
  kernel: Kernel,
  threads: ThreadTable,
  onSecond: () => void,
): Promise<Parts> {
  const fabric = memory.take(FABRIC_SIZE, 'The fabric');
  memory.setU32(fabric + FB_MAC_TABLE, memory.take(MAC_TABLE_SIZE, 'The fabric’s MAC table'));
  memory.setU32(fabric + FB_LEARN_SECOND, 1);
  const [fabricThread, linkThread] = await Promise.all([
    threads.start({ role: 'fabric', name: 'fabric', block: fabric }),
    threads.start({ role: 'link', name: 'links' }),
  ]);
  memory.setU32(fabric + FB_THREAD, fabricThread.thread);
  const ports = new FabricPorts(memory, kernel, fabric, fabricThread);
  const links = new LinkControl(memory, linkThread);
  const probes = new FabricProbes(links, ports);
  const clock = setInterval(onSecond, 1000);
  return { memory, kernel, threads, fabric, fabricThread, ports, links, probes, clock };
}

function noLink(linkId: string): RefusalError {
  return new RefusalError({
    code: 'not-found',
    what: `There is no link ${linkId} at the fabric.`,
    why: 'It was never added, or it was removed.',
    remedy: '',
    field: 'linkId',
  });
}
