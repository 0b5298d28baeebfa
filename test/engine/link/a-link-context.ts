/** A link's surroundings on the test's own thread: real memory, real kernel, a ring and its other end. */
import { LINK_BLOCK_SIZE, readLinkCounts } from '../../../src/engine/link/link-counters';
import { SCRATCH_BYTES, type DuplexPlace } from '../../../src/engine/link/link-protocol';
import { loadAffinity } from '../../../src/engine/thread/affinity';
import type { LinkContext, LinkSigns } from '../../../src/engine/link/thread-link';
import { HostMemory } from '../../../src/engine/memory/host-memory';
import { monotonicClock } from '../../../src/engine/thread/clock';
import { compileKernel, instantiateKernel, type Kernel } from '../../../src/engine/thread/kernel';
import { createWireRing } from '../../../src/engine/thread/rings';

export interface LinkSurroundings {
  readonly memory: HostMemory;
  readonly kernel: Kernel;
  readonly context: LinkContext;
  readonly place: DuplexPlace;
  /** What the link signalled: states with their reasons, `connected`, `disconnected`. */
  readonly signs: string[];
  readonly link: LinkSigns;
  /** Takes the next frame that the link put on its ring; undefined when there is none. */
  take(): Uint8Array | undefined;
  /** Puts a frame on the ring that the link empties. Returns false when it is full. */
  put(frame: Uint8Array): boolean;
  counts(): ReturnType<typeof readLinkCounts>;
}

export async function aLinkContext(ringBytes = 262_144): Promise<LinkSurroundings> {
  const memory = new HostMemory(32);
  const kernel = instantiateKernel(await compileKernel(), memory.memory);
  const clock = monotonicClock();
  const place: DuplexPlace = {
    linkId: 'link',
    block: memory.take(LINK_BLOCK_SIZE, 'A link'),
    inRing: createWireRing(memory, ringBytes, 0),
    outRing: createWireRing(memory, ringBytes, 0),
    scratch: memory.take(SCRATCH_BYTES, 'Staging'),
  };
  const staging = memory.take(65_536, 'A test frame');
  const signs: string[] = [];
  return {
    memory,
    kernel,
    place,
    signs,
    context: {
      views: memory,
      kernel,
      clock,
      account: () => undefined,
      yieldProcessor: () => loadAffinity().yieldProcessor(),
    },
    link: {
      state: (state, reason) => signs.push(reason === '' ? state : `${state}: ${reason}`),
      connected: () => signs.push('connected'),
      disconnected: (reason) => signs.push(`disconnected: ${reason}`),
    },
    take() {
      const length = kernel.wireTake(place.inRing, staging);
      return length === 0 ? undefined : memory.u8.slice(staging, staging + length);
    },
    put(frame) {
      memory.u8.set(frame, staging);
      return kernel.wirePut(place.outRing, staging, frame.length, clock()) !== 0;
    },
    counts: () => readLinkCounts(memory, place.block),
  };
}

/** Everything that is on the link's ring now. */
export function takeAll(surroundings: LinkSurroundings): Uint8Array[] {
  const frames: Uint8Array[] = [];
  for (let frame = surroundings.take(); frame; frame = surroundings.take()) frames.push(frame);
  return frames;
}

/** A frame of `length` bytes that are all `value`. */
export function aFrame(length: number, value: number): Uint8Array {
  return new Uint8Array(length).fill(value);
}

/** Frames as they are on a stream. */
export function framed(...frames: Uint8Array[]): Buffer {
  return Buffer.concat(
    frames.flatMap((frame) => {
      const length = Buffer.alloc(4);
      length.writeUInt32BE(frame.length);
      return [length, frame];
    }),
  );
}

/** Compares many frames at once, without looking into each byte of them in turn. */
export function areSame(actual: readonly Uint8Array[], expected: readonly Uint8Array[]): boolean {
  return framed(...actual).equals(framed(...expected));
}

export async function until(condition: () => boolean, timeoutMs = 5000): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error('the condition did not come true in time');
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}
