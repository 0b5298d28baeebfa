/**
 * One RPC connection as the procedures see it (oRPC's context). The peer says `hello` with its
 * contract version first; a difference is refused, everything after it too, and the connection is
 * closed once the answer is on its way.
 */
import type { Refusal } from '../contract/errors';
import { CONTRACT_VERSION } from '../contract/version';
import { RefusalError } from '../shared/refusal-error';

/** Time for the refusal to reach the peer before the connection closes. */
const CLOSE_DELAY_MS = 250;

export interface Connection {
  /** Set by a failed `hello`. */
  peerVersion?: number;
  close(): void;
}

/** Checks the version of the peer's `hello`; throws `contract-version` on a difference. */
export function greet(connection: Connection, contractVersion: number): void {
  connection.peerVersion = contractVersion;
  const refusal = refusalOfMismatch(connection);
  if (refusal === undefined) return;
  setTimeout(() => connection.close(), CLOSE_DELAY_MS);
  throw new RefusalError(refusal);
}

/** Why nothing is served on this connection, or undefined when it is fine. */
export function refusalOfMismatch({ peerVersion }: Connection): Refusal | undefined {
  if (peerVersion === undefined || peerVersion === CONTRACT_VERSION) return undefined;
  return {
    code: 'contract-version',
    what: 'The two processes speak different versions of the contract.',
    why: `Expected version ${CONTRACT_VERSION}, got version ${peerVersion}.`,
    remedy: 'Close VMQ Console and start it again.',
  };
}
