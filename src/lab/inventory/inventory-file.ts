/**
 * The inventory on disk: `inventory.json` in the data folder. Written atomically (a new file beside
 * it, synced, renamed over it, the folder synced) with sorted keys, so that two versions compare line
 * by line. A file that cannot be used is renamed and reported, never overwritten.
 */
import { renameSync } from 'node:fs';
import { open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';

import { labConfigSchema, type LabConfig } from '../../contract/model';
import type { Refusal } from '../../contract/errors';
import { refusal } from '../refusals';
import { inventoryProblems } from './inventory-problems';

export const INVENTORY_FILE = 'inventory.json';
/** Files that are to replace it begin with this. */
const BESIDE = 'inventory.json.';
/** The form of the inventory that this version reads and writes. */
const INVENTORY_SCHEMA = 1;

/** A lab without anything in it. */
export const EMPTY_LAB: LabConfig = { schema: 1, name: 'Lab', hosts: [], vms: [], links: [] };

export interface LoadedInventory {
  readonly config: LabConfig;
  /** Set when a damaged file was set aside. */
  readonly damage: Refusal | null;
}

/**
 * Reads the inventory of `folder`; an empty lab when there is none.
 *
 * @throws RefusalError `inventory-schema` when it was written by another version,
 * `inventory-unwritable` when it can neither be read nor set aside.
 */
export async function loadInventory(
  folder: string,
  now: Date = new Date(),
): Promise<LoadedInventory> {
  const path = join(folder, INVENTORY_FILE);
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (isMissing(error)) return { config: EMPTY_LAB, damage: null };
    throw unusable(path, 'could not be read', error);
  }
  const parsed = parseInventory(text, path);
  if (parsed.config !== undefined) return { config: parsed.config, damage: null };
  const aside = `inventory.damaged-${now.toISOString().replaceAll(':', '-')}.json`;
  try {
    await rename(path, join(folder, aside));
  } catch (error) {
    throw unusable(path, 'is damaged and could not be set aside', error);
  }
  return {
    config: EMPTY_LAB,
    damage: {
      code: 'inventory-damaged',
      what: 'The saved inventory is damaged; the lab was started empty.',
      why: parsed.problem,
      remedy: `The file was kept as ${join(folder, aside)}: repair it and name it ${INVENTORY_FILE} while VMQ Console is closed, or build the lab anew.`,
    },
  };
}

/** Writes the inventory; when this resolves, it survives a power cut. */
export async function saveInventory(folder: string, config: LabConfig): Promise<void> {
  const beside = await writeBeside(besidePath(folder, 'new'), config);
  try {
    replaceInventory(folder, beside);
  } catch (error) {
    await removeBeside(beside);
    throw error;
  }
  await syncFolder(folder);
}

/** Where a future inventory is written. */
export function besidePath(folder: string, name: string): string {
  return join(folder, `${BESIDE}${name}`);
}

/** Writes and syncs a future inventory at `path`, which is answered. */
export async function writeBeside(path: string, config: LabConfig): Promise<string> {
  try {
    const file = await open(path, 'w', 0o600);
    try {
      await file.writeFile(stableJson(config));
      await file.sync();
    } finally {
      await file.close();
    }
  } catch (error) {
    await removeBeside(path);
    throw unusable(path, 'could not be written', error);
  }
  return path;
}

/** Renames a future inventory over the present one: from here on it is in force, for every process. */
export function replaceInventory(folder: string, beside: string): void {
  const path = join(folder, INVENTORY_FILE);
  try {
    renameSync(beside, path);
  } catch (error) {
    throw unusable(path, 'could not be written', error);
  }
}

/** Resolves when renamed files of the folder survive a power cut, where the system can promise that. */
export async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  try {
    const handle = await open(folder, 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch (error) {
    // Some file systems have no sync for folders; theirs are as durable as they can be.
    if (!isUnsupported(error)) throw unusable(folder, 'could not be synced', error);
  }
}

/** Removes a future inventory that will not come. Never rejects: the next lab removes what is left. */
export async function removeBeside(path: string): Promise<void> {
  await rm(path, { force: true }).catch(() => undefined);
}

/** Removes what a lab left behind that was ended while it wrote. */
export async function removeLeftovers(folder: string): Promise<void> {
  const names = await readdir(folder);
  for (const name of names) if (name.startsWith(BESIDE)) await removeBeside(join(folder, name));
}

/** JSON with sorted keys, two spaces and a final newline. Arrays keep their order. */
export function stableJson(value: unknown): string {
  return `${JSON.stringify(sortKeys(value), null, 2)}\n`;
}

type Parsed =
  | { readonly config: LabConfig; readonly problem?: never }
  | { readonly config?: never; readonly problem: string };

function parseInventory(text: string, path: string): Parsed {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    return { problem: `It is not JSON: ${messageOf(error)}.` };
  }
  requireSchema(json, path);
  const parsed = labConfigSchema.safeParse(json);
  if (!parsed.success) return { problem: z.prettifyError(parsed.error) };
  const problems = inventoryProblems(parsed.data);
  return problems.length === 0 ? { config: parsed.data } : { problem: problems.join(' ') };
}

function requireSchema(json: unknown, path: string): void {
  const marked = z.looseObject({ schema: z.int() }).safeParse(json);
  if (!marked.success || marked.data.schema === INVENTORY_SCHEMA) return;
  throw refusal({
    code: 'inventory-schema',
    what: `${path} was written by another version of VMQ Console.`,
    why: `Expected schema ${INVENTORY_SCHEMA}, found schema ${marked.data.schema}.`,
    remedy: 'Use the version that wrote it, or another data folder. The file was not changed.',
  });
}

function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, inner]) => [key, sortKeys(inner)]));
}

function unusable(path: string, what: string, error: unknown): Error {
  return refusal({
    code: 'inventory-unwritable',
    what: `${path} ${what}.`,
    why: messageOf(error),
    remedy: 'Check the permissions and the free space of the data folder.',
  });
}

function isMissing(error: unknown): boolean {
  return codeOf(error) === 'ENOENT';
}

function isUnsupported(error: unknown): boolean {
  const code = codeOf(error);
  return code === 'EINVAL' || code === 'ENOTSUP' || code === 'EPERM' || code === 'EISDIR';
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
