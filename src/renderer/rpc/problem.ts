/**
 * A failed call as the page shows it: what happened, why, what to do, and a code. Refusals come from the
 * other side as data; everything else (a closed connection, a deadline) is put into the same form here.
 */
import { ORPCError } from '@orpc/client';
import { refusalSchema } from '../../contract/errors';

export interface Problem {
  readonly code: string;
  readonly what: string;
  readonly why: string;
  readonly remedy: string;
  /** Path of the offending field in the request, when a field is at fault. */
  readonly field?: string | undefined;
}

/** An error that already carries its {@link Problem}. */
export class ProblemError extends Error {
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem.what);
    this.name = 'ProblemError';
    this.problem = problem;
  }
}

export function connectionClosed(target: string): Problem {
  return {
    code: 'connection-closed',
    what: `The connection to ${target} is closed.`,
    why: 'Its process ended, or it has not started yet.',
    remedy: 'The console connects again by itself. Repeat the action when it is connected.',
  };
}

export function problemOf(error: unknown): Problem {
  if (error instanceof ProblemError) return error.problem;
  if (error instanceof ORPCError && error.code === 'REFUSED') {
    const refusal = refusalSchema.safeParse(error.data);
    if (refusal.success) return refusal.data;
  }
  const message = error instanceof Error ? error.message : String(error);
  if (/clos|not open|abort/i.test(message)) return { ...connectionClosed('the lab'), why: message };
  return {
    code:
      error instanceof ORPCError
        ? String(error.code).toLowerCase().replaceAll('_', '-')
        : 'unexpected',
    what: 'The request failed.',
    why: message,
    remedy: 'Look at the event list for its cause and try again.',
  };
}
