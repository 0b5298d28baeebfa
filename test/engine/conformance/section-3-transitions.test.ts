/** The table of §3.2 on a live adapter: each request in each state that a queue can be in. */
import { describe, expect, it } from 'vitest';

import { macFilter } from '../../../src/engine/ndis/filter-parameters';
import { QUEUE_CHANGE_FLAGS } from '../../../src/engine/ndis/queue-parameters';
import { nextState, type QueueEvent } from '../../../src/engine/ndis/queue-state';
import {
  aQueueIn,
  anAdapter,
  expectRefusal,
  macOf,
  onProcessor,
  type AdapterFixture,
  type QueueInState,
  type RestingState,
} from '../ndis/an-adapter';

const INVALID = 'NDIS_STATUS_INVALID_PARAMETER';
const STATES: readonly RestingState[] = ['Allocated', 'Set', 'Running', 'Paused'];
const UPDATE = { flags: QUEUE_CHANGE_FLAGS.NAME_CHANGED, queueName: 'renamed' };

type Request = (fixture: AdapterFixture, queue: QueueInState) => unknown;

/** Sends a request in each of the four states: it does what the row of the table says, or nothing. */
async function expectRow(event: QueueEvent, request: Request): Promise<void> {
  for (const state of STATES) {
    const fixture = anAdapter();
    const queue = await aQueueIn(state, fixture);
    const to = nextState(state, event);
    if (to === 'illegal') {
      const calls = fixture.miniport.calls.length;
      const send = () => request(fixture, queue);
      const refusal = await expectRefusal(fixture.adapter, send, INVALID);
      expect(refusal.message).toContain(`in ${state} with`);
      expect(fixture.miniport.calls).toHaveLength(calls);
    } else {
      await request(fixture, queue);
      // A free goes on by itself.
      const end = to === 'StopDma' ? 'Undefined' : to;
      expect(fixture.adapter.queueState(queue.queueId)).toBe(end);
    }
  }
}

describe('the requests of §3.2', () => {
  it('§3.2 rule 1, §3.3 rule 1: ALLOCATE_QUEUE makes a queue in Allocated', async () => {
    const { adapter, binding } = anAdapter();
    const queueId = await binding.allocateQueue(onProcessor(2));
    expect(adapter.queueHistory(queueId)).toMatchObject([
      { event: 'ALLOCATE_QUEUE', from: 'Undefined', to: 'Allocated' },
    ]);
  });

  it('§3.2 rule 2: QUEUE_PARAMETERS is queried in all four states', () =>
    expectRow('QUERY_QUEUE_PARAMETERS', ({ binding }, { queueId }) =>
      binding.queueParameters(queueId),
    ));

  it('§3.2 rule 3: QUEUE_PARAMETERS is set in all four states', () =>
    expectRow('SET_QUEUE_PARAMETERS', ({ binding }, { queueId }) =>
      binding.setQueueParameters(queueId, UPDATE),
    ));

  it('§3.2 rule 4, §3.3 rule 2, §3.4 rule 5: SET_FILTER goes from Allocated to Set and from Paused to Running', () =>
    expectRow('SET_FILTER', ({ binding }, { queueId }) =>
      binding.setFilter(macFilter(queueId, macOf(99), null)),
    ));

  it('§3.2 rule 7, §4.9 rule 4: ENUM_FILTERS is answered in all four states', () =>
    expectRow('ENUM_FILTERS', ({ binding }, { queueId }) => binding.enumFilters(queueId)));

  it('§3.2 rule 8, §4.9 rule 4: PARAMETERS is answered for the filters of a queue in Set and Running', async () => {
    for (const state of ['Set', 'Running'] as const) {
      const fixture = anAdapter();
      const { queueId, filterId = 0 } = await aQueueIn(state, fixture);
      expect(fixture.binding.filterParameters(filterId)).toMatchObject({ queueId, filterId });
      expect(fixture.adapter.queueState(queueId)).toBe(state);
    }
  });

  it('§3.2 rule 9, §3.3 rule 3: QUEUE_ALLOCATION_COMPLETE goes from Allocated to Paused and from Set to Running', async () => {
    for (const [state, to] of [
      ['Allocated', 'Paused'],
      ['Set', 'Running'],
    ] as const) {
      const fixture = anAdapter();
      const { queueId } = await aQueueIn(state, fixture);
      await fixture.binding.queueAllocationComplete([queueId]);
      expect(fixture.adapter.queueState(queueId)).toBe(to);
    }
  });

  it('§3.2 rules 11 and 14, §3.8 rule 1: FREE_QUEUE leads from Allocated and Paused to Undefined, and is refused with filters', () =>
    expectRow('FREE_QUEUE', ({ binding }, { queueId }) => binding.freeQueue(queueId)));

  it.each(['Paused', 'Running'] as const)(
    '§3.2 rule 15: a second completion is refused for its queue in %s',
    async (state) => {
      const fixture = anAdapter();
      const { queueId } = await aQueueIn(state, fixture);
      const before = fixture.adapter.snapshot();
      const [result] = await fixture.binding.queueAllocationComplete([queueId]);
      expect(result?.completionStatus).toBe(INVALID);
      expect(fixture.adapter.snapshot()).toEqual(before);
    },
  );
});

