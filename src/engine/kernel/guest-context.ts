/** The guest that runs now on this thread: caches of one turn, never state. */
import { G_BASE, V_DIRTY, V_MEMORY } from './layout';

export let memoryBase: u32 = 0;
export let state: u32 = 0;
export let dirty: u32 = 0;

/** Makes a VM's guest the one that runs now. */
export function enterGuest(vm: u32): void {
  memoryBase = load<u32>(vm, V_MEMORY);
  state = memoryBase + G_BASE;
  dirty = load<u32>(vm, V_DIRTY);
}
