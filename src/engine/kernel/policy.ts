/**
 * Content policy of a port: what its VM may send and from whom it gets frames. Runs on serving
 * threads, on frames in buffers of the host: a guest never sees what its policy refuses.
 */
import { N_POLICY, P_DHCP_GUARD, P_IPV4_COUNT, P_IPV4S, P_MAC_COUNT, P_MACS } from './layout';

// As little-endian loads see them.
const ETHERTYPE_IPV4: u32 = 0x0008;
const ETHERTYPE_ARP: u32 = 0x0608;
const ETHERTYPE_IPV6: u32 = 0xdd86;
const PROTOCOL_UDP: u32 = 17;
const DHCP_SERVER_PORT: u32 = 67;
const DHCPV6_SERVER_PORT: u32 = 547;

/** Whether a port refuses a frame because of who sent it. */
export function refusesSender(nic: u32, frame: u32, length: u32): bool {
  const policy = load<u32>(nic, N_POLICY);
  if (policy == 0) return false;
  const low = load<u32>(frame, 6);
  const high = u32(load<u16>(frame, 10));
  const macs = load<u32>(policy, P_MAC_COUNT);
  for (let i: u32 = 0; i < macs; i++) {
    const at = policy + P_MACS + i * 8;
    if (load<u32>(at) == low && load<u32>(at, 4) == high) return true;
  }
  const addresses = load<u32>(policy, P_IPV4_COUNT);
  if (addresses == 0) return false;
  const sender = senderAddress(frame, length);
  if (sender == 0) return false;
  for (let i: u32 = 0; i < addresses; i++)
    if (load<u32>(policy + P_IPV4S + i * 4) == sender) return true;
  return false;
}

/** IPv4 address of the sender by the IPv4 header or the ARP message, in network order; 0: none. */
function senderAddress(frame: u32, length: u32): u32 {
  const type = u32(load<u16>(frame, 12));
  if (type == ETHERTYPE_IPV4 && length >= 34) return load<u32>(frame, 26);
  if (type == ETHERTYPE_ARP && length >= 42) return load<u32>(frame, 28);
  return 0;
}

/** Whether a port's guard drops a frame that its VM sends: a message of a DHCP server. */
export function refusesDhcpServer(nic: u32, frame: u32, length: u32): bool {
  const policy = load<u32>(nic, N_POLICY);
  if (policy == 0 || load<u32>(policy, P_DHCP_GUARD) == 0) return false;
  const type = u32(load<u16>(frame, 12));
  if (type == ETHERTYPE_IPV4 && length >= 34) {
    if (u32(load<u8>(frame, 23)) != PROTOCOL_UDP) return false;
    // Only the first fragment has ports; a guarded VM has no reason to send such a message in parts.
    if ((load<u16>(frame, 20) & 0xff1f) != 0) return false;
    const header = (u32(load<u8>(frame, 14)) & 0xf) * 4;
    return length >= 14 + header + 2 && portAt(frame + 14 + header) == DHCP_SERVER_PORT;
  }
  if (type == ETHERTYPE_IPV6 && length >= 56 && u32(load<u8>(frame, 20)) == PROTOCOL_UDP)
    return portAt(frame + 54) == DHCPV6_SERVER_PORT;
  return false;
}

function portAt(address: u32): u32 {
  return u32(bswap<u16>(load<u16>(address)));
}
