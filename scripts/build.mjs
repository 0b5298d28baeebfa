/**
 * Builds the kernel and all bundles into out/.
 *
 * Usage: node scripts/build.mjs [--if-stale]
 * With --if-stale nothing happens when the sources have not changed since the last build.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { contentHash } from './lib/content-hash.mjs';
import { localBin, ROOT, run, runNode } from './lib/run.mjs';

const INPUTS = ['src', 'resources', 'electron.vite.config.ts', 'package.json', 'package-lock.json'];
const STAMP = join(ROOT, 'out', 'build-inputs.txt');

async function build() {
  const kernel = await runNode('scripts/build-kernel.mjs');
  if (kernel !== 0) return kernel;
  const inputs = contentHash(ROOT, INPUTS);
  const isStale = !existsSync(STAMP) || readFileSync(STAMP, 'utf8') !== inputs;
  if (!isStale && process.argv.includes('--if-stale')) return 0;
  const bundles = await run(localBin('electron-vite'), ['build', '--logLevel', 'warn']);
  if (bundles === 0) writeFileSync(STAMP, inputs);
  return bundles;
}

process.exitCode = await build();
