/** Frames with a running number, and a ledger of which of them a guest was given. */
import { buildUdpFrame } from '../../src/engine/wire/udp';
import { parseIpv4Address } from '../../src/shared/ipv4-address';
import { parseMacAddress } from '../../src/shared/mac-address';

export interface StampedTarget {
  readonly mac: string;
  readonly vlan: number;
}

const UDP_PAYLOAD = 14 + 20 + 8;

/** A UDP frame to port 9 of a VM, numbered in its first payload bytes. */
export function stampedFrame(
  target: StampedTarget,
  sequence: number,
  payloadBytes = 24,
): Uint8Array {
  const bytes = new Uint8Array(1600);
  const payload = new Uint8Array(payloadBytes);
  new DataView(payload.buffer).setUint32(0, sequence);
  const length = buildUdpFrame(
    bytes,
    0,
    {
      destination: parseMacAddress(target.mac),
      source: parseMacAddress('02:00:5e:cc:00:01'),
      vlan: { vlanId: target.vlan },
    },
    { source: parseIpv4Address('10.0.0.99'), destination: parseIpv4Address('10.0.0.1') },
    { sourcePort: 5000, destinationPort: 9, payload },
  );
  return bytes.slice(0, length);
}

/** The number in a frame as a guest gets it: its tag is gone. */
export function stampOf(frame: Uint8Array): number {
  return new DataView(frame.buffer, frame.byteOffset).getUint32(UDP_PAYLOAD);
}
