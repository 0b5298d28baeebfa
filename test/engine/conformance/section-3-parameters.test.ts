import { describe, expect, it } from 'vitest';

import { affinityOf } from '../../../src/engine/ndis/group-affinity';
import {
  QUEUE_CHANGE_FLAGS,
  QUEUE_CHANGE_MASK,
  QUEUE_PARAMETER_FLAGS,
  receiveQueueParameters,
  type QueueParametersUpdate,
} from '../../../src/engine/ndis/queue-parameters';
import { NDIS_INDICATION_VALUES } from '../../../src/engine/ndis/status';
import { aQueueIn, anAdapter, expectRefusal, onProcessor } from '../ndis/an-adapter';
import { tableBelow } from '../ndis/reference-table';

const CHANGE = QUEUE_CHANGE_FLAGS;

it('§3.5 rule 15: the flags have the values of the reference', () => {
  const rows = tableBelow('Flags (prefix `NDIS_RECEIVE_QUEUE_PARAMETERS_`)');
  const documented = new Map(
    rows.map(([value = '', name = '']) => [name.split(' ')[0], Number(value)]),
  );
  const flags = { ...QUEUE_PARAMETER_FLAGS, ...QUEUE_CHANGE_FLAGS, CHANGE_MASK: QUEUE_CHANGE_MASK };
  expect(new Map(Object.entries(flags))).toEqual(documented);
});

it('§3.5 rule 20: the query is answered from the cache, in the order and with the values of the last change', async () => {
  const fixture = anAdapter();
  const { queueId } = await aQueueIn('Running', fixture);
  const update = { flags: CHANGE.NAME_CHANGED, queueName: 'cached' };
  await fixture.binding.setQueueParameters(queueId, update);
  const calls = fixture.miniport.calls.length;
  expect(fixture.binding.queueParameters(queueId)).toMatchObject({ queueId, queueName: 'cached' });
  expect(fixture.miniport.calls).toHaveLength(calls);
});

it('§3.6 rule 2, §3.5 rule 13: the miniport may change the coalescing domain of a queue, from 6.30 on', async () => {
  const { adapter, binding, indications } = anAdapter();
  const queueId = await binding.allocateQueue(onProcessor(1));
  adapter.coalescingDomainChanged(queueId, 7);
  const parameters = binding.queueParameters(queueId);
  expect(parameters.interruptCoalescingDomainId).toBe(7);
  expect(indications).toEqual([
    {
      status: 'NDIS_STATUS_RECEIVE_FILTER_QUEUE_PARAMETERS',
      parameters: { ...parameters, flags: CHANGE.INTERRUPT_COALESCING_DOMAIN_ID_CHANGED },
    },
  ]);
  const unknown = () => adapter.coalescingDomainChanged(99, 7);
  await expectRefusal(adapter, unknown, 'NDIS_STATUS_INVALID_PARAMETER');
  const older = anAdapter({ ndisVersion: '6.20' });
  const olderQueue = await older.binding.allocateQueue(onProcessor(1));
  const onOlder = () => older.adapter.coalescingDomainChanged(olderQueue, 7);
  await expectRefusal(older.adapter, onOlder, 'NDIS_STATUS_INVALID_PARAMETER');
});

it('§3.6 rule 3: each status indication has its own code', () => {
  const values = Object.values(NDIS_INDICATION_VALUES);
  expect(values).toHaveLength(4);
  expect(new Set(values).size).toBe(4);
});

