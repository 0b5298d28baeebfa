import { MessageChannel } from 'node:worker_threads';
import { afterEach, describe, expect, it, vi } from 'vitest';

import { T_DOORBELL, T_SLEEPING, T_WAKE } from '../../../src/engine/kernel/layout';
import { HostMemory } from '../../../src/engine/memory/host-memory';
import { compileKernel, instantiateKernel } from '../../../src/engine/thread/kernel';
import { runKernelLoop } from '../../../src/engine/thread/kernel-loop';

const THREAD_BYTES = 1024;
const MOST_TURNS = 3;

afterEach(() => {
  vi.restoreAllMocks();
});

describe('the loop of a kernel thread', () => {
  it('does not sleep through a wake-up that comes while it lies down', async () => {
    const memory = new HostMemory(1);
    const module = await compileKernel();
    const kernel = instantiateKernel(module, memory.memory);
    const thread = memory.take(THREAD_BYTES, 'A thread block');
    const { port1, port2 } = new MessageChannel();
    const sleepingAt = (thread + T_SLEEPING) >>> 2;
    const wakeAt = (thread + T_WAKE) >>> 2;

    // Another thread sees the flag in the very moment in which it is set, once.
    const { store, wait } = Atomics;
    let hasWoken = false;
    vi.spyOn(Atomics, 'store').mockImplementation(((
      words: Int32Array,
      at: number,
      value: number,
    ) => {
      store(words, at, value);
      if (at === sleepingAt && value === 1 && !hasWoken) {
        hasWoken = true;
        kernel.wake(thread);
      }
      return value;
    }) as typeof Atomics.store);
    const ends: string[] = [];
    vi.spyOn(Atomics, 'wait').mockImplementation(((
      words: Int32Array,
      at: number,
      value: number,
      timeout?: number,
    ) => {
      const end = wait(words, at, value, timeout);
      if (at === wakeAt) ends.push(end);
      return end;
    }) as typeof Atomics.wait);

    let turns = 0;
    runKernelLoop(
      {
        role: 'queue',
        name: 'a thread',
        memory: memory.memory,
        module,
        thread,
        block: 0,
        processor: -1,
        control: port2,
      },
      () => ({
        turn: () => {
          turns++;
          if (turns < MOST_TURNS) return 0;
          port1.postMessage({ kind: 'stop' });
          Atomics.add(memory.i32, (thread + T_DOORBELL) >>> 2, 1);
          return 1;
        },
        hasWork: () => false,
        due: () => Infinity,
        mustGiveWay: () => false,
        handle: () => undefined,
      }),
    );
    port1.close();

    expect(hasWoken).toBe(true);
    expect(ends[0]).toBe('not-equal');
  });
});
