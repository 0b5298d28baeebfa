/**
 * How long the structures of the requests are (`docs/vmq-reference.md` §2.2, §3.4 to §3.10, §4.2 to
 * §4.9): the members of each revision, laid out as a 64-bit compiler does. The engine holds
 * structures as typed data; their lengths are what a caller's buffer is checked against.
 */

/** NDIS_OBJECT_TYPE_DEFAULT, the type in the header of every structure here. */
export const OBJECT_TYPE_DEFAULT = 0x80;

/** Size and alignment in bytes. */
interface Layout {
  readonly size: number;
  readonly align: number;
}

/** NDIS_OBJECT_HEADER: type and revision, one byte each, and the size. */
const HEADER: Layout = { size: 4, align: 2 };
const ULONG: Layout = { size: 4, align: 4 };
/** GROUP_AFFINITY: a mask of 64 bits, the group, and three reserved words. */
const GROUP_AFFINITY: Layout = { size: 16, align: 8 };
/** IF_COUNTED_STRING: a length and 257 characters of two bytes. */
const COUNTED_STRING: Layout = { size: 516, align: 2 };
/** The union of values in a field test. */
const FIELD_VALUE: Layout = { size: 16, align: 8 };

const ulongs = (count: number): Layout[] => Array.from({ length: count }, () => ULONG);

/** The members that each revision adds. */
const REVISIONS = {
  NDIS_RECEIVE_FILTER_CAPABILITIES: [[HEADER, ...ulongs(13)], ulongs(7)],
  NDIS_RECEIVE_FILTER_GLOBAL_PARAMETERS: [[HEADER, ...ulongs(3)]],
  NDIS_RECEIVE_QUEUE_PARAMETERS: [
    [HEADER, ...ulongs(4), GROUP_AFFINITY, ...ulongs(3), COUNTED_STRING, COUNTED_STRING],
    ulongs(2),
    ulongs(1),
  ],
  NDIS_RECEIVE_QUEUE_FREE_PARAMETERS: [[HEADER, ...ulongs(2)]],
  NDIS_RECEIVE_QUEUE_ALLOCATION_COMPLETE_ARRAY: [[HEADER, ...ulongs(4)]],
  NDIS_RECEIVE_QUEUE_ALLOCATION_COMPLETE_PARAMETERS: [[HEADER, ...ulongs(3)]],
  NDIS_RECEIVE_QUEUE_INFO_ARRAY: [[HEADER, ...ulongs(3)]],
  NDIS_RECEIVE_QUEUE_INFO: [
    [HEADER, ...ulongs(5), GROUP_AFFINITY, ...ulongs(3), COUNTED_STRING, COUNTED_STRING],
    ulongs(2),
  ],
  NDIS_RECEIVE_FILTER_PARAMETERS: [[HEADER, ...ulongs(8)], ulongs(2)],
  NDIS_RECEIVE_FILTER_FIELD_PARAMETERS: [[HEADER, ...ulongs(4), FIELD_VALUE, FIELD_VALUE]],
  NDIS_RECEIVE_FILTER_CLEAR_PARAMETERS: [[HEADER, ...ulongs(3)]],
  NDIS_RECEIVE_FILTER_INFO_ARRAY: [[HEADER, ...ulongs(4)], ulongs(2)],
  NDIS_RECEIVE_FILTER_INFO: [[HEADER, ...ulongs(3)]],
  NDIS_RECEIVE_FILTER_MOVE_FILTER_PARAMETERS: [[HEADER, ...ulongs(5)]],
} as const satisfies Record<string, readonly (readonly Layout[])[]>;

/** Name of a structure. */
export type StructureName = keyof typeof REVISIONS;

/** The newest revision of a structure that the engine knows; the oldest is 1. */
export function newestRevision(structure: StructureName): number {
  return REVISIONS[structure].length;
}

/**
 * Length in bytes of a structure in a revision from 1 to its newest, to the end of its last member,
 * as NDIS_SIZEOF_…_REVISION_n says it.
 */
export function sizeOfStructure(structure: StructureName, revision: number): number {
  return REVISIONS[structure]
    .slice(0, revision)
    .flat()
    .reduce((end, { size, align }) => roundUp(end, align) + size, 0);
}

function roundUp(length: number, align: number): number {
  return Math.ceil(length / align) * align;
}
