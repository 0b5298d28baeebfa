/**
 * Handover of a NIC between the default queue and a queue of its own, without loss and without
 * reordering. The one path for filter changes, queue allocation and loss, mode switches and the
 * start of a migration; the steps on the threads are drawn in `kernel/handover.ts`. Control thread.
 */
import {
  FENCE_MARK,
  N_NEXT_OWNER,
  N_OWNER,
  N_PHASE,
  NIC_LEAVING,
  Q_FENCES_PASSED,
  Q_HOLD,
} from '../kernel/layout';
import type { MemoryViews } from '../memory/host-memory';
import type { EngineThread } from '../thread/engine-thread';
import type { RingMark } from '../thread/protocol';
import { ringTail } from '../thread/rings';
import type { ThreadTable } from '../thread/thread-table';

export interface HandoverStep {
  readonly nic: number;
  readonly nicIndex: number;
  readonly from: EngineThread;
  readonly to: EngineThread;
  /** Queue block of the thread that gives the NIC away. */
  readonly fromQueue: number;
}

export interface Fence {
  readonly queue: number;
  readonly nicIndex: number;
}

/** Makes the adapter swap its table between two bursts, and put fences behind the last frames of the old one. */
export type Program = (fences: readonly Fence[]) => Promise<void>;

/** Every serving thread makes a whole turn: what it decided by older state has been published. */
export async function gracePeriod(threads: ThreadTable): Promise<void> {
  await Promise.all(
    threads
      .threads()
      .filter((thread) => thread.role === 'queue')
      .map((thread) => thread.request({ kind: 'sync' })),
  );
}

/** `thread` has taken everything that other threads had published for it by now. */
export async function drained(
  views: MemoryViews,
  threads: ThreadTable,
  thread: EngineThread,
): Promise<void> {
  await thread.request({ kind: 'drained', rings: marks(views, threads.ringsInto(thread.index)) });
}

/**
 * Gives a NIC to the thread of its queue.
 * @param queue block of that queue.
 * @param mark puts a fence without changing the table; @param activate sets the new filters.
 */
export async function toQueue(
  views: MemoryViews,
  threads: ThreadTable,
  step: HandoverStep,
  queue: number,
  mark: Program,
  activate: Program,
): Promise<void> {
  const { nicIndex, fromQueue } = step;
  await moveOwner(views, threads, step, () => mark([{ queue: fromQueue, nicIndex }]));
  await joinQueue(views, threads, step, queue, activate);
}

/**
 * Lets more frames of a NIC take its queue, whose thread has the NIC: what the queue gets waits until
 * what the default queue got before has been passed on.
 * @param activate sets the new filters.
 */
export async function joinQueue(
  views: MemoryViews,
  threads: ThreadTable,
  { from, to, fromQueue }: Pick<HandoverStep, 'from' | 'to' | 'fromQueue'>,
  queue: number,
  activate: Program,
): Promise<void> {
  Atomics.store(views.i32, (queue + Q_HOLD) >>> 2, 1);
  // A whole turn of the new owner: its receive buffers are posted, and it has seen Q_HOLD.
  await to.request({ kind: 'sync' });
  await readUpTo(views, [{ thread: from, queue: fromQueue }], activate);
  await to.request({
    kind: 'release',
    queue,
    after: marks(views, [threads.ring(from.index, to.index)]),
  });
}

/** A queue with the thread that reads it. */
export interface ReadQueue {
  readonly thread: EngineThread;
  /** Block of the queue. */
  readonly queue: number;
}

/** Settles when everything that the queues got before `put` has been read. @param put puts marks into them. */
export async function readUpTo(
  views: MemoryViews,
  queues: readonly ReadQueue[],
  put: Program,
): Promise<void> {
  const read = queues.map(({ thread, queue }) => {
    const at = (queue + Q_FENCES_PASSED) >>> 2;
    const passed = Atomics.load(views.i32, at);
    return noticed(thread, () => Atomics.load(views.i32, at) !== passed);
  });
  await put(queues.map(({ queue }) => ({ queue, nicIndex: FENCE_MARK })));
  await Promise.all(read);
}

/** Gives a NIC back to the default queue's thread. @param deactivate sets the filters that remain. */
export async function toDefault(
  views: MemoryViews,
  threads: ThreadTable,
  step: HandoverStep,
  deactivate: Program,
): Promise<void> {
  const { nic, nicIndex, fromQueue, to } = step;
  Atomics.store(views.i32, (nic + N_NEXT_OWNER) >>> 2, to.index);
  // Pairs with toNic: from here on the default queue holds what it gets for the NIC.
  Atomics.store(views.i32, (nic + N_PHASE) >>> 2, NIC_LEAVING);
  await moveOwner(views, threads, step, () => deactivate([{ queue: fromQueue, nicIndex }]));
}

/** The new owner takes the NIC once it has read what the old one passed on. */
export async function adopt(
  views: MemoryViews,
  threads: ThreadTable,
  nic: number,
  from: EngineThread,
  to: EngineThread,
): Promise<void> {
  await to.request({
    kind: 'adopt',
    nic,
    after: marks(views, [threads.ring(from.index, to.index)]),
  });
}

async function moveOwner(
  views: MemoryViews,
  threads: ThreadTable,
  { nic, from, to }: HandoverStep,
  change: () => Promise<void>,
): Promise<void> {
  Atomics.store(views.i32, (nic + N_NEXT_OWNER) >>> 2, to.index);
  // Pairs with passFence: the owner word is stored before the notice is given.
  const passed = noticed(from, () => Atomics.load(views.i32, (nic + N_OWNER) >>> 2) === to.index);
  await change();
  await passed;
  await gracePeriod(threads);
  await drained(views, threads, from);
  await adopt(views, threads, nic, from, to);
}

function marks(views: MemoryViews, rings: readonly number[]): RingMark[] {
  return rings.filter((ring) => ring !== 0).map((ring) => ({ ring, index: ringTail(views, ring) }));
}

/** Settles when `condition` holds after a notice of the thread; rejects when the thread dies before. */
function noticed(thread: EngineThread, condition: () => boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = thread.onNotices((died) => {
      if (!condition() && !died) return;
      stop();
      if (condition()) resolve();
      else reject(new Error(`thread ${thread.name} ended before the fence`));
    });
    if (condition()) {
      stop();
      resolve();
    }
  });
}
