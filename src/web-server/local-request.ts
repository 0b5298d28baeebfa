/**
 * Whether a request comes from this machine's own page. The server listens on loopback only, but a
 * browser reaches it on behalf of any site: by a name that a foreign DNS server points at 127.0.0.1
 * (caught by the Host header) or straight from a foreign page's script (caught by the Origin header,
 * which browsers always send with a WebSocket).
 */
import type { IncomingMessage } from 'node:http';

const LOOPBACK_NAMES = ['127.0.0.1', 'localhost'];

/** Whether the request was addressed to this server by a name that only means loopback. */
export function isAddressedToLoopback({ headers }: IncomingMessage, port: number): boolean {
  return LOOPBACK_NAMES.some((name) => headers.host === `${name}:${String(port)}`);
}

/** Whether the request was made by a page that came from this server. */
export function isFromOwnPage({ headers }: IncomingMessage): boolean {
  return headers.host !== undefined && headers.origin === `http://${headers.host}`;
}
