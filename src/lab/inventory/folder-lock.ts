/**
 * One lab process per data folder. The lock is a folder that its owner touches every second; the
 * lock of a process that died is taken over once it is stale.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { lock } from 'proper-lockfile';

import { refusal } from '../refusals';

const STALE_MS = 5000;
const UPDATE_MS = 1000;
const RETRY_MS = 250;
const OWNER_FILE = 'inventory.owner';

export interface FolderLock {
  release(): Promise<void>;
}

/**
 * Locks `folder`, creating it when it is missing.
 *
 * @param onLost called when another process took the lock although this one still runs, for example
 * after the machine slept.
 * @throws RefusalError `inventory-locked`
 */
export async function lockFolder(
  folder: string,
  onLost: (error: Error) => void,
): Promise<FolderLock> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const deadline = performance.now() + STALE_MS + 2 * UPDATE_MS;
  for (;;) {
    try {
      const release = await lock(folder, {
        lockfilePath: join(folder, 'inventory.lock'),
        stale: STALE_MS,
        update: UPDATE_MS,
        realpath: false,
        onCompromised: onLost,
      });
      await writeFile(join(folder, OWNER_FILE), `${process.pid}\n`, { mode: 0o600 });
      return { release };
    } catch (error) {
      const owner = await ownerOf(folder);
      if (!isLocked(error) || isAlive(owner) || performance.now() > deadline) {
        throw locked(folder, owner, error);
      }
    }
    // Its owner died without releasing it: it goes stale soon.
    await delay(RETRY_MS);
  }
}

async function ownerOf(folder: string): Promise<number | undefined> {
  const text = await readFile(join(folder, OWNER_FILE), 'utf8').catch(() => '');
  return /^[0-9]+\s*$/.test(text) ? Number(text) : undefined;
}

function isAlive(pid: number | undefined): boolean {
  if (pid === undefined) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

function isLocked(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ELOCKED';
}

function locked(folder: string, owner: number | undefined, error: unknown): Error {
  const who = owner === undefined ? '' : ` by process ${owner}`;
  return refusal({
    code: 'inventory-locked',
    what: `The data folder ${folder} is in use${isLocked(error) ? who : ''}.`,
    why: isLocked(error)
      ? 'Only one VMQ Console at a time may change an inventory.'
      : error instanceof Error
        ? error.message
        : String(error),
    remedy: 'Close the other one, or choose another data folder.',
  });
}
