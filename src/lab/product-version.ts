/**
 * Version of the program, from the package.json in its folder. Electron's own answer is not used: some builds say
 * 0.0 for a program that is not packaged.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** The version, or `unknown` when the file states none. */
export async function readProductVersion(programFolder: string): Promise<string> {
  const text = await readFile(join(programFolder, 'package.json'), 'utf8');
  const description: unknown = JSON.parse(text);
  const version = (description as { readonly version?: unknown }).version;
  return typeof version === 'string' ? version : 'unknown';
}
