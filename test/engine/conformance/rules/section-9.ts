/** §9 of the reference: the requests. */
import {
  different,
  INFERENCE,
  NO_COALESCING,
  NO_ENCAPSULATION,
  NO_SR_IOV,
  notApplicable,
  rulesOf,
} from './rule';

const page = (name: string): string => `oid-receive-filter-${name}.md`;

export const SECTION_9 = [
  ...rulesOf('§9.1', [
    [
      1,
      page('hardware-capabilities'),
      'HARDWARE_CAPABILITIES (query) is answered by NDIS; NOT_SUPPORTED without receive filtering.',
    ],
    [2, page('global-parameters'), 'GLOBAL_PARAMETERS (query) is answered by NDIS.'],
    [
      3,
      page('allocate-queue'),
      'ALLOCATE_QUEUE (method) is validated and numbered by NDIS, then carried out by the miniport.',
    ],
    [
      4,
      page('free-queue'),
      'FREE_QUEUE (set) is carried out by the miniport for the owner of the queue, or for NDIS at halt.',
    ],
    [5, page('enum-queues'), 'ENUM_QUEUES (query) is answered from the cache.'],
    [
      6,
      page('queue-parameters'),
      'QUEUE_PARAMETERS (method) is answered from the cache, for any driver.',
    ],
    [
      7,
      page('queue-parameters'),
      'QUEUE_PARAMETERS (set) is carried out by the miniport for the owner of the queue.',
    ],
    [
      8,
      page('set-filter'),
      'SET_FILTER (method) is validated and numbered by NDIS, then carried out by the miniport.',
    ],
    [
      9,
      page('clear-filter'),
      'CLEAR_FILTER (set) is checked by NDIS and carried out by the miniport.',
    ],
    [10, page('enum-filters'), 'ENUM_FILTERS (method) is answered from the cache, for anybody.'],
    [11, page('parameters'), 'PARAMETERS (method) is answered from the cache, for anybody.'],
    [
      12,
      page('queue-allocation-complete'),
      'QUEUE_ALLOCATION_COMPLETE (method) is carried out by the miniport, with a status for each queue.',
    ],
    [
      13,
      page('current-capabilities'),
      'CURRENT_CAPABILITIES (query) is answered by NDIS; NOT_SUPPORTED when everything is off.',
    ],
    [14, page('move-filter'), 'MOVE_FILTER (set) is NOT_SUPPORTED without SR-IOV.'],
    [15, 'ntddndis.h', 'Each request has its documented code.'],
    [
      16,
      INFERENCE,
      'Any request may answer PENDING and complete later, or end with FAILURE.',
      different(
        'A promise stands for PENDING: it is answered when the request completes, and a query shows what is pending.',
      ),
    ],
    [
      17,
      INFERENCE,
      'A buffer that is too short is INVALID_LENGTH with the bytes needed; nothing else changes.',
    ],
  ]),
  ...rulesOf('§9.2', [
    [
      1,
      page('set-filter'),
      'With VMQ the six requests that change queues and filters are mandatory for a miniport.',
    ],
    [2, INFERENCE, 'Six requests reach a VMQ miniport.'],
    [3, INFERENCE, 'Seven request forms are answered by NDIS alone.'],
  ]),
  ...rulesOf('§9.3', [
    [
      1,
      'ntddndis.h',
      'Match counts of coalescing filters are a request of their own.',
      NO_COALESCING,
    ],
    [2, 'ntddndis.h', 'NIC switch and virtual ports have requests of their own.', NO_SR_IOV],
    [
      3,
      'ntddndis.h',
      'OID_SWITCH_NIC_REQUEST wraps requests that travel through an extensible switch.',
      notApplicable('The switch has no extensions: it issues the requests itself.'),
    ],
    [
      4,
      'ntddndis.h',
      'RSS and VMMQ have requests of their own.',
      notApplicable('The adapter offers neither RSS nor VMMQ.'),
    ],
    [5, 'ntddndis.h', 'OID_TCP_OFFLOAD_PARAMETERS switches VMQ for NVGRE on.', NO_ENCAPSULATION],
  ]),
  ...rulesOf('§9.4', [
    [
      1,
      INFERENCE,
      'A buffer shorter than its header or its array is INVALID_LENGTH, with the bytes needed.',
    ],
    [2, INFERENCE, 'A wrong header type, revision or size is INVALID_PARAMETER.'],
    [
      3,
      INFERENCE,
      'An unknown queue, queue 0 on a free, or an illegal state is INVALID_PARAMETER.',
    ],
    [4, INFERENCE, 'A caller that is not the owner gets INVALID_PARAMETER.'],
    [5, INFERENCE, 'An unknown filter on a clear is FILE_NOT_FOUND.'],
    [6, INFERENCE, 'No free queue or filter is RESOURCES.'],
    [7, INFERENCE, 'A feature that is not advertised is INVALID_PARAMETER throughout.'],
    [8, INFERENCE, 'An empty affinity, or a processor outside of the set, is INVALID_PARAMETER.'],
    [9, INFERENCE, 'An adapter that resets or was removed answers NOT_ACCEPTED.'],
  ]),
];
