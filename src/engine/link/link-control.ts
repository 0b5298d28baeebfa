/**
 * The links of a process as the control thread sees them: it hands out their memory, asks the link
 * thread, and keeps what became of them. Rings belong to the caller, who knows when their other end
 * has let go; everything else of a link is taken and given back here.
 *
 *     const links = new LinkControl(memory, linkThread);
 *     await links.add(config, ring);           // ready, or refused
 *     await links.start(config.id);            // runs
 *     await links.remove(config.id);           // the link thread has let go of `ring`
 */
import type { LinkSnapshot } from '../../contract/host';
import type { ProbeResult, ProbeSample } from '../../contract/migration';
import type { LinkConfig } from '../../contract/model';
import type { FabricReport } from '../../contract/report';
import { RefusalError } from '../../shared/refusal-error';
import { BUFFER_SIZE, W_CAPACITY } from '../kernel/layout';
import type { HostMemory } from '../memory/host-memory';
import type { EngineThread } from '../thread/engine-thread';
import { REPLAY_REGION_BYTES } from './capture-batches';
import { writeGeneratorFrames, type GeneratorConfig } from './generator-frames';
import { LINK_BLOCK_SIZE, readLinkCounts, type LinkCounts } from './link-counters';
import type { LinkChange, LinkKind } from './link-events';
import {
  SCRATCH_BYTES,
  type LinkAnswer,
  type LinkCommand,
  type LinkSign,
  type LinkState,
  type ProbeDirection,
  type ProbeFlow,
} from './link-protocol';

export type ReplayConfig = Extract<LinkConfig, { kind: 'replay' }>;
export type LinkReport = FabricReport['links'][number];

/** Wire rings smaller than this may never take the longest frame: it must fit before or behind their end. */
const SMALLEST_WIRE_BYTES = 262_144;

/** The rings of a link that takes and gives frames. */
export interface DuplexRings {
  /** Filled by the link. */
  readonly inRing: number;
  /** Emptied by the link; `W_WAKE` is 0. */
  readonly outRing: number;
}

/** A stream that this side connects. */
export interface StreamOptions extends DuplexRings {
  readonly id: string;
  readonly name: string;
  readonly socketPath: string;
}

/** A connection that waits to be given rings. */
export interface WaitingConnection {
  accept(link: { readonly id: string; readonly name: string } & DuplexRings): Promise<void>;
  reject(): Promise<void>;
}

/** A link as `status` shows it. */
export interface LinkStatus extends LinkCounts {
  readonly linkId: string;
  readonly name: string;
  readonly kind: LinkKind;
  readonly state: LinkState;
  /** Why it failed or finished early; else empty. */
  readonly reason: string;
  /** Of a stream: whether it has a peer now. */
  readonly isConnected: boolean;
}

interface Link {
  readonly id: string;
  readonly name: string;
  readonly kind: LinkKind;
  /** What it does, in words. */
  readonly text: string;
  readonly block: number;
  /** Regions besides the block. */
  readonly regions: readonly number[];
  state: LinkState;
  reason: string;
  isConnected: boolean;
}

/** What `#create` is told; the rest is the same for all. */
type LinkPlan = Pick<Link, 'id' | 'name' | 'kind' | 'text'> & Partial<Pick<Link, 'regions'>>;

export class LinkControl {
  readonly #memory: HostMemory;
  readonly #thread: EngineThread;
  readonly #scratch: number;
  readonly #links = new Map<string, Link>();
  readonly #onConnection = new Map<string, (connection: WaitingConnection) => void>();
  /** Told of each change of a link, after it can be seen here. */
  onChange: (change: LinkChange) => void = () => undefined;

  /** @param thread a running thread of role `link`; its link events come here from now on. */
  constructor(memory: HostMemory, thread: EngineThread) {
    this.#memory = memory;
    this.#thread = thread;
    this.#scratch = memory.take(SCRATCH_BYTES, 'The staging of the links');
    thread.onLinkEvent = (event) => {
      this.#take(event as LinkSign);
    };
  }

  // ── Making links: streams and probes run once the promise resolves ────────────────────────────

  /** A stream that connects to a unix socket, again and again, with QEMU's framing. */
  async openStream(stream: StreamOptions): Promise<void> {
    const { id, name, socketPath } = stream;
    const text = `connects to ${socketPath}`;
    const link = this.#create({ id, name, kind: 'stream', text });
    const place = this.#place(link, stream);
    const rings = [stream.inRing, stream.outRing];
    await this.#run(link, rings, { kind: 'open-stream', place, socketPath });
  }

  /** Listens on a unix socket; each connection waits until it is accepted or rejected. */
  async listen(
    listenerId: string,
    socketPath: string,
    onConnection: (connection: WaitingConnection) => void,
  ): Promise<void> {
    this.#onConnection.set(listenerId, onConnection);
    try {
      await this.#ask({ kind: 'listen', listenerId, socketPath });
    } catch (cause) {
      this.#onConnection.delete(listenerId);
      throw cause;
    }
  }

  async unlisten(listenerId: string): Promise<void> {
    this.#onConnection.delete(listenerId);
    await this.#ask({ kind: 'unlisten', listenerId });
  }

