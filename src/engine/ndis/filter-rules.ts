/**
 * The form of a filter, before its MAC/VLAN case is looked at (`docs/vmq-reference.md` §4.1 to
 * §4.3, §4.12): a VM-queue filter with *equal* tests of MAC header fields, one per field.
 */
import {
  DEFAULT_RECEIVE_FILTER_ID,
  FIELD_FLAGS,
  FILTER_TYPES,
  FRAME_HEADERS,
  MAC_FIELDS,
  RECEIVE_FILTER_TESTS,
  type FieldTest,
  type ReceiveFilterParameters,
} from './filter-parameters';
import { invalidParameter, type RequestFault } from './status';

/** The first rule of form that a filter breaks, or `undefined`. */
export function filterFormFault(parameters: ReceiveFilterParameters): RequestFault | undefined {
  if (![1, 2].includes(parameters.revision)) {
    return invalidParameter('revision', '1 or 2', String(parameters.revision));
  }
  if (parameters.filterType !== FILTER_TYPES.vmQueue) {
    return invalidParameter('filterType', '1 (VM queue)', String(parameters.filterType));
  }
  return zeroFault(parameters) ?? testsFault(parameters.tests);
}

/** Members that belong to encapsulation, out-of-band filter ids or SR-IOV, none of which is offered. */
const ZERO_MEMBERS = ['flags', 'requestedFilterIdBitCount', 'vPortId'] as const;

function zeroFault(parameters: ReceiveFilterParameters): RequestFault | undefined {
  const member = ZERO_MEMBERS.find((name) => parameters[name] !== 0);
  if (member) return invalidParameter(member, '0', String(parameters[member]));
  if (parameters.filterId === DEFAULT_RECEIVE_FILTER_ID) return undefined;
  return invalidParameter('filterId', '0 for a new filter', String(parameters.filterId));
}

function testsFault(tests: readonly FieldTest[]): RequestFault | undefined {
  for (const [index, test] of tests.entries()) {
    const fault = testFault(`tests.${index}`, test);
    if (fault) return fault;
    if (tests.findIndex((other) => other.headerField === test.headerField) !== index) {
      return invalidParameter(`tests.${index}.headerField`, 'one test per field', 'a second one');
    }
  }
  return undefined;
}

function testFault(at: string, test: FieldTest): RequestFault | undefined {
  const { flags, frameHeader, receiveFilterTest, headerField } = test;
  if (frameHeader !== FRAME_HEADERS.mac) {
    return invalidParameter(`${at}.frameHeader`, '1 (MAC)', String(frameHeader));
  }
  if (receiveFilterTest !== RECEIVE_FILTER_TESTS.equal) {
    return invalidParameter(`${at}.receiveFilterTest`, '1 (equal)', String(receiveFilterTest));
  }
  if (headerField !== MAC_FIELDS.destinationAddress && headerField !== MAC_FIELDS.vlanId) {
    const expected = '1 (destination address) or 4 (VLAN id)';
    return invalidParameter(`${at}.headerField`, expected, String(headerField));
  }
  if ((flags & ~FIELD_FLAGS.MAC_HEADER_VLAN_UNTAGGED_OR_ZERO) === 0) return undefined;
  return invalidParameter(`${at}.flags`, '0 or 1 (UNTAGGED_OR_ZERO)', String(flags));
}
