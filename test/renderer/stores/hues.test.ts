import { describe, expect, it } from 'vitest';
import { assignSlots, hueOfSlot } from '../../../src/renderer/stores/hues';

describe('assignSlots', () => {
  it('gives slots in the order of the list', () => {
    expect([...assignSlots(['a', 'b', 'c'], new Map())]).toEqual([
      ['a', 0],
      ['b', 1],
      ['c', 2],
    ]);
  });

  it('lets each id keep its slot when others leave', () => {
    const before = assignSlots(['a', 'b', 'c'], new Map());
    expect(assignSlots(['b', 'c'], before).get('c')).toBe(2);
  });

  it('gives a new id the lowest free slot', () => {
    const before = assignSlots(['a', 'b', 'c'], new Map());
    expect(assignSlots(['a', 'c', 'new'], before).get('new')).toBe(1);
  });
});

describe('hueOfSlot', () => {
  it('has eight plain hues, then the same with a pattern', () => {
    expect(hueOfSlot(7)).toEqual({ token: '--queue-8', pattern: 0 });
    expect(hueOfSlot(8)).toEqual({ token: '--queue-1', pattern: 1 });
  });
});
