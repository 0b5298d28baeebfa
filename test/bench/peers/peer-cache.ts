/** Where `npm run bench:peers:setup` puts what it unpacks; `scripts/bench-peers-setup.mjs` names the same folder. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';

const FOLDER = resolve('node_modules/.cache/bench-peers');

/** Path of something unpacked there, or undefined when it is not there. */
export function unpacked(name: string): string | undefined {
  const path = resolve(FOLDER, name);
  return existsSync(path) ? path : undefined;
}

/** The line that a benchmark says when it is skipped. */
export function absent(bench: string, what: string): string {
  return `${bench}: skipped: ${what} is not installed (npm run bench:peers:setup)`;
}