describe('clearing filters', () => {
  it.each([
    ['Set', 'Allocated'],
    ['Running', 'Paused'],
  ] as const)(
    '§3.2 rules 5 and 6: stays in %s with a filter left and goes to %s without',
    async (state, empty) => {
      const fixture = anAdapter();
      const { adapter, binding, miniport } = fixture;
      const { queueId, filterId = 0 } = await aQueueIn(state, fixture);
      const second = await binding.setFilter(macFilter(queueId, macOf(98), null));
      await binding.clearFilter(queueId, filterId);
      expect(adapter.queueState(queueId)).toBe(state);
      await binding.clearFilter(queueId, second);
      expect(adapter.queueState(queueId)).toBe(empty);
      const lasts = miniport.callsOf('clearFilter').map((call) => call.arguments[1]);
      expect(lasts).toEqual([false, true]);
    },
  );

  it.each(['Allocated', 'Paused'] as const)(
    '§3.2 rule 5: finds no filter to clear in %s',
    async (state) => {
      const fixture = anAdapter();
      const { queueId } = await aQueueIn(state, fixture);
      const send = () => fixture.binding.clearFilter(queueId, 1);
      await expectRefusal(fixture.adapter, send, 'NDIS_STATUS_FILE_NOT_FOUND');
    },
  );

  it('§3.2 rule 16: the clear of the last filter raises no status', async () => {
    const fixture = anAdapter();
    const { queueId, filterId = 0 } = await aQueueIn('Running', fixture);
    await fixture.binding.clearFilter(queueId, filterId);
    expect(fixture.indications).toEqual([]);
  });
});

describe('a queue that is being freed', () => {
  it.each(['StopDma', 'Freeing'] as const)(
    '§3.2 rules 2 and 7, §3.11 rule 2: queries are refused in %s, and requests wait',
    async (state) => {
      const fixture = anAdapter();
      const { adapter, binding, miniport } = fixture;
      const { queueId } = await aQueueIn('Paused', fixture);
      miniport.dmaStoppedCalls = state === 'StopDma' ? 0 : 1;
      const buffers = miniport.holdNext('freeQueue');
      const free = binding.freeQueue(queueId);
      await Promise.resolve();
      await Promise.resolve();
      expect(adapter.queueState(queueId)).toBe(state);
      for (const query of [
        () => binding.queueParameters(queueId),
        () => binding.enumFilters(queueId),
      ]) {
        await expectRefusal(adapter, query, INVALID);
      }
      expect(binding.enumQueues()[0]?.queueState).toBe('DmaStopped');
      buffers.release();
      await free;
      expect(adapter.queueState(queueId)).toBe('Undefined');
    },
  );

  it('§3.2 rules 12 and 13, §3.3 rules 5 and 6: the miniport leads it from Stop DMA by Freeing to Undefined', async () => {
    const fixture = anAdapter();
    const { adapter, binding, miniport } = fixture;
    const { queueId } = await aQueueIn('Paused', fixture);
    const states: string[] = [];
    const note = (): void => void states.push(adapter.queueState(queueId));
    miniport.freeQueue = (_queueId, dmaStopped) => {
      note();
      dmaStopped();
      note();
      return Promise.resolve('NDIS_STATUS_SUCCESS');
    };
    await binding.freeQueue(queueId);
    note();
    expect(states).toEqual(['StopDma', 'Freeing', 'Undefined']);
  });
});
