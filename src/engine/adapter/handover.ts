/**
 * Handover of a NIC between two serving threads, without loss and without reordering. The one path
 * for filter changes, queue allocation and loss, mode switches and the start of a migration; the
 * steps on the threads are drawn in `kernel/serve.ts`. Control thread.
 */
import { N_NEXT_OWNER, N_OWNER } from '../kernel/layout';
import type { MemoryViews } from '../memory/host-memory';
import type { EngineThread } from '../thread/engine-thread';
import { ringTail } from '../thread/rings';
import type { ThreadTable } from '../thread/thread-table';

export interface HandoverStep {
  readonly nic: number;
  readonly from: EngineThread;
  readonly to: EngineThread;
}

/** Every serving thread begins a new turn: what it decided by older state has been published. */
export async function gracePeriod(threads: ThreadTable): Promise<void> {
  await Promise.all(
    threads
      .threads()
      .filter((thread) => thread.role === 'queue')
      .map((thread) => thread.request({ kind: 'sync' })),
  );
}

/**
 * Moves a NIC from one serving thread to another.
 * @param change makes the adapter swap its table and put the fence into the old owner's queue.
 */
export async function handOver(views: MemoryViews, threads: ThreadTable, step: HandoverStep, change: () => Promise<unknown>): Promise<void> {
  const { nic, from, to } = step;
  Atomics.store(views.i32, (nic + N_NEXT_OWNER) >>> 2, to.index);
  const passed = ownerChange(views, nic, from, to.index);
  await change();
  await passed;
  await gracePeriod(threads);
  await from.request({ kind: 'drained', rings: marks(views, threads.ringsInto(from.index)) });
  await adopt(views, threads, step);
}

/** The new owner takes the NIC once it has read what the old one passed on. */
export async function adopt(views: MemoryViews, threads: ThreadTable, { nic, from, to }: HandoverStep): Promise<void> {
  const ring = threads.ring(from.index, to.index);
  await to.request({ kind: 'adopt', nic, after: ring === 0 ? [] : marks(views, [ring]) });
}

function marks(views: MemoryViews, rings: readonly number[]): { ring: number; index: number }[] {
  return rings.map((ring) => ({ ring, index: ringTail(views, ring) }));
}

/** Settles when the old owner has passed the fence; rejects when it dies before. */
function ownerChange(views: MemoryViews, nic: number, from: EngineThread, next: number): Promise<void> {
  const isNext = (): boolean => Atomics.load(views.i32, (nic + N_OWNER) >>> 2) === next;
  return new Promise((resolve, reject) => {
    const stop = from.onNotices((died) => {
      // Pairs with passFence: the owner word is stored before the notice is given.
      if (!isNext() && !died) return;
      stop();
      if (isNext()) resolve();
      else reject(new Error(`thread ${from.name} ended before the fence`));
    });
    if (isNext()) {
      stop();
      resolve();
    }
  });
}
