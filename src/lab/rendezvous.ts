/** Where the processes of one lab meet: a folder for unix sockets, made for this run and removed after it. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';

import { refusal } from './refusals';
import type { Rendezvous } from './process/engine-process';

/** Longest path of a unix socket that all systems take, with room for the names inside the folder. */
const MOST_BYTES = 100;

/**
 * Makes a new rendezvous below `parent`; only this user may enter it.
 *
 * @throws RefusalError `invalid-value` when the path is too long for a socket.
 */
export async function makeRendezvous(parent = tmpdir()): Promise<Rendezvous> {
  const socketFolder = await mkdtemp(join(parent, 'vmq-'));
  const fabricSocket =
    process.platform === 'win32'
      ? `\\\\.\\pipe\\${basename(socketFolder)}-fabric`
      : join(socketFolder, 'fabric.sock');
  const bytes = Buffer.byteLength(fabricSocket);
  if (bytes > MOST_BYTES) {
    await rm(socketFolder, { recursive: true, force: true });
    throw refusal({
      code: 'invalid-value',
      what: `The folder ${parent} cannot hold the sockets of a lab.`,
      why: `A socket path may have ${MOST_BYTES} bytes, found ${bytes}.`,
      remedy: 'Set TMPDIR to a shorter path.',
    });
  }
  return { fabricSocket, socketFolder };
}

/** Removes the sockets of a migration that has ended: a process that was killed has left its own. */
export async function removeMigrationSockets(
  { socketFolder }: Rendezvous,
  migrationId: string,
): Promise<void> {
  const path = join(socketFolder, `m-${migrationId}`);
  await Promise.all([path, `${path}-back`].map((socket) => rm(socket, { force: true })));
}

/** Removes what a rendezvous left behind. */
export async function removeRendezvous({ socketFolder }: Rendezvous): Promise<void> {
  await rm(socketFolder, { recursive: true, force: true });
}
