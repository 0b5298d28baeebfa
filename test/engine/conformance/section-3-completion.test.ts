import { describe, expect, it } from 'vitest';

import { macFilter } from '../../../src/engine/ndis/filter-parameters';
import { aQueueIn, anAdapter, expectRefusal, macOf } from '../ndis/an-adapter';

describe('§3.4 QUEUE_ALLOCATION_COMPLETE', () => {
  it('§3.4 rule 6, §3.7 rule 5: hands over the filters set so far, and frames follow them from then on', async () => {
    const fixture = anAdapter();
    const { adapter, binding, miniport } = fixture;
    const { queueId, filterId = 0 } = await aQueueIn('Set', fixture);
    const second = await binding.setFilter(macFilter(queueId, macOf(9), 42));
    expect(miniport.callsOf('setFilter').map((call) => call.arguments[1])).toEqual([false, false]);
    expect(miniport.activeFilters.size).toBe(0);
    await binding.queueAllocationComplete([queueId]);
    expect(miniport.callsOf('completeAllocation')[0]?.arguments[0]).toEqual([
      { queueId, filters: adapter.filters(queueId) },
    ]);
    expect([...miniport.activeFilters.keys()]).toEqual([filterId, second]);
  });

  it('§3.7 rule 2, §4.6 rule 5: a filter set after completion is active at once', async () => {
    const fixture = anAdapter();
    const { queueId } = await aQueueIn('Paused', fixture);
    await fixture.binding.setFilter(macFilter(queueId, macOf(1), null));
    expect(fixture.miniport.callsOf('setFilter')[0]?.arguments[1]).toBe(true);
    expect(fixture.adapter.queueState(queueId)).toBe('Running');
  });

  it('A.18, §3.4 rules 8 and 9: a shortage concerns its own queue, which can be completed again', async () => {
    const fixture = anAdapter();
    const { adapter, binding, miniport } = fixture;
    const one = await aQueueIn('Set', fixture);
    const two = await aQueueIn('Set', fixture);
    const three = await aQueueIn('Allocated', fixture);
    const ids = [one.queueId, two.queueId, three.queueId];
    miniport.completionStatuses.set(two.queueId, 'NDIS_STATUS_RESOURCES');
    const results = await binding.queueAllocationComplete(ids);
    expect(results.map((result) => result.completionStatus)).toEqual([
      'NDIS_STATUS_SUCCESS',
      'NDIS_STATUS_RESOURCES',
      'NDIS_STATUS_SUCCESS',
    ]);
    expect(ids.map((id) => adapter.queueState(id))).toEqual(['Running', 'Set', 'Paused']);
    miniport.completionStatuses.clear();
    await binding.queueAllocationComplete([two.queueId]);
    expect(adapter.queueState(two.queueId)).toBe('Running');
  });

  it('A.18, §3.4 rule 11, §9.1 rule 12: refuses unknown, complete, doubled, foreign and default queues each for itself', async () => {
    const fixture = anAdapter();
    const { adapter, miniport } = fixture;
    const good = await aQueueIn('Allocated', fixture);
    const complete = await aQueueIn('Paused', fixture);
    const other = { ...fixture, binding: adapter.bind('other') };
    const foreign = await aQueueIn('Allocated', other);
    const ids = [99, complete.queueId, good.queueId, good.queueId, foreign.queueId, 0];
    const results = await fixture.binding.queueAllocationComplete(ids);
    expect(results.map(({ queueId }) => queueId)).toEqual(ids);
    expect(
      results.map(({ completionStatus }) => completionStatus === 'NDIS_STATUS_SUCCESS'),
    ).toEqual([...[false, false, true, false, false, false]]);
    expect(results.filter(({ reason }) => reason === '')).toHaveLength(1);
    expect(miniport.callsOf('completeAllocation').at(-1)?.arguments[0]).toHaveLength(1);
    expect(adapter.queueState(foreign.queueId)).toBe('Allocated');
  });

  it('refuses an empty batch', async () => {
    const { adapter, binding } = anAdapter();
    await expectRefusal(
      adapter,
      () => binding.queueAllocationComplete([]),
      'NDIS_STATUS_INVALID_PARAMETER',
    );
  });

  it('leaves everything as it was when the miniport throws', async () => {
    const fixture = anAdapter();
    const { queueId } = await aQueueIn('Set', fixture);
    fixture.miniport.answerNext('completeAllocation', new Error('out of memory'));
    const request = () => fixture.binding.queueAllocationComplete([queueId]);
    await expectRefusal(fixture.adapter, request, 'NDIS_STATUS_FAILURE');
  });

  it('counts a status that the miniport does not give as FAILURE', async () => {
    const fixture = anAdapter();
    const { queueId } = await aQueueIn('Set', fixture);
    fixture.miniport.completeAllocation = () => Promise.resolve([]);
    const [result] = await fixture.binding.queueAllocationComplete([queueId]);
    expect(result?.completionStatus).toBe('NDIS_STATUS_FAILURE');
    expect(fixture.adapter.queueState(queueId)).toBe('Set');
  });
});
