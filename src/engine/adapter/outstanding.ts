/**
 * Buffers of a thread's pool that others hold: each entry of a ring out of it that was not read yet
 * keeps one. Control thread; figures may be late.
 */
import { R_HEAD, R_TAIL } from '../kernel/layout';
import type { MemoryViews } from '../memory/host-memory';
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
