import { describe, expect, it } from 'vitest';

import { affinityOf } from '../../../src/engine/ndis/group-affinity';
import { macFilter } from '../../../src/engine/ndis/filter-parameters';
import { aQueueIn, anAdapter, expectRefusal, macOf, type RestingState } from '../ndis/an-adapter';

const INVALID = 'NDIS_STATUS_INVALID_PARAMETER';

describe('§3.10 ENUM_QUEUES', () => {
  it('§3.10 rules 3 and 5, §9.1 rule 5: shows a protocol its own queues and a tool all of them', async () => {
    const fixture = anAdapter();
    const { adapter, binding } = fixture;
    const states: readonly RestingState[] = ['Allocated', 'Set', 'Paused', 'Running'];
    for (const state of states.slice(0, 3)) await aQueueIn(state, fixture);
    const other = adapter.bind('other');
    await aQueueIn('Running', { ...fixture, binding: other });
    const outward = (infos: ReturnType<typeof binding.enumQueues>) =>
      infos.map(
        (info) => `${info.queueId} ${info.exactState} ${info.queueState} ${info.numFilters}`,
      );
    expect(outward(binding.enumQueues())).toEqual([
      '1 Allocated Paused 0',
      '2 Set Paused 1',
      '3 Paused Paused 0',
    ]);
    expect(outward(other.enumQueues())).toEqual(['4 Running Running 1']);
    expect(outward(adapter.enumQueues())).toEqual([
      '0 Running Running 0',
      ...outward(binding.enumQueues()),
      '4 Running Running 1',
    ]);
  });

  it('§3.10 rule 1: says what the structure says', async () => {
    const fixture = anAdapter();
    const { queueId } = await aQueueIn('Running', fixture);
    expect(fixture.binding.enumQueues()).toEqual([
      {
        queueType: 1,
        queueId,
        queueGroupId: 0,
        queueState: 'Running',
        exactState: 'Running',
        processorAffinity: affinityOf(2),
        numSuggestedReceiveBuffers: 0,
        msixTableEntry: 101,
        lookaheadSize: 0,
        vmName: '',
        queueName: '',
        numFilters: 1,
        interruptCoalescingDomainId: 0,
      },
    ]);
  });
});

describe('§4.9 filters', () => {
  it('§4.9 rule 1, §9.1 rule 10: lists the filters of a queue, lowest id first', async () => {
    const fixture = anAdapter();
    const { queueId, filterId } = await aQueueIn('Running', fixture);
    const second = await fixture.binding.setFilter(macFilter(queueId, macOf(9), 42));
    await fixture.binding.setFilter(macFilter(0, macOf(8), null));
    const infos = fixture.binding.enumFilters(queueId);
    expect(infos.map((info) => info.filterId)).toEqual([filterId, second]);
    expect(fixture.adapter.filters()).toHaveLength(3);
  });

  it('§4.9 rule 3: are answered from the cache, the miniport never sees the query', async () => {
    const fixture = anAdapter();
    const { queueId, filterId = 0 } = await aQueueIn('Running', fixture);
    const calls = fixture.miniport.calls.length;
    expect(fixture.binding.enumFilters(queueId)).toHaveLength(1);
    expect(fixture.binding.filterParameters(filterId)).toMatchObject({ filterId, queueId });
    expect(fixture.miniport.calls).toHaveLength(calls);
  });

  it('§4.9 rule 2, §9.1 rule 11, §3.11 rule 1: refuses filter 0, unknown filters and unknown queues', async () => {
    const { adapter, binding } = anAdapter();
    await expectRefusal(adapter, () => binding.filterParameters(0), INVALID);
    await expectRefusal(adapter, () => binding.filterParameters(7), INVALID);
    await expectRefusal(adapter, () => binding.enumFilters(7), INVALID);
    await expectRefusal(adapter, () => binding.queueParameters(7), INVALID);
  });
});

describe('§2.1 capabilities', () => {
  it('§9.1 rules 1, 2 and 13: are answered from the cache, the miniport never sees the request', () => {
    const { binding, miniport } = anAdapter();
    const { hardware, current } = miniport.capabilities;
    expect(binding.hardwareCapabilities()).toEqual(hardware);
    expect(binding.currentCapabilities()).toEqual(current);
    expect(binding.globalParameters()).toEqual({
      flags: 0,
      enabledFilterTypes: 1,
      enabledQueueTypes: 1,
    });
    expect(miniport.calls).toEqual([]);
  });

  it('§9.1 rule 13: answers NOT_SUPPORTED for the current ones when all is off', async () => {
    const { adapter, binding, miniport } = anAdapter();
    const { hardware } = miniport.capabilities;
    adapter.capabilitiesChanged({ hardware, current: null });
    await expectRefusal(adapter, () => binding.currentCapabilities(), 'NDIS_STATUS_NOT_SUPPORTED');
    expect(binding.hardwareCapabilities()).toEqual(hardware);
  });
});
