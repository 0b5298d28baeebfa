/**
 * The frames of a generator: UDP to the discard port (RFC 863), one per target. Control thread; the
 * kernel copies them and numbers each copy in its last eight bytes. The datagrams have no UDP
 * checksum, which RFC 768 allows, since the number would break it; the IPv4 checksum is right.
 */
import { parseIpv4Address, type Ipv4Address } from '../../shared/ipv4-address';
import { parseMacAddress } from '../../shared/mac-address';
import type { LinkConfig } from '../../contract/model';
import { BUFFER_SIZE } from '../kernel/layout';
import { ETHERNET_HEADER_BYTES } from '../wire/ethernet';
import { IPV4_HEADER_BYTES } from '../wire/ipv4';
import { writeUint16 } from '../wire/octets';
import { buildUdpFrame, UDP_HEADER_BYTES } from '../wire/udp';
import { VLAN_TAG_BYTES } from '../wire/vlan-tag';
import { neighbourOf } from './neighbour';

export type GeneratorConfig = Extract<LinkConfig, { kind: 'generator' }>;

const DISCARD_PORT = 9;
const SOURCE_PORT = 49_152;
/** For targets without an address (TEST-NET-1, RFC 5737). */
const NO_ADDRESS = '192.0.2.1';
/** Host part of the sender's address in the target's /24. */
const SENDER_HOST = 254;
const UDP_CHECKSUM_OFFSET = 6;

/**
 * Writes one frame per target, `BUFFER_SIZE` apart. `frameBytes` of the configuration is the length
 * on the wire, tag included and check sequence left out.
 */
export function writeGeneratorFrames(
  bytes: Uint8Array,
  offset: number,
  config: GeneratorConfig,
): void {
  for (const [index, target] of config.targets.entries()) {
    writeFrame(bytes, offset + index * BUFFER_SIZE, config, target);
  }
}

function writeFrame(
  bytes: Uint8Array,
  offset: number,
  config: GeneratorConfig,
  target: GeneratorConfig['targets'][number],
): void {
  const tagBytes = target.vlan === undefined ? 0 : VLAN_TAG_BYTES;
  const udpOffset = ETHERNET_HEADER_BYTES + tagBytes + IPV4_HEADER_BYTES;
  const payload = new Uint8Array(config.frameBytes - udpOffset - UDP_HEADER_BYTES);
  const destination: Ipv4Address = parseIpv4Address(target.ipv4 ?? NO_ADDRESS);
  buildUdpFrame(
    bytes,
    offset,
    {
      destination: parseMacAddress(target.mac),
      source: parseMacAddress(config.sourceMac),
      ...(target.vlan !== undefined && { vlan: { vlanId: target.vlan } }),
    },
    { source: neighbourOf(destination, SENDER_HOST), destination },
    { sourcePort: SOURCE_PORT, destinationPort: DISCARD_PORT, payload },
  );
  writeUint16(bytes, offset + udpOffset + UDP_CHECKSUM_OFFSET, 0);
}
