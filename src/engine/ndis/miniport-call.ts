/**
 * Calls into the miniport: whatever it answers becomes a value or an {@link NdisStatusError}.
 */
import type { OidName } from './oid';
import { NdisStatusError, type NdisStatus } from './status';

/** The answer of a miniport call; a rejection that is no status becomes NDIS_STATUS_FAILURE. */
export async function callMiniport<Answer>(
  oid: OidName,
  call: () => Promise<Answer>,
): Promise<Answer> {
  try {
    return await call();
  } catch (error) {
    if (error instanceof NdisStatusError) throw error;
    throw miniportRefusal(oid, 'NDIS_STATUS_FAILURE', String(error), { cause: error });
  }
}

/** Refuses the request when the miniport does. */
export function requireSuccess(oid: OidName, status: NdisStatus): void {
  if (status !== 'NDIS_STATUS_SUCCESS') throw miniportRefusal(oid, status, status);
}

function miniportRefusal(
  oid: OidName,
  status: NdisStatus,
  found: string,
  options?: ErrorOptions,
): NdisStatusError {
  return new NdisStatusError(oid, { status, expected: 'the adapter to accept it', found }, options);
}
