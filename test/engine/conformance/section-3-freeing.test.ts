import { describe, expect, it } from 'vitest';

import {
  aQueueIn,
  anAdapter,
  expectRefusal,
  refusalOf,
  type AdapterFixture,
} from '../ndis/an-adapter';

/** Lets everything run that waits for nothing but its turn. */
async function turn(): Promise<void> {
  for (let n = 0; n < 10; n++) await Promise.resolve();
}

function stops({ indications }: AdapterFixture): number {
  return indications.filter(({ status }) => status === 'NDIS_STATUS_RECEIVE_QUEUE_STATE').length;
}

describe('§3.8 FREE_QUEUE', () => {
  it('A.8, §3.8 rules 4 and 6: waits in Freeing until the buffers are back, with the status sent', async () => {
    const fixture = anAdapter();
    const { adapter, binding, miniport } = fixture;
    const { queueId } = await aQueueIn('Paused', fixture);
    const buffers = miniport.holdNext('freeQueue');
    let isFreed = false;
    const free = binding.freeQueue(queueId).then(() => (isFreed = true));
    await turn();
    expect([adapter.queueState(queueId), stops(fixture), isFreed]).toEqual(['Freeing', 1, false]);
    buffers.release();
    await free;
    expect([adapter.queueState(queueId), stops(fixture)]).toEqual(['Undefined', 1]);
  });

  it.each(['Allocated', 'Paused'] as const)(
    'A.7, §3.8 rule 3, §3.6 rule 1: raises exactly one DMA-stopped indication, also from %s',
    async (state) => {
      const fixture = anAdapter();
      const { queueId } = await aQueueIn(state, fixture);
      await fixture.binding.freeQueue(queueId);
      expect(fixture.indications).toEqual([
        { status: 'NDIS_STATUS_RECEIVE_QUEUE_STATE', queueId, queueState: 'DmaStopped' },
      ]);
      expect(fixture.warnings).toEqual([]);
    },
  );

  it('A.7: sends no status when the last filter is cleared', async () => {
    const fixture = anAdapter();
    const { queueId, filterId = 0 } = await aQueueIn('Running', fixture);
    await fixture.binding.clearFilter(queueId, filterId);
    expect(stops(fixture)).toBe(0);
  });

  it.each([
    ['twice', 2],
    ['never', 0],
  ])(
    'A.7, §3.8 rule 12: sends the status once when the miniport says it %s, and warns',
    async (_how, calls) => {
      const fixture = anAdapter();
      const { queueId } = await aQueueIn('Paused', fixture);
      fixture.miniport.dmaStoppedCalls = calls;
      await fixture.binding.freeQueue(queueId);
      expect(stops(fixture)).toBe(1);
      expect(fixture.warnings).toMatchObject([{ kind: 'miniport-fault', queueId }]);
      expect(fixture.adapter.queueState(queueId)).toBe('Undefined');
    },
  );

  it('A.7: ignores a status of an earlier attempt during the next one', async () => {
    const fixture = anAdapter();
    const { adapter, binding, miniport } = fixture;
    const { queueId } = await aQueueIn('Paused', fixture);
    let late: () => void = () => undefined;
    miniport.freeQueue = (_queueId, dmaStopped) => {
      late = dmaStopped;
      return Promise.resolve('NDIS_STATUS_REQUEST_ABORTED');
    };
    await refusalOf(() => binding.freeQueue(queueId));
    miniport.freeQueue = (_queueId, dmaStopped) => {
      late();
      dmaStopped();
      return Promise.resolve('NDIS_STATUS_SUCCESS');
    };
    await binding.freeQueue(queueId);
    expect([stops(fixture), fixture.warnings.length]).toEqual([1, 1]);
    expect(adapter.queueState(queueId)).toBe('Undefined');
  });

  it.each(['NDIS_STATUS_NOT_ACCEPTED', 'NDIS_STATUS_REQUEST_ABORTED'] as const)(
    '§3.8 rules 10 and 11: leaves the queue as it was after %s, and it can be freed later',
    async (status) => {
      const fixture = anAdapter();
      const { adapter, binding, miniport } = fixture;
      const { queueId } = await aQueueIn('Paused', fixture);
      miniport.answerNext('freeQueue', status);
      await expectRefusal(adapter, () => binding.freeQueue(queueId), status);
      expect(stops(fixture)).toBe(0);
      expect(adapter.queueHistory(queueId).at(-1)).toMatchObject({
        event: 'FREE_REFUSED',
        to: 'Paused',
      });
      await binding.freeQueue(queueId);
      expect(stops(fixture)).toBe(1);
    },
  );

  it('keeps a queue in Freeing whose miniport fails after DMA has stopped, and the others alive', async () => {
    const fixture = anAdapter();
    const { adapter, binding, miniport } = fixture;
    const broken = await aQueueIn('Paused', fixture);
    const other = await aQueueIn('Paused', fixture);
    const freeQueue = miniport.freeQueue.bind(miniport);
    miniport.freeQueue = (_queueId, dmaStopped) => {
      dmaStopped();
      return Promise.reject(new Error('buffer lost'));
    };
    const refusal = await refusalOf(() => binding.freeQueue(broken.queueId));
    expect(refusal.status).toBe('NDIS_STATUS_FAILURE');
    expect(adapter.queueState(broken.queueId)).toBe('Freeing');
    expect(fixture.warnings).toMatchObject([{ kind: 'miniport-fault', queueId: broken.queueId }]);
    miniport.freeQueue = freeQueue;
    await binding.freeQueue(other.queueId);
    expect(adapter.queueState(other.queueId)).toBe('Undefined');
  });

  it('§3.8 rule 8, §9.4 rule 3: refuses to free a queue twice', async () => {
    const fixture = anAdapter();
    const { adapter, binding } = fixture;
    const { queueId } = await aQueueIn('Paused', fixture);
    await binding.freeQueue(queueId);
    await expectRefusal(adapter, () => binding.freeQueue(queueId), 'NDIS_STATUS_INVALID_PARAMETER');
    expect(stops(fixture)).toBe(1);
  });

  it('§3.8 rule 7: keeps the history of a freed queue until its id is used again', async () => {
    const fixture = anAdapter({ maxQueueId: 4 });
    const { adapter, binding } = fixture;
    const { queueId } = await aQueueIn('Paused', fixture);
    await binding.freeQueue(queueId);
    expect(adapter.queueHistory(queueId)).toHaveLength(5);
    for (let n = 0; n < 4; n++) await aQueueIn('Allocated', fixture);
    expect(adapter.queueHistory(queueId)).toHaveLength(1);
    expect(adapter.queueHistory(77)).toEqual([]);
  });
});
