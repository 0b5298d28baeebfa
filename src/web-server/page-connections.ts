/**
 * The page's WebSockets, one per target. The lab answers in this process; a host gets the socket
 * itself, before its upgrade is completed, and this process relays nothing.
 */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer, type WebSocket } from 'ws';
import { TARGET_PATTERN, WEBSOCKET_PATH } from '../contract/connection';
import { RefusalError } from '../shared/refusal-error';
import { isAddressedToLoopback, isFromOwnPage } from './local-request';
import type { Session } from './session';

/** Pages send small requests only. */
const LARGEST_MESSAGE_BYTES = 1024 * 1024;
/** What a host needs to complete the upgrade; cookies stay here. */
const UPGRADE_HEADERS = [
  'upgrade',
  'connection',
  'sec-websocket-key',
  'sec-websocket-version',
  'sec-websocket-protocol',
  'sec-websocket-extensions',
];

/** Where the connections lead. */
export interface PageTargets {
  /** Serves the lab's contract. */
  connectLab(socket: WebSocket): void;
  /**
   * Hands a socket to a host, with the head of its request.
   * @throws RefusalError when the host cannot take it
   */
  connectHost(
    hostId: string,
    target: 'view' | 'telemetry',
    socket: Duplex,
    head: UpgradeHead,
  ): void;
}

/** The HTTP request of an upgrade, as `engine-host/web-socket-upgrade.ts` reads it. */
export interface UpgradeHead {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly rest: Uint8Array;
}

export class PageConnections {
  readonly #session: Session;
  readonly #port: number;
  readonly #targets: PageTargets;
  readonly #webSockets = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: LARGEST_MESSAGE_BYTES,
  });

  constructor(session: Session, port: number, targets: PageTargets) {
    this.#session = session;
    this.#port = port;
    this.#targets = targets;
  }

  /** Answers an upgrade request: leads the socket to its target or refuses it. */
  accept(request: IncomingMessage, socket: Duplex, rest: Buffer): void {
    // A page that goes away in the middle of this must not end the process.
    socket.on('error', () => socket.destroy());
    const status = this.#refusalStatus(request);
    if (status !== undefined) {
      refuse(socket, status);
      return;
    }
    const target = targetOf(request);
    if (target === undefined) refuse(socket, '404 Not Found');
    else if (target === 'lab') this.#acceptLab(request, socket, rest);
    else this.#handOver(target, request, socket, rest);
  }

  /** Ends the connections to the lab; those to hosts end with the hosts. */
  close(): void {
    for (const socket of this.#webSockets.clients) socket.terminate();
  }

  #refusalStatus(request: IncomingMessage): string | undefined {
    if (!isAddressedToLoopback(request, this.#port)) return '403 Forbidden';
    if (!isFromOwnPage(request)) return '403 Forbidden';
    return this.#session.admits(request.headers.cookie) ? undefined : '401 Unauthorized';
  }

  #acceptLab(request: IncomingMessage, socket: Duplex, rest: Buffer): void {
    this.#webSockets.handleUpgrade(request, socket, rest, (webSocket) => {
      webSocket.on('error', () => webSocket.terminate());
      this.#targets.connectLab(webSocket);
    });
  }

  #handOver(target: HostTarget, request: IncomingMessage, socket: Duplex, rest: Buffer): void {
    const headers = Object.fromEntries(
      UPGRADE_HEADERS.map((name) => [name, request.headers[name]]).filter(
        (pair): pair is [string, string] => typeof pair[1] === 'string',
      ),
    );
    const head = { method: request.method ?? '', url: request.url ?? '', headers, rest };
    try {
      this.#targets.connectHost(target.hostId, target.kind, socket, head);
    } catch (error) {
      if (!(error instanceof RefusalError)) throw error;
      refuse(socket, '503 Service Unavailable');
    }
  }
}

interface HostTarget {
  readonly kind: 'view' | 'telemetry';
  readonly hostId: string;
}

/** `lab`, or a host's view or telemetry. */
function targetOf({ url = '' }: IncomingMessage): 'lab' | HostTarget | undefined {
  const target = url.startsWith(WEBSOCKET_PATH) ? url.slice(WEBSOCKET_PATH.length) : '';
  if (!TARGET_PATTERN.test(target)) return undefined;
  const [name, hostId] = target.split('/');
  if (hostId === undefined) return 'lab';
  return { kind: name === 'host' ? 'view' : 'telemetry', hostId };
}

function refuse(socket: Duplex, status: string): void {
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}
