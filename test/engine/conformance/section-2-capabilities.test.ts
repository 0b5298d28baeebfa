/** §2: what an adapter advertises, and what the layer refuses of it. */
import { describe, expect, it } from 'vitest';

import {
  ENABLED_FILTER_TYPES,
  ENABLED_QUEUE_TYPES,
  FILTER_TESTS,
  HEADERS,
  MAC_HEADER_FIELDS,
  QUEUE_PROPERTIES,
  hasDynamicAffinity,
  hasLookaheadSplit,
  hasVlanFiltering,
  hasVmQueues,
  ndisVersionOf,
  vmqCapabilities,
  type ReceiveFilterCapabilities,
} from '../../../src/engine/ndis/capabilities';
import { capabilityFault } from '../../../src/engine/ndis/capability-rules';
import { anAdapter, expectRefusal, onProcessor, refusalOf } from '../ndis/an-adapter';
import { lineAt, tableBelow } from '../ndis/reference-table';
import { QueueLab } from './queue-lab';

const offered = { numQueues: 4, maxMacHeaderFilters: 8 };
const newer = vmqCapabilities({ ndisVersion: '6.30', ...offered });
const older = vmqCapabilities({ ndisVersion: '6.20', ...offered });
const splitting = vmqCapabilities({
  ndisVersion: '6.20',
  ...offered,
  lookaheadSplit: { minimumBytes: 64, maximumBytes: 128 },
});

type Change = Partial<ReceiveFilterCapabilities>;

/** A miniport with this change is refused at initialisation, by this member. */
async function expectRefused(
  member: keyof ReceiveFilterCapabilities,
  change: Change,
  good = newer,
): Promise<void> {
  const refusal = await refusalOf(() => anAdapter({ capabilities: { ...good, ...change } }));
  expect([refusal.status, refusal.field]).toEqual([
    'NDIS_STATUS_BAD_CHARACTERISTICS',
    `hardware.${member}`,
  ]);
}

function expectAccepted(change: Change, good = newer): void {
  expect(anAdapter({ capabilities: { ...good, ...change } }).adapter.queueState(0)).toBe('Running');
}

