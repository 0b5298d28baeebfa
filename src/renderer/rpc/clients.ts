/** Typed RPC clients over a channel, and the few things every session does with one. */
import { createORPCClient, type ClientContext, type ClientLink } from '@orpc/client';
import { RPCLink as PortLink } from '@orpc/client/message-port';
import { RPCLink as SocketLink } from '@orpc/client/websocket';
import type { ContractRouterClient } from '@orpc/contract';
import type { hostViewContract } from '../../contract/host';
import type { labContract } from '../../contract/lab';
import { onChannelClosed, type Channel } from './bridge';
import { connectionClosed, ProblemError } from './problem';

export type LabClient = ContractRouterClient<typeof labContract>;
export type HostViewClient = ContractRouterClient<typeof hostViewContract>;

const CALL_DEADLINE_MS = 30_000;

export function labClientOver(channel: Channel): LabClient {
  return createORPCClient<LabClient>(linkOver(channel));
}

export function hostViewClientOver(channel: Channel): HostViewClient {
  return createORPCClient<HostViewClient>(linkOver(channel));
}

function linkOver(channel: Channel): ClientLink<ClientContext> {
  if (channel.kind === 'socket') return new SocketLink({ websocket: channel.socket });
  const link = new PortLink({ port: channel.port });
  channel.port.start();
  return link;
}

/** Rejects when the call has no answer within the deadline. */
export function withDeadline<Value>(
  call: Promise<Value>,
  what: string,
  deadlineMs = CALL_DEADLINE_MS,
): Promise<Value> {
  return new Promise<Value>((resolve, reject) => {
    const timer = setTimeout(() => {
      reject(
        new ProblemError({
          code: 'connection-closed',
          what: `No answer to: ${what}.`,
          why: `The other side did not answer within ${deadlineMs / 1000} seconds.`,
          remedy: 'Look at the state of the host, then try again.',
        }),
      );
    }, deadlineMs);
    call.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

/** Hands each value of a stream to `receive` until the stream or `signal` ends. */
export async function follow<Value>(
  opening: Promise<AsyncIterable<Value>>,
  signal: AbortSignal,
  receive: (value: Value) => void,
): Promise<void> {
  for await (const value of await opening) {
    if (signal.aborted) return;
    receive(value);
  }
}

/** Settles with the first stream that ends, with the channel, or with `signal`; late rejections are kept quiet. */
export async function untilFirstEnds(
  streams: readonly Promise<void>[],
  channel: Channel,
  signal: AbortSignal,
  target: string,
): Promise<void> {
  const closed = new Promise<void>((_, reject) => {
    onChannelClosed(channel, () => reject(new ProblemError(connectionClosed(target))));
  });
  const aborted = new Promise<void>((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
  const all = [...streams, closed, aborted];
  for (const stream of all) stream.catch(() => undefined);
  await Promise.race(all);
  if (!signal.aborted) throw new ProblemError(connectionClosed(target));
}
