/**
 * The link thread: a worker with an event loop that runs any number of links of its process. It is
 * asked over its control port like every engine thread, but needs no doorbell; see
 * `link-protocol.ts`. Commands are handled one after the other, so that none meets a link half made.
 */
import { performance } from 'node:perf_hooks';
import type { Refusal } from '../../contract/errors';
import { NANOSECONDS_PER_MILLISECOND } from '../../shared/units';
import { RefusalError } from '../../shared/refusal-error';
import { CT_SLEEP_NS, CT_WORK_NS, T_COUNTERS } from '../kernel/layout';
import { MemoryViews } from '../memory/host-memory';
import { loadAffinity, type Affinity } from '../thread/affinity';
import { monotonicClock } from '../thread/clock';
import { instantiateKernel } from '../thread/kernel';
import type { FromThread, ThreadRequest, ThreadStart, ToThread } from '../thread/protocol';
import { CaptureError } from './capture/capture-error';
import { GeneratorLink } from './generator-link';
import type { LinkAnswer, LinkCommand, LinkSign } from './link-protocol';
import { ProbeLink } from './probe-link';
import { ReplayLink } from './replay-link';
import { AcceptedStream, StreamClient } from './stream-links';
import { StreamListener } from './stream-listener';
import type { LinkContext, LinkSigns, ThreadLink } from './thread-link';

/** How often the CPU account is brought up to date while there is work. */
const ACCOUNT_INTERVAL_NS = 20 * NANOSECONDS_PER_MILLISECOND;
const DONE: LinkAnswer = { ok: true };
const ABOUT_PROBES: ReadonlySet<LinkCommand['kind']> = new Set([
  'finish-probe',
  'sample-probe',
  'lose-probes',
]);

/** Runs until it is told to stop. Called by the thread's entry; returns at once, the event loop runs on. */
export function runLinkThread(start: ThreadStart): void {
  const affinity = loadAffinity();
  const pinned = start.processor >= 0 && affinity.pin(start.processor);
  const post = (message: FromThread): void => start.control.postMessage(message);
  const links = new LinkThread(start, affinity, (sign) =>
    post({ kind: 'link-event', event: sign }),
  );

  const answer = async (request: ThreadRequest): Promise<unknown> => {
    if (request.kind === 'sync') return true;
    if (request.kind === 'pin') return affinity.pin(request.processor);
    if (request.kind !== 'link') throw new Error(`a link thread does not answer ${request.kind}`);
    // The control side is `LinkControl`, of the same build.
    return links.handle(request.command as LinkCommand);
  };

  start.control.on('message', (message: ToThread) => {
    if (message.kind === 'stop') {
      void links.close().then(() => start.control.close());
      return;
    }
    answer(message.request).then(
      (result) => post({ kind: 'answer', id: message.id, result }),
      (cause: unknown) => post({ kind: 'refused', id: message.id, message: messageOf(cause) }),
    );
  });
  post({ kind: 'ready', threadId: affinity.threadId(), pinned, affinityReason: affinity.reason });
}

/** All links of the thread. */
class LinkThread {
  readonly #context: LinkContext;
  readonly #post: (sign: LinkSign) => void;
  readonly #links = new Map<string, ThreadLink>();
  readonly #listeners = new Map<string, StreamListener>();
  #lastConnection = 0;
  /** The command that is handled now, and those behind it. */
  #queue: Promise<unknown> = Promise.resolve();

