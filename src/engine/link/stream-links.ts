/**
 * Stream links: the connecting end, which connects again by itself, and the accepted end, which
 * lives as long as its connection. Link thread.
 *
 * ```
 *  client   start ─▶ connecting ─▶ connected ─ closed ─▶ waiting ─ back-off ─▶ connecting
 *                        └─ refused ─────────────────────▲
 *           wrong framing: failed, until it is started again
 * ```
 */
import { connect, type Socket } from 'node:net';
import type { DuplexPlace } from './link-protocol';
import { StreamSession, type SessionEnd } from './stream-session';
import type { LinkContext, LinkSigns, ThreadLink } from './thread-link';
import { Ticker } from './ticker';
import { discardFrames } from './wire-outlet';

const FIRST_BACK_OFF_MS = 100;
const LONGEST_BACK_OFF_MS = 2000;

export class StreamClient implements ThreadLink {
  readonly #context: LinkContext;
  readonly #place: DuplexPlace;
  readonly #signs: LinkSigns;
  readonly #socketPath: string;
  readonly #again = new Ticker(() => {
    this.#connect();
  });
  #isRunning = false;
  #backOffMs = FIRST_BACK_OFF_MS;
  #dialling: Socket | undefined;
  #session: StreamSession | undefined;
  #wasConnected = false;

  constructor(context: LinkContext, place: DuplexPlace, signs: LinkSigns, socketPath: string) {
    this.#context = context;
    this.#place = place;
    this.#signs = signs;
    this.#socketPath = socketPath;
  }

  start(): Promise<void> {
    if (!this.#isRunning) {
      this.#isRunning = true;
      this.#backOffMs = FIRST_BACK_OFF_MS;
      this.#signs.state('running', '');
      this.#connect();
    }
    return Promise.resolve();
  }

  stop(): void {
    if (!this.#isRunning) return;
    this.#hangUp();
    this.#signs.state('stopped', '');
  }

  remove(): Promise<void> {
    this.#hangUp();
    return Promise.resolve();
  }

  #hangUp(): void {
    this.#isRunning = false;
    this.#again.cancel();
    this.#dialling?.destroy();
    this.#dialling = undefined;
    if (!this.#session) return;
    this.#session.close();
    this.#session = undefined;
    this.#signs.disconnected('The link was stopped.');
  }

  #connect(): void {
    const socket = connect(this.#socketPath);
    this.#dialling = socket;
    const onError = (): void => {
      if (this.#dialling !== socket) return;
      this.#dialling = undefined;
      this.#connectLater();
    };
    socket.once('error', onError);
    socket.once('connect', () => {
      socket.off('error', onError);
      this.#dialling = undefined;
      this.#open(socket);
    });
  }

  #open(socket: Socket): void {
    // What waited while the wire was down is as lost as on a pulled cable.
    if (this.#wasConnected) discardFrames(this.#context.views, this.#place.outRing);
    this.#wasConnected = true;
    this.#backOffMs = FIRST_BACK_OFF_MS;
    this.#signs.connected();
    this.#session = new StreamSession(this.#context, socket, this.#place, (end) => {
      this.#session = undefined;
      this.#closed(end);
    });
  }

  #closed(end: SessionEnd): void {
    this.#signs.disconnected(end.reason);
    if (end.isFault) {
      this.#isRunning = false;
      this.#signs.state('failed', end.reason);
    } else this.#connectLater();
  }

  #connectLater(): void {
    this.#again.schedule(this.#backOffMs);
    this.#backOffMs = Math.min(2 * this.#backOffMs, LONGEST_BACK_OFF_MS);
  }
}

/** The accepting end of one connection; it does not come back when the connection is over. */
export class AcceptedStream implements ThreadLink {
  readonly #context: LinkContext;
  readonly #place: DuplexPlace;
  readonly #signs: LinkSigns;
  readonly #socket: Socket;
  #session: StreamSession | undefined;

  constructor(context: LinkContext, place: DuplexPlace, signs: LinkSigns, socket: Socket) {
    this.#context = context;
    this.#place = place;
    this.#signs = signs;
    this.#socket = socket;
  }

  start(): Promise<void> {
    if (this.#session) return Promise.resolve();
    this.#signs.state('running', '');
    this.#signs.connected();
    this.#session = new StreamSession(this.#context, this.#socket, this.#place, (end) => {
      if (end.isFault) this.#signs.state('failed', end.reason);
      this.#signs.disconnected(end.reason);
    });
    return Promise.resolve();
  }

  stop(): void {
    this.#session?.close();
    this.#socket.destroy();
  }

  remove(): Promise<void> {
    this.stop();
    return Promise.resolve();
  }
}
