/**
 * Where the receive buffers of a queue may be, and why. Shared memory only where every decision about
 * a frame falls before DMA (`docs/vmq-reference.md` §5.2, §5.4): each filter tests an address of the
 * port and the port's own VLAN, and no policy looks at what is in the frame.
 */
import type { BufferMode } from '../../contract/model';
import type { ReceiveFilter } from '../ndis/receive-filter';
import type { NicPort } from './nic-port';
import { isRestrictive, policyText } from './port-policy';
import type { SwitchSettings } from './queue-allocation';

export interface BufferPlace {
  readonly mode: BufferMode;
  /** Why it is not the place that is wanted; empty when it is. */
  readonly reason: string;
}

/** @param filters all filters of the queue. */
export function bufferPlace(
  { bufferMode: wanted, profile }: Pick<SwitchSettings, 'bufferMode' | 'profile'>,
  port: NicPort | undefined,
  filters: readonly ReceiveFilter[],
): BufferPlace {
  if (wanted === 'host-buffers') return { mode: 'host-buffers', reason: '' };
  if (profile.ndisRevision === '6.20' && profile.lookaheadSplit === null)
    return {
      mode: 'host-buffers',
      reason:
        'The adapter (NDIS 6.20) cannot split frames: the VM could change headers while the host looks at them.',
    };
  if (port === undefined || filters.length === 0)
    return { mode: 'host-buffers', reason: 'It has no filter, so no frame goes to its buffers.' };
  const { policy, macs } = port.config;
  if (isRestrictive(policy))
    return {
      mode: 'host-buffers',
      reason: `Its port has a policy (${policyText(policy)}): each frame is looked at in host memory before the VM can see it.`,
    };
  const vlan = port.vlanId === 0 ? 'untagged-or-zero' : port.vlanId;
  if (filters.every((filter) => filter.vlan === vlan && macs.includes(filter.mac)))
    return { mode: 'shared-memory', reason: '' };
  return {
    mode: 'host-buffers',
    reason:
      'Not each of its filters tests an address and the VLAN of its port: a frame could be in the memory of the VM before the port refuses it.',
  };
}
