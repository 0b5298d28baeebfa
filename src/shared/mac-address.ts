/**
 * IEEE 802 MAC addresses in the three forms the project uses: text (`MacAddress`, always lower case
 * with colons, so that `===` compares), six bytes in a frame, and a pair of numbers for tables that
 * must not hold strings (`high` is the first two octets, `low` the last four).
 */
import { VmqError } from './vmq-error';

declare const macAddressBrand: unique symbol;

/** A MAC address as text, for example `02:00:5e:10:00:01`. Made only by the functions here. */
export type MacAddress = string & { readonly [macAddressBrand]: true };

/** A MAC address as numbers: `high` holds octets 0 and 1 (16 bit), `low` octets 2 to 5 (32 bit). */
export interface MacAddressNumbers {
  readonly high: number;
  readonly low: number;
}

/** Length of a MAC address in a frame. */
export const MAC_ADDRESS_BYTES = 6;

/** `ff:ff:ff:ff:ff:ff`: every station of the segment. */
export const BROADCAST_MAC = 'ff:ff:ff:ff:ff:ff' as MacAddress;

/** `00:00:00:00:00:00`: no station; used as the unknown target of an ARP request. */
export const ZERO_MAC = '00:00:00:00:00:00' as MacAddress;

const MAC_PATTERN = /^[0-9a-f]{2}(?:(?::[0-9a-f]{2}){5}|(?:-[0-9a-f]{2}){5})$/i;

/** The address that `text` names, with colons or with dashes, or `undefined` if it names none. */
export function tryParseMacAddress(text: string): MacAddress | undefined {
  if (!MAC_PATTERN.test(text)) return undefined;
  return text.toLowerCase().replaceAll('-', ':') as MacAddress;
}

/**
 * The address that `text` names, with colons or with dashes.
 *
 * @throws VmqError `mac-address-invalid`
 */
export function parseMacAddress(text: string): MacAddress {
  const address = tryParseMacAddress(text);
  if (address !== undefined) return address;
  throw new VmqError(
    'mac-address-invalid',
    `MAC address: expected six hexadecimal octets such as 02:00:5e:10:00:01, got "${text}"`,
    { data: { found: text } },
  );
}

/** The address as text with the separator of choice: colons (default) or the dashes of Windows. */
export function formatMacAddress(address: MacAddress, separator: ':' | '-' = ':'): string {
  return separator === ':' ? address : address.replaceAll(':', separator).toUpperCase();
}

/** The six octets at `offset` as text. Octets beyond the end of `bytes` are refused. */
export function macAddressFromBytes(bytes: Uint8Array, offset = 0): MacAddress {
  if (offset < 0 || offset + MAC_ADDRESS_BYTES > bytes.length) {
    throw new VmqError(
      'mac-address-invalid',
      `MAC address: expected 6 bytes at offset ${offset}, got an array of ${bytes.length}`,
      { data: { offset, length: bytes.length } },
    );
  }
  const octets = bytes.subarray(offset, offset + MAC_ADDRESS_BYTES);
  return Array.from(octets, twoHexDigits).join(':') as MacAddress;
}

/** The address as six octets in a new array. */
export function macAddressToBytes(address: MacAddress): Uint8Array {
  return Uint8Array.from(address.split(':'), (octet) => Number.parseInt(octet, 16));
}

/** The address as numbers, for tables and for kernels. */
export function macAddressToNumbers(address: MacAddress): MacAddressNumbers {
  const digits = address.replaceAll(':', '');
  return {
    high: Number.parseInt(digits.slice(0, 4), 16),
    low: Number.parseInt(digits.slice(4), 16),
  };
}

/** The address of two numbers; bits above 16 in `high` and above 32 in `low` are ignored. */
export function macAddressFromNumbers(high: number, low: number): MacAddress {
  const octets = [high >>> 8, high, low >>> 24, low >>> 16, low >>> 8, low];
  return octets.map((octet) => twoHexDigits(octet & 0xff)).join(':') as MacAddress;
}

/** Whether the address names a group of stations. Broadcast is a group too. */
export function isMulticastMac(address: MacAddress): boolean {
  return (firstOctet(address) & 0x01) !== 0;
}

/** Whether the address names all stations. */
export function isBroadcastMac(address: MacAddress): boolean {
  return address === BROADCAST_MAC;
}

/** Whether the address was chosen by an administrator rather than by a vendor (second bit set). */
export function isLocallyAdministeredMac(address: MacAddress): boolean {
  return (firstOctet(address) & 0x02) !== 0;
}

function firstOctet(address: MacAddress): number {
  return Number.parseInt(address.slice(0, 2), 16);
}

function twoHexDigits(octet: number): string {
  return octet.toString(16).padStart(2, '0');
}
