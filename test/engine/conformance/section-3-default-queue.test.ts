import { describe, expect, it } from 'vitest';

import { affinityOf } from '../../../src/engine/ndis/group-affinity';
import { macFilter } from '../../../src/engine/ndis/filter-parameters';
import { QUEUE_CHANGE_FLAGS } from '../../../src/engine/ndis/queue-parameters';
import { anAdapter, expectRefusal, macOf, onProcessor } from '../ndis/an-adapter';

const INVALID = 'NDIS_STATUS_INVALID_PARAMETER';

describe('§3.9 the default queue', () => {
  it('A.1, §3.9 rules 1, 2, 3 and 6: exists from the beginning, runs without filters, and is not counted', async () => {
    const { adapter, binding } = anAdapter({ defaultQueue: { processorAffinity: affinityOf(3) } });
    expect(adapter.queueState(0)).toBe('Running');
    expect(adapter.enumQueues()).toMatchObject([
      { queueId: 0, numFilters: 0, processorAffinity: affinityOf(3) },
    ]);
    for (let n = 0; n < 4; n++) expect(await binding.allocateQueue(onProcessor(1))).not.toBe(0);
  });

  it('A.1, §3.9 rules 2 and 9, §9.4 rule 3: cannot be freed', async () => {
    const { adapter, binding, miniport, indications } = anAdapter();
    const refusal = await expectRefusal(adapter, () => binding.freeQueue(0), INVALID);
    expect([refusal.field, miniport.calls, indications]).toEqual(['queueId', [], []]);
  });

  it('§3.9 rule 5, §4.6 rule 1, §4.7 rules 2 and 3: takes filters from any binding, and each binding clears its own', async () => {
    const { adapter, binding, miniport } = anAdapter();
    const other = adapter.bind('monitor');
    const one = await binding.setFilter(macFilter(0, macOf(1), null));
    const two = await other.setFilter(macFilter(0, macOf(2), null));
    expect(miniport.callsOf('setFilter').map((call) => call.arguments[1])).toEqual([true, true]);
    await expectRefusal(adapter, () => other.clearFilter(0, one), INVALID);
    await expectRefusal(adapter, () => other.close(), INVALID);
    await other.clearFilter(0, two);
    await binding.clearFilter(0, one);
    await other.close();
    expect(adapter.queueState(0)).toBe('Running');
  });

  it('§4.9 rule 1, §4.2 rule 4: answers queries: its parameters and its filters', async () => {
    const { binding } = anAdapter();
    const filterId = await binding.setFilter(macFilter(0, macOf(1), null));
    expect(binding.queueParameters(0).queueId).toBe(0);
    expect(binding.enumFilters(0)).toEqual([{ filterType: 1, filterId, queueId: 0 }]);
    expect(binding.filterParameters(filterId).queueId).toBe(0);
  });

  it('§3.9 rules 5 and 11: belongs to nobody: its parameters are not changed by a request, nor is it completed', async () => {
    const { adapter, binding } = anAdapter();
    const update = {
      flags: QUEUE_CHANGE_FLAGS.PROCESSOR_AFFINITY_CHANGED,
      processorAffinity: affinityOf(1),
    };
    await expectRefusal(adapter, () => binding.setQueueParameters(0, update), INVALID);
    const [result] = await binding.queueAllocationComplete([0]);
    expect(result?.completionStatus).toBe(INVALID);
    expect(binding.enumQueues()).toEqual([]);
  });
});
