/** §4 of the reference: receive filters. */
import {
  different,
  INFERENCE,
  NO_COALESCING,
  NO_ENCAPSULATION,
  NO_SR_IOV,
  notApplicable,
  rulesOf,
} from './rule';

const SETTING = 'setting-a-vmq-filter.md';
const CLEARING = 'clearing-a-vmq-filter.md';
const SET_OID = 'oid-receive-filter-set-filter.md';
const CLEAR_OID = 'oid-receive-filter-clear-filter.md';
const FILTERS = 'vmq-receive-filters.md';
const PARAMETERS = 'ns-ntddndis-_ndis_receive_filter_parameters.md';
const FIELDS = 'ns-ntddndis-_ndis_receive_filter_field_parameters.md';
const SAMPLE = 'sample vmq.c';
const NVGRE = 'supporting-nvgre-in-rss-and-vmq-receive-task-offloads.md';

export const SECTION_4 = [
  ...rulesOf('§4.1', [
    [1, 'vmq-filter-operations.md', 'A filter matches a frame when all of its tests do.'],
    [2, 'vmq-filter-operations.md', 'A queue gets a frame when any of its filters matches.'],
    [3, SETTING, 'Header fields without a test are ignored.'],
    [4, FILTERS, 'A frame that nothing matches goes to the default queue.'],
    [
      5,
      INFERENCE,
      'Overlapping filters have a defined order, the lowest id first, and are flagged.',
    ],
    [
      6,
      `${FILTERS}; vmq-filter-operations.md`,
      'VMQ tests the MAC header only, for equality, by destination address and VLAN id.',
    ],
    [
      7,
      'determining-the-vmq-capabilities-of-a-network-adapter.md',
      'Only unicast destinations make sense for a queue.',
    ],
  ]),
  ...rulesOf('§4.2', [
    [1, PARAMETERS, 'The header has a type and revision 1 or 2.'],
    [
      2,
      PARAMETERS,
      'Of the flags, 0x1 is reserved and 0x2 asks for a match of the inner header.',
      NO_ENCAPSULATION,
    ],
    [3, 'ne-ntddndis-_ndis_receive_filter_type.md', 'FilterType is VM queue for VMQ.'],
    [4, PARAMETERS, 'QueueId is the target queue; 0 is the default queue.'],
    [5, PARAMETERS, 'FilterId is 0 on a set and 1 or more afterwards, given out by NDIS.'],
    [
      6,
      PARAMETERS,
      'The tests follow at an offset, with a count and an element size; the offset is ignored without tests.',
    ],
    [7, PARAMETERS, 'RequestedFilterIdBitCount is 0.'],
    [8, PARAMETERS, 'MaxCoalescingDelay is ignored by VMQ.'],
    [9, PARAMETERS, 'VPortId is the default port without SR-IOV.'],
  ]),
  ...rulesOf('§4.3', [
    [1, FIELDS, 'The only flag of a test is MAC_HEADER_VLAN_UNTAGGED_OR_ZERO.'],
    [
      2,
      `${FIELDS}; ntddndis.h`,
      'FrameHeader has the documented values; VMQ takes the MAC header.',
    ],
    [3, `${FIELDS}; ntddndis.h`, 'ReceiveFilterTest has the documented values; VMQ takes equal.'],
    [
      4,
      `${FIELDS}; ntddndis.h`,
      'HeaderField has the documented values; VMQ takes destination address and VLAN id.',
    ],
    [
      5,
      FIELDS,
      'FieldValue is a union in network byte order.',
      different('Typed data: a MAC address is text, a VLAN id a number; other values are refused.'),
    ],
    [6, FIELDS, 'ResultValue is used by a mask test only.', notApplicable('VMQ has no mask test.')],
    [7, FIELDS, 'PacketType has the documented values.', NO_COALESCING],
  ]),
  ...rulesOf('§4.4', [
    [
      1,
      SETTING,
      'Case A, MAC and UNTAGGED_OR_ZERO: that MAC, untagged or with VLAN id 0; no other VLAN is delivered.',
    ],
    [
      2,
      SETTING,
      'Case B, MAC and VLAN: that MAC in that VLAN; untagged and VLAN 0 are not delivered.',
    ],
    [
      3,
      `${SETTING}; ${FIELDS}`,
      'Case C, MAC alone: refused on 6.20; from 6.30 on accepted for any VLAN (an adapter may be set to refuse it).',
    ],
    [
      4,
      `${SETTING}; ${SAMPLE}`,
      'Case D, VLAN test and UNTAGGED_OR_ZERO: refused as contradictory.',
    ],
    [5, INFERENCE, 'Case E, no MAC test: refused.'],
    [
      6,
      `${SAMPLE}; standardized-inf-keywords-for-vmq.md`,
      'Case F, a VLAN test where VLAN filtering is not advertised: refused.',
    ],
    [7, SAMPLE, 'UNTAGGED_OR_ZERO counts on whichever test carries it.'],
    [8, SETTING, 'A tag with VLAN id 0 counts as untagged.'],
    [9, INFERENCE, 'A VLAN test with value 0 is refused.'],
    [10, SETTING, 'The switch sets the flag whenever it sets no VLAN test.'],
  ]),
  ...rulesOf('§4.5', [
    [1, SETTING, 'Case C takes the tag out of the data and keeps it in the out-of-band data.'],
    [2, FIELDS, 'From 6.30 on so does case B.'],
    [
      3,
      'ns-nbl8021q-ndis_net_buffer_list_8021q_info.md',
      'The out-of-band tag has priority, canonical format and VLAN id.',
    ],
    [
      4,
      'security-issues-with-ndis-virtual-machine--vm--shared-memory.md',
      'The VLAN id reaches the switch, which applies the port’s policy by it.',
    ],
  ]),
  ...rulesOf('§4.6', [
    [1, SETTING, 'Only the allocator of a queue sets filters on it; anyone on queue 0.'],
    [2, `${SETTING}; ${SET_OID}`, 'NDIS validates and gives an id that is unique on the adapter.'],
    [
      3,
      `${SETTING}; ${SET_OID}`,
      'The miniport succeeds, or fails and then the filter does not exist.',
    ],
    [4, SET_OID, 'The caller gets the id back.'],
    [
      5,
      SETTING,
      'A complete queue is Running with its first filter, and frames may come before the request completes.',
    ],
    [
      6,
      'managing-hardware-offload-oid-requests-to-physical-network-adapters.md',
      'A forwarding extension of the switch may refuse the request.',
      notApplicable('The switch has no extensions.'),
    ],
    [
      7,
      'modifying-packet-coalescing-receive-filters.md',
      'A filter cannot be modified; it is cleared and set anew.',
    ],
  ]),
  ...rulesOf('§4.7', [
    [1, CLEAR_OID, 'CLEAR_FILTER names the queue and the filter, which must belong together.'],
    [2, CLEARING, 'Only the driver that set a filter clears it.'],
    [
      3,
      CLEARING,
      'All filters are gone before a queue is freed, and a protocol’s own on queue 0 before it closes.',
    ],
    [4, CLEAR_OID, 'An unknown filter id is FILE_NOT_FOUND.'],
    [5, CLEAR_OID, 'A miniport that was removed by surprise answers NOT_ACCEPTED.'],
    [
      6,
      CLEARING,
      'When the last clear completes, the queue is empty and nothing more is indicated.',
    ],
  ]),
  ...rulesOf('§4.8', [
    [1, 'oid-receive-filter-move-filter.md', 'MOVE_FILTER is for virtual ports of SR-IOV only.'],
    [
      2,
      'moving-a-receive-filter-to-a-virtual-port.md',
      'A move is atomic: the filter is never absent and never on both ports.',
      NO_SR_IOV,
    ],
    [3, INFERENCE, 'Clearing a filter shifts its MAC to the default queue by itself.'],
    [
      4,
      INFERENCE,
      'Clear and set shift a MAC from queue to queue, by way of the default queue and without loss.',
    ],
  ]),
  ...rulesOf('§4.9', [
    [
      1,
      'oid-receive-filter-enum-filters.md; ns-ntddndis-_ndis_receive_filter_info_array.md',
      'ENUM_FILTERS lists the filters of one queue, queue 0 included, by type and id.',
    ],
    [
      2,
      'oid-receive-filter-parameters.md',
      'PARAMETERS answers the whole block of a filter; id 0 and unknown ids are INVALID_PARAMETER.',
    ],
    [3, 'obtaining-and-updating-vm-queue-parameters.md', 'NDIS answers both from its cache.'],
    [
      4,
      'queue-states-and-operations.md',
      'ENUM_FILTERS is legal in the four living states, PARAMETERS in Set and Running.',
    ],
  ]),
  ...rulesOf('§4.10', [
    [1, SAMPLE, 'Broadcast and multicast match no queue and go to the default queue.'],
    [2, INFERENCE, 'The switch copies them to several VMs in software, from the default queue.'],
    [
      3,
      'vmq-receive-path.md',
      'However wide the packet filter is, a queue never gets a frame that fails its filters.',
    ],
    [
      4,
      'determining-the-vmq-capabilities-of-a-network-adapter.md',
      'Frames to an address that no filter names, the host’s own included, go to the default queue.',
    ],
    [5, INFERENCE, 'Unknown unicast goes to the default queue, and the switch floods or drops it.'],
    [
      6,
      INFERENCE,
      'Spoofing is a policy of the switch port, by the source address of what a VM sends.',
    ],
    [7, INFERENCE, 'A second MAC of a VM is a further filter on the same queue.'],
    [
      8,
      'security-issues-with-ndis-virtual-machine--vm--shared-memory.md',
      'A frame with the right MAC and a wrong VLAN never reaches the guest.',
    ],
  ]),
  ...rulesOf('§4.11', [
    [
      1,
      'ns-ntddndis-_ndis_encapsulated_packet_task_offload.md',
      'VmqSupported says which encapsulations VMQ can look into.',
      NO_ENCAPSULATION,
    ],
    [2, NVGRE, 'It is active after an OID_TCP_OFFLOAD_PARAMETERS request.', NO_ENCAPSULATION],
    [
      3,
      NVGRE,
      'VMQ then classifies on the inner Ethernet header, or on the outermost where there is none.',
      NO_ENCAPSULATION,
    ],
    [
      4,
      PARAMETERS,
      'A filter asks for inner matching with flag 0x2; without the feature it is refused.',
    ],
    [
      5,
      'overview-of-virtual-machine-multiple-queues.md',
      'VMMQ with encapsulation hashes over inner headers.',
      NO_ENCAPSULATION,
    ],
  ]),
  ...rulesOf('§4.12', [
    [
      1,
      'handling-packet-coalescing-receive-filters.md',
      'Coalescing filters hold matching frames of the default queue for a time.',
      NO_COALESCING,
    ],
    [2, INFERENCE, 'An adapter that offers VMQ alone refuses a packet-coalescing filter.'],
  ]),
];
