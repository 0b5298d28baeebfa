/**
 * IPv4 addresses as text (`Ipv4Address`, dotted decimal without leading zeros) and as the unsigned
 * 32-bit number that frames and tables hold.
 */
import { VmqError } from './vmq-error';

declare const ipv4AddressBrand: unique symbol;

/** An IPv4 address as text, for example `10.0.10.11`. Made only by the functions here. */
export type Ipv4Address = string & { readonly [ipv4AddressBrand]: true };

/** Length of an IPv4 address in a packet. */
export const IPV4_ADDRESS_BYTES = 4;

/** `0.0.0.0`: no address yet. */
export const UNSPECIFIED_IPV4 = '0.0.0.0' as Ipv4Address;

/** `255.255.255.255`: every station of the segment. */
export const BROADCAST_IPV4 = '255.255.255.255' as Ipv4Address;

/**
 * One octet without leading zeros. `010` is refused rather than guessed at, since some programs
 * read it as octal.
 */
const OCTET = '(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])';
const IPV4_PATTERN = new RegExp(`^${OCTET}(?:\\.${OCTET}){3}$`);

/** The address that `text` names, or `undefined` if it is not four octets in decimal. */
export function tryParseIpv4Address(text: string): Ipv4Address | undefined {
  return IPV4_PATTERN.test(text) ? (text as Ipv4Address) : undefined;
}

/**
 * The address that `text` names.
 *
 * @throws VmqError `ipv4-address-invalid`
 */
export function parseIpv4Address(text: string): Ipv4Address {
  const address = tryParseIpv4Address(text);
  if (address !== undefined) return address;
  throw new VmqError(
    'ipv4-address-invalid',
    `IPv4 address: expected four decimal octets such as 10.0.10.11, got "${text}"`,
    { data: { found: text } },
  );
}

/** The address as an unsigned 32-bit number, first octet highest. */
export function ipv4AddressToNumber(address: Ipv4Address): number {
  return address.split('.').reduce((number, octet) => number * 256 + Number(octet), 0);
}

/** The address of an unsigned 32-bit number; higher bits are ignored. */
export function ipv4AddressFromNumber(number: number): Ipv4Address {
  const octets = [number >>> 24, (number >>> 16) & 0xff, (number >>> 8) & 0xff, number & 0xff];
  return octets.join('.') as Ipv4Address;
}

/** Whether the address names a group, 224.0.0.0/4 (RFC 5771). */
export function isMulticastIpv4(address: Ipv4Address): boolean {
  return ipv4AddressToNumber(address) >>> 28 === 0xe;
}