  /** A link of the inventory, stopped. A capture has been looked into. @throws RefusalError `capture-unreadable`, `capture-malformed`, … */
  add(config: LinkConfig, inRing: number): Promise<void> {
    return config.kind === 'replay'
      ? this.addReplay(config, inRing)
      : this.addGenerator(config, inRing);
  }

  async addReplay(config: ReplayConfig, inRing: number): Promise<void> {
    const region = this.#memory.take(REPLAY_REGION_BYTES, `The replay ${config.name}`);
    const link = this.#create({
      id: config.id,
      name: config.name,
      kind: 'replay',
      text: describeReplay(config),
      regions: [region],
    });
    await this.#run(link, [inRing], {
      kind: 'add-replay',
      order: {
        linkId: link.id,
        block: link.block,
        inRing,
        file: config.file,
        rate: config.rate,
        loops: config.loops,
        region,
        regionBytes: REPLAY_REGION_BYTES,
      },
    });
  }

  async addGenerator(config: GeneratorConfig, inRing: number): Promise<void> {
    const count = config.targets.length;
    const templates = this.#memory.take(count * BUFFER_SIZE, `The generator ${config.name}`);
    const link = this.#create({
      id: config.id,
      name: config.name,
      kind: 'generator',
      text: describeGenerator(config),
      regions: [templates],
    });
    writeGeneratorFrames(this.#memory.u8, templates, config);
    await this.#run(link, [inRing], {
      kind: 'add-generator',
      order: {
        linkId: link.id,
        block: link.block,
        inRing,
        templates,
        templateCount: count,
        frameBytes: config.frameBytes,
        framesPerSecond: config.rate.mode === 'fixed' ? config.rate.framesPerSecond : Infinity,
        frames: config.frames,
      },
    });
  }

  async addProbe(id: string, flow: ProbeFlow, rings: DuplexRings): Promise<void> {
    const link = this.#create({ id, name: id, kind: 'probe', text: `probes ${flow.ipv4}` });
    const place = this.#place(link, rings);
    await this.#run(link, [rings.inRing, rings.outRing], { kind: 'add-probe', place, flow });
  }

  // ── Running links ─────────────────────────────────────────────────────────────────────────────

  /** Goes on; a link that is finished or has failed starts over. */
  async start(linkId: string): Promise<void> {
    this.#require(linkId);
    await this.#ask({ kind: 'start', linkId });
  }

  /** Pauses. */
  async stop(linkId: string): Promise<void> {
    this.#require(linkId);
    await this.#ask({ kind: 'stop', linkId });
  }

  /** Once it resolves, the link thread touches none of the link's rings any more. */
  async remove(linkId: string): Promise<void> {
    const link = this.#require(linkId);
    // A thread that has ended let go of everything.
    if (this.#thread.isAlive) await this.#ask({ kind: 'remove', linkId });
    this.#forget(link);
  }

  /** Stops a probe, waits for late answers, and answers what was measured. The probe stays until it is removed. */
  async finishProbe(linkId: string): Promise<ProbeResult> {
    this.#require(linkId);
    const answer = await this.#ask({ kind: 'finish-probe', linkId });
    if (!answer.probe) throw new Error(`link ${linkId} answered no probe result`);
    return answer.probe;
  }

  /** What a probe has measured by now. */
  async sampleProbe(linkId: string): Promise<ProbeSample> {
    this.#require(linkId);
    const answer = await this.#ask({ kind: 'sample-probe', linkId });
    if (!answer.sample) throw new Error(`link ${linkId} answered no sample`);
    return answer.sample;
  }

  /** Fault injection: a probe's link drops the next `frames` probe frames of one direction. */
  async loseProbes(linkId: string, direction: ProbeDirection, frames: number): Promise<void> {
    this.#require(linkId);
    await this.#ask({ kind: 'lose-probes', linkId, direction, frames });
  }

  /** The link thread died: every link has failed, and none of them touches its rings any more. */
  lost(cause: string): void {
    for (const { id } of this.#links.values()) {
      this.#take({
        kind: 'state',
        linkId: id,
        state: 'failed',
        reason: `Its thread ended: ${cause}.`,
      });
    }
  }

  has(linkId: string): boolean {
    return this.#links.has(linkId);
  }

  /** One link; counts may be late. */
  status(linkId: string): LinkStatus {
    return this.#status(this.#require(linkId));
  }

  /** The links of the inventory: replays and generators. */
  snapshots(): LinkSnapshot[] {
    return this.#inventory().map((link) => ({
      ...this.#counts(link),
      state: link.state,
      text: link.state === 'failed' && link.reason !== '' ? link.reason : link.text,
    }));
  }

  reports(): LinkReport[] {
    return this.#inventory().map((link) => this.#counts(link));
  }

  #inventory(): Link[] {
    return [...this.#links.values()].filter(
      (link) => link.kind === 'replay' || link.kind === 'generator',
    );
  }

  #counts(link: Link): LinkReport {
    const { framesIn, bytesIn, loops } = readLinkCounts(this.#memory, link.block);
    return { linkId: link.id, name: link.name, frames: framesIn, bytes: bytesIn, loops };
  }

  #status(link: Link): LinkStatus {
    const { id, name, kind, state, reason, isConnected } = link;
    const counts = readLinkCounts(this.#memory, link.block);
    return { linkId: id, name, kind, state, reason, isConnected, ...counts };
  }

  #create(plan: LinkPlan): Link {
    const regions = plan.regions ?? [];
    try {
      if (this.#links.has(plan.id)) throw duplicate(plan.id);
      const block = this.#memory.take(LINK_BLOCK_SIZE, `The link ${plan.name}`);
      const now = { state: 'stopped', reason: '', isConnected: false } as const;
      const link: Link = { ...plan, ...now, block, regions };
      this.#links.set(link.id, link);
      return link;
    } catch (cause) {
      for (const region of regions) this.#memory.give(region);
      throw cause;
    }
  }

  /** Hands a link that was created over to the thread; a refused one leaves nothing. */
  async #run(link: Link, rings: readonly number[], command: LinkCommand): Promise<void> {
    try {
      for (const ring of rings) this.#requireRing(ring);
      await this.#ask(command);
    } catch (cause) {
      this.#forget(link);
      throw cause;
    }
  }

  #forget(link: Link): void {
    if (this.#links.get(link.id) !== link) return;
    this.#links.delete(link.id);
    this.#memory.give(link.block);
    for (const region of link.regions) this.#memory.give(region);
  }

  #place(link: Link, rings: DuplexRings) {
    const { inRing, outRing } = rings;
    return { linkId: link.id, block: link.block, inRing, outRing, scratch: this.#scratch };
  }

  #requireRing(ring: number): void {
    const bytes = this.#memory.getU32(ring + W_CAPACITY);
    if (bytes >= SMALLEST_WIRE_BYTES) return;
    throw new RangeError(`wire ring: expected at least ${SMALLEST_WIRE_BYTES} bytes, got ${bytes}`);
  }

  #require(linkId: string): Link {
    const link = this.#links.get(linkId);
    if (link) return link;
    throw new RefusalError({
      code: 'not-found',
      what: `There is no link ${linkId}.`,
      why: 'It was never added here, or it was removed.',
      remedy: '',
      field: 'linkId',
    });
  }

  async #ask(command: LinkCommand): Promise<Extract<LinkAnswer, { ok: true }>> {
    const answer = (await this.#thread.request({ kind: 'link', command })) as LinkAnswer;
    if (!answer.ok) throw new RefusalError(answer.refusal);
    return answer;
  }

  /** Something that the link thread reported. Signs of links that were removed meanwhile are stale. */
  #take(sign: LinkSign): void {
    if (sign.kind === 'connection') {
      this.#onConnection.get(sign.listenerId)?.(this.#waiting(sign.connectionId));
      return;
    }
    const link = this.#links.get(sign.linkId);
    if (!link) return;
    if (sign.kind === 'state') {
      link.state = sign.state;
      link.reason = sign.reason;
    } else link.isConnected = sign.kind === 'connected';
    this.onChange({
      linkId: link.id,
      name: link.name,
      kind: link.kind,
      change: sign.kind === 'state' ? sign.state : sign.kind,
      reason: sign.kind === 'connected' ? '' : sign.reason,
    });
  }

  #waiting(connectionId: number): WaitingConnection {
    return {
      accept: async (accepted) => {
        const { id, name } = accepted;
        const link = this.#create({ id, name, kind: 'stream', text: 'carries a connection' });
        const place = this.#place(link, accepted);
        const rings = [accepted.inRing, accepted.outRing];
        await this.#run(link, rings, { kind: 'accept', connectionId, place });
      },
      reject: async () => {
        await this.#ask({ kind: 'reject', connectionId });
      },
    };
  }
}

function describeReplay(config: ReplayConfig): string {
  const file = config.file.slice(config.file.lastIndexOf('/') + 1);
  const times =
    config.loops === 0
      ? 'until it is stopped'
      : config.loops === 1
        ? 'once'
        : `${config.loops} times`;
  return `replays ${file} ${times}, ${describeRate(config.rate)}`;
}

function describeGenerator(config: GeneratorConfig): string {
  const { targets, frameBytes, frames } = config;
  const bound = frames === 0 ? '' : `, ${frames} in all`;
  const to = targets.length === 1 ? '1 address' : `${targets.length} addresses`;
  return `sends frames of ${frameBytes} bytes to ${to}, ${describeRate(config.rate)}${bound}`;
}

function describeRate(rate: ReplayConfig['rate']): string {
  switch (rate.mode) {
    case 'recorded':
      return 'as recorded';
    case 'fixed':
      return `${rate.framesPerSecond} frames/s`;
    case 'maximum':
      return 'as fast as possible';
  }
}

function duplicate(id: string): RefusalError {
  return new RefusalError({
    code: 'duplicate-name',
    what: `The link ${id} cannot be added.`,
    why: 'A link with this id exists here already.',
    remedy: 'Remove it first, or choose another id.',
    field: 'id',
  });
}
