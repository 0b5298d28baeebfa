import { describe, expect, it } from 'vitest';
import { QUEUE_STATES } from '../../src/contract/host';
import { DIAGRAM_EDGES, DIAGRAM_STATES } from '../../src/renderer/details/queue-diagram';
import { tableBelow } from '../engine/ndis/reference-table';

const NAMES = ['Undefined', 'Allocated', 'Set', 'Running', 'Paused', 'Stop DMA', 'Freeing'];
const stateNamed = (name: string): string => name.replace('Stop DMA', 'StopDma');

/** Every change of state that the reference's transition table allows. */
function allowedChanges(): string[] {
  const changes = tableBelow('### 3.2').flatMap(([, ...cells]) =>
    cells.flatMap((to, index) => {
      const from = NAMES[index] ?? '';
      return to === '' || to === from ? [] : [`${stateNamed(from)} → ${stateNamed(to)}`];
    }),
  );
  return [...new Set(changes)].sort();
}

describe('the drawing of the queue state machine', () => {
  it('has every state once', () => {
    expect(DIAGRAM_STATES.map(({ state }) => state).sort()).toEqual([...QUEUE_STATES].sort());
  });

  it('has a way for each change that the reference allows, and no other', () => {
    const drawn = DIAGRAM_EDGES.map(({ from, to }) => `${from} → ${to}`).sort();
    expect(allowedChanges()).toHaveLength(11);
    expect(drawn).toEqual(allowedChanges());
  });
});
