/**
 * The lab runner on the command line, built first when the sources have changed.
 *
 * Usage: npm run lab -- [arguments of the lab runner]
 */
import { join } from 'node:path';

import { ROOT, run, runNode } from './lib/run.mjs';

async function lab() {
  const built = await runNode('scripts/build.mjs', ['--if-stale']);
  if (built !== 0) return built;
  const runner = join(ROOT, 'out/main/lab-cli.js');
  return run(process.execPath, [runner, ...process.argv.slice(2)], { input: true });
}

process.exitCode = await lab();
