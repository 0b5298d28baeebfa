/**
 * Makes fresh memory cost the same each time. A virtual machine may have given its free memory back to
 * whoever runs it, and gets it again a page at a time, as that is touched: several times as dear as
 * a fresh page otherwise, for whichever of two measurements happens to meet it.
 */
import { once } from 'node:events';

import { forkProgram } from '../programs';

/** Has the machine's free memory provided, `mebibytes` of it, by a process that is gone afterwards. */
export async function provideFreshMemory(mebibytes: number): Promise<void> {
  const toucher = forkProgram('fresh-memory', [String(mebibytes)]);
  await once(toucher.process, 'exit');
  toucher.end();
}
