/** Reads the repository itself, for the tests that check rules of the source tree. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

export const REPOSITORY_ROOT = resolve(import.meta.dirname, '../..');

/**
 * Files that belong to the repository, from its root with forward slashes: tracked ones and new ones that are not
 * ignored.
 */
export function repositoryFiles(): string[] {
  const output = execFileSync(
    'git',
    ['ls-files', '-z', '--cached', '--others', '--exclude-standard'],
    { cwd: REPOSITORY_ROOT, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 },
  );
  const files = output.split('\0').filter((file) => file !== '');
  return [...new Set(files)].filter((file) => existsSync(join(REPOSITORY_ROOT, file)));
}

/** Bytes of one file of the repository. */
export function readRepositoryFile(file: string): Buffer {
  return readFileSync(join(REPOSITORY_ROOT, file));
}

/** Text of one file of the repository. */
export function readRepositoryText(file: string): string {
  return readRepositoryFile(file).toString('utf8');
}
