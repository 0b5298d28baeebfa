/** Frames of the sample lab for the tests of `wire`, and bytes written as hexadecimal. */
import { parseIpv4Address } from '../../../src/shared/ipv4-address';
import { parseMacAddress } from '../../../src/shared/mac-address';

/** The octets that `hex` names; spaces are ignored. */
export function bytesOf(hex: string): Uint8Array {
  const digits = hex.replaceAll(/\s/g, '');
  return Uint8Array.from({ length: digits.length / 2 }, (_, index) =>
    Number.parseInt(digits.slice(2 * index, 2 * index + 2), 16),
  );
}

export const VM_MAC = parseMacAddress('02:00:5e:10:00:01');
export const CLIENT_MAC = parseMacAddress('02:00:5e:cc:00:01');
export const VM_IP = parseIpv4Address('10.0.10.11');
export const CLIENT_IP = parseIpv4Address('10.0.10.101');

export const TO_VM = { destination: VM_MAC, source: CLIENT_MAC };
export const TO_VM_TAGGED = { ...TO_VM, vlan: { vlanId: 10, priority: 5 } };
export const IP_TO_VM = { source: CLIENT_IP, destination: VM_IP };

/** Where frames are built: not at 0, so that a forgotten offset shows, and not zero-filled. */
export const FRAME_OFFSET = 6;

/** What `build` writes at {@link FRAME_OFFSET} of a used buffer. */
export function built(build: (bytes: Uint8Array, offset: number) => number): Uint8Array {
  const buffer = new Uint8Array(2048).fill(0xee);
  const lengthBytes = build(buffer, FRAME_OFFSET);
  return buffer.slice(FRAME_OFFSET, FRAME_OFFSET + lengthBytes);
}
