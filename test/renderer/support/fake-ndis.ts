/** Invents what the NDIS layer of an adapter would report: capabilities, requests, a queue as text. */
import type {
  CapabilitiesSnapshot,
  CapabilityField,
  RequestLogEntry,
} from '../../../src/contract/vmq';

const field = (
  name: string,
  value: number,
  meaning: string,
  flags: string[] = [],
): CapabilityField => ({ field: name, value, meaning, flags });

/** Everything that the hardware can do; without VMQ nothing of it is in force. */
export function fakeCapabilities(isOn: boolean): CapabilitiesSnapshot {
  const hardware = [
    field('Header.Revision', 2, 'Revision of the structure: 1 = NDIS 6.20, 2 = NDIS 6.30.'),
    field('EnabledFilterTypes', 1, 'Families of filters that are on.', ['VMQ_FILTERS_ENABLED']),
    field('EnabledQueueTypes', 1, 'Families of queues that are on.', ['VM_QUEUES_ENABLED']),
    field('NumQueues', 64, 'VM queues, without the default queue.'),
    field('SupportedQueueProperties', 0x1d, 'What its queues can do.', [
      'MSIX',
      'DYNAMIC_PROCESSOR_AFFINITY_CHANGE',
      'INTERRUPT_VECTOR_COALESCING',
    ]),
    field('MaxMacHeaderFilters', 256, 'Filters on MAC headers, over all queues.'),
  ];
  const current = hardware.map((member) =>
    member.field === 'NumQueues' ? { ...member, value: 16 } : member,
  );
  return { ndisRevision: '6.30', hardware, current: isOn ? current : null };
}

const REQUESTS = [
  ['OID_RECEIVE_FILTER_ALLOCATE_QUEUE', 'method', 'miniport'],
  ['OID_RECEIVE_FILTER_SET_FILTER', 'method', 'miniport'],
  ['OID_RECEIVE_FILTER_QUEUE_ALLOCATION_COMPLETE', 'method', 'miniport'],
  ['OID_RECEIVE_FILTER_QUEUE_PARAMETERS', 'query', 'ndis'],
  ['OID_RECEIVE_FILTER_FREE_QUEUE', 'set', 'miniport'],
] as const;

/** As many requests as seconds have passed since `startMs`; every seventh is refused. */
export function fakeRequests(startMs: number, after: number): RequestLogEntry[] {
  const count = Math.min(400, 12 + Math.floor((Date.now() - startMs) / 1000));
  return Array.from({ length: count }, (_, index) => {
    const [oid, kind, answeredBy] = REQUESTS[index % REQUESTS.length] ?? REQUESTS[0];
    const isRefused = index % 7 === 6;
    return {
      sequence: index + 1,
      atMs: startMs + index * 1000,
      caller: index % 3 === 0 ? 'switch of nic-a' : 'NDIS',
      oid,
      kind,
      answeredBy,
      arguments: { queueId: (index % 4) + 1, mac: '02:00:5e:10:00:01', vlan: 10 },
      status: isRefused ? 'NDIS_STATUS_INVALID_PARAMETER' : 'NDIS_STATUS_SUCCESS',
      reason: isRefused ? 'Expected a queue without filters, found queue 1 with 2.' : '',
      waitedMs: (index % 5) * 0.04,
      durationMs: 0.2 + (index % 9) * 0.31,
    };
  }).filter(({ sequence }) => sequence > after);
}

export function fakeDump(queueId: number): string {
  return [
    `Receive queue ${String(queueId)} of nic-a`,
    'State               Running, reported as Running',
    'Type                VM queue (1)',
    'Flags               0x1 (PER_QUEUE_RECEIVE_INDICATION)',
    'References          3',
    'Affinity            0:0x2 (processor 1)',
    'MSI-X entry         1, not shared',
    'Buffers             509 posted, 3 filled and not indicated',
    'Filters',
    '  1: 02:00:5e:10:00:01, VLAN 10, strips the tag',
    '',
  ].join('\n');
}
