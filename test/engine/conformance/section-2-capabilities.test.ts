import { describe, expect, it } from 'vitest';

import { capabilityFault } from '../../../src/engine/ndis/capability-rules';
import {
  hasDynamicAffinity,
  hasLookaheadSplit,
  hasVlanFiltering,
  hasVmQueues,
  ndisVersionOf,
  vmqCapabilities,
  type ReceiveFilterCapabilities,
} from '../../../src/engine/ndis/capabilities';
import { anAdapter, expectRefusal, onProcessor, refusalOf } from '../ndis/an-adapter';

const newer = vmqCapabilities({ ndisVersion: '6.30', numQueues: 4, maxMacHeaderFilters: 8 });
const older = vmqCapabilities({ ndisVersion: '6.20', numQueues: 4, maxMacHeaderFilters: 8 });
const splitting = vmqCapabilities({
  ndisVersion: '6.20',
  numQueues: 4,
  maxMacHeaderFilters: 8,
  lookaheadSplit: { minimumBytes: 64, maximumBytes: 128 },
});

describe('§2.4 what each version advertises', () => {
  it('6.20: revision 1, no dynamic affinity, a lookahead range only with the split', () => {
    expect([older.revision, ndisVersionOf(older)]).toEqual([1, '6.20']);
    expect(hasDynamicAffinity(older)).toBe(false);
    expect([hasLookaheadSplit(older), older.maxLookaheadSplitSize]).toEqual([false, 0]);
    expect([hasLookaheadSplit(splitting), splitting.minLookaheadSplitSize]).toEqual([true, 64]);
  });

  it('6.30: revision 2, dynamic affinity and vector coalescing, no split', () => {
    expect([newer.revision, ndisVersionOf(newer)]).toEqual([2, '6.30']);
    expect(newer.supportedQueueProperties).toBe(0x1b);
    expect([hasVmQueues(newer), hasVlanFiltering(newer), hasLookaheadSplit(newer)]).toEqual([
      true,
      true,
      false,
    ]);
  });

  it.each([newer, older, splitting])('keeps the rules', (capabilities) => {
    expect(capabilityFault({ hardware: capabilities, current: capabilities })).toBeUndefined();
    expect(capabilityFault({ hardware: capabilities, current: null })).toBeUndefined();
  });
});

describe('§2.2 a miniport that breaks a rule is refused at initialisation', () => {
  const broken: readonly (readonly [
    string,
    ReceiveFilterCapabilities,
    Partial<ReceiveFilterCapabilities>,
  ])[] = [
    ['hardware.flags', newer, { flags: 1 }],
    ['hardware.maxQueueGroups', newer, { maxQueueGroups: 1 }],
    ['hardware.maxPacketCoalescingFilters', newer, { maxPacketCoalescingFilters: 10 }],
    ['hardware.numQueues', newer, { numQueues: 0 }],
    ['hardware.numQueues', newer, { enabledQueueTypes: 0 }],
    ['hardware.maxMacHeaderFilters', newer, { maxMacHeaderFilters: 3 }],
    ['hardware.supportedQueueProperties', newer, { supportedQueueProperties: 0x3 }],
    ['hardware.supportedQueueProperties', newer, { supportedQueueProperties: 0x9b }],
    ['hardware.supportedQueueProperties', newer, { supportedQueueProperties: 0x1f }],
    ['hardware.supportedQueueProperties', older, { supportedQueueProperties: 0xb }],
    ['hardware.supportedQueueProperties', older, { supportedQueueProperties: 0x2 }],
    ['hardware.enabledFilterTypes', newer, { enabledFilterTypes: 0 }],
    ['hardware.supportedFilterTests', newer, { supportedFilterTests: 0 }],
    ['hardware.supportedHeaders', newer, { supportedHeaders: 0 }],
    ['hardware.supportedMacHeaderFields', newer, { supportedMacHeaderFields: 0x8 }],
    [
      'hardware.minLookaheadSplitSize',
      newer,
      { minLookaheadSplitSize: 64, maxLookaheadSplitSize: 64 },
    ],
    ['hardware.minLookaheadSplitSize', splitting, { minLookaheadSplitSize: 129 }],
  ];
  it.each(broken)('%s', async (field, good, change) => {
    const refusal = await refusalOf(() => anAdapter({ capabilities: { ...good, ...change } }));
    expect([refusal.status, refusal.field]).toEqual(['NDIS_STATUS_BAD_CHARACTERISTICS', field]);
  });

  it.each([
    ['current.numQueues', { numQueues: 5, maxMacHeaderFilters: 8 }],
    ['current.maxMacHeaderFilters', { maxMacHeaderFilters: 9 }],
    ['current.supportedMacHeaderFields', { supportedMacHeaderFields: 0x29 }],
    ['current.supportedQueueProperties', { supportedQueueProperties: 0x3b }],
  ] as const)('A.17 current is a subset of hardware: %s', (field, change) => {
    expect(capabilityFault({ hardware: newer, current: { ...newer, ...change } })?.field).toBe(
      field,
    );
  });

  it('A.17 refuses copies of different revisions', () => {
    expect(capabilityFault({ hardware: newer, current: older })?.field).toBe('current.revision');
  });
});

