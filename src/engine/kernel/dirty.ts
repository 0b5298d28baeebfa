/** Dirty-page log of a VM: one bit a page, set by whoever writes with a processor (never by DMA). */
import { PAGE_SHIFT } from './layout';

/** Marks the pages of [offset, offset + length) of a VM's memory. `bitmap` 0: nobody logs. */
export function markDirty(bitmap: u32, offset: u32, length: u32): void {
  if (bitmap == 0) return;
  const last = (offset + length - 1) >> PAGE_SHIFT;
  for (let page = offset >> PAGE_SHIFT; page <= last; page++) {
    const word = bitmap + (page >> 5) * 4;
    const bit: u32 = 1 << (page & 31);
    // Pairs with takeDirty, which clears the mark first and copies the page then. Always an atomic
    // write, never a look whether the mark is there: a store to the page may wait in its buffer while
    // a load of the mark does not, and the page would be copied with its old content and not again.
    atomic.or<u32>(word, bit);
  }
}
