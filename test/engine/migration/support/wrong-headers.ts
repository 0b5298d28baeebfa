/** Every way in which one header field of a message can be wrong, with what the reason must name. */
import {
  FORMAT_VERSION,
  H_CHECKSUM,
  H_LENGTH,
  H_MAGIC,
  H_SEQUENCE,
  H_TYPE,
  H_VERSION,
  HEADER_BYTES,
  MESSAGE_MAGIC,
  MessageType,
  PAYLOAD_LIMITS,
  messageName,
} from '../../../../src/engine/migration/protocol';
import type { StreamAuthor } from './raw-source';

export interface WrongHeader {
  readonly field: string;
  /** Spoils a right message. */
  readonly spoil: (author: StreamAuthor, right: Buffer) => Buffer;
  readonly why: RegExp;
}

/** All wrong headers for a message of this type where only `legal` types are. */
export function wrongHeaders(type: MessageType, legal: readonly MessageType[]): WrongHeader[] {
  return [...wrongMagics(), ...wrongVersions(), ...wrongTypes(legal), ...wrongLengths(type)].concat(
    wrongSequences(),
    wrongChecksums(type),
  );
}

/** A change whose checksum is right again. */
function resealed(field: string, why: RegExp, change: (copy: Buffer) => unknown): WrongHeader {
  return { field, why, spoil: (author, right) => author.resealed(right, change) };
}

function wrongMagics(): WrongHeader[] {
  const values = [0, MESSAGE_MAGIC + 1, MESSAGE_MAGIC - 1, 0x564d_514d, 0xffff_ffff];
  return values.map((value) =>
    resealed(`magic ${value}`, /Header, magic/, (copy) => copy.writeUInt32LE(value, H_MAGIC)),
  );
}

function wrongVersions(): WrongHeader[] {
  const values = [0, FORMAT_VERSION - 1, FORMAT_VERSION + 1, FORMAT_VERSION << 8, 0xffff];
  return values.map((value) =>
    resealed(
      `version ${value}`,
      new RegExp(`Header, format version: expected ${FORMAT_VERSION}, got ${value}`),
      (copy) => copy.writeUInt16LE(value, H_VERSION),
    ),
  );
}

function wrongTypes(legal: readonly MessageType[]): WrongHeader[] {
  const others = Object.values(MessageType).filter((type) => !legal.includes(type));
  return [0, 12, 0x100, 0xffff, ...others].map((type) =>
    resealed(
      `type ${messageName(type)}`,
      new RegExp(`Header, type: expected .*, got ${messageName(type)}\\.`),
      (copy) => copy.writeUInt16LE(type, H_TYPE),
    ),
  );
}

function wrongLengths(type: MessageType): WrongHeader[] {
  const { min, max } = PAYLOAD_LIMITS[type];
  const outside = [max + 8, min + 1, 0x8000_0000, 0xffff_fff8, 0xffff_ffff];
  if (min > 0) outside.push(0, min - 8, min - 1);
  const refused = outside.map((length) =>
    resealed(
      `length ${length}`,
      new RegExp(`${messageName(type)}, length: expected a multiple of 8 from ${min} to \\d+`),
      (copy) => copy.writeUInt32LE(length, H_LENGTH),
    ),
  );
  if (min === max) return refused;
  // Legal, but not the length that the message has. That of pages follows from their numbers.
  const why =
    type === MessageType.Pages ? /bytes for its numbers, got/ : /ended \d+ bytes into a message/;
  return [
    ...refused,
    resealed('a length of 8 too many', why, (copy) =>
      copy.writeUInt32LE(copy.length - HEADER_BYTES + 8, H_LENGTH),
    ),
  ];
}

function wrongSequences(): WrongHeader[] {
  const changes = [1, -1, 2, 0x8000_0000];
  return changes.map((change) =>
    resealed(`sequence number off by ${change}`, /Header, sequence number/, (copy) =>
      copy.writeUInt32LE((copy.readUInt32LE(H_SEQUENCE) + change) >>> 0, H_SEQUENCE),
    ),
  );
}

function wrongChecksums(type: MessageType): WrongHeader[] {
  const why = new RegExp(`${messageName(type)}: the checksum is wrong`);
  return [0n, 1n, 0xffff_ffff_ffff_ffffn].map((value) => ({
    field: `checksum ${value}`,
    why,
    spoil: (_author: StreamAuthor, right: Buffer) => {
      const copy = Buffer.from(right);
      copy.writeBigUInt64LE(value, H_CHECKSUM);
      return copy;
    },
  }));
}
