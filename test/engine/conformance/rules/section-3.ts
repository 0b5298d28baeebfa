/** §3 of the reference: the life of a receive queue. */
import { different, INFERENCE, NO_COALESCING, notApplicable, rulesOf, TYPED_DATA } from './rule';

const STATES = 'queue-states-and-operations.md';
const VMQ_STATES = 'ndis-virtual-machine-queue-states.md';
const ALLOCATING = 'allocating-a-vm-queue.md';
const ALLOCATE_OID = 'oid-receive-filter-allocate-queue.md';
const COMPLETE_OID = 'oid-receive-filter-queue-allocation-complete.md';
const PARAMETERS = 'ns-ntddndis-_ndis_receive_queue_parameters.md';
const PARAMETERS_OID = 'oid-receive-filter-queue-parameters.md';
const FREEING = 'freeing-a-vm-queue.md';
const FREE_OID = 'oid-receive-filter-free-queue.md';
const INFO = 'ns-ntddndis-_ndis_receive_queue_info.md';
const SAMPLE = 'sample vmq.c';
const STATE_STATUS = 'ndis-status-receive-queue-state.md';

export const SECTION_3 = [
  ...rulesOf('§3.1', [
    [1, STATES, 'Undefined: not allocated, or freed; no frames, no filters.'],
    [2, STATES, 'Allocated: not complete, no filter; no frame is indicated.'],
    [3, STATES, 'Set: not complete, with filters; no frame is indicated.'],
    [4, STATES, 'Paused: complete, without filter; nothing is indicated and nothing retained.'],
    [5, STATES, 'Running: complete, with filters; the only state in which frames are indicated.'],
    [6, STATES, 'Stop DMA: free requested, status not yet sent; no new frames, no filters.'],
    [
      7,
      STATES,
      'Freeing: status sent, waiting for buffers and giving up resources; no frames, no filters.',
    ],
    [
      8,
      INFERENCE,
      'Whether it is complete and whether it has filters make a living queue’s state.',
    ],
  ]),
  ...rulesOf('§3.2', [
    [1, STATES, 'ALLOCATE_QUEUE is legal in Undefined and leads to Allocated.'],
    [
      2,
      STATES,
      'The query of QUEUE_PARAMETERS is legal in the four living states and changes none.',
    ],
    [3, STATES, 'The set of QUEUE_PARAMETERS is legal in the four living states and changes none.'],
    [4, STATES, 'SET_FILTER leads from Allocated to Set and from Paused to Running.'],
    [
      5,
      STATES,
      'The clear of the last filter leads from Set to Allocated and from Running to Paused.',
    ],
    [6, STATES, 'The clear of another filter leaves Set and Running as they are.'],
    [7, STATES, 'ENUM_FILTERS is legal in the four living states.'],
    [8, STATES, 'The query of a filter’s PARAMETERS is legal in Set and Running.'],
    [
      9,
      STATES,
      'QUEUE_ALLOCATION_COMPLETE leads from Allocated to Paused and from Set to Running.',
    ],
    [10, STATES, 'A packet is received in Running only.'],
    [11, STATES, 'FREE_QUEUE leads from Allocated and from Paused to Stop DMA.'],
    [12, STATES, 'DMA stopped and the status sent lead from Stop DMA to Freeing.'],
    [13, STATES, 'All indications returned and resources freed lead from Freeing to Undefined.'],
    [
      14,
      VMQ_STATES,
      'A queue with filters is never freed: FREE_QUEUE in Set or Running is refused.',
    ],
    [
      15,
      `${STATES}; ${SAMPLE}`,
      'A second completion of a queue is refused for that queue with INVALID_PARAMETER.',
    ],
    [
      16,
      `${VMQ_STATES}; ${STATE_STATUS}`,
      'DMA may stop at the last clear, but that raises no status: the status belongs to FREE_QUEUE.',
    ],
  ]),
  ...rulesOf('§3.3', [
    [1, ALLOCATE_OID, 'The overlying driver makes a queue, with ALLOCATE_QUEUE.'],
    [
      2,
      'setting-a-vmq-filter.md',
      'The owner of a queue moves it between the states with and without filters.',
    ],
    [3, COMPLETE_OID, 'The overlying driver completes a queue, with QUEUE_ALLOCATION_COMPLETE.'],
    [4, FREEING, 'The overlying driver frees a queue; NDIS itself frees what is left at halt.'],
    [5, STATE_STATUS, 'The miniport moves a queue from Stop DMA to Freeing, by its status.'],
    [6, FREEING, 'The miniport ends a queue, by completing the free.'],
  ]),
  ...rulesOf('§3.4', [
    [
      1,
      ALLOCATING,
      'Of the flags only PER_QUEUE_RECEIVE_INDICATION and LOOKAHEAD_SPLIT_REQUIRED are used on allocation.',
    ],
    [
      2,
      `${ALLOCATING}; ${ALLOCATE_OID}`,
      'NDIS checks the parameters, gives an id that is unique on the adapter, and passes the request on.',
    ],
    [
      3,
      ALLOCATING,
      'The miniport fills in the MSI-X entry and succeeds, or fails and then no queue exists.',
    ],
    [
      4,
      ALLOCATING,
      'The id names the queue in later requests and in the out-of-band data of its frames.',
    ],
    [5, ALLOCATING, 'Filters may be set at any time between the allocation and the free.'],
    [
      6,
      ALLOCATE_OID,
      'One completion closes a batch of one or more queues, with or without filters.',
    ],
    [
      7,
      `${COMPLETE_OID}; shared-memory-resource-allocation.md`,
      'The completion is the time at which receive buffers are allocated.',
    ],
    [
      8,
      COMPLETE_OID,
      'Each queue of a batch has its own status; the request succeeds although some queue failed.',
    ],
    [9, SAMPLE, 'A queue that failed can be completed again, and the others proceed.'],
    [
      10,
      'shared-memory-resource-allocation.md',
      'More memory may be allocated later, until the free.',
      different('Pools do not grow: a queue’s buffers have one size from its completion on.'),
    ],
    [
      11,
      'ns-ntddndis-_ndis_receive_queue_allocation_complete_array.md; ns-ntddndis-_ndis_receive_queue_allocation_complete_parameters.md',
      'The batch is an array of elements that name a queue and take its status.',
    ],
    [
      12,
      INFERENCE,
      'Arrays are walked by offset and element size, since elements grow with revisions.',
      TYPED_DATA,
    ],
  ]),
  ...rulesOf('§3.5', [
    [1, PARAMETERS, 'The header has a type and one of the revisions 1 to 3.'],
    [2, PARAMETERS, 'Flags hold behaviour bits and change bits, and can change later.'],
    [3, PARAMETERS, 'QueueType is VM queue and cannot change.'],
    [4, PARAMETERS, 'QueueId is given out on allocation; 0 is the default queue.'],
    [5, PARAMETERS, 'QueueGroupId is reserved.'],
    [
      6,
      PARAMETERS,
      'ProcessorAffinity names at least one processor of one group; an empty mask is invalid.',
    ],
    [7, PARAMETERS, 'NumSuggestedReceiveBuffers is a hint and can change later.'],
    [8, ALLOCATING, 'MSIXTableEntry is filled in by the miniport.'],
    [
      9,
      PARAMETERS,
      'LookaheadSize 0 means never split; a size without the split flag is invalid; it is 0 from NDIS 6.30 on.',
    ],
    [10, PARAMETERS, 'VmName is fixed from allocation to free.'],
    [11, PARAMETERS, 'QueueName can change later.'],
    [12, PARAMETERS, 'PortId (revision 2) names the switch port and is fixed.'],
    [13, PARAMETERS, 'InterruptCoalescingDomainId (revision 2) is the miniport’s alone.'],
    [14, PARAMETERS, 'QosSqId (revision 3) may be refused with NOT_SUPPORTED when it is not 0.'],
    [15, `${PARAMETERS}; ntddndis.h`, 'The flags and the change mask have the documented values.'],
    [16, `${PARAMETERS}; ntddndis.h`, 'Without a change bit nothing changes.'],
    [17, PARAMETERS_OID, 'Only the driver that allocated a queue changes its parameters.'],
    [18, PARAMETERS_OID, 'Exactly the members with a change bit change.'],
    [19, INFERENCE, 'Members whose change bit is clear are ignored, not compared.'],
    [
      20,
      'obtaining-and-updating-vm-queue-parameters.md',
      'The query is answered by NDIS from its cache.',
    ],
    [21, SAMPLE, 'The affinity of a running queue moves without a frame lost or stuck.'],
    [22, SAMPLE, 'Lookahead split cannot be turned on after the allocation.'],
  ]),
  ...rulesOf('§3.6', [
    [
      1,
      STATE_STATUS,
      'NDIS_STATUS_RECEIVE_QUEUE_STATE is sent for DmaStopped after FREE_QUEUE, once, and for nothing else.',
    ],
    [
      2,
      'ndis-status-receive-filter-queue-parameters.md',
      'By NDIS_STATUS_RECEIVE_FILTER_QUEUE_PARAMETERS (6.30) a miniport may report the coalescing domain alone.',
    ],
    [3, 'ntddndis.h', 'Each status indication has its own code.'],
    [
      4,
      'ne-ntddndis-_ndis_receive_queue_operational_state.md',
      'The outward states are Undefined 0, Running 1, Paused 2, DmaStopped 3.',
    ],
    [5, INFERENCE, 'Allocated and Set are reported as Paused, Stop DMA and Freeing as DmaStopped.'],
  ]),
  ...rulesOf('§3.7', [
    [
      1,
      ALLOCATING,
      'A queue without filter is empty: frames assigned to it are discarded, neither indicated nor kept.',
      different(
        'Frames of a filter that is being cleared are delivered, and the CLEAR completes at the fence: a change while frames flow costs none. After that the queue is empty.',
      ),
    ],
    [
      2,
      'setting-a-vmq-filter.md',
      'During a SET_FILTER on a complete, empty queue frames may be indicated before it completes, and then it must succeed.',
    ],
    [3, INFERENCE, 'During the clear of the last filter frames in flight may still be indicated.'],
    [
      4,
      'clearing-a-vmq-filter.md',
      'After the last clear, or a free, has completed, nothing is indicated on the queue.',
    ],
    [
      5,
      `${STATES}; ${SAMPLE}`,
      'Filters of a queue that is not complete are not looked at: its frames go to the default queue.',
    ],
    [
      6,
      FREEING,
      'FREE_QUEUE stops DMA at once; frames handed up before stay valid until they are returned.',
    ],
    [7, FREEING, 'Frames still held delay the end of a free until all have come back.'],
  ]),
  ...rulesOf('§3.8', [
    [1, FREEING, 'Step 0: the caller has cleared all filters of the queue.'],
    [2, FREEING, 'Step 1: the miniport stops DMA at once.'],
    [
      3,
      `${FREEING}; ${FREE_OID}`,
      'Step 2: it sends DmaStopped; from then on no byte in the queue’s buffers changes.',
    ],
    [4, FREEING, 'Step 3: it waits until every indicated frame has been returned.'],
    [
      5,
      FREEING,
      'Step 4: it frees the queue’s memory and hardware resources as part of the request.',
    ],
    [6, FREE_OID, 'Step 5: it completes the request; one that was pending must then succeed.'],
    [7, FREEING, 'Step 6: the queue is Undefined and its id can be used again.'],
    [8, FREE_OID, 'NDIS refuses a bad id with INVALID_PARAMETER.'],
    [9, FREE_OID, 'NDIS refuses a short buffer with INVALID_LENGTH.'],
    [10, FREE_OID, 'A resetting miniport may answer NOT_ACCEPTED; the queue is as it was.'],
    [
      11,
      FREE_OID,
      'A miniport that is interrupted may answer REQUEST_ABORTED; the queue is as it was.',
    ],
    [
      12,
      SAMPLE,
      'However free and receive overlap, the status is sent exactly once, and frames copied before are still indicated.',
    ],
    [13, SAMPLE, 'Only one free can be pending on an adapter.'],
  ]),
  ...rulesOf('§3.9', [
    [1, ALLOCATING, 'The default queue has id 0 and is always allocated.'],
    [2, FREEING, 'It cannot be allocated by a request and cannot be freed.'],
    [
      3,
      'determining-the-vmq-capabilities-of-a-network-adapter.md',
      'It is not counted in NumQueues.',
    ],
    [4, 'vmq-receive-queues.md', 'It gets each frame that no other queue’s filters match.'],
    [
      5,
      'setting-a-vmq-filter.md; clearing-a-vmq-filter.md',
      'It has no owner: each bound protocol may set filters on it and clears its own before it closes.',
    ],
    [6, 'clearing-a-vmq-filter.md', 'It receives without any filter.'],
    [
      7,
      'shared-memory-resource-allocation.md',
      'Its memory is allocated at initialisation and freed at halt.',
      different(
        'It is accounted for from initialisation to halt; its bytes stay with the adapter for the next initialisation.',
      ),
    ],
    [
      8,
      'oid-receive-filter-set-filter.md',
      'Packet-coalescing filters may stand here only.',
      NO_COALESCING,
    ],
    [9, 'ns-ntddndis-_ndis_receive_queue_free_parameters.md', 'The id of a free begins at 1.'],
    [
      10,
      'vmq-receive-path.md; vmq-transmit-path.md',
      'An invalid or stale queue id on a frame counts as 0.',
    ],
    [11, 'ntddndis.h', 'Its affinity cannot be changed by a request before NDIS 6.80.'],
  ]),
  ...rulesOf('§3.10', [
    [
      1,
      INFO,
      'An enumeration says of each queue type, id, state, affinity, hint, MSI-X entry, lookahead, names, filters and coalescing domain.',
    ],
    [2, INFO, 'A VM queue is served by one processor, where all its indications happen.'],
    [
      3,
      INFO,
      'NumFilters goes up with each set and down with each clear; it is read as the count of that queue.',
    ],
    [
      4,
      'ns-ntddndis-_ndis_receive_queue_info_array.md',
      'The answer is an array with offset, count and element size.',
      TYPED_DATA,
    ],
    [
      5,
      'oid-receive-filter-enum-queues.md',
      'A protocol sees the queues that it allocated, a tool all of them.',
    ],
  ]),
  ...rulesOf('§3.11', [
    [1, SAMPLE, 'An id outside of the table is INVALID_PARAMETER.'],
    [2, SAMPLE, 'A queue that exists already or is being freed is INVALID_PARAMETER.'],
    [3, SAMPLE, 'An affinity mask that cannot be used is INVALID_PARAMETER.'],
    [4, SAMPLE, 'A lookahead size below the minimum is rounded up to it.'],
    [
      5,
      SAMPLE,
      'A lookahead size above the maximum is NOT_SUPPORTED.',
      different(
        'INVALID_PARAMETER, as for every other feature that is not advertised: §9.4 asks to pick one status and to stay with it.',
      ),
    ],
    [
      6,
      SAMPLE,
      'The number of buffers is the suggestion, at least the driver’s minimum, or the driver’s own number without a suggestion.',
      different(
        'The suggestion is kept and shown, and every queue has the same pool: a hint need not be followed (§3.5).',
      ),
    ],
    [
      7,
      SAMPLE,
      'When memory is short the block is halved, down to 32 entries, before the answer is RESOURCES.',
      notApplicable(
        'A detail of the sample: memory of a host is whole from the start, and a queue has its full pool or is refused.',
      ),
    ],
  ]),
];
