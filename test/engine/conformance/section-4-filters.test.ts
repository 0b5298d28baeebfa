import { describe, expect, it } from 'vitest';

import {
  FILTER_TYPES,
  macFilter,
  macOnlyFilter,
  macTest,
  vlanTest,
  type ReceiveFilterParameters,
} from '../../../src/engine/ndis/filter-parameters';
import { assignQueue } from '../../../src/engine/ndis/receive-filter';
import { parseMacAddress } from '../../../src/shared/mac-address';
import { aQueueIn, anAdapter, expectRefusal, macOf } from '../ndis/an-adapter';

const INVALID = 'NDIS_STATUS_INVALID_PARAMETER';

describe('§4.6 SET_FILTER', () => {
  it('§4.6 rules 2 and 4, §4.2 rule 5, §9.1 rule 8: hands the miniport the match with the id, and answers the id', async () => {
    const fixture = anAdapter();
    const { queueId } = await aQueueIn('Paused', fixture);
    const request = macFilter(queueId, macOf(7).toUpperCase().replaceAll(':', '-'), 42);
    const filterId = await fixture.binding.setFilter(request);
    const parameters = { ...request, filterId };
    const filter = { filterId, queueId, mac: macOf(7), vlan: 42, stripsTag: true, parameters };
    expect(fixture.miniport.callsOf('setFilter')[0]?.arguments).toEqual([filter, true]);
    expect(fixture.binding.filterParameters(filterId)).toEqual(parameters);
    expect(fixture.adapter.filters(queueId)).toEqual([filter]);
  });

  it('A.2, §4.6 rule 2, §4.2 rule 5: gives ids that are unique on the adapter, never 0, and not used again at once', async () => {
    const fixture = anAdapter();
    const { binding } = fixture;
    const one = await aQueueIn('Paused', fixture);
    const two = await aQueueIn('Paused', fixture);
    const first = await binding.setFilter(macFilter(one.queueId, macOf(1), null));
    const second = await binding.setFilter(macFilter(two.queueId, macOf(2), null));
    await binding.clearFilter(one.queueId, first);
    const third = await binding.setFilter(macFilter(one.queueId, macOf(3), null));
    expect([first, second, third]).toEqual([1, 2, 3]);
  });

  const mac = macTest(macOf(1), 1);
  it.each<readonly [string, Partial<ReceiveFilterParameters>]>([
    ['revision', { revision: 3 as 2 }],
    ['filterType', { filterType: FILTER_TYPES.packetCoalescing }],
    ['filterType', { filterType: FILTER_TYPES.undefined }],
    ['flags', { flags: 0x2 }],
    ['filterId', { filterId: 5 }],
    ['requestedFilterIdBitCount', { requestedFilterIdBitCount: 8 }],
    ['vPortId', { vPortId: 1 }],
    ['tests', { tests: [] }],
    ['tests.0.frameHeader', { tests: [{ ...mac, frameHeader: 3 }] }],
    ['tests.0.receiveFilterTest', { tests: [{ ...mac, receiveFilterTest: 2 }] }],
    ['tests.0.headerField', { tests: [{ ...mac, headerField: 2 }] }],
    ['tests.0.flags', { tests: [{ ...mac, flags: 2 }] }],
    ['tests.1.headerField', { tests: [mac, macTest(macOf(2))] }],
    ['tests', { tests: [mac, vlanTest(42)] }],
  ])(
    '§4.1 rule 6, §4.2 rules 1, 3, 5, 7 and 9, §4.3 rules 1 to 4, §4.11 rule 4, §4.12 rule 2, §9.4 rules 2 and 7: refuses a wrong %s',
    async (field, change) => {
      const fixture = anAdapter();
      const { queueId } = await aQueueIn('Paused', fixture);
      const request = () =>
        fixture.binding.setFilter({ ...macFilter(queueId, macOf(1), null), ...change });
      const refusal = await expectRefusal(fixture.adapter, request, INVALID);
      expect(refusal.field).toBe(field);
      expect(fixture.miniport.callsOf('setFilter')).toEqual([]);
    },
  );

  it('§4.2 rule 8: ignores the coalescing delay', async () => {
    const fixture = anAdapter();
    const { queueId } = await aQueueIn('Paused', fixture);
    const request = { ...macFilter(queueId, macOf(1), null), maxCoalescingDelay: 10 };
    await expect(fixture.binding.setFilter(request)).resolves.toBe(1);
  });

  it('§4.4 rule 3: uses the version and the options of the adapter', async () => {
    for (const [options, accepted] of [
      [{ ndisVersion: '6.20' }, false],
      [{ ndisVersion: '6.30' }, true],
      [{ ndisVersion: '6.30', acceptsMacOnlyFilters: false }, false],
    ] as const) {
      const fixture = anAdapter(options);
      const { queueId } = await aQueueIn('Paused', fixture);
      const request = () => fixture.binding.setFilter(macOnlyFilter(queueId, macOf(1)));
      if (accepted) expect(await request()).toBe(1);
      else await expectRefusal(fixture.adapter, request, INVALID);
    }
  });

  it('§9.4 rule 6, §2.2 rule 8: refuses a filter beyond MaxMacHeaderFilters with RESOURCES', async () => {
    const fixture = anAdapter();
    const { queueId } = await aQueueIn('Paused', fixture);
    for (let n = 0; n < 8; n++) await fixture.binding.setFilter(macFilter(queueId, macOf(n), null));
    const request = () => fixture.binding.setFilter(macFilter(queueId, macOf(9), null));
    await expectRefusal(fixture.adapter, request, 'NDIS_STATUS_RESOURCES');
  });

  it('§4.6 rule 3: the filter does not exist after the miniport has failed', async () => {
    const fixture = anAdapter();
    const { queueId } = await aQueueIn('Paused', fixture);
    const request = () => fixture.binding.setFilter(macFilter(queueId, macOf(9), null));
    fixture.miniport.answerNext('setFilter', 'NDIS_STATUS_RESOURCES');
    await expectRefusal(fixture.adapter, request, 'NDIS_STATUS_RESOURCES');
    expect(fixture.adapter.queueState(queueId)).toBe('Paused');
  });

  it('§9.1 rule 8: refuses with NOT_SUPPORTED when receive filtering is off', async () => {
    const fixture = anAdapter();
    const { queueId } = await aQueueIn('Paused', fixture);
    const { hardware } = fixture.miniport.capabilities;
    fixture.adapter.capabilitiesChanged({ hardware, current: null });
    const request = () => fixture.binding.setFilter(macFilter(queueId, macOf(9), null));
    await expectRefusal(fixture.adapter, request, 'NDIS_STATUS_NOT_SUPPORTED');
    await expect(fixture.binding.freeQueue(queueId)).resolves.toBeUndefined();
  });
});

