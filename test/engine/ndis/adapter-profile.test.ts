import { describe, expect, it } from 'vitest';
import { DEFAULT_ADAPTER_PROFILE, type AdapterProfile } from '../../../src/contract/vmq';
import { advertisedBy, keepUnchanged } from '../../../src/engine/ndis/adapter-profile';
import { capabilitiesSnapshot } from '../../../src/engine/ndis/capability-fields';
import { capabilityFault } from '../../../src/engine/ndis/capability-rules';

const OLD: AdapterProfile = {
  ...DEFAULT_ADAPTER_PROFILE,
  ndisRevision: '6.20',
  numQueues: 7,
  numReceiveFilters: 16,
  lookaheadSplit: { minBytes: 64, maxBytes: 128 },
  dynamicAffinity: false,
  vectorCoalescing: false,
};
const ON = { vmq: true, queueCount: 16 };

/** Flags and counts of the shown capabilities, by name. */
function shown(profile: AdapterProfile, enabled = ON) {
  const snapshot = capabilitiesSnapshot(advertisedBy(profile, enabled));
  const read = (field: string, copy = snapshot.hardware) => {
    const entry = copy.find((candidate) => candidate.field === field);
    return entry && (entry.flags.length > 0 ? entry.flags : entry.value);
  };
  return {
    snapshot,
    hardware: (field: string) => read(field),
    current: (field: string) => snapshot.current && read(field, snapshot.current),
  };
}

describe('the capabilities of a profile', () => {
  it.each([
    ['NDIS 6.20 with split', OLD],
    ['NDIS 6.30', DEFAULT_ADAPTER_PROFILE],
    ['NDIS 6.30 without VLAN filtering', { ...DEFAULT_ADAPTER_PROFILE, vlanFiltering: false }],
  ])('keep every rule of §2: %s', (_, profile) => {
    for (const vmq of [true, false])
      expect(capabilityFault(advertisedBy(profile, { vmq, queueCount: 3 }))).toBeUndefined();
  });

  it('have a lookahead range and no flag of 6.30 on NDIS 6.20', () => {
    const { snapshot, hardware } = shown(OLD);
    expect(snapshot.ndisRevision).toBe('6.20');
    expect(hardware('SupportedQueueProperties')).toEqual([
      'MSI_X_SUPPORTED',
      'VM_QUEUE_SUPPORTED',
      'LOOKAHEAD_SPLIT_SUPPORTED',
    ]);
    expect([hardware('MinLookaheadSplitSize'), hardware('MaxLookaheadSplitSize')]).toEqual([
      64, 128,
    ]);
    expect(snapshot.hardware).toHaveLength(14);
  });

  it('move queues and share vectors from NDIS 6.30 on, without a lookahead range', () => {
    const { snapshot, hardware } = shown(DEFAULT_ADAPTER_PROFILE);
    expect(hardware('SupportedQueueProperties')).toEqual([
      'MSI_X_SUPPORTED',
      'VM_QUEUE_SUPPORTED',
      'DYNAMIC_PROCESSOR_AFFINITY_CHANGE_SUPPORTED',
      'INTERRUPT_VECTOR_COALESCING_SUPPORTED',
    ]);
    expect([hardware('MinLookaheadSplitSize'), hardware('MaxLookaheadSplitSize')]).toEqual([0, 0]);
    expect(snapshot.hardware).toHaveLength(20);
  });

  it('offer VLAN filtering only when the profile does', () => {
    const fields = (vlanFiltering: boolean) =>
      shown({ ...DEFAULT_ADAPTER_PROFILE, vlanFiltering }).hardware('SupportedMacHeaderFields');
    expect(fields(true)).toEqual(['DEST_ADDR_SUPPORTED', 'VLAN_ID_SUPPORTED']);
    expect(fields(false)).toEqual(['DEST_ADDR_SUPPORTED']);
  });

  it('say what is on in the current copy: as many queues as are offered, and nothing without VMQ', () => {
    const { hardware, current } = shown(OLD, { vmq: true, queueCount: 3 });
    expect([hardware('NumQueues'), current('NumQueues')]).toEqual([7, 3]);
    expect(shown(OLD, { vmq: true, queueCount: 16 }).current('NumQueues')).toBe(7);
    expect(shown(OLD, { vmq: false, queueCount: 16 }).snapshot.current).toBeNull();
  });

  it('are the old objects where nothing has changed, so that a change is told from none', () => {
    const before = advertisedBy(DEFAULT_ADAPTER_PROFILE, ON);
    const same = keepUnchanged(before, advertisedBy(DEFAULT_ADAPTER_PROFILE, ON));
    expect([same.hardware === before.hardware, same.current === before.current]).toEqual([
      true,
      true,
    ]);
    const fewer = keepUnchanged(
      before,
      advertisedBy(DEFAULT_ADAPTER_PROFILE, { ...ON, queueCount: 2 }),
    );
    expect([fewer.hardware === before.hardware, fewer.current?.numQueues]).toEqual([true, 2]);
  });
});
