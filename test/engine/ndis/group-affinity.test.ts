import { expect, it } from 'vitest';

import {
  affinityOf,
  formatAffinity,
  processorsOf,
  sameAffinity,
} from '../../../src/engine/ndis/group-affinity';

it('§3.5 rule 6: names a processor by its group and its bit', () => {
  expect(affinityOf(4)).toEqual({ group: 0, mask: 0x10n });
  expect(affinityOf(127)).toEqual({ group: 1, mask: 1n << 63n });
  expect(formatAffinity(affinityOf(68))).toBe('1:0x10');
});

it('§3.10 rule 2: lists the processors of a mask, of which the lowest serves', () => {
  expect(processorsOf({ group: 1, mask: 0b101n })).toEqual([64, 66]);
  expect(processorsOf({ group: 0, mask: 0n })).toEqual([]);
  expect(sameAffinity(affinityOf(3), { group: 0, mask: 8n })).toBe(true);
  expect(sameAffinity(affinityOf(3), { group: 1, mask: 8n })).toBe(false);
});
