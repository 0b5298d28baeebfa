/**
 * The tag control information (TCI) of IEEE 802.1Q clause 9.6, as a 16-bit number and as its parts.
 *
 *      15       13   12   11                     0
 *     +-----------+------+------------------------+
 *     | priority  | drop | VLAN id                |
 *     +-----------+------+------------------------+
 */
import { requireRange } from './octets';

/** Length of a whole tag: TPID (0x8100) and TCI. */
export const VLAN_TAG_BYTES = 4;
/** The VLAN id of a frame that has a priority but belongs to no VLAN. */
export const PRIORITY_VLAN_ID = 0;
/** Largest VLAN id that a network may use; 4095 is reserved. */
export const MAX_VLAN_ID = 4094;

/** The parts of a tag. */
export interface VlanTag {
  /** 0 to 4094; 0 carries a priority only. */
  readonly vlanId: number;
  /** Priority code point, 0 to 7; default 0. */
  readonly priority?: number;
  /** Drop eligible indicator; default false. */
  readonly dropEligible?: boolean;
}

/** The VLAN id of a TCI, 0 to 4095. */
export function vlanIdOf(tci: number): number {
  return tci & 0x0fff;
}

/** The priority code point of a TCI, 0 to 7. */
export function priorityOf(tci: number): number {
  return (tci >>> 13) & 0x7;
}

/** The drop eligible indicator of a TCI. */
export function isDropEligible(tci: number): boolean {
  return (tci & 0x1000) !== 0;
}

/**
 * The TCI of these parts.
 *
 * @throws WireError `wire-field-range` for a VLAN id above 4094 or a priority above 7.
 */
export function makeTci(tag: VlanTag): number {
  const priority = tag.priority ?? 0;
  requireRange('VLAN id', tag.vlanId, PRIORITY_VLAN_ID, MAX_VLAN_ID);
  requireRange('VLAN priority', priority, 0, 7);
  return (priority << 13) | (tag.dropEligible === true ? 0x1000 : 0) | tag.vlanId;
}
