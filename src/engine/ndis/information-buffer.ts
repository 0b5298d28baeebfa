/**
 * The information buffer of a request (`docs/vmq-reference.md` §9.1, §9.4): what its header and its
 * lengths say, checked before anything in it is looked at. The structure itself is typed data; a
 * caller that says nothing about the buffer is taken to have passed a whole one.
 *
 *     too short for the structure, its elements or the answer   INVALID_LENGTH with the bytes needed
 *     wrong type, revision or size in the header                INVALID_PARAMETER
 *     elements that overlap the structure or are too short      INVALID_PARAMETER
 */
import type { OidName } from './oid';
import { NdisStatusError, invalidParameter, type RequestFault } from './status';
import {
  OBJECT_TYPE_DEFAULT,
  newestRevision,
  sizeOfStructure,
  type StructureName,
} from './structures';

/** What a caller says about the buffer of a request; what is left out is as it should be. */
export interface InformationBuffer {
  /** InformationBufferLength, in bytes. */
  readonly length?: number;
  /** Type in the structure's header. */
  readonly type?: number;
  /** Revision in the structure's header. */
  readonly revision?: number;
  /** Size in the structure's header, in bytes. */
  readonly size?: number;
  /** Where the elements begin, counted from the start of the structure. */
  readonly firstElementOffset?: number;
  /** Length of one element; newer revisions may be longer than the engine knows. */
  readonly elementSize?: number;
}

/** The structure that a request passes, and the array behind it. */
export interface InputShape {
  readonly structure: StructureName;
  /** Revision of the typed data; default the newest. */
  readonly revision?: number;
  readonly elements?: { readonly structure: StructureName; readonly count: number };
}

/** Refuses a buffer that does not hold what the request passes. */
export function requireInput(
  oid: OidName,
  shape: InputShape,
  buffer: InformationBuffer | undefined,
): void {
  if (buffer === undefined) return;
  const fault = headerFault(shape, buffer) ?? elementsFault(shape, buffer);
  if (fault) throw new NdisStatusError(oid, fault);
}

/** Refuses a buffer that is too short for the answer. @param bytes length of the answer. */
export function requireOutput(
  oid: OidName,
  bytes: number,
  buffer: InformationBuffer | undefined,
): void {
  if (buffer?.length === undefined || buffer.length >= bytes) return;
  throw new NdisStatusError(oid, tooShort(bytes, buffer.length));
}

/** Length of an array header with its elements. */
export function arrayBytes(array: StructureName, element: StructureName, count: number): number {
  const size = (name: StructureName): number => sizeOfStructure(name, newestRevision(name));
  return size(array) + count * size(element);
}

function headerFault(shape: InputShape, buffer: InformationBuffer): RequestFault | undefined {
  const { structure } = shape;
  const newest = newestRevision(structure);
  const revision = buffer.revision ?? shape.revision ?? newest;
  const isKnown = Number.isInteger(revision) && revision >= 1 && revision <= newest;
  const needed = sizeOfStructure(structure, isKnown ? revision : 1);
  const { length = Infinity, type = OBJECT_TYPE_DEFAULT, size = needed } = buffer;
  if (!(length >= needed)) return tooShort(needed, length);
  if (type !== OBJECT_TYPE_DEFAULT) {
    return invalidParameter('header.type', `0x80 (${structure})`, hex(type));
  }
  if (!isKnown) return invalidParameter('header.revision', `1 to ${newest}`, String(revision));
  if (size >= needed && size <= length) return undefined;
  return invalidParameter('header.size', `${needed} in revision ${revision}`, String(size));
}

function elementsFault(shape: InputShape, buffer: InformationBuffer): RequestFault | undefined {
  const { elements } = shape;
  // The offset of no elements is not looked at (§4.2).
  if (elements === undefined || elements.count === 0) return undefined;
  const newest = newestRevision(shape.structure);
  const start = sizeOfStructure(shape.structure, buffer.revision ?? shape.revision ?? newest);
  const least = sizeOfStructure(elements.structure, 1);
  const { firstElementOffset = start, elementSize = least, length = Infinity } = buffer;
  if (!Number.isInteger(firstElementOffset) || firstElementOffset < start) {
    return invalidParameter('firstElementOffset', `${start} or more`, String(firstElementOffset));
  }
  if (!Number.isInteger(elementSize) || elementSize < least) {
    return invalidParameter('elementSize', `${least} or more`, String(elementSize));
  }
  const needed = firstElementOffset + elements.count * elementSize;
  return length >= needed ? undefined : tooShort(needed, length);
}

function tooShort(bytesNeeded: number, found: number): RequestFault {
  return {
    status: 'NDIS_STATUS_INVALID_LENGTH',
    expected: `a buffer of ${bytesNeeded} bytes or more`,
    found: `${found} bytes`,
    bytesNeeded,
  };
}

function hex(value: number): string {
  return `0x${value.toString(16)}`;
}
