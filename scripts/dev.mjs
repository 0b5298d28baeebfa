/**
 * Development mode: a window that follows changes of the page at once and restarts on changes of anything else.
 * Needs a display.
 */
import { chooseElectron, describeRuntime } from './electron-runtime.mjs';
import { localBin, run, runNode } from './lib/run.mjs';

async function dev() {
  const kernel = await runNode('scripts/build-kernel.mjs');
  if (kernel !== 0) return kernel;
  const runtime = chooseElectron();
  const note = describeRuntime(runtime);
  if (note !== undefined) console.log(note);
  const sandbox = process.getuid?.() === 0 ? ['--noSandbox'] : [];
  const env = { ...process.env, ELECTRON_EXEC_PATH: runtime.executable };
  const args = ['dev', '--watch', ...sandbox, ...process.argv.slice(2)];
  return run(localBin('electron-vite'), args, { env, input: true });
}

process.exitCode = await dev();
