/** One hash over files and folders, by content: unlike times of change it survives a checkout or a copy. */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';

/**
 * Files at or below a path, sorted, so that the hash does not depend on the file system's order.
 * @param {string} path
 * @returns {string[]}
 */
function filesBelow(path) {
  if (!existsSync(path)) return [];
  if (statSync(path).isFile()) return [path];
  return readdirSync(path, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

/**
 * @param {string} root Folder that the names in the hash are relative to.
 * @param {readonly string[]} paths Files and folders below `root`; missing ones count as empty.
 * @param {(file: string) => boolean} [accept] Leaves out files for which it answers false.
 * @returns {string} 32 hexadecimal digits.
 */
export function contentHash(root, paths, accept = () => true) {
  const hash = createHash('sha256');
  for (const file of paths.flatMap((path) => filesBelow(join(root, path))).filter(accept)) {
    hash.update(relative(root, file)).update('\0').update(readFileSync(file));
  }
  return hash.digest('hex').slice(0, 32);
}
