/**
 * Turns whatever a procedure throws into the one typed error that crosses the border: `REFUSED` with
 * a refusal. The engine's own refusals pass unchanged, an invalid request becomes `invalid-value`
 * with its field, and anything else is a fault: logged with its stack, answered as `internal`.
 *
 * Installed as an interceptor of every RPC handler of this process, for answers and for streams.
 */
import { ORPCError, ValidationError } from '@orpc/server';
import type { Refusal } from '../contract/errors';
import { RefusalError } from '../shared/refusal-error';
import { refusalOfMismatch, type Connection } from './connection';
import type { Logger } from './log';

/** The part of oRPC's interceptor options that is used here. */
interface CallOptions {
  readonly path: readonly string[];
  readonly context: Connection;
  readonly next: () => Promise<unknown>;
}

/** Makes the interceptor; `log` gets what is not a refusal. */
export function answerRefusals(log: Logger): (call: CallOptions) => Promise<unknown> {
  return async ({ path, context, next }) => {
    const command = path.join('.');
    const mismatch = refusalOfMismatch(context);
    if (mismatch !== undefined) throw refusedError(mismatch);
    try {
      const output = await next();
      return isStream(output) ? refusingStream(output, command, log) : output;
    } catch (error) {
      throw refusedError(refusalOf(error, command, log), error);
    }
  };
}

function isStream(output: unknown): output is AsyncIterable<unknown> {
  return typeof output === 'object' && output !== null && Symbol.asyncIterator in output;
}

async function* refusingStream(
  stream: AsyncIterable<unknown>,
  command: string,
  log: Logger,
): AsyncGenerator {
  try {
    yield* stream;
  } catch (error) {
    throw refusedError(refusalOf(error, command, log), error);
  }
}

function refusedError(data: Refusal, cause?: unknown): ORPCError<'REFUSED', Refusal> {
  return new ORPCError('REFUSED', {
    status: 409,
    message: 'The request was refused.',
    data,
    cause,
  });
}

function refusalOf(error: unknown, command: string, log: Logger): Refusal {
  if (error instanceof RefusalError) return error.refusal;
  if (isInvalidInput(error)) return refusalOfInput(error.cause, command);
  log.error({ err: error, command }, 'a command failed unexpectedly');
  return {
    code: 'internal',
    what: `The command "${command}" failed.`,
    why: error instanceof Error ? error.message : String(error),
    remedy: 'Restart the host if it happens again; its log has the details.',
  };
}

/** oRPC answers `BAD_REQUEST` for input that its schema refuses; a wrong output has another code. */
function isInvalidInput(
  error: unknown,
): error is ORPCError<'BAD_REQUEST', unknown> & { cause: ValidationError } {
  return (
    error instanceof ORPCError &&
    error.code === 'BAD_REQUEST' &&
    error.cause instanceof ValidationError
  );
}

function refusalOfInput(error: ValidationError, command: string): Refusal {
  const issue = error.issues[0];
  const path = (issue?.path ?? []).map((part) =>
    String(typeof part === 'object' ? part.key : part),
  );
  return {
    code: 'invalid-value',
    what: `The command "${command}" has an invalid value${path.length > 0 ? ` in ${path.join('.')}` : ''}.`,
    why: issue?.message ?? error.message,
    remedy: '',
    ...(path.length > 0 && { field: path.join('.') }),
  };
}
