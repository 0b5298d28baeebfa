import { MessageChannel, receiveMessageOnPort } from 'node:worker_threads';
import { afterEach, describe, expect, it, vi } from 'vitest';

import { T_DOORBELL, T_SLEEPING, T_WAKE } from '../../../src/engine/kernel/layout';
import { HostMemory } from '../../../src/engine/memory/host-memory';
import { compileKernel, instantiateKernel } from '../../../src/engine/thread/kernel';
import { runKernelLoop } from '../../../src/engine/thread/kernel-loop';
import type { FromThread } from '../../../src/engine/thread/protocol';

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

  it('answers a sync only after a whole turn, however many come at once', async () => {
    const memory = new HostMemory(1);
    const module = await compileKernel();
    const thread = memory.take(THREAD_BYTES, 'A thread block');
    const { port1, port2 } = new MessageChannel();
    const rings = (): number => Atomics.add(memory.i32, (thread + T_DOORBELL) >>> 2, 1);
    for (const id of [1, 2]) port1.postMessage({ kind: 'request', id, request: { kind: 'sync' } });
    rings();
    const answered: number[] = [];
    const answers = (): number[] => {
      for (;;) {
        const received = receiveMessageOnPort(port1) as { message: FromThread } | undefined;
        if (!received) return [...answered];
        if (received.message.kind === 'answer') answered.push(received.message.id);
      }
    };

    const before: number[][] = [];
    runKernelLoop(
      {
        ...{ role: 'queue', name: 'a thread', memory: memory.memory, module, thread },
        ...{ block: 0, processor: -1, control: port2 },
      },
      () => ({
        turn: () => {
          if (before.push(answers()) < 2) return 1;
          port1.postMessage({ kind: 'stop' });
          rings();
          return 1;
        },
        hasWork: () => false,
        due: () => Infinity,
        mustGiveWay: () => false,
        handle: () => undefined,
      }),
    );
    port1.close();

    expect(before.slice(0, 2)).toEqual([[], [1, 2]]);
  });
});
