/**
 * The inventory on disk: `inventory.json` in the data folder. Written atomically (new file, synced,
 * renamed over the old one) with sorted keys, so that two versions compare line by line. A file that
 * cannot be used is renamed and reported, never overwritten.
 */
import { readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import { z } from 'zod';

import { labConfigSchema, type LabConfig } from '../../contract/model';
import type { Refusal } from '../../contract/errors';
import { refusal } from '../refusals';
import { inventoryProblems } from './inventory-problems';

export const INVENTORY_FILE = 'inventory.json';
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
  const path = join(folder, INVENTORY_FILE);
  try {
    await writeFileAtomic(path, stableJson(config), { mode: 0o600 });
  } catch (error) {
    throw unusable(path, 'could not be written', error);
  }
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
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
