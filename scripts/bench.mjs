/**
 * Runs the benchmarks. Standard output belongs to the results alone; building and progress go to the error output.
 *
 * Usage: npm run bench                       all of them
 *        npm run bench -- NAME…              only those
 *        npm run -s bench -- --json [NAME…]  one JSON array and nothing else
 * More options: npm run bench -- --help. What each measures: docs/performance.md.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

import { localBin, ROOT, run } from './lib/run.mjs';

const ERROR_OUTPUT = 2;

/**
 * @param {string} program
 * @param {readonly string[]} args
 */
function build(program, args) {
  const stdio = /** @type {const} */ (['ignore', ERROR_OUTPUT, ERROR_OUTPUT]);
  const { status } = spawnSync(program, args, { cwd: ROOT, stdio: [...stdio] });
  return status ?? 1;
}

async function bench() {
  const kernel = build(process.execPath, [join(ROOT, 'scripts/build-kernel.mjs')]);
  if (kernel !== 0) return kernel;
  const bundles = build(localBin('vite'), ['build', '--config', 'test/bench/vite.config.mts']);
  if (bundles !== 0) return bundles;
  const program = join(ROOT, 'node_modules', '.cache', 'bench', 'index.js');
  return run(process.execPath, ['--expose-gc', program, ...process.argv.slice(2)]);
}

process.exitCode = await bench();