describe('§3.5 the set form of QUEUE_PARAMETERS', () => {
  const everything = receiveQueueParameters({
    processorAffinity: affinityOf(6),
    queueName: 'new',
    vmName: 'other-vm',
    numSuggestedReceiveBuffers: 99,
    portId: 12,
    flags: QUEUE_PARAMETER_FLAGS.PER_QUEUE_RECEIVE_INDICATION,
  });

  it.each([
    ['FLAGS_CHANGED', { flags: QUEUE_PARAMETER_FLAGS.PER_QUEUE_RECEIVE_INDICATION }],
    ['PROCESSOR_AFFINITY_CHANGED', { processorAffinity: affinityOf(6) }],
    ['SUGGESTED_RECV_BUFFER_NUMBERS_CHANGED', { numSuggestedReceiveBuffers: 99 }],
    ['NAME_CHANGED', { queueName: 'new' }],
    ['QOS_SQ_ID_CHANGED', { qosSqId: 0 }],
  ] as const)(
    'A.14, §3.5 rules 2, 7, 10, 11 and 18: changes what %s names and nothing else',
    async (change, expected) => {
      const fixture = anAdapter();
      const { queueId } = await aQueueIn('Running', fixture);
      const old = fixture.binding.queueParameters(queueId);
      const update = { ...everything, flags: (everything.flags | CHANGE[change]) >>> 0 };
      await fixture.binding.setQueueParameters(queueId, update);
      expect(fixture.binding.queueParameters(queueId)).toEqual({ ...old, ...expected });
      expect(fixture.miniport.callsOf('setQueueParameters')).toEqual([
        {
          method: 'setQueueParameters',
          arguments: [queueId, { ...old, ...expected }, CHANGE[change]],
        },
      ]);
    },
  );

  it('§3.5 rules 16 and 19: changes nothing without a change bit, and does not trouble the miniport', async () => {
    const fixture = anAdapter();
    const { queueId } = await aQueueIn('Running', fixture);
    const before = fixture.adapter.snapshot();
    await fixture.binding.setQueueParameters(queueId, everything);
    expect(fixture.adapter.snapshot()).toEqual(before);
    expect(fixture.miniport.callsOf('setQueueParameters')).toEqual([]);
  });

  it.each<readonly [string, string, QueueParametersUpdate]>([
    [
      "the miniport's own change bit",
      'flags',
      { flags: CHANGE.INTERRUPT_COALESCING_DOMAIN_ID_CHANGED },
    ],
    ['an unknown change bit', 'flags', { flags: 0x8000_0000 }],
    ['an unknown behaviour flag', 'flags', { flags: CHANGE.FLAGS_CHANGED | 0x10 }],
    [
      'a change without its value',
      'processorAffinity',
      { flags: CHANGE.PROCESSOR_AFFINITY_CHANGED },
    ],
    ['a change without its value', 'queueName', { flags: CHANGE.NAME_CHANGED }],
    ['a change without its value', 'qosSqId', { flags: CHANGE.QOS_SQ_ID_CHANGED }],
    [
      'a change without its value',
      'numSuggestedReceiveBuffers',
      { flags: CHANGE.SUGGESTED_RECV_BUFFER_NUMBERS_CHANGED },
    ],
    [
      'an empty affinity',
      'processorAffinity',
      { flags: CHANGE.PROCESSOR_AFFINITY_CHANGED, processorAffinity: { group: 0, mask: 0n } },
    ],
    ['a long name', 'queueName', { flags: CHANGE.NAME_CHANGED, queueName: 'x'.repeat(257) }],
  ])('§3.5 rules 6, 13 and 18: refuses %s: %s', async (_what, field, update) => {
    const fixture = anAdapter();
    const { queueId } = await aQueueIn('Running', fixture);
    const request = () => fixture.binding.setQueueParameters(queueId, update);
    const refusal = await expectRefusal(fixture.adapter, request, 'NDIS_STATUS_INVALID_PARAMETER');
    expect(refusal.field).toBe(field);
  });

  it('§3.5 rule 14: refuses a scheduler queue with NOT_SUPPORTED', async () => {
    const fixture = anAdapter();
    const { queueId } = await aQueueIn('Running', fixture);
    const update = { flags: CHANGE.QOS_SQ_ID_CHANGED, qosSqId: 2 };
    const request = () => fixture.binding.setQueueParameters(queueId, update);
    await expectRefusal(fixture.adapter, request, 'NDIS_STATUS_NOT_SUPPORTED');
  });

  it('keeps the affinity of the allocation on 6.20', async () => {
    const fixture = anAdapter({ ndisVersion: '6.20' });
    const { queueId } = await aQueueIn('Running', fixture);
    const move = (processor: number) =>
      fixture.binding.setQueueParameters(queueId, {
        flags: CHANGE.PROCESSOR_AFFINITY_CHANGED,
        processorAffinity: affinityOf(processor),
      });
    await expectRefusal(fixture.adapter, () => move(5), 'NDIS_STATUS_INVALID_PARAMETER');
    await expect(move(2)).resolves.toBeUndefined();
  });

  it('§3.5 rule 22: refuses to turn the lookahead split on after allocation on 6.20, and ignores it on 6.30', async () => {
    const update = { flags: CHANGE.FLAGS_CHANGED | QUEUE_PARAMETER_FLAGS.LOOKAHEAD_SPLIT_REQUIRED };
    const older = anAdapter({ ndisVersion: '6.20' });
    const { queueId } = await aQueueIn('Paused', older);
    const request = () => older.binding.setQueueParameters(queueId, update);
    await expectRefusal(older.adapter, request, 'NDIS_STATUS_INVALID_PARAMETER');
    const newer = anAdapter();
    const other = await aQueueIn('Paused', newer);
    await newer.binding.setQueueParameters(other.queueId, update);
    expect(newer.binding.queueParameters(other.queueId).flags).toBe(0);
  });

  it('A.14: keeps the old values when the miniport refuses', async () => {
    const fixture = anAdapter();
    const { queueId } = await aQueueIn('Running', fixture);
    fixture.miniport.answerNext('setQueueParameters', 'NDIS_STATUS_INVALID_PARAMETER');
    const update = { flags: CHANGE.NAME_CHANGED, queueName: 'new' };
    const request = () => fixture.binding.setQueueParameters(queueId, update);
    await expectRefusal(fixture.adapter, request, 'NDIS_STATUS_INVALID_PARAMETER');
  });
});
