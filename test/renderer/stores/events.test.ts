import { createPinia, setActivePinia } from 'pinia';
import { beforeEach, describe, expect, it } from 'vitest';
import type { LabEvent } from '../../../src/contract/events';
import { useEventsStore } from '../../../src/renderer/stores/events';

const anEvent = (sequence: number, id = 'vm-1'): LabEvent => ({
  sequence,
  timeMs: sequence,
  type: 'vm/started',
  severity: 'info',
  object: { kind: 'vm', id, name: id },
  text: `${id} started.`,
  cause: 'Started at the console.',
});

describe('the events store', () => {
  beforeEach(() => {
    setActivePinia(createPinia());
  });

  it('adds batches and knows the last event', () => {
    const store = useEventsStore();
    store.accept([anEvent(0), anEvent(1)], true);
    store.accept([anEvent(2)], false);
    expect(store.events.map((event) => event.sequence)).toEqual([0, 1, 2]);
    expect(store.last?.sequence).toBe(2);
  });

  it('starts over with the first batch of a connection, which repeats what is kept', () => {
    const store = useEventsStore();
    store.accept([anEvent(0), anEvent(1)], true);
    store.accept([anEvent(0), anEvent(1), anEvent(2)], true);
    expect(store.events).toHaveLength(3);
  });

  it('finds the newest events about one object', () => {
    const store = useEventsStore();
    store.accept([anEvent(0), anEvent(1, 'vm-2'), anEvent(2), anEvent(3)], true);
    expect(store.about({ kind: 'vm', id: 'vm-1' }, 2).map((event) => event.sequence)).toEqual([
      3, 2,
    ]);
  });
});
