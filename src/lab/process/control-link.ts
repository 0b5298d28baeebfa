/**
 * The control RPC of one engine process: oRPC over the parent channel. Every error that comes out
 * of a call is a {@link RefusalError}: the engine's own refusals unchanged, and `host-unavailable`
 * with the cause when the process ended, was closed, or did not answer in time.
 */
import { ORPCError, type ClientContext } from '@orpc/client';
import { RPCLink } from '@orpc/client/message-port';
import type { ContractRouterClient } from '@orpc/contract';
import { z } from 'zod';

import { refusalSchema } from '../../contract/errors';
import type { fabricControlContract, hostControlContract } from '../../contract/host';
import { parentChannelPort } from '../../shared/message-channel-port';
import { RefusalError } from '../../shared/refusal-error';
import { hostUnavailable, refusal } from '../refusals';
import type { SpawnedProcess } from './spawner';

export type HostControl = ContractRouterClient<typeof hostControlContract>;
export type FabricControl = ContractRouterClient<typeof fabricControlContract>;

/** Longest time that a command may take before its process counts as hung. */
export const COMMAND_DEADLINE_MS = 30_000;
/** `open` touches memory and starts threads; on a loaded machine that takes a while. */
const OPEN_DEADLINE_MS = 120_000;
/** Calls that answer with a stream and may therefore last. */
const STREAMS: ReadonlySet<string> = new Set(['watch', 'events', 'sendVm', 'watchProbe']);

const rpcMessageSchema = z.object({ kind: z.literal('rpc'), data: z.unknown() });

export interface ControlLink {
  readonly link: RPCLink<ClientContext>;
  /** Ends the link; what is pending rejects with `host-unavailable` and this cause. */
  close(cause: string): void;
  /** Any error of a call or stream of this link as a refusal. */
  readonly toRefusal: (error: unknown) => RefusalError;
}

/** Opens the control RPC of `process`, called `name` in refusals. */
export function openControlLink(
  process: SpawnedProcess,
  name: string,
  deadlineMs = COMMAND_DEADLINE_MS,
): ControlLink {
  const channel = parentChannelPort((data) => process.post({ kind: 'rpc', data }));
  let closeCause: string | undefined;

  process.onMessage((message) => {
    const parsed = rpcMessageSchema.safeParse(message);
    if (parsed.success) channel.deliver(parsed.data.data);
  });

  const toRefusal = (error: unknown): RefusalError => {
    if (error instanceof RefusalError) return error;
    if (error instanceof ORPCError && error.code === 'REFUSED') {
      const parsed = refusalSchema.safeParse(error.data);
      if (parsed.success) return new RefusalError(parsed.data, { cause: error });
    }
    if (closeCause !== undefined) return hostUnavailable(name, closeCause, { cause: error });
    const why = error instanceof Error ? error.message : String(error);
    if (!(error instanceof ORPCError)) return hostUnavailable(name, why, { cause: error });
    return refusal({
      code: 'internal',
      what: `${name} could not carry the command out.`,
      why,
      remedy: '',
    });
  };

  const link = new RPCLink<ClientContext>({
    port: channel.port,
    interceptors: [
      async (call) => {
        const command = call.path.join('.');
        const limitMs = command === 'open' ? Math.max(deadlineMs, OPEN_DEADLINE_MS) : deadlineMs;
        try {
          if (!STREAMS.has(command)) return await withDeadline(call.next(), limitMs, command);
          const answer: unknown = await call.next();
          return isStream(answer) ? refusingStream(answer, toRefusal) : answer;
        } catch (error) {
          throw toRefusal(error);
        }
      },
    ],
  });

  return {
    link,
    toRefusal,
    close(cause) {
      closeCause ??= cause;
      channel.close();
    },
  };
}

function isStream(answer: unknown): answer is AsyncIterator<unknown> {
  return typeof answer === 'object' && answer !== null && 'next' in answer;
}

/** A stream whose errors are refusals, as those of a call are. */
function refusingStream(
  stream: AsyncIterator<unknown>,
  toRefusal: (error: unknown) => RefusalError,
): AsyncIterableIterator<unknown> {
  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    async next() {
      try {
        return await stream.next();
      } catch (error) {
        throw toRefusal(error);
      }
    },
    async return(value: unknown) {
      return (await stream.return?.(value)) ?? { done: true, value };
    },
  };
}

/** Waits for `promise`, at most `limitMs`. */
export async function withDeadline<T>(
  promise: Promise<T>,
  limitMs: number,
  what: string,
): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const expired = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(
      () => reject(new Error(`no answer to ${what} within ${limitMs / 1000} s`)),
      limitMs,
    );
  });
  try {
    return await Promise.race([promise, expired]);
  } finally {
    clearTimeout(timer);
  }
}
