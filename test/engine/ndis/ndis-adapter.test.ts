import { expect, it } from 'vitest';

import { aQueueIn, anAdapter } from './an-adapter';

it('§3.4 lives a normal life: allocated, filtered, complete, cleared, freed', async () => {
  const fixture = anAdapter();
  const { adapter, binding, indications } = fixture;
  const { queueId, filterId } = await aQueueIn('Running', fixture);
  expect(adapter.queueState(queueId)).toBe('Running');
  await binding.clearFilter(queueId, filterId ?? 0);
  await binding.freeQueue(queueId);
  await binding.close();
  expect(indications).toEqual([
    { status: 'NDIS_STATUS_RECEIVE_QUEUE_STATE', queueId, queueState: 'DmaStopped' },
  ]);
  expect(adapter.queueHistory(queueId).map((move) => `${move.event} ${move.to}`)).toEqual([
    'ALLOCATE_QUEUE Allocated',
    'SET_FILTER Set',
    'ALLOCATION_COMPLETE Running',
    'CLEAR_LAST_FILTER Paused',
    'FREE_QUEUE StopDma',
    'DMA_STOPPED Freeing',
    'RESOURCES_FREED Undefined',
  ]);
});
