/**
 * The receive-filter OIDs (`docs/vmq-reference.md` §9.1): code, request form, and which layer
 * answers. Six forms reach the miniport; seven are answered by the NDIS layer from its cache;
 * MOVE_FILTER belongs to SR-IOV and is refused by this layer with NDIS_STATUS_NOT_SUPPORTED.
 */

/** Numeric codes of the OIDs. */
export const OID_CODES = {
  OID_RECEIVE_FILTER_HARDWARE_CAPABILITIES: 0x00010221,
  OID_RECEIVE_FILTER_GLOBAL_PARAMETERS: 0x00010222,
  OID_RECEIVE_FILTER_ALLOCATE_QUEUE: 0x00010223,
  OID_RECEIVE_FILTER_FREE_QUEUE: 0x00010224,
  OID_RECEIVE_FILTER_ENUM_QUEUES: 0x00010225,
  OID_RECEIVE_FILTER_QUEUE_PARAMETERS: 0x00010226,
  OID_RECEIVE_FILTER_SET_FILTER: 0x00010227,
  OID_RECEIVE_FILTER_CLEAR_FILTER: 0x00010228,
  OID_RECEIVE_FILTER_ENUM_FILTERS: 0x00010229,
  OID_RECEIVE_FILTER_PARAMETERS: 0x0001022a,
  OID_RECEIVE_FILTER_QUEUE_ALLOCATION_COMPLETE: 0x0001022b,
  OID_RECEIVE_FILTER_CURRENT_CAPABILITIES: 0x0001022d,
  OID_RECEIVE_FILTER_MOVE_FILTER: 0x00010230,
} as const;

/** Name of a receive-filter OID. */
export type OidName = keyof typeof OID_CODES;

/** How a request is sent: a query gives data out, a set takes data in, a method does both. */
export type RequestKind = 'query' | 'set' | 'method';

/** Which layer gives the final answer. */
export type OidHandler = 'ndis' | 'miniport';

/** One form in which an OID can be requested. */
export interface OidForm {
  readonly oid: OidName;
  readonly kind: RequestKind;
  readonly handler: OidHandler;
  /** Lowest NDIS version that knows it. */
  readonly since: '6.20' | '6.30';
}

const oidForm = (
  oid: OidName,
  kind: RequestKind,
  handler: OidHandler,
  since: OidForm['since'] = '6.20',
): OidForm => ({ oid, kind, handler, since });

/** Every form of §9.1. QUEUE_ALLOCATION_COMPLETE is a method (§11 point 5). */
export const OID_FORMS: readonly OidForm[] = [
  oidForm('OID_RECEIVE_FILTER_HARDWARE_CAPABILITIES', 'query', 'ndis'),
  oidForm('OID_RECEIVE_FILTER_GLOBAL_PARAMETERS', 'query', 'ndis'),
  oidForm('OID_RECEIVE_FILTER_ALLOCATE_QUEUE', 'method', 'miniport'),
  oidForm('OID_RECEIVE_FILTER_FREE_QUEUE', 'set', 'miniport'),
  oidForm('OID_RECEIVE_FILTER_ENUM_QUEUES', 'query', 'ndis'),
  oidForm('OID_RECEIVE_FILTER_QUEUE_PARAMETERS', 'method', 'ndis'),
  oidForm('OID_RECEIVE_FILTER_QUEUE_PARAMETERS', 'set', 'miniport'),
  oidForm('OID_RECEIVE_FILTER_SET_FILTER', 'method', 'miniport'),
  oidForm('OID_RECEIVE_FILTER_CLEAR_FILTER', 'set', 'miniport'),
  oidForm('OID_RECEIVE_FILTER_ENUM_FILTERS', 'method', 'ndis'),
  oidForm('OID_RECEIVE_FILTER_PARAMETERS', 'method', 'ndis'),
  oidForm('OID_RECEIVE_FILTER_QUEUE_ALLOCATION_COMPLETE', 'method', 'miniport'),
  oidForm('OID_RECEIVE_FILTER_CURRENT_CAPABILITIES', 'query', 'ndis'),
  oidForm('OID_RECEIVE_FILTER_MOVE_FILTER', 'set', 'ndis', '6.30'),
];
