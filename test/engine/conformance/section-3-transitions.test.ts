/** The table of §3.2 on a live adapter: each request in each state that a queue can rest in. */
import { describe, expect, it } from 'vitest';

import { macFilter } from '../../../src/engine/ndis/filter-parameters';
import { QUEUE_CHANGE_FLAGS } from '../../../src/engine/ndis/queue-parameters';
import { nextState, type QueueEvent, type QueueState } from '../../../src/engine/ndis/queue-state';
import {
  aQueueIn,
  anAdapter,
  expectRefusal,
  macOf,
  type AdapterFixture,
  type QueueInState,
  type RestingState,
} from '../ndis/an-adapter';

const STATES: readonly RestingState[] = ['Allocated', 'Set', 'Running', 'Paused'];

/** Sends a request; a completion refuses in its result, all others reject. */
type Request = (fixture: AdapterFixture, queue: QueueInState) => unknown;

const UPDATE = { flags: QUEUE_CHANGE_FLAGS.NAME_CHANGED, queueName: 'renamed' };
const REQUESTS: readonly (readonly [QueueEvent, Request])[] = [
  ['QUERY_QUEUE_PARAMETERS', ({ binding }, { queueId }) => binding.queueParameters(queueId)],
  [
    'SET_QUEUE_PARAMETERS',
    ({ binding }, { queueId }) => binding.setQueueParameters(queueId, UPDATE),
  ],
  [
    'SET_FILTER',
    ({ binding }, { queueId }) => binding.setFilter(macFilter(queueId, macOf(99), null)),
  ],
  ['ENUM_FILTERS', ({ binding }, { queueId }) => binding.enumFilters(queueId)],
  ['ALLOCATION_COMPLETE', complete],
  ['FREE_QUEUE', ({ binding }, { queueId }) => binding.freeQueue(queueId)],
];

async function complete({ binding }: AdapterFixture, { queueId }: QueueInState): Promise<void> {
  const [result] = await binding.queueAllocationComplete([queueId]);
  if (result?.completionStatus !== 'NDIS_STATUS_SUCCESS') throw new Error(result?.completionStatus);
}

/** Where a request leaves the queue in the end; a free goes on to Undefined by itself. */
function endState(state: QueueState, event: QueueEvent): QueueState | 'illegal' {
  const next = nextState(state, event);
  return next === 'StopDma' ? 'Undefined' : next;
}

const cells = REQUESTS.flatMap(([event, request]) =>
  STATES.map((state) => ({ event, state, request, to: endState(state, event) })),
);

describe('§3.2 requests in a legal state', () => {
  const legal = cells.filter(({ to }) => to !== 'illegal');
  it.each(legal)(
    '§3.2 accepts $event in $state and goes to $to',
    async ({ state, request, to }) => {
      const fixture = anAdapter();
      const queue = await aQueueIn(state, fixture);
      await request(fixture, queue);
      expect(fixture.adapter.queueState(queue.queueId)).toBe(to);
    },
  );
});

describe('§3.2 requests in an illegal state', () => {
  const illegal = cells.filter(
    ({ to, event }) => to === 'illegal' && event !== 'ALLOCATION_COMPLETE',
  );
  it.each(illegal)('§3.2 refuses $event in $state', async ({ state, request }) => {
    const fixture = anAdapter();
    const queue = await aQueueIn(state, fixture);
    const calls = fixture.miniport.calls.length;
    const send = () => request(fixture, queue);
    const refusal = await expectRefusal(fixture.adapter, send, 'NDIS_STATUS_INVALID_PARAMETER');
    expect(refusal.message).toContain(`in ${state} with`);
    expect(fixture.miniport.calls).toHaveLength(calls);
  });

  it.each(['Paused', 'Running'] as const)(
    '§3.2 refuses ALLOCATION_COMPLETE in %s',
    async (state) => {
      const fixture = anAdapter();
      const { queueId } = await aQueueIn(state, fixture);
      const before = fixture.adapter.snapshot();
      const [result] = await fixture.binding.queueAllocationComplete([queueId]);
      expect(result?.completionStatus).toBe('NDIS_STATUS_INVALID_PARAMETER');
      expect(fixture.adapter.snapshot()).toEqual(before);
    },
  );
});

describe('§3.2 clearing filters', () => {
  it.each([
    ['Set', 'Set', 'Allocated'],
    ['Running', 'Running', 'Paused'],
  ] as const)(
    '§3.2 stays in %s with a filter left and goes to %s, %s without',
    async (state, kept, empty) => {
      const fixture = anAdapter();
      const { adapter, binding, miniport } = fixture;
      const { queueId, filterId = 0 } = await aQueueIn(state, fixture);
      const second = await binding.setFilter(macFilter(queueId, macOf(98), null));
      await binding.clearFilter(queueId, filterId);
      expect(adapter.queueState(queueId)).toBe(kept);
      await binding.clearFilter(queueId, second);
      expect(adapter.queueState(queueId)).toBe(empty);
      expect(miniport.callsOf('clearFilter').map((call) => call.arguments[1])).toEqual([
        false,
        true,
      ]);
    },
  );

  it.each(['Allocated', 'Paused'] as const)(
    '§3.2 finds no filter to clear in %s',
    async (state) => {
      const fixture = anAdapter();
      const { queueId } = await aQueueIn(state, fixture);
      const send = () => fixture.binding.clearFilter(queueId, 1);
      await expectRefusal(fixture.adapter, send, 'NDIS_STATUS_FILE_NOT_FOUND');
    },
  );
});

describe('§3.2 a queue that is being freed', () => {
  it.each(['StopDma', 'Freeing'] as const)(
    '§3.2 refuses queries in %s, while requests wait',
    async (state) => {
      const fixture = anAdapter();
      const { adapter, binding, miniport } = fixture;
      const queue = await aQueueIn('Paused', fixture);
      miniport.dmaStoppedCalls = state === 'StopDma' ? 0 : 1;
      const buffers = miniport.holdNext('freeQueue');
      const free = binding.freeQueue(queue.queueId);
      await Promise.resolve();
      await Promise.resolve();
      expect(adapter.queueState(queue.queueId)).toBe(state);
      const { queueId } = queue;
      for (const query of [
        () => binding.queueParameters(queueId),
        () => binding.enumFilters(queueId),
      ]) {
        await expectRefusal(adapter, query, 'NDIS_STATUS_INVALID_PARAMETER');
      }
      expect(binding.enumQueues()[0]?.queueState).toBe('DmaStopped');
      buffers.release();
      await free;
      expect(adapter.queueState(queue.queueId)).toBe('Undefined');
    },
  );
});
