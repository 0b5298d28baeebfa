/** Which requests for a connection are answered. They come from a page, so nothing in them is trusted. */
import type { WebContents, WebFrameMain } from 'electron';
import { TARGET_PATTERN } from '../contract/connection';

const NONCE_PATTERN = /^[\w-]{1,64}$/;

/** Where a request came from, as Electron says it. */
export interface Sender {
  readonly sender: Pick<WebContents, 'mainFrame'>;
  readonly senderFrame: Pick<WebFrameMain, 'url'> | null;
}

/** Our window, its main frame, our origin: anything else has no business here. */
export function isOwnPage(
  { sender, senderFrame }: Sender,
  page: Sender['sender'] | undefined,
  pageOrigin: string,
): boolean {
  return (
    senderFrame !== null &&
    sender === page &&
    senderFrame === sender.mainFrame &&
    originOf(senderFrame.url) === pageOrigin
  );
}

/** What was asked for. */
export interface ConnectRequest {
  readonly target: string;
  /** The page's own mark, by which it knows its port. */
  readonly nonce: string;
}

/** The request, or undefined when it is malformed. */
export function readConnectRequest(target: unknown, nonce: unknown): ConnectRequest | undefined {
  if (typeof target !== 'string' || !TARGET_PATTERN.test(target)) return undefined;
  if (typeof nonce !== 'string' || !NONCE_PATTERN.test(nonce)) return undefined;
  return { target, nonce };
}

/** Node's own `origin` is `null` for a scheme that it does not know, such as ours. */
function originOf(address: string): string {
  const { protocol, host } = new URL(address);
  return `${protocol}//${host}`;
}
