import { describe, expect, it } from 'vitest';

import type { NdisVersion } from '../../../src/engine/ndis/capabilities';
import { filterCaseOf, type FilterVlan } from '../../../src/engine/ndis/filter-cases';
import {
  FIELD_FLAGS,
  macFilter,
  macOnlyFilter,
  macTest,
  vlanTest,
  type FieldTest,
} from '../../../src/engine/ndis/filter-parameters';
import { matchesFrame, type FilteredFrame } from '../../../src/engine/ndis/receive-filter';
import { parseMacAddress } from '../../../src/shared/mac-address';

const MAC = '02:00:5e:10:00:01';
const FLAG = FIELD_FLAGS.MAC_HEADER_VLAN_UNTAGGED_OR_ZERO;

/** A row of §4.4: tests, and what either version does with and without VLAN filtering. */
interface Row {
  readonly case: string;
  readonly tests: readonly FieldTest[];
  /** Accepted as this VLAN match, else refused; in the order of {@link SETTINGS}. */
  readonly outcomes: readonly (FilterVlan | 'refused')[];
}

/** Version and VLAN filtering. */
const SETTINGS: readonly (readonly [NdisVersion, boolean])[] = [
  ['6.20', true],
  ['6.20', false],
  ['6.30', true],
  ['6.30', false],
];

const A = 'untagged-or-zero';
const NO = 'refused';
const ROWS: readonly Row[] = [
  { case: 'A', tests: [macTest(MAC, FLAG)], outcomes: [A, A, A, A] },
  { case: 'B', tests: [macTest(MAC), vlanTest(42)], outcomes: [42, NO, 42, NO] },
  { case: 'B', tests: [vlanTest(42), macTest(MAC)], outcomes: [42, NO, 42, NO] },
  { case: 'C', tests: [macTest(MAC)], outcomes: [NO, NO, 'any', 'any'] },
  { case: 'D', tests: [macTest(MAC, FLAG), vlanTest(42)], outcomes: [NO, NO, NO, NO] },
  { case: 'D', tests: [macTest(MAC), vlanTest(42, FLAG)], outcomes: [NO, NO, NO, NO] },
  { case: 'E', tests: [vlanTest(42)], outcomes: [NO, NO, NO, NO] },
  { case: 'E', tests: [vlanTest(42, FLAG)], outcomes: [NO, NO, NO, NO] },
  { case: 'E', tests: [], outcomes: [NO, NO, NO, NO] },
];

const cells = ROWS.flatMap((row) =>
  SETTINGS.map(([ndisVersion, vlanFiltering], index) => ({
    ...row,
    ndisVersion,
    vlanFiltering,
    expected: row.outcomes[index] ?? NO,
    expectedCase: row.case === 'B' && !vlanFiltering ? 'F' : row.case,
  })),
);

describe('§4.4 MAC and VLAN combinations', () => {
  it.each(cells)(
    '§4.4 rules 1 to 7: case $expectedCase on $ndisVersion, VLAN filtering $vlanFiltering: $expected',
    ({ tests, ndisVersion, vlanFiltering, expected, expectedCase }) => {
      const rules = { ndisVersion, vlanFiltering, acceptsMacOnly: true };
      const outcome = filterCaseOf({ tests }, rules);
      expect(outcome.case).toBe(expectedCase);
      expect('match' in outcome ? outcome.match.vlan : NO).toBe(expected);
      if ('fault' in outcome) expect(outcome.fault.status).toBe('NDIS_STATUS_INVALID_PARAMETER');
    },
  );

  it('§4.4 rule 3: refuses case C on 6.30 where the adapter is set to', () => {
    const rules = { ndisVersion: '6.30', vlanFiltering: true, acceptsMacOnly: false } as const;
    expect(filterCaseOf({ tests: [macTest(MAC)] }, rules)).toMatchObject({ case: 'C', fault: {} });
  });

  const rules = { ndisVersion: '6.30', vlanFiltering: true, acceptsMacOnly: true } as const;
  it.each([0, 4095, -1, 1.5, '42'])('§4.4 rule 9: refuses a VLAN test with %s', (vlan) => {
    const test = { ...vlanTest(1), fieldValue: vlan };
    expect(filterCaseOf({ tests: [macTest(MAC), test] }, rules)).toHaveProperty('fault');
  });

  it.each(['01:00:5e:00:00:01', 'ff:ff:ff:ff:ff:ff', '00:00:00:00:00:00', 'nonsense'])(
    '§4.1 rule 7: refuses %s, which is no unicast address',
    (mac) => {
      expect(filterCaseOf({ tests: [macTest(mac, FLAG)] }, rules)).toHaveProperty('fault');
    },
  );

  it('§4.5 rules 1 and 2: strips the tag in the cases B and C', () => {
    const stripsTag = (tests: readonly FieldTest[]): boolean => {
      const outcome = filterCaseOf({ tests }, rules);
      return 'match' in outcome && outcome.match.stripsTag;
    };
    expect(
      [macFilter(1, MAC, null), macFilter(1, MAC, 42), macOnlyFilter(1, MAC)].map((f) =>
        stripsTag(f.tests),
      ),
    ).toEqual([false, true, true]);
  });
});

describe('A.13 which frames match', () => {
  const rules = { ndisVersion: '6.30', vlanFiltering: true, acceptsMacOnly: true } as const;
  const frames: readonly (readonly [string, number | null])[] = [
    ['untagged', null],
    ['VLAN 0', 0],
    ['VLAN V', 42],
    ['VLAN W', 43],
  ];
  const expected: Readonly<Record<string, readonly boolean[]>> = {
    A: [true, true, false, false],
    B: [false, false, true, false],
    C: [true, true, true, true],
  };
  const filters = {
    A: macFilter(1, MAC, null),
    B: macFilter(1, MAC, 42),
    C: macOnlyFilter(1, MAC),
  };

  it.each(Object.entries(filters))(
    'A.13, §4.4 rules 1, 2, 3 and 8, §4.1 rules 1 and 3: case %s',
    (name, filter) => {
      const outcome = filterCaseOf(filter, rules);
      if (!('match' in outcome)) throw new Error('refused');
      const { match } = outcome;
      const matches = frames.map(([, vlanId]) => {
        const frame: FilteredFrame = { destination: parseMacAddress(MAC), vlanId };
        return matchesFrame(match, frame);
      });
      expect(matches).toEqual(expected[name]);
      const stranger = { destination: parseMacAddress('02:00:5e:10:00:02'), vlanId: null };
      expect(matchesFrame(match, stranger)).toBe(false);
    },
  );
});
