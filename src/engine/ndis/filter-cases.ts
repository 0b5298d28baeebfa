/**
 * The MAC/VLAN combinations of `docs/vmq-reference.md` §4.4, as a pure function: which of the cases
 * A to F a filter is, and what follows for the NDIS version and for VLAN filtering.
 *
 *     case   MAC   VLAN   UNTAGGED_OR_ZERO   6.20       6.30
 *     A      yes   no     set                accepted   accepted   untagged or VLAN 0
 *     B      yes   yes    clear              accepted   accepted   that VLAN, tag stripped
 *     C      yes   no     clear              refused    accepted   any VLAN, tag stripped (§11 point 6)
 *     D      yes   yes    set                refused    refused    contradictory
 *     E      no    any    any                refused    refused    no destination address
 *     F      as B, but the adapter does not advertise VLAN filtering: refused
 *
 * The flag counts on whichever test carries it, not on the first only (§11 point 24).
 */
import { tryParseMacAddress, type MacAddress } from '../../shared/mac-address';
import type { NdisVersion } from './capabilities';
import {
  FIELD_FLAGS,
  MAC_FIELDS,
  type FieldTest,
  type ReceiveFilterParameters,
} from './filter-parameters';
import { invalidParameter, type RequestFault } from './status';

/** The VLAN part of a match: one id from 1 to 4094, untagged frames and VLAN 0, or all frames. */
export type FilterVlan = number | 'untagged-or-zero' | 'any';

/** What a filter matches, ready for a filter table. */
export interface FilterMatch {
  readonly mac: MacAddress;
  readonly vlan: FilterVlan;
  /** Whether the tag of a matching frame goes to the out-of-band data (§4.5). */
  readonly stripsTag: boolean;
}

/** The row of §4.4. */
export type FilterCase = 'A' | 'B' | 'C' | 'D' | 'E' | 'F';

/** What the cases depend on. */
export interface FilterCaseRules {
  readonly ndisVersion: NdisVersion;
  readonly vlanFiltering: boolean;
  /** Case C from NDIS 6.30 on: accepted, unless the adapter is set to refuse it (§11 point 6). */
  readonly acceptsMacOnly: boolean;
}

/** A filter's case with its match, or with the fault for which it is refused. */
export type FilterCaseOutcome =
  | { readonly case: FilterCase; readonly match: FilterMatch }
  | { readonly case: FilterCase; readonly fault: RequestFault };

const MAX_VLAN_ID = 4094;

/** The case of §4.4 that a filter's tests make. The tests themselves are well formed by now. */
export function filterCaseOf(
  parameters: Pick<ReceiveFilterParameters, 'tests'>,
  rules: FilterCaseRules,
): FilterCaseOutcome {
  const { tests } = parameters;
  const macTest = tests.find((test) => test.headerField === MAC_FIELDS.destinationAddress);
  const vlanTest = tests.find((test) => test.headerField === MAC_FIELDS.vlanId);
  const untaggedOrZero = tests.some(hasUntaggedFlag);
  if (macTest === undefined) return refusal('E', 'a test of the destination address', 'none');
  const mac = unicastMac(macTest.fieldValue);
  if (mac === undefined) {
    return refusal(vlanTest ? 'B' : 'A', 'a unicast MAC address', String(macTest.fieldValue));
  }
  if (vlanTest === undefined) return macOnlyCase(mac, untaggedOrZero, rules);
  if (untaggedOrZero) return refusal('D', 'either a VLAN test or UNTAGGED_OR_ZERO', 'both');
  return macAndVlanCase(mac, vlanTest.fieldValue, rules);
}

function macOnlyCase(
  mac: MacAddress,
  untaggedOrZero: boolean,
  rules: FilterCaseRules,
): FilterCaseOutcome {
  if (untaggedOrZero) {
    return { case: 'A', match: { mac, vlan: 'untagged-or-zero', stripsTag: false } };
  }
  if (rules.ndisVersion === '6.20' || !rules.acceptsMacOnly) {
    const why = rules.ndisVersion === '6.20' ? 'on NDIS 6.20' : 'on this adapter';
    return refusal('C', `a VLAN test or UNTAGGED_OR_ZERO ${why}`, 'neither');
  }
  return { case: 'C', match: { mac, vlan: 'any', stripsTag: true } };
}

function macAndVlanCase(
  mac: MacAddress,
  vlan: string | number,
  rules: FilterCaseRules,
): FilterCaseOutcome {
  if (!rules.vlanFiltering) {
    return refusal('F', 'no VLAN test on an adapter without VLAN filtering', `VLAN ${vlan}`);
  }
  if (typeof vlan !== 'number' || !Number.isInteger(vlan) || vlan < 1 || vlan > MAX_VLAN_ID) {
    return refusal('B', `a VLAN id from 1 to ${MAX_VLAN_ID}`, String(vlan));
  }
  return { case: 'B', match: { mac, vlan, stripsTag: true } };
}

/** Only unicast addresses make sense for a queue (§4.1). */
function unicastMac(value: string | number): MacAddress | undefined {
  const mac = typeof value === 'string' ? tryParseMacAddress(value) : undefined;
  if (mac === undefined || mac === '00:00:00:00:00:00') return undefined;
  const firstOctet = Number.parseInt(mac.slice(0, 2), 16);
  return (firstOctet & 1) === 0 ? mac : undefined;
}

function hasUntaggedFlag(test: FieldTest): boolean {
  return (test.flags & FIELD_FLAGS.MAC_HEADER_VLAN_UNTAGGED_OR_ZERO) !== 0;
}

function refusal(filterCase: FilterCase, expected: string, found: string): FilterCaseOutcome {
  return {
    case: filterCase,
    fault: invalidParameter('tests', `${expected} (case ${filterCase})`, found),
  };
}
