/**
 * What a migration is compared with: the same number of random bytes over a unix stream socket from
 * one Node process to another, into memory that was only just reserved, and nothing else.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { z } from 'zod';

import { onExit } from '../exit-hooks';
import { forkProgram } from '../programs';

const readySchema = z.object({ ready: z.literal(true) });
const doneSchema = z.object({ seconds: z.number() });

/** Copies once, between two new processes. Returns seconds from the first byte sent to the last one stored. */
export async function plainCopySeconds(mebibytes: number): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'vmq-bench-copy-'));
  const removeFolder = onExit(() => rmSync(folder, { recursive: true, force: true }));
  const place = [join(folder, 'copy.sock'), String(mebibytes)];
  const sender = forkProgram('plain-copy', ['send', ...place]);
  try {
    readySchema.parse(await sender.nextMessage());
    const done = sender.nextMessage();
    const receiver = forkProgram('plain-copy', ['receive', ...place]);
    try {
      return doneSchema.parse(await done).seconds;
    } finally {
      receiver.end();
    }
  } finally {
    sender.end();
    removeFolder();
  }
}
