import { describe, expect, it } from 'vitest';
import type { RequestLogEntry } from '../../../src/contract/vmq';
import { capabilityRows } from '../../../src/renderer/queues/capability-rows';
import { filterRows, type FilteredQueue } from '../../../src/renderer/queues/filter-rows';
import { argumentText, requestRows, statusWord } from '../../../src/renderer/queues/request-rows';
import { fakeCapabilities } from '../support/fake-ndis';

function aRequest(sequence: number, part: Partial<RequestLogEntry> = {}): RequestLogEntry {
  return {
    sequence,
    atMs: sequence * 1000,
    caller: 'switch of nic-a',
    oid: 'OID_RECEIVE_FILTER_SET_FILTER',
    kind: 'method',
    answeredBy: 'miniport',
    arguments: { queueId: 3, vlan: null },
    status: 'NDIS_STATUS_SUCCESS',
    reason: '',
    waitedMs: 0,
    durationMs: 0.2,
    ...part,
  };
}

describe('requestRows', () => {
  const entries = [
    aRequest(1),
    aRequest(2, { status: 'NDIS_STATUS_PENDING' }),
    aRequest(3, {
      oid: 'OID_RECEIVE_FILTER_FREE_QUEUE',
      status: 'NDIS_STATUS_INVALID_PARAMETER',
      reason: 'Queue 3 has filters.',
    }),
  ];
  const keysOf = (filter: string, onlyRefused = false): string[] =>
    requestRows(entries, filter, onlyRefused).map(({ key }) => key);

  it('has the newest request first', () => {
    expect(keysOf('')).toEqual(['3', '2', '1']);
  });

  it('finds words in any order in request, caller, status, reason and arguments', () => {
    expect(keysOf('has free_queue')).toEqual(['3']);
    expect(keysOf('vlan none set_filter')).toEqual(['2', '1']);
    expect(keysOf('nic-b')).toEqual([]);
  });

  it('takes neither success nor pending for a refusal', () => {
    expect(keysOf('', true)).toEqual(['3']);
  });
});

describe('argumentText and statusWord', () => {
  it('write what is shown in a cell', () => {
    expect(argumentText({ queueId: 3, vlan: null, strips: true })).toBe(
      'queueId 3, vlan none, strips true',
    );
    expect(statusWord('NDIS_STATUS_RESOURCES')).toBe('RESOURCES');
  });
});

describe('capabilityRows', () => {
  it('puts the current value beside that of the hardware, and marks what is less', () => {
    const rows = capabilityRows(fakeCapabilities(true));
    const row = (key: string) => rows.find((candidate) => candidate.key === key);
    expect(row('NumQueues')).toMatchObject({ hardware: '64', current: '16', isReduced: true });
    expect(row('SupportedQueueProperties')).toMatchObject({ hardware: '0x1D', isReduced: false });
    expect(row('EnabledQueueTypes')?.flags).toEqual([{ name: 'VM_QUEUES_ENABLED', isOn: true }]);
  });

  it('says that everything is off while nothing is in force', () => {
    const rows = capabilityRows(fakeCapabilities(false));
    expect(rows.every(({ current, isReduced }) => current === 'off' && isReduced)).toBe(true);
    expect(rows.flatMap(({ flags }) => flags).some(({ isOn }) => isOn)).toBe(false);
  });
});

describe('filterRows', () => {
  const aQueue = (queueId: number, filters: FilteredQueue['queue']['filters']): FilteredQueue => ({
    key: `host-a/nic-a/${String(queueId)}`,
    hostName: 'Host A',
    label: `queue ${String(queueId)}`,
    queue: { vmName: queueId === 0 ? null : 'web-01', filters },
  });
  const queues = [
    aQueue(0, [{ filterId: 9, mac: '02:00:5e:10:00:09', vlan: null }]),
    aQueue(1, [
      { filterId: 1, mac: '02:00:5e:10:00:01', vlan: 10 },
      { filterId: 2, mac: '02:00:5e:10:00:02', vlan: 20 },
    ]),
  ];
  const idsOf = (words: string): number[] =>
    filterRows(queues, words).map(({ filter }) => filter.filterId);

  it('has every filter of every queue, the default queue’s too', () => {
    expect(idsOf('')).toEqual([9, 1, 2]);
  });

  it.each([
    ['vlan10', [1]],
    ['untagged', [9]],
    ['web-01 00:02', [2]],
    ['vlan30', []],
  ])('finds %s', (words, ids) => {
    expect(idsOf(words)).toEqual(ids);
  });
});
