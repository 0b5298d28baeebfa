/** The content policy of a port: its block in host memory, and what it means for receive buffers. */
import type { NicPolicy } from '../../contract/model';
import { ipv4AddressToNumber, parseIpv4Address } from '../../shared/ipv4-address';
import {
  P_DHCP_GUARD,
  P_IPV4_COUNT,
  P_IPV4S,
  P_MAC_COUNT,
  P_MACS,
  POLICY_SIZE,
} from '../kernel/layout';
import type { HostMemory } from '../memory/host-memory';
import { kernelMac } from '../thread/kernel-mac';

/** Whether a policy lets through less than everything. */
export function isRestrictive(policy: NicPolicy | undefined): policy is NicPolicy {
  return (
    policy !== undefined &&
    (policy.dhcpGuard || policy.denyMacs.length > 0 || policy.denyIpv4.length > 0)
  );
}

/** Writes the block of a policy; 0 for one that lets everything through. */
export function createPolicy(memory: HostMemory, policy: NicPolicy | undefined): number {
  if (!isRestrictive(policy)) return 0;
  const block = memory.take(POLICY_SIZE, 'The policy of a port');
  memory.setU32(block + P_DHCP_GUARD, policy.dhcpGuard ? 1 : 0);
  memory.setU32(block + P_MAC_COUNT, policy.denyMacs.length);
  memory.setU32(block + P_IPV4_COUNT, policy.denyIpv4.length);
  for (const [index, mac] of policy.denyMacs.entries()) {
    const { low, high } = kernelMac(mac);
    memory.setU32(block + P_MACS + index * 8, low);
    memory.setU32(block + P_MACS + index * 8 + 4, high);
  }
  const addresses = new DataView(memory.u8.buffer, memory.u8.byteOffset + block + P_IPV4S);
  for (const [index, address] of policy.denyIpv4.entries())
    addresses.setUint32(index * 4, ipv4AddressToNumber(parseIpv4Address(address)));
  return block;
}

/** What a policy does, for readers: `DHCP guard, 2 denied senders`. */
export function policyText({ dhcpGuard, denyMacs, denyIpv4 }: NicPolicy): string {
  const denied = denyMacs.length + denyIpv4.length;
  const senders = denied === 1 ? '1 denied sender' : `${denied} denied senders`;
  return [dhcpGuard ? 'DHCP guard' : '', denied > 0 ? senders : '']
    .filter((part) => part !== '')
    .join(', ');
}