describe('§2.1 changes at run time', () => {
  const off = { hardware: newer, current: null };

  it('are announced with a status from 6.30 on', () => {
    const { adapter, binding, indications } = anAdapter({ capabilities: newer });
    adapter.capabilitiesChanged(off);
    expect(indications).toEqual([
      { status: 'NDIS_STATUS_RECEIVE_FILTER_CURRENT_CAPABILITIES', capabilities: null },
    ]);
    expect(binding.globalParameters()).toEqual({
      flags: 0,
      enabledFilterTypes: 0,
      enabledQueueTypes: 0,
    });
    adapter.capabilitiesChanged({ hardware: { ...newer }, current: null });
    expect(indications.at(-1)?.status).toBe('NDIS_STATUS_RECEIVE_FILTER_HARDWARE_CAPABILITIES');
  });

  it('refuses copies that break a rule, and keeps the old ones', async () => {
    const { adapter, indications } = anAdapter({ capabilities: newer });
    const request = () => adapter.capabilitiesChanged({ hardware: newer, current: older });
    await expectRefusal(adapter, request, 'NDIS_STATUS_BAD_CHARACTERISTICS');
    expect(indications).toEqual([]);
  });

  it('on 6.20 are refused while a queue is in use, and carry no status', async () => {
    const { adapter, binding, indications } = anAdapter({ capabilities: older });
    const queueId = await binding.allocateQueue(onProcessor(1));
    const request = () => adapter.capabilitiesChanged({ hardware: older, current: null });
    await expectRefusal(adapter, request, 'NDIS_STATUS_INVALID_PARAMETER');
    await binding.freeQueue(queueId);
    request();
    expect(indications.map((indication) => indication.status)).toEqual([
      'NDIS_STATUS_RECEIVE_QUEUE_STATE',
    ]);
  });

  it('§3.6 lets the miniport change the coalescing domain of a queue, from 6.30 on', async () => {
    const { adapter, binding, indications } = anAdapter({ capabilities: newer });
    const queueId = await binding.allocateQueue(onProcessor(1));
    adapter.coalescingDomainChanged(queueId, 7);
    const parameters = binding.queueParameters(queueId);
    expect(parameters.interruptCoalescingDomainId).toBe(7);
    expect(indications).toEqual([
      {
        status: 'NDIS_STATUS_RECEIVE_FILTER_QUEUE_PARAMETERS',
        parameters: { ...parameters, flags: 0x0010_0000 },
      },
    ]);
    const unknown = () => adapter.coalescingDomainChanged(99, 7);
    await expectRefusal(adapter, unknown, 'NDIS_STATUS_INVALID_PARAMETER');
  });
});
