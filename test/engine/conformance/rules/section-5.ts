/** §5 of the reference: shared memory. */
import { different, INFERENCE, rulesOf } from './rule';

const ALLOCATION = 'shared-memory-resource-allocation.md';
const FUNCTION = 'nf-ndis-ndisallocatesharedmemory.md';
const STRUCTURE = 'ns-ndis-_ndis_shared_memory_parameters.md';
const SECURITY = 'security-issues-with-ndis-virtual-machine--vm--shared-memory.md';
const BUFFERS = 'shared-memory-in-receive-buffers.md';
const RECEIVE = 'vmq-receive-path.md';

const NO_NODES = different(
  'The account says queue, length, usage and who supplies the memory. A host’s memory is one node, and every region is one piece: there is nothing to choose.',
);
/** design.md §4 and §11. */
const SHARED_WITH_CHECK = different(
  'Shared memory is offered on 6.30 too. It needs filters that test MAC and VLAN; every decision is taken from wire memory before the one DMA copy, and the switch never reads guest memory.',
);

export const SECTION_5 = [
  ...rulesOf('§5.1', [
    [1, `${ALLOCATION}; ${FUNCTION}`, 'The miniport allocates shared memory.'],
    [2, ALLOCATION, 'NDIS or a registered provider supplies it.'],
    [
      3,
      ALLOCATION,
      'For a VM queue this is done inside QUEUE_ALLOCATION_COMPLETE, or later until the free.',
    ],
    [4, ALLOCATION, 'For the default queue it is done at initialisation.'],
    [
      5,
      STRUCTURE,
      'A request says queue, length, usage, node and whether it must be contiguous.',
      NO_NODES,
    ],
    [
      6,
      FUNCTION,
      'The answer has an address, a list of segments, and two handles: one for indications, one to free.',
      different(
        'The account of an allocation has one handle; addresses are in the rings of the queue, and a queue’s memory is freed as a whole.',
      ),
    ],
    [7, FUNCTION, 'Statuses are SUCCESS, RESOURCES, INVALID_PARAMETER and FAILURE.'],
    [
      8,
      ALLOCATION,
      'Memory of a VM queue is freed inside FREE_QUEUE, after all frames have come back.',
    ],
    [
      9,
      ALLOCATION,
      'Memory of the default queue is freed at halt.',
      different(
        'Its account ends at halt; its bytes stay with the adapter for the next initialisation.',
      ),
    ],
    [
      10,
      STRUCTURE,
      'The structure has flags, queue id, handle, preferred node, usage, length, address, segments and (revision 2) a virtual port of 0.',
      NO_NODES,
    ],
    [
      11,
      'ne-ndis-_ndis_shared_memory_usage.md',
      'Usages have the documented order: Receive without split, ReceiveLookahead and ReceivePostLookahead with it.',
    ],
  ]),
  ...rulesOf('§5.2', [
    [1, SECURITY, 'The split is requested for each queue, by flag and LookaheadSize.'],
    [2, BUFFERS, 'The split lies at or behind LookaheadSize, for every frame of the queue.'],
    [
      3,
      BUFFERS,
      'The lookahead part goes to host memory (ReceiveLookahead), the rest to ReceivePostLookahead.',
    ],
    [4, SECURITY, 'A miniport does not depend on which address space an allocation came from.'],
    [
      5,
      BUFFERS,
      'Each post-lookahead buffer has backfill for the lookahead part, also when a frame fits into the lookahead buffer.',
    ],
    [6, BUFFERS, 'The order of frames in a queue is kept on indication.'],
    [
      7,
      SECURITY,
      'Hardware without split puts whole frames into host memory, and the host copies them.',
    ],
    [
      8,
      SECURITY,
      'Guest memory is used only where the adapter accepted a filter of MAC and VLAN before DMA; else host memory.',
    ],
  ]),
  ...rulesOf('§5.3', [
    [
      1,
      SECURITY,
      'Since WS2012 buffers are host memory, and the host copies each frame to the guest.',
      different(
        'Host buffers are one of two modes; shared memory with guests is offered on 6.30 too: it is the mode without a copy, and the one to compare with.',
      ),
    ],
    [2, SECURITY, 'Miniports of 6.20 keep working there: they get LookaheadSize 0.'],
    [
      3,
      'vmq-receive-queues.md; standardized-inf-keywords-for-vmq.md',
      'From 6.30 on the split is not advertised, sizes are 0, and the split-required flag is ignored.',
    ],
  ]),
  ...rulesOf('§5.4', [
    [
      1,
      SECURITY,
      'A VM cannot read frames of another VLAN: VLAN filtering before DMA, or host memory.',
    ],
    [2, SECURITY, 'A VM cannot change a frame between the check and the use of its headers.'],
    [3, SECURITY, 'A VM cannot poison MAC learning by changing headers in its memory.'],
    [
      4,
      SECURITY,
      'A VM never sees data of another VM: a buffer belongs to one queue until its free has ended.',
    ],
    [5, SECURITY, 'A VM does not reach host memory.'],
  ]),
  ...rulesOf('§5.5', [
    [
      1,
      INFERENCE,
      'Frame bytes are copied to a host-private buffer once, all decisions use it, and the guest sees a later copy.',
      SHARED_WITH_CHECK,
    ],
    [2, INFERENCE, 'Nothing in memory that a guest can write is read twice for a decision.'],
    [
      3,
      INFERENCE,
      'A buffer belongs to one queue from allocation to free, and is free again only after its return.',
    ],
    [4, INFERENCE, 'After DMA-stopped no byte of a queue’s buffers changes.'],
    [5, INFERENCE, 'Only the bytes of a frame are ever exposed, whatever its buffer held before.'],
    [
      6,
      INFERENCE,
      'A frame goes to a VM’s queue only after its MAC and VLAN tests; a wrong VLAN never reaches memory that the guest sees.',
    ],
    [
      7,
      INFERENCE,
      'Without a buffer a frame is dropped and counted on that queue alone; no other queue’s buffers are borrowed.',
    ],
  ]),
  ...rulesOf('§5.6', [
    [
      1,
      `${RECEIVE}; ns-nbl-net_buffer_shared_memory.md`,
      'A frame carries a list of shared-memory segments: one without split, two with it.',
    ],
    [
      2,
      RECEIVE,
      'Offset and length of a segment need no update for each frame; position and size come from the buffer descriptor.',
      different('A completion says address and length of its own frame.'),
    ],
    [3, RECEIVE, 'The list counts only when the call says SHARED_MEMORY_INFO_VALID.'],
  ]),
];