  constructor(start: ThreadStart, affinity: Affinity, post: (sign: LinkSign) => void) {
    const views = new MemoryViews(start.memory);
    const clock = monotonicClock();
    this.#context = {
      views,
      clock,
      kernel: instantiateKernel(start.module, start.memory),
      yieldProcessor: () => affinity.yieldProcessor(),
      account: cpuAccount(views, start.thread, clock),
    };
    this.#post = post;
  }

  handle(command: LinkCommand): Promise<LinkAnswer> {
    // These concern one probe alone: other links must not wait for late answers, nor samples for links.
    if (ABOUT_PROBES.has(command.kind)) return this.#answer(command);
    const answer = this.#queue.then(() => this.#answer(command));
    this.#queue = answer;
    return answer;
  }

  async close(): Promise<void> {
    for (const listener of this.#listeners.values()) listener.close();
    await Promise.all([...this.#links.values()].map((link) => link.remove()));
    this.#links.clear();
  }

  async #answer(command: LinkCommand): Promise<LinkAnswer> {
    try {
      return await this.#do(command);
    } catch (cause) {
      return { ok: false, refusal: refusalOf(cause) };
    }
  }

  async #do(command: LinkCommand): Promise<LinkAnswer> {
    const context = this.#context;
    switch (command.kind) {
      case 'open-stream': {
        const { place, socketPath } = command;
        const link = new StreamClient(context, place, this.#signs(place.linkId), socketPath);
        return this.#add(place.linkId, link, () => link.start());
      }
      case 'accept': {
        const { place, connectionId } = command;
        const socket = this.#takeConnection(connectionId);
        if (!socket || socket.destroyed) throw gone(place.linkId);
        const link = new AcceptedStream(context, place, this.#signs(place.linkId), socket);
        return this.#add(place.linkId, link, () => link.start());
      }
      case 'reject':
        this.#takeConnection(command.connectionId)?.destroy();
        return DONE;
      case 'listen':
        return this.#listen(command.listenerId, command.socketPath);
      case 'unlisten':
        this.#listeners.get(command.listenerId)?.close();
        this.#listeners.delete(command.listenerId);
        return DONE;
      case 'add-replay': {
        const { order } = command;
        const link = new ReplayLink(context, order, this.#signs(order.linkId));
        return this.#add(order.linkId, link, () => link.prepare());
      }
      case 'add-generator': {
        const { order } = command;
        const link = new GeneratorLink(context, order, this.#signs(order.linkId));
        return this.#add(order.linkId, link, () => Promise.resolve());
      }
      case 'add-probe': {
        const { place, flow } = command;
        const link = new ProbeLink(context, place, this.#signs(place.linkId), flow);
        return this.#add(place.linkId, link, () => link.start());
      }
      case 'finish-probe':
        return { ok: true, probe: await this.#probe(command.linkId).finish() };
      case 'sample-probe':
        return { ok: true, sample: this.#probe(command.linkId).sample() };
      case 'lose-probes':
        this.#probe(command.linkId).lose(command.direction, command.frames);
        return DONE;
      case 'start':
        await this.#link(command.linkId).start();
        return DONE;
      case 'stop':
        this.#link(command.linkId).stop();
        return DONE;
      case 'remove':
        await this.#links.get(command.linkId)?.remove();
        this.#links.delete(command.linkId);
        return DONE;
    }
  }

  /** Keeps a link whose `first` step works; of any other, nothing is left. */
  async #add(linkId: string, link: ThreadLink, first: () => Promise<void>): Promise<LinkAnswer> {
    this.#links.set(linkId, link);
    try {
      await first();
    } catch (cause) {
      this.#links.delete(linkId);
      await link.remove();
      throw cause;
    }
    return DONE;
  }

  async #listen(listenerId: string, socketPath: string): Promise<LinkAnswer> {
    const nextId = (): number => ++this.#lastConnection;
    const listener = new StreamListener(nextId, (connectionId) => {
      this.#post({ kind: 'connection', listenerId, connectionId });
    });
    await listener.listen(socketPath);
    this.#listeners.set(listenerId, listener);
    return DONE;
  }

  #probe(linkId: string): ProbeLink {
    const link = this.#link(linkId);
    if (!(link instanceof ProbeLink)) throw new Error(`link ${linkId} is no probe`);
    return link;
  }

  #takeConnection(connectionId: number): ReturnType<StreamListener['take']> {
    for (const listener of this.#listeners.values()) {
      const socket = listener.take(connectionId);
      if (socket) return socket;
    }
    return undefined;
  }

  #link(linkId: string): ThreadLink {
    const link = this.#links.get(linkId);
    if (!link) throw new Error(`there is no link ${linkId}`);
    return link;
  }

  #signs(linkId: string): LinkSigns {
    return {
      state: (state, reason) => this.#post({ kind: 'state', linkId, state, reason }),
      connected: () => this.#post({ kind: 'connected', linkId }),
      disconnected: (reason) => this.#post({ kind: 'disconnected', linkId, reason }),
    };
  }
}

/** Publishes the thread's time at work and asleep, by the account of its event loop. */
function cpuAccount(views: MemoryViews, thread: number, clock: () => number): () => void {
  const counters = thread + T_COUNTERS;
  let nextNs = 0;
  return () => {
    const now = clock();
    if (now < nextNs) return;
    nextNs = now + ACCOUNT_INTERVAL_NS;
    const { active, idle } = performance.eventLoopUtilization();
    views.setF64(counters + CT_WORK_NS * 8, active * NANOSECONDS_PER_MILLISECOND);
    views.setF64(counters + CT_SLEEP_NS * 8, idle * NANOSECONDS_PER_MILLISECOND);
  };
}

function gone(linkId: string): RefusalError {
  return new RefusalError({
    code: 'link-failed',
    what: `The link ${linkId} was not opened.`,
    why: 'The peer closed the connection before it was accepted.',
    remedy: '',
  });
}

function refusalOf(cause: unknown): Refusal {
  if (cause instanceof RefusalError) return cause.refusal;
  if (cause instanceof CaptureError) {
    const isUnreadable = cause.code === 'capture-unreadable';
    return {
      code: cause.code,
      what: isUnreadable
        ? 'The capture cannot be read.'
        : 'The capture is damaged or of an unknown kind.',
      why: cause.message,
      remedy: isUnreadable
        ? 'Check the path and the permissions.'
        : 'Choose an Ethernet capture in pcap or pcapng format.',
      field: 'file',
    };
  }
  return { code: 'link-failed', what: 'The link failed.', why: messageOf(cause), remedy: '' };
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
