import { describe, expect, it } from 'vitest';

import { macFilter } from '../../../src/engine/ndis/filter-parameters';
import { aQueueIn, anAdapter, macOf, onProcessor, refusalOf } from './an-adapter';

async function turn(): Promise<void> {
  for (let n = 0; n < 10; n++) await Promise.resolve();
}

describe('§6.7 one request at a time', () => {
  it('§6.7 rule 4: sends requests of all bindings to the miniport in the order of arrival', async () => {
    const fixture = anAdapter();
    const { adapter, binding, miniport } = fixture;
    const other = adapter.bind('other');
    const held = miniport.holdNext('allocateQueue');
    const requests = [
      binding.allocateQueue(onProcessor(1)),
      other.allocateQueue(onProcessor(2)),
      binding.setFilter(macFilter(1, macOf(1), null)),
      other.setFilter(macFilter(2, macOf(2), null)),
      binding.queueAllocationComplete([1]),
    ];
    await turn();
    expect(miniport.calls).toHaveLength(1);
    held.release();
    await Promise.all(requests);
    expect(miniport.calls.map((call) => call.method)).toEqual([
      ...['allocateQueue', 'allocateQueue', 'setFilter', 'setFilter', 'completeAllocation'],
    ]);
    expect([1, 2].map((id) => adapter.queueState(id))).toEqual(['Running', 'Set']);
  });

  it('checks a request when its turn comes, not when it is made', async () => {
    const { adapter, binding } = anAdapter();
    const allocated = binding.allocateQueue(onProcessor(1));
    const filtered = binding.setFilter(macFilter(1, macOf(1), null));
    const refused = refusalOf(() => binding.freeQueue(1));
    await Promise.all([allocated, filtered]);
    expect((await refused).message).toContain('queue 1 in Set with 1 filter(s)');
    expect(adapter.queueState(1)).toBe('Set');
  });

  it('goes on after a refusal', async () => {
    const { binding } = anAdapter();
    const refused = refusalOf(() => binding.freeQueue(7));
    const next = binding.allocateQueue(onProcessor(1));
    await refused;
    expect(await next).toBe(1);
  });

  it('§9.1 rule 16: shows a free that waits for its buffers, and answers queries meanwhile', async () => {
    const fixture = anAdapter();
    const { adapter, binding, miniport } = fixture;
    const { queueId } = await aQueueIn('Paused', fixture);
    expect(adapter.pendingRequest()).toBeUndefined();
    const buffers = miniport.holdNext('freeQueue');
    const free = binding.freeQueue(queueId);
    const next = binding.allocateQueue(onProcessor(1));
    await turn();
    expect(adapter.pendingRequest()).toMatchObject({
      caller: 'switch',
      oid: 'OID_RECEIVE_FILTER_FREE_QUEUE',
      arguments: { queueId },
      waiting: 1,
    });
    expect(binding.enumQueues()).toMatchObject([{ exactState: 'Freeing' }]);
    buffers.release();
    await Promise.all([free, next]);
    expect(adapter.pendingRequest()).toBeUndefined();
  });
});

describe('the request log', () => {
  it('holds who asked what, with the outcome, the reason and the time', async () => {
    let time = 100;
    const { adapter, binding, miniport } = anAdapter({ now: () => time });
    const held = miniport.holdNext('allocateQueue');
    const allocated = binding.allocateQueue(onProcessor(4));
    const refused = refusalOf(() => binding.freeQueue(9));
    await turn();
    time = 107;
    held.release();
    await allocated;
    await refused;
    binding.enumQueues();
    expect(adapter.requestLog().slice(1)).toEqual([
      {
        sequence: 2,
        timeMs: 100,
        caller: 'switch',
        oid: 'OID_RECEIVE_FILTER_ALLOCATE_QUEUE',
        kind: 'method',
        arguments: { vmName: '', queueName: '', processorAffinity: '0:0x10' },
        status: 'NDIS_STATUS_SUCCESS',
        reason: '',
        waitedMs: 0,
        durationMs: 7,
      },
      {
        sequence: 3,
        timeMs: 107,
        caller: 'switch',
        oid: 'OID_RECEIVE_FILTER_FREE_QUEUE',
        kind: 'set',
        arguments: { queueId: 9 },
        status: 'NDIS_STATUS_INVALID_PARAMETER',
        reason: 'queueId: expected a queue that exists, found 9.',
        waitedMs: 7,
        durationMs: 0,
      },
      {
        sequence: 4,
        timeMs: 107,
        caller: 'switch',
        oid: 'OID_RECEIVE_FILTER_ENUM_QUEUES',
        kind: 'query',
        arguments: {},
        status: 'NDIS_STATUS_SUCCESS',
        reason: '',
        waitedMs: 0,
        durationMs: 0,
      },
    ]);
  });

  it('keeps its newest entries', () => {
    const { adapter, binding } = anAdapter({ requestLogEntries: 3 });
    for (let n = 0; n < 5; n++) binding.enumQueues();
    expect(adapter.requestLog().map((entry) => entry.sequence)).toEqual([4, 5, 6]);
  });

  it('the history of a queue keeps its newest moves', async () => {
    const fixture = anAdapter({ historyEntries: 2 });
    const { queueId } = await aQueueIn('Running', fixture);
    const events = fixture.adapter.queueHistory(queueId).map((move) => move.event);
    expect(events).toEqual(['SET_FILTER', 'ALLOCATION_COMPLETE']);
  });

  it('tells listeners of each move', async () => {
    const fixture = anAdapter();
    const moves: string[] = [];
    const stop = fixture.adapter.onQueueTransition((move) => moves.push(`${move.from} ${move.to}`));
    await aQueueIn('Running', fixture);
    stop();
    await aQueueIn('Running', fixture);
    expect(moves).toEqual(['Undefined Allocated', 'Allocated Set', 'Set Running']);
  });
});
