/** §6 of the reference: the data path. */
import { different, INFERENCE, notApplicable, rulesOf } from './rule';

const RECEIVE = 'vmq-receive-path.md';
const INDICATE = 'nf-ndis-ndismindicatereceivenetbufferlists.md';
const TRANSMIT = 'vmq-transmit-path.md';
const SAMPLE = 'sample vmq.c';
const PAUSING = 'pausing-an-adapter.md';
const RESET = 'hardware-reset.md';
const INTERRUPTS = 'vmq-interrupt-requirements.md';
const PROCESSORS = 'ns-ntddndis-_ndis_rss_processor_info.md';
const INFO = 'ns-ntddndis-_ndis_receive_queue_info.md';

/** Decision 0002. */
const RETURNS = different(
  'Buffers come back by the reader’s index, not by a call: nothing travels with them that could be stale or mixed.',
);

export const SECTION_6 = [
  ...rulesOf('§6.1', [
    [
      1,
      RECEIVE,
      'A frame is tested against the filters of Running queues; else it goes to the default queue.',
    ],
    [2, RECEIVE, 'A free buffer of that queue is filled by DMA.'],
    [3, 'virtual-machine-queue--vmq--interface.md', 'The interrupt goes to the queue’s processor.'],
    [4, RECEIVE, 'The miniport indicates frames by one call for each harvest.'],
    [
      5,
      RECEIVE,
      'The switch knows the port by the queue, without a lookup, and applies the port’s policy.',
    ],
    [
      6,
      RECEIVE,
      'The frame is copied to the guest (or lies there), and the buffer becomes free again.',
    ],
  ]),
  ...rulesOf('§6.2', [
    [1, RECEIVE, 'A frame is indicated on a queue only if it passed one of its filters.'],
    [2, RECEIVE, 'A queue indicates in Running only; the default queue whenever the adapter runs.'],
    [
      3,
      RECEIVE,
      'Frames of a queue with PER_QUEUE_RECEIVE_INDICATION share no call with others, and the call says SINGLE_QUEUE.',
    ],
    [4, RECEIVE, 'Without that flag frames of several queues may share a call.'],
    [5, RECEIVE, 'Out-of-band data has the queue id, filter id 0 and the default virtual port.'],
    [
      6,
      RECEIVE,
      'Shared-memory segments are filled in, and the call says SHARED_MEMORY_INFO_VALID.',
    ],
    [7, RECEIVE, 'Order of reception is kept in a queue.'],
    [8, RECEIVE, 'A stripped tag is in the out-of-band data.'],
    [9, INDICATE, 'The port number is that of the miniport, 0.'],
    [
      10,
      'ns-ndis-_ndis_net_buffer_list_filtering_info.md',
      'Filter id and queue id are 16 bits wide, and queue and virtual port are separate properties.',
    ],
    [
      11,
      INDICATE,
      'With RESOURCES the miniport takes frames back when the call returns: the receiver copies at once, returns nothing, and the call is counted as low on resources.',
    ],
  ]),
  ...rulesOf('§6.3', [
    [1, RECEIVE, 'SINGLE_QUEUE on a return promises that all frames belong to one queue.', RETURNS],
    [2, RECEIVE, 'A return holds any part of any indications, in any order.'],
    [3, 'nf-ndis-ndisreturnnetbufferlists.md', 'Every frame is returned exactly once.'],
    [4, RECEIVE, 'A stale queue id on a return counts as 0.', RETURNS],
    [
      5,
      RECEIVE,
      'The last return on a queue in Freeing frees its memory and completes the request.',
    ],
  ]),
  ...rulesOf('§6.4', [
    [1, TRANSMIT, 'A sent frame carries the queue id of its VM’s queue.'],
    [
      2,
      TRANSMIT,
      'With queue groups any queue of the group may be named.',
      notApplicable('Queue groups are reserved.'),
    ],
    [
      3,
      TRANSMIT,
      'SINGLE_QUEUE on a send or on its completion says that all frames were for one queue.',
      different(
        'A send is one entry of a ring, which carries the queue id of its one frame; its completion is the reader’s index.',
      ),
    ],
    [4, TRANSMIT, 'An invalid or deleted queue id counts as 0 and fails nothing.'],
    [
      5,
      INFERENCE,
      'The source address of a sent frame is checked by the switch port, not by the adapter.',
    ],
    [
      6,
      'nf-ndis-ndismsendnetbufferlistscomplete.md',
      'Sends complete with one of the documented statuses.',
      different(
        'A send completes when its buffer is back; one that fails is dropped and counted with the reason: adapter-paused, adapter-reset, wire-full, wire-down, malformed.',
      ),
    ],
    [
      7,
      'queue-states-and-operations.md',
      'Sends in flight on a queue that is freed are completed before it is Undefined.',
    ],
  ]),
  ...rulesOf('§6.5', [
    [
      1,
      'miniport-adapter-states-and-operations.md',
      'The state of the adapter and the state of a queue are two things.',
    ],
    [
      2,
      PAUSING,
      'Pause: no new indications, all frames come back, new sends are refused with PAUSED, requests are still handled, queues and filters stay; it cannot fail.',
    ],
    [3, 'starting-and-pausing-a-miniport-adapter.md', 'Restart: indications begin again.'],
    [
      4,
      RESET,
      'Reset: sends in progress are aborted, and the miniport restores queues, parameters and filters itself.',
    ],
    [
      5,
      'oid-receive-filter-free-queue.md',
      'A free during a reset may be refused with NOT_ACCEPTED or REQUEST_ABORTED.',
    ],
    [
      6,
      INFERENCE,
      'Low power: buffers are discarded, filters programmed again at full power.',
      notApplicable('The adapter has no power states: it runs, or it is halted.'),
    ],
    [
      7,
      'freeing-a-vm-queue.md',
      'Halt: NDIS frees all queues first, then the default queue’s memory goes.',
    ],
    [
      8,
      INFERENCE,
      'Surprise removal: everything is gone, and a clear may be refused with NOT_ACCEPTED.',
    ],
    [
      9,
      'freeing-a-vm-queue.md',
      'Unbind: the protocol clears its filters, frees its queues, then closes.',
    ],
  ]),
  ...rulesOf('§6.6', [
    [1, INTERRUPTS, 'MSI-X is required.'],
    [2, INTERRUPTS, 'Processors come from the set that NDIS gives, and from nothing else.'],
    [
      3,
      INTERRUPTS,
      'One vector for each processor of that set is recommended, and at most two for other events.',
    ],
    [4, INTERRUPTS, 'A number of queues asks for a minimum of vectors.'],
    [
      5,
      INTERRUPTS,
      'From 6.30 on queues with the same affinity share a vector: their interrupt coalescing domain.',
    ],
    [
      6,
      PROCESSORS,
      'The set comes with preferences; near processors are preferred.',
      notApplicable(
        'A host’s processors have no distances: the set is in the order of preference.',
      ),
    ],
  ]),
  ...rulesOf('§6.7', [
    [
      1,
      'security-issues-with-ndis-virtual-machine--vm--shared-memory.md',
      'A queue is first in, first out.',
    ],
    [2, INFO, 'Indications of one queue never run at the same time.'],
    [3, INFERENCE, 'A move of the affinity makes no second indicator and reorders nothing.'],
    [4, INFERENCE, 'Requests to one miniport come one at a time.'],
    [
      5,
      INFERENCE,
      'A free that waits for a frame that is never returned blocks other requests: it is detected and reported.',
    ],
  ]),
  ...rulesOf('§6.8', [
    [1, SAMPLE, 'A frame without a free buffer is dropped and counted.'],
    [
      2,
      INFERENCE,
      'A queue counts frames, bytes, drops by cause, low-resource indications, outstanding and most outstanding frames.',
      different(
        'Frames, bytes, drops without buffer, low-resource indications and outstanding buffers are counted. Frames without a filter, or of a queue that does not run, take the default queue, so nothing is dropped for that; the peak of outstanding buffers is not kept.',
      ),
    ],
  ]),
];
