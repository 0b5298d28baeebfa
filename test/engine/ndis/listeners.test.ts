import { expect, it, vi } from 'vitest';

import { Listeners } from '../../../src/engine/ndis/listeners';

it('tells each listener until it unsubscribes', () => {
  const listeners = new Listeners<number>();
  const heard: string[] = [];
  const listener = (event: number): void => void heard.push(`a${event}`);
  const stop = listeners.add(listener);
  listeners.add(listener);
  listeners.emit(1);
  stop();
  stop();
  listeners.emit(2);
  expect(heard).toEqual(['a1', 'a1', 'a2']);
  expect(listeners.size).toBe(1);
});

it('raises the error of a listener outside, and tells the others', () => {
  const postponed: (() => void)[] = [];
  const spy = vi.spyOn(globalThis, 'queueMicrotask').mockImplementation((task) => {
    postponed.push(task);
  });
  const listeners = new Listeners<number>();
  const heard: number[] = [];
  listeners.add(() => {
    throw new Error('broken listener');
  });
  listeners.add((event) => void heard.push(event));
  listeners.emit(1);
  spy.mockRestore();
  expect(heard).toEqual([1]);
  expect(postponed).toHaveLength(1);
  expect(() => postponed[0]?.()).toThrow('broken listener');
});
