import { describe, expect, it } from 'vitest';

import { vmqCapabilities } from '../../../src/engine/ndis/capabilities';
import {
  QUEUE_CHANGE_FLAGS,
  QUEUE_PARAMETER_FLAGS,
  receiveQueueParameters,
  type ReceiveQueueParameters,
} from '../../../src/engine/ndis/queue-parameters';
import {
  aQueueIn,
  anAdapter,
  expectRefusal,
  onProcessor,
  type AdapterFixture,
} from '../ndis/an-adapter';

const INVALID = 'NDIS_STATUS_INVALID_PARAMETER';
const { LOOKAHEAD_SPLIT_REQUIRED, PER_QUEUE_RECEIVE_INDICATION } = QUEUE_PARAMETER_FLAGS;

function splittingAdapter(): AdapterFixture {
  const lookaheadSplit = { minimumBytes: 64, maximumBytes: 128 };
  const capabilities = vmqCapabilities({
    ndisVersion: '6.20',
    numQueues: 4,
    maxMacHeaderFilters: 8,
    lookaheadSplit,
  });
  return anAdapter({ capabilities });
}

async function expectFault(
  fixture: AdapterFixture,
  change: Partial<ReceiveQueueParameters>,
  field: string,
): Promise<void> {
  const request = () => fixture.binding.allocateQueue({ ...onProcessor(2), ...change });
  const refusal = await expectRefusal(fixture.adapter, request, INVALID);
  expect(refusal.field).toBe(field);
  expect(fixture.miniport.calls).toEqual([]);
}

describe('§3.4 allocation', () => {
  it('§3.4 rules 2 and 3, §3.5 rules 4, 8 and 13: hands the miniport the parameters with the id and answers from the cache with its MSI-X entry', async () => {
    const { binding, miniport } = anAdapter();
    const request = receiveQueueParameters({
      ...onProcessor(4),
      flags: PER_QUEUE_RECEIVE_INDICATION,
      vmName: 'web-01',
      queueName: 'nic 0',
      numSuggestedReceiveBuffers: 256,
      portId: 3,
      queueId: 77,
      msixTableEntry: 9,
      interruptCoalescingDomainId: 5,
    });
    const queueId = await binding.allocateQueue(request);
    const given = { ...request, queueId, msixTableEntry: 0, interruptCoalescingDomainId: 0 };
    expect(miniport.calls).toEqual([{ method: 'allocateQueue', arguments: [queueId, given] }]);
    expect(binding.queueParameters(queueId)).toEqual({ ...given, msixTableEntry: queueId + 100 });
  });

  it('§3.5 rules 1 and 12: leaves members of newer revisions at 0', async () => {
    const { binding } = anAdapter();
    const queueId = await binding.allocateQueue({ ...onProcessor(1), revision: 1, portId: 3 });
    expect(binding.queueParameters(queueId).portId).toBe(0);
  });

  it.each([
    ['revision', { revision: 4 as 3 }],
    ['queueType', { queueType: 0 }],
    ['queueGroupId', { queueGroupId: 1 }],
    ['numSuggestedReceiveBuffers', { numSuggestedReceiveBuffers: -1 }],
    ['numSuggestedReceiveBuffers', { numSuggestedReceiveBuffers: 1.5 }],
    ['portId', { portId: -1 }],
    ['flags', { flags: 0x4 }],
    ['flags', { flags: QUEUE_CHANGE_FLAGS.NAME_CHANGED }],
    ['processorAffinity', { processorAffinity: { group: 0, mask: 0n } }],
    ['processorAffinity', { processorAffinity: { group: 0, mask: 1n << 64n } }],
    ['processorAffinity', { processorAffinity: { group: -1, mask: 1n } }],
    ['vmName', { vmName: 'x'.repeat(257) }],
    ['queueName', { queueName: 'x'.repeat(257) }],
    ['lookaheadSize', { lookaheadSize: 64 }],
    ['lookaheadSize', { lookaheadSize: 64, flags: LOOKAHEAD_SPLIT_REQUIRED }],
    ['lookaheadSize', { lookaheadSize: -1 }],
  ])(
    '§3.4 rules 1 and 2, §3.5 rules 1, 3, 5, 6 and 9, §9.4 rules 2 and 8: refuses a wrong %s: case %#',
    async (field, change) => {
      await expectFault(anAdapter(), change, field);
    },
  );

  it("§9.4 rule 8, §3.11 rule 3, §6.6 rule 2: refuses a processor outside of the adapter's set", async () => {
    await expectFault(anAdapter({ processors: [4, 6] }), {}, 'processorAffinity');
    const { binding } = anAdapter({ processors: [4, 6] });
    expect(await binding.allocateQueue(onProcessor(6))).toBe(1);
  });

  it('§3.5 rule 14: refuses a scheduler queue with NOT_SUPPORTED', async () => {
    const { adapter, binding } = anAdapter();
    const request = () => binding.allocateQueue({ ...onProcessor(1), revision: 3, qosSqId: 1 });
    await expectRefusal(adapter, request, 'NDIS_STATUS_NOT_SUPPORTED');
  });
});

