/** The refusals of a migration, one function for each code, so that their texts stand together. */
import { RefusalError, refusalText } from '../../shared/refusal-error';

/** The other side, or whoever pretends to be it, sent something that the protocol does not allow. */
export function streamInvalid(why: string, cause?: unknown): RefusalError {
  return new RefusalError(
    {
      code: 'migration-stream-invalid',
      what: 'The migration stream is not valid.',
      why,
      remedy: 'Start the migration again; if it happens again, the two hosts differ in version.',
    },
    { cause },
  );
}

/** Something failed on the way; on the source, the VM runs on there. */
export function migrationFailed(vmId: string, why: string, cause?: unknown): RefusalError {
  return new RefusalError(
    { code: 'migration-failed', what: `VM ${vmId} was not moved.`, why, remedy: '' },
    { cause },
  );
}

/** Somebody asked for the end of the migration. */
export function migrationCancelled(vmId: string, why: string, cause?: unknown): RefusalError {
  return new RefusalError(
    {
      code: 'migration-cancelled',
      what: `The migration of VM ${vmId} was cancelled.`,
      why,
      remedy: '',
    },
    { cause },
  );
}

/** The target answered the Hello with a refusal. */
export function targetRefused(vmId: string, why: string): RefusalError {
  return new RefusalError({
    code: 'migration-target-refused',
    what: `The target refused VM ${vmId}.`,
    why,
    remedy: '',
  });
}

/** A call that is not legal in the state of the migration. */
export function wrongState(call: string, state: string, legal: string): RefusalError {
  return new RefusalError({
    code: 'wrong-state',
    what: `The migration did not take "${call}".`,
    why: `It is legal in: ${legal}; the migration is ${state}.`,
    remedy: '',
  });
}

/** The text of anything that was thrown, for the `why` of what it caused. */
export function reasonOf(error: unknown): string {
  if (error instanceof RefusalError) return refusalText(error.refusal);
  return error instanceof Error ? error.message : String(error);
}