describe('§4.7 CLEAR_FILTER', () => {
  it('§9.4 rule 5, §4.7 rule 4, §9.1 rule 9: answers FILE_NOT_FOUND for an unknown filter', async () => {
    const fixture = anAdapter();
    const { queueId } = await aQueueIn('Running', fixture);
    const request = () => fixture.binding.clearFilter(queueId, 99);
    await expectRefusal(fixture.adapter, request, 'NDIS_STATUS_FILE_NOT_FOUND');
  });

  it('§4.7 rule 1: looks at the queue id too', async () => {
    const fixture = anAdapter();
    const one = await aQueueIn('Running', fixture);
    const two = await aQueueIn('Running', fixture);
    const request = () => fixture.binding.clearFilter(two.queueId, one.filterId ?? 0);
    await expectRefusal(fixture.adapter, request, INVALID);
  });

  it('§9.1 rule 9: keeps the filter when the miniport refuses', async () => {
    const fixture = anAdapter();
    const { queueId, filterId = 0 } = await aQueueIn('Running', fixture);
    fixture.miniport.answerNext('clearFilter', 'NDIS_STATUS_NOT_ACCEPTED');
    const request = () => fixture.binding.clearFilter(queueId, filterId);
    await expectRefusal(fixture.adapter, request, 'NDIS_STATUS_NOT_ACCEPTED');
  });

  it('A.5, §3.7 rule 3: is complete only when the miniport says that what was accepted is delivered', async () => {
    const fixture = anAdapter();
    const { queueId, filterId = 0 } = await aQueueIn('Running', fixture);
    const fence = fixture.miniport.holdNext('clearFilter');
    const clear = fixture.binding.clearFilter(queueId, filterId);
    await Promise.resolve();
    expect(fixture.adapter.queueState(queueId)).toBe('Running');
    fence.release();
    await clear;
    expect(fixture.adapter.queueState(queueId)).toBe('Paused');
  });
});