describe('§5.2 lookahead split', () => {
  it('§3.11 rule 4, §5.2 rule 1: on 6.20 rounds a size below the minimum up', async () => {
    const { binding } = splittingAdapter();
    const wish = { flags: LOOKAHEAD_SPLIT_REQUIRED, lookaheadSize: 20 };
    const queueId = await binding.allocateQueue({ ...onProcessor(1), ...wish });
    expect(binding.queueParameters(queueId)).toMatchObject({ ...wish, lookaheadSize: 64 });
  });

  it('§3.5 rule 9, §5.3 rule 2: on 6.20 never splits with size 0', async () => {
    const { binding } = splittingAdapter();
    const queueId = await binding.allocateQueue(onProcessor(1));
    expect(binding.queueParameters(queueId).lookaheadSize).toBe(0);
  });

  it('§3.5 rule 9, §3.11 rule 5, §9.4 rule 7: refuses a size without the flag, a size above the maximum, and the flag where it is not advertised', async () => {
    const flags = LOOKAHEAD_SPLIT_REQUIRED;
    await expectFault(splittingAdapter(), { lookaheadSize: 64 }, 'lookaheadSize');
    await expectFault(splittingAdapter(), { lookaheadSize: 129, flags }, 'lookaheadSize');
    await expectFault(anAdapter({ ndisVersion: '6.20' }), { flags }, 'flags');
  });

  it('§5.3 rule 3: ignores the flag from 6.30 on', async () => {
    const { binding } = anAdapter();
    const flags = LOOKAHEAD_SPLIT_REQUIRED | PER_QUEUE_RECEIVE_INDICATION;
    const queueId = await binding.allocateQueue({ ...onProcessor(1), flags });
    expect(binding.queueParameters(queueId).flags).toBe(PER_QUEUE_RECEIVE_INDICATION);
  });
});

describe('§3.4 ids', () => {
  it('A.2, §3.4 rule 2: are unique, begin at 1 and are not used again at once', async () => {
    const { binding } = anAdapter({ maxQueueId: 5 });
    const allocate = () => binding.allocateQueue(onProcessor(1));
    expect([await allocate(), await allocate(), await allocate()]).toEqual([1, 2, 3]);
    await binding.freeQueue(2);
    expect([await allocate()]).toEqual([4]);
    await binding.freeQueue(1);
    expect([await allocate()]).toEqual([5]);
    await binding.freeQueue(3);
    expect([await allocate()]).toEqual([1]);
  });

  it('has room for every queue', () => {
    expect(anAdapter().adapter.maxQueueId).toBe(255);
    const many = vmqCapabilities({ ndisVersion: '6.30', numQueues: 64, maxMacHeaderFilters: 64 });
    expect(anAdapter({ capabilities: many }).adapter.maxQueueId).toBe(256);
    expect(() => anAdapter({ maxQueueId: 3 })).toThrow('maxQueueId: expected 4 to 65535, found 3');
  });
});

describe('§3.4 exhaustion and failure', () => {
  it('§9.4 rule 6, §3.9 rule 3: refuses a queue beyond NumQueues with RESOURCES, the default queue not counted', async () => {
    const { adapter, binding } = anAdapter();
    for (let n = 0; n < 4; n++) await binding.allocateQueue(onProcessor(n));
    const request = () => binding.allocateQueue(onProcessor(1));
    const refusal = await expectRefusal(adapter, request, 'NDIS_STATUS_RESOURCES');
    expect(refusal.refusal.remedy).not.toBe('');
    await binding.freeQueue(2);
    expect(await request()).toBe(5);
  });

  it('§9.1 rule 3: refuses with NOT_SUPPORTED when VMQ is off', async () => {
    const { adapter, binding, miniport } = anAdapter();
    const { hardware } = miniport.capabilities;
    const request = () => binding.allocateQueue(onProcessor(1));
    adapter.capabilitiesChanged({ hardware, current: null });
    await expectRefusal(adapter, request, 'NDIS_STATUS_NOT_SUPPORTED');
    const noQueues = { ...hardware, numQueues: 0, enabledQueueTypes: 0 };
    adapter.capabilitiesChanged({ hardware, current: noQueues });
    await expectRefusal(adapter, request, 'NDIS_STATUS_NOT_SUPPORTED');
  });

  it('§3.4 rule 3: no queue exists after the miniport has failed, and the id is given out again', async () => {
    const { adapter, binding, miniport } = anAdapter();
    const request = () => binding.allocateQueue(onProcessor(1));
    miniport.answerNext('allocateQueue', 'NDIS_STATUS_RESOURCES');
    await expectRefusal(adapter, request, 'NDIS_STATUS_RESOURCES');
    miniport.answerNext('allocateQueue', new Error('no thread'));
    const refusal = await expectRefusal(adapter, request, 'NDIS_STATUS_FAILURE');
    expect(refusal.message).toContain('no thread');
    expect(await request()).toBe(1);
  });

  it('§3.8 rule 13: a request waits for the free before it, whose queue still counts', async () => {
    const fixture = anAdapter();
    const { queueId } = await aQueueIn('Paused', fixture);
    const buffers = fixture.miniport.holdNext('freeQueue');
    const free = fixture.binding.freeQueue(queueId);
    const next = fixture.binding.allocateQueue(onProcessor(3));
    await Promise.resolve();
    expect(fixture.miniport.callsOf('allocateQueue')).toHaveLength(1);
    buffers.release();
    await free;
    expect(await next).toBe(2);
  });
});
