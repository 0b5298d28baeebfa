/** Fault injection: a host whose memory is full. Control thread. */
import { CACHE_LINE, type HostMemory } from '../memory/host-memory';

export class MemoryFill {
  readonly #memory: HostMemory;
  readonly #taken: number[] = [];

  constructor(memory: HostMemory) {
    this.#memory = memory;
  }

  /** Takes free memory, largest piece first, until at most `leaveBytes` are free. */
  fill(leaveBytes: number): void {
    for (;;) {
      const { totalBytes, usedBytes, largestFreeBytes } = this.#memory;
      const excess = totalBytes - usedBytes - leaveBytes;
      const bytes = Math.floor(Math.min(excess, largestFreeBytes) / CACHE_LINE) * CACHE_LINE;
      if (bytes <= 0) return;
      this.#taken.push(this.#memory.take(bytes, 'A filling'));
    }
  }

  /** Gives back what was taken. */
  free(): void {
    for (const region of this.#taken.splice(0)) this.#memory.give(region);
  }
}
