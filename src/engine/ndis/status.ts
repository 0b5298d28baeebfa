/**
 * NDIS status codes that the control plane uses, by name and value, and the error with which a
 * request is refused. Names and meanings: `docs/vmq-reference.md` §9; who answers what: §9.4.
 *
 * A refused request has changed nothing; the error says what was expected and what was found.
 */
import { RefusalError } from '../../shared/refusal-error';
import type { OidName } from './oid';

/** Completion statuses of requests. The numbers are those of the platform's public headers. */
export const NDIS_STATUS_VALUES = {
  NDIS_STATUS_SUCCESS: 0x00000000,
  NDIS_STATUS_PENDING: 0x00000103,
  NDIS_STATUS_NOT_ACCEPTED: 0x00010003,
  NDIS_STATUS_FAILURE: 0xc0000001,
  NDIS_STATUS_INVALID_PARAMETER: 0xc000000d,
  NDIS_STATUS_RESOURCES: 0xc000009a,
  NDIS_STATUS_NOT_SUPPORTED: 0xc00000bb,
  NDIS_STATUS_CLOSING: 0xc0010002,
  NDIS_STATUS_BAD_CHARACTERISTICS: 0xc0010005,
  NDIS_STATUS_REQUEST_ABORTED: 0xc001000c,
  NDIS_STATUS_INVALID_LENGTH: 0xc0010014,
  NDIS_STATUS_FILE_NOT_FOUND: 0xc001001b,
} as const;

/** Name of a completion status. */
export type NdisStatus = keyof typeof NDIS_STATUS_VALUES;

/** Status indications that travel upwards (§3.6), with their values. */
export const NDIS_INDICATION_VALUES = {
  NDIS_STATUS_RECEIVE_QUEUE_STATE: 0x4002000d,
  NDIS_STATUS_RECEIVE_FILTER_CURRENT_CAPABILITIES: 0x40020010,
  NDIS_STATUS_RECEIVE_FILTER_HARDWARE_CAPABILITIES: 0x40020020,
  NDIS_STATUS_RECEIVE_FILTER_QUEUE_PARAMETERS: 0x40020030,
} as const;

/** Name of a status indication. */
export type NdisIndication = keyof typeof NDIS_INDICATION_VALUES;

/** Functions of the driver interface that can be refused as an OID request can. */
export type NdisFunction =
  | 'NdisMSetMiniportAttributes'
  | 'NdisMIndicateStatusEx'
  | 'NdisOpenAdapterEx'
  | 'NdisCloseAdapterEx'
  | 'MiniportInitializeEx'
  | 'MiniportPause'
  | 'MiniportRestart'
  | 'MiniportResetEx'
  | 'MiniportHaltEx'
  | 'MiniportDevicePnPEventNotify';

/** What is wrong with a request, before it is known which request it was. */
export interface RequestFault {
  readonly status: NdisStatus;
  /** The member at fault; left out when the request as a whole is. */
  readonly field?: string;
  readonly expected: string;
  readonly found: string;
  /** What the caller can do about it; left out when nothing can be done. */
  readonly remedy?: string;
  /** With INVALID_LENGTH: the least length of the buffer, in bytes. */
  readonly bytesNeeded?: number;
}

/** The refusal of one request. */
export class NdisStatusError extends RefusalError {
  readonly status: NdisStatus;
  /** The OID, or the driver interface function, that was refused. */
  readonly oid: OidName | NdisFunction;
  readonly field: string | undefined;
  readonly expected: string;
  readonly found: string;
  /** With INVALID_LENGTH: the least length of the buffer, in bytes (BytesNeeded, §9.1). */
  readonly bytesNeeded: number | undefined;

  constructor(oid: OidName | NdisFunction, fault: RequestFault, options?: ErrorOptions) {
    const at = fault.field === undefined ? '' : `${fault.field}: `;
    super(
      {
        code: 'ndis-status',
        what: `${oid} was refused with ${fault.status}.`,
        why: `${at}expected ${fault.expected}, found ${fault.found}.`,
        remedy: fault.remedy ?? '',
        ...(fault.field === undefined ? {} : { field: fault.field }),
      },
      options,
    );
    this.name = 'NdisStatusError';
    this.status = fault.status;
    this.oid = oid;
    this.field = fault.field;
    this.expected = fault.expected;
    this.found = fault.found;
    this.bytesNeeded = fault.bytesNeeded;
  }
}

/** The usual fault: a member with a value that the rules do not allow (§9.4). */
export function invalidParameter(field: string, expected: string, found: string): RequestFault {
  return { status: 'NDIS_STATUS_INVALID_PARAMETER', field, expected, found };
}

/** Name and value for logs: `NDIS_STATUS_RESOURCES (0xc000009a)`. */
export function formatNdisStatus(status: NdisStatus): string {
  return `${status} (0x${NDIS_STATUS_VALUES[status].toString(16).padStart(8, '0')})`;
}
