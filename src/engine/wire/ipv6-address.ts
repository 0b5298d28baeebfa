/**
 * IPv6 addresses as text, in the one canonical form of RFC 5952: lower case, no leading zeros, the
 * longest run of two or more zero groups (the first of equals) written as `::`.
 */
import { IPV6_ADDRESS_BYTES } from './ipv6';
import { readUint16, requireSpace } from './octets';

const GROUPS = IPV6_ADDRESS_BYTES / 2;

/** The address at `offset` as text; allocates. */
export function formatIpv6Address(bytes: Uint8Array, offset = 0): string {
  requireSpace(bytes, offset, IPV6_ADDRESS_BYTES);
  const groups = Array.from({ length: GROUPS }, (_, index) =>
    readUint16(bytes, offset + 2 * index),
  );
  const zeros = longestZeroRun(groups);
  const text = (part: readonly number[]): string => part.map((g) => g.toString(16)).join(':');
  if (zeros.length < 2) return text(groups);
  return `${text(groups.slice(0, zeros.start))}::${text(groups.slice(zeros.start + zeros.length))}`;
}

function longestZeroRun(groups: readonly number[]): { start: number; length: number } {
  let longest = { start: 0, length: 0 };
  let length = 0;
  groups.forEach((group, index) => {
    length = group === 0 ? length + 1 : 0;
    if (length > longest.length) longest = { start: index - length + 1, length };
  });
  return longest;
}
