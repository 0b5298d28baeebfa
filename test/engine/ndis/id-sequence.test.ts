import { expect, it } from 'vitest';

import { IdSequence } from '../../../src/engine/ndis/id-sequence';

it('§7.5 gives out each id once before it begins again, skipping live ones', () => {
  const ids = new IdSequence(4);
  const live = new Set<number>();
  const give = (): number | undefined => {
    const id = ids.peek((candidate) => live.has(candidate));
    if (id !== undefined) ids.take(id);
    return id;
  };
  expect([give(), give()]).toEqual([1, 2]);
  live.add(3);
  expect([give(), give(), give()]).toEqual([4, 1, 2]);
  [1, 2, 3, 4].forEach((id) => live.add(id));
  expect(give()).toBeUndefined();
});

it('gives nothing out by looking', () => {
  const ids = new IdSequence(4);
  expect([ids.peek(() => false), ids.peek(() => false), ids.last]).toEqual([1, 1, 0]);
});