describe('§4.1 overlapping filters', () => {
  const frame = { destination: parseMacAddress(macOf(5)), vlanId: 42 };

  it('lets the lowest id win, warns, and shows both', async () => {
    const fixture = anAdapter();
    const { adapter, binding, warnings } = fixture;
    const one = await aQueueIn('Paused', fixture);
    const two = await aQueueIn('Paused', fixture);
    const narrow = await binding.setFilter(macFilter(one.queueId, macOf(5), 42));
    await binding.setFilter(macFilter(one.queueId, macOf(5), null));
    expect(warnings).toEqual([]);
    const wide = await binding.setFilter(macOnlyFilter(two.queueId, macOf(5)));
    expect(warnings.map((warning) => warning.kind)).toEqual(['filter-overlap', 'filter-overlap']);
    expect(adapter.filterOverlaps()[0]).toEqual({
      winner: { filterId: narrow, queueId: one.queueId },
      other: { filterId: wide, queueId: two.queueId },
      isDuplicate: false,
    });
    expect(assignQueue(adapter.filters(), () => true, frame)).toBe(one.queueId);
    await binding.clearFilter(one.queueId, narrow);
    expect(assignQueue(adapter.filters(), () => true, frame)).toBe(two.queueId);
  });

  it('flags a duplicate on another queue', async () => {
    const fixture = anAdapter();
    const one = await aQueueIn('Running', fixture);
    const two = await aQueueIn('Paused', fixture);
    await fixture.binding.setFilter(macFilter(two.queueId, macOf(one.queueId), null));
    expect(fixture.warnings).toMatchObject([{ overlap: { isDuplicate: true } }]);
    expect(fixture.warnings[0]?.text).toContain('match the same frames; filter 1 wins');
  });

  it('§3.7 rule 5: sends frames of an incomplete queue elsewhere', async () => {
    const fixture = anAdapter();
    const { adapter, binding } = fixture;
    const one = await aQueueIn('Allocated', fixture);
    const two = await aQueueIn('Paused', fixture);
    await binding.setFilter(macFilter(one.queueId, macOf(5), 42));
    const isComplete = (queueId: number): boolean => adapter.queueState(queueId) === 'Running';
    expect(assignQueue(adapter.filters(), isComplete, frame)).toBe(0);
    await binding.setFilter(macFilter(two.queueId, macOf(5), 42));
    expect(assignQueue(adapter.filters(), isComplete, frame)).toBe(two.queueId);
  });

  it('A.6, §4.1 rule 4: assigns frames that nothing matches to queue 0', () => {
    expect(assignQueue([], () => true, frame)).toBe(0);
  });
});

it('§4.8 rule 1, §9.1 rule 14: refuses MOVE_FILTER, which is for SR-IOV', async () => {
  const fixture = anAdapter();
  const { filterId = 0 } = await aQueueIn('Running', fixture);
  const request = () => fixture.binding.moveFilter(filterId);
  await expectRefusal(fixture.adapter, request, 'NDIS_STATUS_NOT_SUPPORTED');
});
