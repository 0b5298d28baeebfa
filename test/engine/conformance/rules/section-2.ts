/** §2 of the reference: what an adapter advertises. */
import { NO_COALESCING, NO_SR_IOV, notApplicable, rulesOf } from './rule';

const DDI = 'ns-ntddndis-_ndis_receive_filter_capabilities.md';
const DETERMINING = 'determining-the-vmq-capabilities-of-a-network-adapter.md';
const VALUES = `${DDI}; ntddndis.h`;

export const SECTION_2 = [
  ...rulesOf('§2.1', [
    [
      1,
      `${DETERMINING}; oid-receive-filter-current-capabilities.md`,
      'A miniport registers two structures when it is initialised: hardware and current capabilities.',
    ],
    [
      2,
      'oid-receive-filter-hardware-capabilities.md; standardized-inf-keywords-for-vmq.md',
      'The hardware copy says all that the device can do, whatever is switched on.',
    ],
    [
      3,
      'determining-receive-filtering-capabilities.md',
      'The current copy says only what is on; there is none when everything is off.',
    ],
    [
      4,
      'oid-receive-filter-current-capabilities.md',
      'Overlying drivers receive the current capabilities when they bind.',
    ],
    [
      5,
      'oid-receive-filter-current-capabilities.md; oid-receive-filter-hardware-capabilities.md; oid-receive-filter-global-parameters.md',
      'NDIS answers the two capability requests and the global parameters from its own copy; the miniport never sees them.',
    ],
    [
      6,
      'ndis-status-receive-filter-current-capabilities.md; ndis-status-receive-filter-hardware-capabilities.md',
      'From NDIS 6.30 on a change at run time is announced, each copy by its own status, with a complete structure of revision 2.',
    ],
  ]),
  ...rulesOf('§2.2', [
    [
      1,
      DDI,
      'The structure is of revision 1 on NDIS 6.20 and of revision 2 from 6.30 on; members of revision 2 mean nothing in revision 1.',
    ],
    [2, DDI, 'Flags is reserved and 0.'],
    [3, DDI, 'EnabledFilterTypes names the filter families that are on.'],
    [4, DDI, 'EnabledQueueTypes names the queue families that are on.'],
    [5, DDI, 'NumQueues counts VM queues without the default queue.'],
    [
      6,
      DETERMINING,
      'NumQueues is not above the number of unicast addresses that the hardware can filter.',
    ],
    [7, DDI, 'NumQueues is 0 when SR-IOV is the enabled interface.', NO_SR_IOV],
    [8, DDI, 'MaxMacHeaderFilters is at least one for each queue.'],
    [9, DDI, 'MaxQueueGroups and MaxQueuesPerQueueGroup are reserved and 0.'],
    [10, DDI, 'Min- and MaxLookaheadSplitSize are a range in bytes; both are 0 from NDIS 6.30 on.'],
    [11, DDI, 'Without packet coalescing all members about it are 0.'],
    [
      12,
      DDI,
      'With packet coalescing at least 5 tests a filter and at least 10 filters are offered.',
      NO_COALESCING,
    ],
    [
      13,
      DDI,
      'NdisReserved is 0.',
      notApplicable('The typed structure leaves reserved padding out.'),
    ],
  ]),
  ...rulesOf('§2.3', [
    [1, VALUES, 'The flags of EnabledFilterTypes have the documented values.'],
    [2, VALUES, 'The flags of EnabledQueueTypes have the documented values.'],
    [3, VALUES, 'The flags of SupportedQueueProperties have the documented values.'],
    [4, VALUES, 'The flags of SupportedFilterTests have the documented values.'],
    [5, VALUES, 'The flags of SupportedHeaders have the documented values.'],
    [6, VALUES, 'The flags of SupportedMacHeaderFields have the documented values.'],
    [7, VALUES, 'VM_QUEUES_ENABLED stays clear when only SR-IOV is on.', NO_SR_IOV],
    [8, VALUES, 'MSI_X_SUPPORTED and VM_QUEUE_SUPPORTED are mandatory for VMQ.'],
    [9, VALUES, 'LOOKAHEAD_SPLIT_SUPPORTED is for NDIS 6.20 only.'],
    [
      10,
      VALUES,
      'DYNAMIC_PROCESSOR_AFFINITY_CHANGE_SUPPORTED is set from NDIS 6.30 on, and not before.',
    ],
    [
      11,
      VALUES,
      'INTERRUPT_VECTOR_COALESCING_SUPPORTED is set from NDIS 6.30 on, and the adapter then merges the interrupts of queues with the same affinity.',
    ],
    [12, VALUES, 'ANY_VLAN_SUPPORTED is deprecated: it is not advertised.'],
    [13, VALUES, 'IMPLAT_MIN_/SUM_OF_QUEUES_MODE belong to a teaming layer, not to a miniport.'],
    [
      14,
      VALUES,
      'From NDIS 6.80 on bit 0x40 says that the affinity of the default queue can move.',
      notApplicable('The engine speaks NDIS 6.20 and 6.30.'),
    ],
    [
      15,
      VALUES,
      'PACKET_COALESCING_SUPPORTED_ON_DEFAULT_QUEUE is not for VMQ: it is not advertised.',
    ],
    [16, 'vmq-receive-filters.md', 'HEADER_FIELD_EQUAL is mandatory, and VMQ uses no other test.'],
    [17, VALUES, 'MAC_HEADER is mandatory, and VMQ uses no other header.'],
    [18, VALUES, 'MAC_HEADER_DEST_ADDR is mandatory.'],
    [
      19,
      VALUES,
      'MAC_HEADER_VLAN_ID is advertised as VLAN filtering is configured (*VMQVlanFiltering).',
    ],
    [20, VALUES, 'The field bits of ARP, IPv4, IPv6 and UDP are for coalescing.', NO_COALESCING],
  ]),
  ...rulesOf('§2.4', [
    [
      1,
      DETERMINING,
      'VMQ on NDIS 6.20: queues, MSI-X, VM queues, equal, MAC, destination; a lookahead range only with the split.',
    ],
    [
      2,
      `${DETERMINING}; vmq-interrupt-requirements.md`,
      'VMQ on NDIS 6.30: as on 6.20, without split, with dynamic affinity and vector coalescing.',
    ],
    [
      3,
      'determining-receive-filtering-capabilities.md',
      'SR-IOV on: no queues, filters enabled.',
      NO_SR_IOV,
    ],
    [
      4,
      'determining-receive-filtering-capabilities.md',
      'Everything off: no current copy, and the hardware copy still complete.',
    ],
  ]),
  ...rulesOf('§2.5', [
    [
      1,
      'ns-ntddndis-_ndis_receive_filter_global_parameters.md',
      'The global parameters say in short which filter and queue types are on.',
    ],
    [
      2,
      'ns-ntddndis-_ndis_nic_switch_capabilities.md',
      'On 6.20 a NIC-switch structure of revision 1 carries the counts of MAC addresses and VLANs; later they are 0.',
      NO_SR_IOV,
    ],
    [
      3,
      'ns-ntddndis-_ndis_nic_switch_capabilities.md; advertising-vmmq-capabilities.md',
      'Virtual ports that stand in for queues are described by revisions 2 and 3 of that structure.',
      NO_SR_IOV,
    ],
    [
      4,
      'ns-ntddndis-_ndis_nic_switch_capabilities.md; ntddndis.h',
      'NicSwitchCapabilities has the documented bits.',
      NO_SR_IOV,
    ],
  ]),
];
