/**
 * Pins the calling thread to a logical processor, where the platform allows it, and reads what the
 * system knows about threads. All through libc by FFI; nothing here is needed for correctness.
 */
import { createRequire } from 'node:module';
import type koffi from 'koffi';

type Koffi = typeof koffi;
type Library = ReturnType<Koffi['load']>;

export interface Affinity {
  /** Why pinning does not work here; empty when it works. */
  readonly reason: string;
  /** Pins the calling thread. Returns false when the system refused. */
  pin(processor: number): boolean;
  /** The system's id of the calling thread, or -1. */
  threadId(): number;
  /**
   * Lets other threads that are ready run on this processor. Returns false where that is not possible, and
   * for a while after it took long ({@link carefulYield}).
   */
  yieldProcessor(): boolean;
}

const MASK_BYTES = 128; // 1024 processors, as glibc's cpu_set_t

/** Loads the platform's calls. Never throws: what is missing is a reason. */
export function loadAffinity(): Affinity {
  if (process.platform !== 'linux')
    return unavailable(`Pinning threads is not supported on ${process.platform} yet.`);
  try {
    const ffi = createRequire(__filename)('koffi') as Koffi;
    return linuxAffinity(ffi.load('libc.so.6'));
  } catch (cause) {
    return unavailable(
      `The C library could not be called: ${cause instanceof Error ? cause.message : String(cause)}.`,
    );
  }
}

function linuxAffinity(libc: Library): Affinity {
  const setAffinity = libc.func('int sched_setaffinity(int pid, size_t size, const void *mask)');
  const threadId = libc.func('int gettid()');
  const schedYield = libc.func('int sched_yield()');
  return {
    reason: '',
    pin(processor) {
      const mask = new Uint8Array(MASK_BYTES);
      const byte = processor >> 3;
      if (byte >= MASK_BYTES) return false;
      mask[byte] = 1 << (processor & 7);
      // pid 0: the calling thread.
      return setAffinity(0, MASK_BYTES, mask) === 0;
    },
    threadId: () => threadId() as number,
    yieldProcessor: carefulYield(() => schedYield() === 0),
  };
}

/** A yield that takes longer than this met a thread that does not yield itself. */
const LONG_YIELD_MS = 0.2;
const REST_MS = 100;

/**
 * Yields, but not where it costs too much: Linux takes a whole time slice from a thread for each yield, and
 * gives it to one that computes without pause (a copy of a migration, a collector). After a long yield there
 * is none for {@link REST_MS}.
 */
export function carefulYield(
  yieldNow: () => boolean,
  nowMs: () => number = () => performance.now(),
): () => boolean {
  let restUntilMs = -Infinity;
  return () => {
    const before = nowMs();
    if (before < restUntilMs || !yieldNow()) return false;
    const after = nowMs();
    if (after - before > LONG_YIELD_MS) restUntilMs = after + REST_MS;
    return true;
  };
}

function unavailable(reason: string): Affinity {
  return { reason, pin: () => false, threadId: () => -1, yieldProcessor: () => false };
}
