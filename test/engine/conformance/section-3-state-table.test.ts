import { describe, expect, it } from 'vitest';

import { QUEUE_STATES } from '../../../src/contract/host';
import {
  OPERATIONAL_STATE_VALUES,
  QUEUE_EVENTS,
  isComplete,
  legalStates,
  nextState,
  operationalState,
} from '../../../src/engine/ndis/queue-state';
import { tableBelow } from '../ndis/reference-table';

/** Columns of the table in the reference, in its order. */
const COLUMNS = [
  'Undefined',
  'Allocated',
  'Set',
  'Running',
  'Paused',
  'StopDma',
  'Freeing',
] as const;
const rows = tableBelow('### 3.2').map((cells) => cells.slice(1));

describe('the transition table of §3.2', () => {
  it('§3.2 rules 1 to 13: the reference has a row for each event, and the code has no other', () => {
    expect(rows).toHaveLength(QUEUE_EVENTS.length);
    expect([...COLUMNS].sort()).toEqual([...QUEUE_STATES].sort());
  });

  const cells = QUEUE_EVENTS.flatMap((event, row) =>
    COLUMNS.map((state, column) => {
      const text = (rows[row]?.[column] ?? '').replace(' ', '');
      return {
        event,
        state,
        expected: text === '' ? 'illegal' : text.replace('StopDMA', 'StopDma'),
      };
    }),
  );
  const legal = cells.filter((cell) => cell.expected !== 'illegal');
  const illegal = cells.filter((cell) => cell.expected === 'illegal');

  it('has 30 legal and 61 illegal cells', () => {
    expect([legal.length, illegal.length]).toEqual([30, 61]);
  });
  it.each(legal)('goes from $state to $expected on $event', ({ state, event, expected }) => {
    expect(nextState(state, event)).toBe(expected);
    expect(legalStates(event)).toContain(state);
  });
  it.each(illegal)('refuses $event in $state', ({ state, event }) => {
    expect(nextState(state, event)).toBe('illegal');
  });
});

describe('the operational state', () => {
  it('§3.6 rule 4: has the values of the enumeration', () => {
    const text = 'Undefined 0, Running 1, Paused 2, DmaStopped 3';
    const values = Object.entries(OPERATIONAL_STATE_VALUES).map((entry) => entry.join(' '));
    expect(values.join(', ')).toBe(text);
  });

  it.each([
    ['Undefined', 'Undefined'],
    ['Allocated', 'Paused'],
    ['Set', 'Paused'],
    ['Running', 'Running'],
    ['Paused', 'Paused'],
    ['StopDma', 'DmaStopped'],
    ['Freeing', 'DmaStopped'],
  ] as const)('§3.6 rule 5: reports %s as %s', (state, outward) => {
    expect(operationalState(state)).toBe(outward);
  });
});

it('§3.1 rule 8: counts Running and Paused as complete', () => {
  expect(COLUMNS.filter(isComplete)).toEqual(['Running', 'Paused']);
});
