/** A small host for migration tests: real memory, real kernel, no threads. */
import { HostMemory } from '../../../../src/engine/memory/host-memory';
import {
  compileKernel,
  instantiateKernel,
  type Kernel,
} from '../../../../src/engine/thread/kernel';

export interface FakeHost {
  readonly kernel: Kernel;
  readonly memory: HostMemory;
}

export async function makeHost(sizeMiB = 24): Promise<FakeHost> {
  const memory = new HostMemory(sizeMiB);
  return { memory, kernel: instantiateKernel(await compileKernel(), memory.memory) };
}

/** Deterministic numbers below 2^32 (xorshift). */
export function makeRandom(seed: number): () => number {
  let x = seed | 1;
  return () => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return x >>> 0;
  };
}