describe('§2.1 two copies', () => {
  it('§2.1 rule 1: a miniport registers a hardware and a current copy', () => {
    const { binding, miniport } = anAdapter();
    expect(binding.hardwareCapabilities()).toEqual(miniport.capabilities.hardware);
    expect(binding.currentCapabilities()).toEqual(miniport.capabilities.current);
  });

  it('§2.1 rule 2, §2.4 rule 4: the hardware copy stays complete when everything is off', async () => {
    const { adapter, binding } = anAdapter({ capabilities: newer });
    adapter.capabilitiesChanged({ hardware: newer, current: null });
    expect(binding.hardwareCapabilities()).toEqual(newer);
    await expectRefusal(adapter, () => binding.currentCapabilities(), 'NDIS_STATUS_NOT_SUPPORTED');
  });

  it('§2.1 rule 5: the three queries are answered from the layer’s copy, the miniport never sees them', () => {
    const { binding, miniport } = anAdapter();
    const { hardware, current } = miniport.capabilities;
    expect(binding.hardwareCapabilities()).toEqual(hardware);
    expect(binding.currentCapabilities()).toEqual(current);
    expect(binding.globalParameters()).toMatchObject({ flags: 0 });
    expect(miniport.calls).toEqual([]);
  });

  it('§2.1 rule 6: a change of either copy is announced by its own status from 6.30 on', () => {
    const { adapter, indications } = anAdapter({ capabilities: newer });
    adapter.capabilitiesChanged({ hardware: newer, current: { ...newer, numQueues: 3 } });
    expect(indications).toEqual([
      {
        status: 'NDIS_STATUS_RECEIVE_FILTER_CURRENT_CAPABILITIES',
        capabilities: { ...newer, numQueues: 3 },
      },
    ]);
    adapter.capabilitiesChanged({ hardware: { ...newer }, current: null });
    expect(indications.map(({ status }) => status)).toContain(
      'NDIS_STATUS_RECEIVE_FILTER_HARDWARE_CAPABILITIES',
    );
    // With everything off the structure is complete all the same.
    expect(indications.at(-1)).toMatchObject({
      status: 'NDIS_STATUS_RECEIVE_FILTER_CURRENT_CAPABILITIES',
      capabilities: { revision: 2, enabledFilterTypes: 0, enabledQueueTypes: 0, numQueues: 0 },
    });
  });

  it('§2.1 rule 3, §2.4 rule 4: an adapter with VMQ switched off has no current copy, and the whole hardware copy', async () => {
    const lab = await QueueLab.create();
    const { adapter } = lab.host;
    const { hardware } = lab.ndis.capabilities;
    const statuses: string[] = [];
    lab.ndis.onStatus(({ status }) => statuses.push(status));
    await lab.drive(adapter.configure({ ...adapter.config, vmqEnabled: false }));
    expect(lab.ndis.capabilities).toEqual({ hardware, current: null });
    await lab.drive(adapter.configure({ ...adapter.config, vmqEnabled: true, queueCount: 2 }));
    expect(lab.ndis.capabilities.current).toMatchObject({ numQueues: 2 });
    expect(lab.ndis.capabilities.hardware).toEqual(hardware);
    expect(statuses).toEqual(
      Array.from({ length: 2 }, () => 'NDIS_STATUS_RECEIVE_FILTER_CURRENT_CAPABILITIES'),
    );
  });

  it('§2.1 rule 4: a binding has the capabilities that were current when it was made', () => {
    const { adapter } = anAdapter({ capabilities: newer });
    expect(adapter.bind('first').receiveFilterCapabilities).toEqual(newer);
    adapter.capabilitiesChanged({ hardware: newer, current: null });
    expect(adapter.bind('second').receiveFilterCapabilities).toBeNull();
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
});

describe('§2.2 the members', () => {
  it('§2.2 rule 1: revision 1 is NDIS 6.20, without members of revision 2; revision 2 is 6.30', async () => {
    expect([older, newer].map(({ revision }) => revision)).toEqual([1, 2]);
    expect([older, newer].map(ndisVersionOf)).toEqual(['6.20', '6.30']);
    await expectRefused('supportedArpHeaderFields', { supportedArpHeaderFields: 1 }, older);
  });

  it('§2.2 rule 2: Flags other than 0 are refused', () => expectRefused('flags', { flags: 1 }));

  it('§2.2 rule 3: EnabledFilterTypes names VMQ filters', async () => {
    expect(newer.enabledFilterTypes).toBe(ENABLED_FILTER_TYPES.VMQ_FILTERS_ENABLED);
    await expectRefused('enabledFilterTypes', { enabledFilterTypes: 0 });
  });

  it('§2.2 rule 4: EnabledQueueTypes names VM queues, and goes with NumQueues', async () => {
    expect(newer.enabledQueueTypes).toBe(ENABLED_QUEUE_TYPES.VM_QUEUES_ENABLED);
    await expectRefused('numQueues', { enabledQueueTypes: 0 });
    await expectRefused('numQueues', { numQueues: 0 });
  });

  it('§2.2 rule 5: NumQueues queues can be allocated beside the default queue', async () => {
    const { adapter, binding } = anAdapter();
    for (let n = 0; n < newer.numQueues; n++) await binding.allocateQueue(onProcessor(1));
    expect(adapter.enumQueues()).toHaveLength(newer.numQueues + 1);
    const request = () => binding.allocateQueue(onProcessor(1));
    await expectRefusal(adapter, request, 'NDIS_STATUS_RESOURCES');
  });

  it('§2.2 rules 6 and 8: fewer address filters than queues are refused', async () => {
    await expectRefused('maxMacHeaderFilters', { maxMacHeaderFilters: 3 });
    expectAccepted({ maxMacHeaderFilters: 4 });
  });

  it('§2.2 rule 9: queue groups other than 0 are refused', async () => {
    await expectRefused('maxQueueGroups', { maxQueueGroups: 1 });
    await expectRefused('maxQueuesPerQueueGroup', { maxQueuesPerQueueGroup: 1 });
  });

  it('§2.2 rule 10: a lookahead range goes with the split and begins above 0', async () => {
    const range = { minLookaheadSplitSize: 64, maxLookaheadSplitSize: 64 };
    await expectRefused('minLookaheadSplitSize', range, newer);
    await expectRefused('minLookaheadSplitSize', range, older);
    await expectRefused('minLookaheadSplitSize', { minLookaheadSplitSize: 129 }, splitting);
    await expectRefused('minLookaheadSplitSize', { minLookaheadSplitSize: 0 }, splitting);
  });

  it.each([
    'supportedArpHeaderFields',
    'supportedIpv4HeaderFields',
    'supportedIpv6HeaderFields',
    'supportedUdpHeaderFields',
    'maxFieldTestsPerPacketCoalescingFilter',
    'maxPacketCoalescingFilters',
  ] as const)('§2.2 rule 11: %s other than 0 is refused', (member) =>
    expectRefused(member, { [member]: 10 }),
  );
});

describe('§2.3 the flags', () => {
  /** Flags of a table: name without prefix to value; a later name for the same bit is left out. */
  function flagsOf(heading: string): Map<string, number> {
    const rows = tableBelow(heading).map(
      ([value = '', name = '']) => [name, Number(value)] as const,
    );
    return new Map(rows);
  }

  /** Flags in the running text of a paragraph. */
  const inText = (text: string): Map<string, number> =>
    new Map(
      [...text.matchAll(/0x(\w+) (\w+)/g)].map(([, value = '', name = '']) => [
        name,
        Number.parseInt(value, 16),
      ]),
    );

  const withoutSuffix = (flags: Readonly<Record<string, number>>): Map<string, number> =>
    new Map(Object.entries(flags).map(([name, value]) => [name.replace(/_SUPPORTED$/, ''), value]));

  it('§2.3 rule 1: EnabledFilterTypes', () => {
    expect(new Map(Object.entries(ENABLED_FILTER_TYPES))).toEqual(flagsOf('**2.3.1'));
  });

  it('§2.3 rule 2: EnabledQueueTypes', () => {
    expect(new Map(Object.entries(ENABLED_QUEUE_TYPES))).toEqual(flagsOf('**2.3.2'));
  });

  it('§2.3 rule 3: SupportedQueueProperties', () => {
    const documented = flagsOf('**2.3.3');
    // Of NDIS 6.80, whose bit this engine does not know.
    documented.delete('DYNAMIC_PROCESSOR_AFFINITY_CHANGE_FOR_DEFAULT_QUEUE_SUPPORTED');
    expect(new Map(Object.entries(QUEUE_PROPERTIES))).toEqual(documented);
  });

  it('§2.3 rule 4: SupportedFilterTests', () => {
    const tests = new Map(
      [...withoutSuffix(FILTER_TESTS)].map(([name, value]) => [
        name.replace(/^HEADER_FIELD_(?=MASK|NOT)/, ''),
        value,
      ]),
    );
    expect(tests).toEqual(inText(lineAt('**2.3.4')));
  });

  it('§2.3 rule 5: SupportedHeaders', () => {
    const headers = new Map(
      [...withoutSuffix(HEADERS)].map(([name, value]) => [name.replace(/_HEADER$/, ''), value]),
    );
    expect(headers).toEqual(inText(lineAt('**2.3.5')));
  });

  it('§2.3 rule 6: SupportedMacHeaderFields', () => {
    const fields = new Map(
      [...withoutSuffix(MAC_HEADER_FIELDS)].map(([name, value]) => [`MAC_HEADER_${name}`, value]),
    );
    expect(fields).toEqual(flagsOf('**2.3.6'));
  });

  const withProperties = (clear: number, set = 0, good = newer): Change => ({
    supportedQueueProperties: (good.supportedQueueProperties & ~clear) | set,
  });

  it.each(['MSI_X_SUPPORTED', 'VM_QUEUE_SUPPORTED'] as const)(
    '§2.3 rule 8, §6.6 rule 1: an adapter without %s is refused',
    async (flag) => {
      const change = withProperties(QUEUE_PROPERTIES[flag]);
      await expectRefused('supportedQueueProperties', change);
      const onOlder = withProperties(QUEUE_PROPERTIES[flag], 0, older);
      await expectRefused('supportedQueueProperties', onOlder, older);
    },
  );

  it('§2.3 rule 9: the lookahead split is refused from 6.30 on', async () => {
    const change = withProperties(0, QUEUE_PROPERTIES.LOOKAHEAD_SPLIT_SUPPORTED);
    await expectRefused('supportedQueueProperties', change);
    expect(hasLookaheadSplit(splitting)).toBe(true);
    expectAccepted({}, splitting);
  });

  it('§2.3 rule 10: dynamic affinity is mandatory on 6.30 and unknown on 6.20', async () => {
    const flag = QUEUE_PROPERTIES.DYNAMIC_PROCESSOR_AFFINITY_CHANGE_SUPPORTED;
    await expectRefused('supportedQueueProperties', withProperties(flag));
    await expectRefused('supportedQueueProperties', withProperties(0, flag, older), older);
    expect([hasDynamicAffinity(newer), hasDynamicAffinity(older)]).toEqual([true, false]);
  });

  it('vector coalescing is mandatory on 6.30 and unknown on 6.20', async () => {
    const flag = QUEUE_PROPERTIES.INTERRUPT_VECTOR_COALESCING_SUPPORTED;
    await expectRefused('supportedQueueProperties', withProperties(flag));
    await expectRefused('supportedQueueProperties', withProperties(0, flag, older), older);
  });

  it('§2.3 rule 12: no version advertises ANY_VLAN_SUPPORTED', () => {
    const properties = [newer, older, splitting].map((one) => one.supportedQueueProperties);
    expect(properties.filter((bits) => bits & QUEUE_PROPERTIES.ANY_VLAN_SUPPORTED)).toEqual([]);
  });

  it.each(['IMPLAT_MIN_OF_QUEUES_MODE', 'IMPLAT_SUM_OF_QUEUES_MODE'] as const)(
    '§2.3 rule 13: %s, a flag of a teaming layer, is refused',
    (flag) => expectRefused('supportedQueueProperties', withProperties(0, QUEUE_PROPERTIES[flag])),
  );

  it('§2.3 rule 15: coalescing on the default queue is refused', () =>
    expectRefused(
      'supportedQueueProperties',
      withProperties(0, QUEUE_PROPERTIES.PACKET_COALESCING_SUPPORTED_ON_DEFAULT_QUEUE),
    ));

  it('§2.3 rule 16: an adapter without the equal test is refused, and no other is advertised', async () => {
    await expectRefused('supportedFilterTests', { supportedFilterTests: 0x6 });
    expect(newer.supportedFilterTests).toBe(FILTER_TESTS.HEADER_FIELD_EQUAL_SUPPORTED);
  });

  it('§2.3 rule 17: an adapter without the MAC header is refused, and no other is advertised', async () => {
    await expectRefused('supportedHeaders', { supportedHeaders: 0x1e });
    expect(newer.supportedHeaders).toBe(HEADERS.MAC_HEADER_SUPPORTED);
  });

  it('§2.3 rule 18: an adapter without the destination address is refused', () =>
    expectRefused('supportedMacHeaderFields', {
      supportedMacHeaderFields: MAC_HEADER_FIELDS.VLAN_ID_SUPPORTED,
    }));

  it('§2.3 rule 19: the VLAN id is advertised as VLAN filtering is configured', () => {
    const without = vmqCapabilities({ ndisVersion: '6.30', ...offered, vlanFiltering: false });
    expect([newer, without].map(hasVlanFiltering)).toEqual([true, false]);
    expectAccepted({}, without);
  });
});

describe('§2.4 what each mode advertises', () => {
  it('§2.4 rule 1: 6.20 has queues, MSI-X, equal, MAC and destination; a lookahead range with the split only', () => {
    expect([hasVmQueues(older), older.supportedQueueProperties]).toEqual([true, 0x3]);
    expect([older.supportedFilterTests, older.supportedHeaders]).toEqual([1, 1]);
    expect([hasLookaheadSplit(older), older.maxLookaheadSplitSize]).toEqual([false, 0]);
    expect([hasLookaheadSplit(splitting), splitting.minLookaheadSplitSize]).toEqual([true, 64]);
  });

  it('§2.4 rule 2: 6.30 adds dynamic affinity and vector coalescing, and has no split', () => {
    expect([hasVmQueues(newer), newer.supportedQueueProperties]).toEqual([true, 0x1b]);
    expect([newer.minLookaheadSplitSize, newer.maxLookaheadSplitSize]).toEqual([0, 0]);
  });

  it.each([
    ['6.30', newer],
    ['6.20', older],
    ['6.20 with split', splitting],
  ])('A.17: what is made for %s keeps the rules', (_version, capabilities) => {
    expect(capabilityFault({ hardware: capabilities, current: capabilities })).toBeUndefined();
    expect(capabilityFault({ hardware: capabilities, current: null })).toBeUndefined();
  });

  it.each([
    ['current.numQueues', { numQueues: 5, maxMacHeaderFilters: 8 }],
    ['current.maxMacHeaderFilters', { maxMacHeaderFilters: 9 }],
    ['current.supportedMacHeaderFields', { supportedMacHeaderFields: 0x29 }],
    ['current.supportedQueueProperties', { supportedQueueProperties: 0x3b }],
  ] as const)('A.17: refuses a current copy beyond the hardware: %s', (field, change) => {
    expect(capabilityFault({ hardware: newer, current: { ...newer, ...change } })?.field).toBe(
      field,
    );
  });

  it('A.17: refuses copies of different revisions', () => {
    expect(capabilityFault({ hardware: newer, current: older })?.field).toBe('current.revision');
  });
});

it('§2.5 rule 1: the global parameters name the filter and queue types that are on', () => {
  const { adapter, binding } = anAdapter({ capabilities: newer });
  expect(binding.globalParameters()).toEqual({
    flags: 0,
    enabledFilterTypes: 1,
    enabledQueueTypes: 1,
  });
  adapter.capabilitiesChanged({ hardware: newer, current: null });
  expect(binding.globalParameters()).toEqual({
    flags: 0,
    enabledFilterTypes: 0,
    enabledQueueTypes: 0,
  });
});
