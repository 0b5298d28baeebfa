import { describe, expect, it } from 'vitest';

import { macFilter } from '../../../src/engine/ndis/filter-parameters';
import { QUEUE_CHANGE_FLAGS } from '../../../src/engine/ndis/queue-parameters';
import { aQueueIn, anAdapter, expectRefusal, macOf, onProcessor } from '../ndis/an-adapter';

const INVALID = 'NDIS_STATUS_INVALID_PARAMETER';

describe('§1.3 ownership', () => {
  it('§3.5 rule 17, §4.6 rule 1, §4.7 rule 2, §9.4 rule 4, A.14: lets only the binding that allocated a queue use it', async () => {
    const fixture = anAdapter();
    const { adapter } = fixture;
    const { queueId, filterId = 0 } = await aQueueIn('Running', fixture);
    const stranger = adapter.bind('switch');
    const update = { flags: QUEUE_CHANGE_FLAGS.NAME_CHANGED, queueName: 'mine' };
    for (const request of [
      () => stranger.setFilter(macFilter(queueId, macOf(9), null)),
      () => stranger.clearFilter(queueId, filterId),
      () => stranger.setQueueParameters(queueId, update),
      () => stranger.freeQueue(queueId),
    ]) {
      const refusal = await expectRefusal(adapter, request, INVALID);
      expect(refusal.found).toContain('of switch');
    }
    expect(stranger.enumQueues()).toEqual([]);
  });

  it('§9.1 rules 6, 10 and 11: lets any binding query parameters', async () => {
    const fixture = anAdapter();
    const { queueId, filterId = 0 } = await aQueueIn('Running', fixture);
    const stranger = fixture.adapter.bind('monitor');
    expect(stranger.queueParameters(queueId).queueId).toBe(queueId);
    expect(stranger.enumFilters(queueId)).toHaveLength(1);
    expect(stranger.filterParameters(filterId).queueId).toBe(queueId);
  });
});

describe('§1.3 closing a binding', () => {
  it('A.15, §4.7 rule 3, §6.5 rule 9: refuses while it owns queues or filters', async () => {
    const fixture = anAdapter();
    const { adapter, binding } = fixture;
    const { queueId, filterId = 0 } = await aQueueIn('Running', fixture);
    const refusal = await expectRefusal(adapter, () => binding.close(), INVALID);
    expect(refusal.found).toBe('1 queue(s) and 1 filter(s)');
    await binding.clearFilter(queueId, filterId);
    await expectRefusal(adapter, () => binding.close(), INVALID);
    await binding.freeQueue(queueId);
    await binding.close();
    expect(adapter.snapshot().bindings).toEqual([]);
  });

  it('refuses everything afterwards', async () => {
    const { adapter, binding } = anAdapter();
    await binding.close();
    await expectRefusal(
      adapter,
      () => binding.allocateQueue(onProcessor(1)),
      'NDIS_STATUS_CLOSING',
    );
    await expectRefusal(adapter, () => binding.currentCapabilities(), 'NDIS_STATUS_CLOSING');
    await expectRefusal(adapter, () => binding.close(), 'NDIS_STATUS_CLOSING');
  });

  it('finishes requests made before', async () => {
    const fixture = anAdapter();
    const { queueId } = await aQueueIn('Paused', fixture);
    const buffers = fixture.miniport.holdNext('freeQueue');
    const free = fixture.binding.freeQueue(queueId);
    const close = fixture.binding.close();
    buffers.release();
    await Promise.all([free, close]);
    expect(fixture.adapter.snapshot().bindings).toEqual([]);
  });
});

describe('§1.3 halt', () => {
  it('A.15, §3.3 rule 4, §6.5 rule 7, §9.1 rule 4: clears filters, then frees queues, then closes what is left', async () => {
    const fixture = anAdapter();
    const { adapter, binding, miniport, indications } = fixture;
    await aQueueIn('Running', fixture);
    await aQueueIn('Set', fixture);
    await aQueueIn('Allocated', fixture);
    await binding.setFilter(macFilter(0, macOf(8), null));
    miniport.calls.length = 0;
    await adapter.halt();
    expect(miniport.calls.map((call) => call.method)).toEqual([
      ...['clearFilter', 'clearFilter', 'clearFilter', 'freeQueue', 'freeQueue', 'freeQueue'],
      'halt',
    ]);
    expect(indications).toHaveLength(3);
    expect(fixture.warnings).toEqual([]);
    expect(adapter.snapshot()).toMatchObject({
      isHalted: true,
      bindings: [],
      filters: [],
      queues: [{ queueId: 0 }],
    });
  });

  it('is not kept alive by a miniport that refuses', async () => {
    const fixture = anAdapter();
    await aQueueIn('Running', fixture);
    fixture.miniport.answerNext('clearFilter', 'NDIS_STATUS_NOT_ACCEPTED');
    fixture.miniport.answerNext('freeQueue', new Error('device gone'));
    await fixture.adapter.halt();
    expect(fixture.warnings.length).toBeGreaterThan(0);
    expect(fixture.adapter.snapshot()).toMatchObject({ isHalted: true, queues: [{ queueId: 0 }] });
  });

  it('§9.4 refuses requests afterwards with NOT_ACCEPTED, and can be asked twice', async () => {
    const { adapter, binding } = anAdapter();
    await adapter.halt();
    await adapter.halt();
    await expectRefusal(
      adapter,
      () => binding.allocateQueue(onProcessor(1)),
      'NDIS_STATUS_NOT_ACCEPTED',
    );
    await expectRefusal(adapter, () => adapter.bind('late'), 'NDIS_STATUS_NOT_ACCEPTED');
  });
});
