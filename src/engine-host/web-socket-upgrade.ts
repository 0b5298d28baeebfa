/**
 * Completes the WebSocket upgrade of a socket that the web server handed over. The web server has
 * checked who asks (session, origin, host) and relays nothing afterwards; the bytes of the page come
 * straight here.
 */
import { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { WebSocketServer, type WebSocket } from 'ws';

/** Pages send small requests only. */
const LARGEST_MESSAGE_BYTES = 1024 * 1024;

/** The HTTP request as far as the upgrade needs it; `data` of the handover message. */
export interface UpgradeHead {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** What followed the request in the same packet. */
  readonly rest: Uint8Array;
}

const server = new WebSocketServer({
  noServer: true,
  perMessageDeflate: false,
  maxPayload: LARGEST_MESSAGE_BYTES,
});

/** Answers the upgrade and gives the open WebSocket to `onOpen`; a malformed head ends the socket. */
export function completeUpgrade(
  socket: Socket,
  head: unknown,
  onOpen: (socket: WebSocket) => void,
): void {
  if (!isUpgradeHead(head)) {
    socket.destroy();
    return;
  }
  const { method, url, headers, rest } = head;
  const request = Object.assign(new IncomingMessage(socket), { method, url, headers });
  server.handleUpgrade(request, socket, Buffer.from(rest), onOpen);
}

function isUpgradeHead(head: unknown): head is UpgradeHead {
  return (
    typeof head === 'object' &&
    head !== null &&
    'method' in head &&
    typeof head.method === 'string' &&
    'url' in head &&
    typeof head.url === 'string' &&
    'headers' in head &&
    typeof head.headers === 'object' &&
    head.headers !== null &&
    'rest' in head &&
    head.rest instanceof Uint8Array
  );
}
