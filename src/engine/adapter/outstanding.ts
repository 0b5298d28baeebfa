/**
 * Buffers of a thread's pool that others hold: each entry of a ring out of it that was not read yet
 * keeps one. Control thread; figures may be late.
 */
import {
  BUFFER_SIZE,
  E_ADDRESS,
  ENTRY_SIZE,
  R_CAPACITY,
  R_ENTRIES,
  R_HEAD,
  R_RECLAIMED,
  R_TAIL,
  T_POOL_FREE,
  T_POOL_SIZE,
} from '../kernel/layout';
import type { MemoryViews } from '../memory/host-memory';
import type { EngineThread } from '../thread/engine-thread';
import type { ThreadTable } from '../thread/thread-table';

/** Who holds buffers, and how many. */
export interface BufferHolder {
  readonly holder: string;
  readonly buffers: number;
}

export function bufferHolders(
  views: MemoryViews,
  threads: ThreadTable,
  producer: number,
): readonly BufferHolder[] {
  const word = (ring: number, field: number): number =>
    Atomics.load(views.i32, (ring + field) >>> 2);
  return threads.blocks().flatMap((_, consumer) => {
    const ring = threads.ring(producer, consumer);
    const buffers = ring === 0 ? 0 : (word(ring, R_TAIL) - word(ring, R_HEAD)) >>> 0;
    const holder = threads.at(consumer)?.name ?? `thread ${consumer}, which has ended`;
    return buffers === 0 ? [] : [{ holder, buffers }];
  });
}

/**
 * Where the buffers of a thread's pool are (reference Appendix A 8): nothing is derived, so the parts
 * make up the whole only when none is lost or counted twice. Exact while the thread is between turns.
 */
export interface BufferAccount {
  readonly total: number;
  /** In the pool. */
  readonly free: number;
  /** Posted to the adapter, or filled and not indicated. */
  readonly inDma: number;
  /** Indicated or sent, and not returned. */
  readonly outstanding: number;
}

/** @param inDma buffers in the rings of the thread's queue, when they are of this pool. */
export function bufferAccount(
  views: MemoryViews,
  threads: ThreadTable,
  { index, thread }: Pick<EngineThread, 'index' | 'thread'>,
  inDma: number,
): BufferAccount {
  const outstanding = new Set<number>();
  for (const ring of threads.ringsFrom(index)) {
    const mask = views.getU32(ring + R_CAPACITY) - 1;
    const end = views.getU32(ring + R_TAIL);
    for (let at = views.getU32(ring + R_RECLAIMED); at !== end; at = (at + 1) >>> 0) {
      const entry = ring + R_ENTRIES + (at & mask) * ENTRY_SIZE;
      // A flooded frame is in several rings; its buffer counts once.
      outstanding.add(Math.floor(views.getU32(entry + E_ADDRESS) / BUFFER_SIZE));
    }
  }
  return {
    total: views.getU32(thread + T_POOL_SIZE),
    free: views.getU32(thread + T_POOL_FREE),
    inDma,
    outstanding: outstanding.size,
  };
}
