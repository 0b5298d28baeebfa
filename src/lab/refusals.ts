/** The refusals that more than one command of the lab raises, each with its sentence and remedy. */
import type { Refusal } from '../contract/errors';
import { RefusalError } from '../shared/refusal-error';

/** A refusal as an error. */
export function refusal(refusal: Refusal): RefusalError {
  return new RefusalError(refusal);
}

/** Nothing has this id (any more). */
export function notFound(kind: string, id: string): RefusalError {
  return refusal({
    code: 'not-found',
    what: `There is no ${kind} "${id}".`,
    why: 'It may have been deleted meanwhile.',
    remedy: '',
  });
}

/** The object is not in a state in which this is possible. */
export function wrongState(what: string, why: string, remedy: string): RefusalError {
  return refusal({ code: 'wrong-state', what, why, remedy });
}

/** A value that breaks a rule; `field` is its path in the request. */
export function invalidValue(
  field: string,
  what: string,
  why: string,
  remedy: string,
): RefusalError {
  return refusal({ code: 'invalid-value', what, why, remedy, field });
}

/** A process is not there to carry a command out. */
export function hostUnavailable(name: string, why: string, options?: ErrorOptions): RefusalError {
  return new RefusalError(
    {
      code: 'host-unavailable',
      what: `${name} is not running.`,
      why,
      remedy: 'Wait until it has been restarted, or restart it.',
    },
    options,
  );
}

/** What is known of any error, as a refusal: refusals as they are, others as a fault of the program. */
export function asRefusal(error: unknown): Refusal {
  if (error instanceof RefusalError) return error.refusal;
  return {
    code: 'internal',
    what: 'An unexpected error occurred.',
    why: error instanceof Error ? error.message : String(error),
    remedy: '',
  };
}

/** Whether an error is the answer of a process, rather than its silence or its end. */
export function hasAnswered(error: unknown): boolean {
  if (!(error instanceof RefusalError)) return false;
  return error.refusal.code !== 'host-unavailable' && error.refusal.code !== 'internal';
}
