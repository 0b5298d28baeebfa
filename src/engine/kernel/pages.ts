/** Page work of a migration: taking dirty pages into private copies, writing pages back. */
import { PAGE_NUMBER, PAGE_REPEATED, PAGE_SHIFT, PAGE_SIZE, PAGE_ZERO } from './layout';
import { copyBytes } from './copy';

/** Marks every page dirty. */
export function markAll(bitmap: u32, pages: u32): void {
  memory.fill(bitmap, 0, ((pages + 31) >> 5) * 4);
  for (let page: u32 = 0; page < pages; page++) {
    const word = bitmap + (page >> 5) * 4;
    store<u32>(word, load<u32>(word) | (1 << (page & 31)));
  }
}

export function countDirty(bitmap: u32, pages: u32): u32 {
  let n: u32 = 0;
  const words = (pages + 31) >> 5;
  for (let i: u32 = 0; i < words; i++) n += u32(popcnt<u32>(atomic.load<u32>(bitmap + i * 4)));
  return n;
}

/** Whether every word of the page is its first one. Most pages differ early. */
function isRepeated(at: u32): bool {
  const first = load<u64>(at);
  for (let i: u32 = 8; i < <u32>PAGE_SIZE; i += 8) if (load<u64>(at + i) != first) return false;
  return true;
}

/** Where takeDirty stopped: the page to go on with. */
export let scanNext: u32 = 0;
export function lastScan(): u32 {
  return scanNext;
}
/** Address behind the last content that takeDirty wrote. */
export let copiesEnd: u32 = 0;
export function lastCopiesEnd(): u32 {
  return copiesEnd;
}
let zeroPages: u32 = 0;
/** Pages of zeros that takeDirty met. */
export function lastZeroPages(): u32 {
  return zeroPages;
}
let repeatedPages: u32 = 0;
/** Pages of one repeated word that takeDirty met. */
export function lastRepeatedPages(): u32 {
  return repeatedPages;
}

/**
 * Takes up to `limit` dirty pages from `from` on: clears the mark, copies the page, writes its
 * number. Numbers (u32) go to `numbers`; contents go to `copies`, one after the other: none for a page
 * of zeros (PAGE_ZERO), 8 bytes for one of a repeated word (PAGE_REPEATED), else the whole page.
 * Returns how many numbers were written.
 */
export function takeDirty(
  bitmap: u32,
  memoryStart: u32,
  pages: u32,
  from: u32,
  limit: u32,
  numbers: u32,
  copies: u32,
): u32 {
  let n: u32 = 0;
  let page = from;
  zeroPages = 0;
  repeatedPages = 0;
  while (page < pages && n < limit) {
    const word = bitmap + (page >> 5) * 4;
    const bit: u32 = 1 << (page & 31);
    const bits = atomic.load<u32>(word);
    if (bits >>> (page & 31) == 0) {
      page = (page | 31) + 1;
      continue;
    }
    if ((bits & bit) != 0) {
      // Pairs with markDirty: cleared before the copy, so a later write marks the page again.
      atomic.and<u32>(word, ~bit);
      copyBytes(copies, memoryStart + (page << PAGE_SHIFT), PAGE_SIZE);
      // The private copy is looked at, never the page: the guest may write it meanwhile.
      let number = page;
      if (!isRepeated(copies)) copies += PAGE_SIZE;
      else if (load<u64>(copies) == 0) {
        number |= PAGE_ZERO;
        zeroPages++;
      } else {
        number |= PAGE_REPEATED;
        repeatedPages++;
        copies += 8;
      }
      store<u32>(numbers + n * 4, number);
      n++;
    }
    page++;
  }
  scanNext = page;
  copiesEnd = copies;
  return n;
}

function fillPage(at: u32, word: u64): void {
  // Reading fresh memory costs nothing; writing it would make the machine provide it.
  if (word == 0 && load<u64>(at) == 0 && isRepeated(at)) return;
  for (let i: u32 = 0; i < <u32>PAGE_SIZE; i += 8) store<u64>(at + i, word);
}

/** Writes received pages into memory: the counterpart of takeDirty. Numbers were checked before. */
export function putPages(memoryStart: u32, numbers: u32, n: u32, copies: u32): void {
  for (let i: u32 = 0; i < n; i++) {
    const number = load<u32>(numbers + i * 4);
    const at = memoryStart + ((number & PAGE_NUMBER) << PAGE_SHIFT);
    if ((number & PAGE_ZERO) != 0) fillPage(at, 0);
    else if ((number & PAGE_REPEATED) != 0) {
      fillPage(at, load<u64>(copies));
      copies += 8;
    } else {
      copyBytes(at, copies, PAGE_SIZE);
      copies += PAGE_SIZE;
    }
  }
}
