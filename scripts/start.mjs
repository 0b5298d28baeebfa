/**
 * Starts the console, building it first when the sources have changed: as a window where there is a display, else
 * as a page for a browser on this machine.
 *
 * Usage: npm start -- [--browser] [--data-folder=DIR] [further arguments of the application]
 */
import { join } from 'node:path';

import { chooseElectron, describeRuntime } from './electron-runtime.mjs';
import { ROOT, run, runNode } from './lib/run.mjs';

const args = process.argv.slice(2);

function hasDisplay() {
  return ['DISPLAY', 'WAYLAND_DISPLAY'].some((name) => (process.env[name] ?? '') !== '');
}

function startBrowserMode() {
  const rest = args.filter((argument) => argument !== '--browser');
  return run(process.execPath, [join(ROOT, 'out/main/web-server.js'), ...rest], { input: true });
}

function startWindow() {
  const runtime = chooseElectron();
  const note = describeRuntime(runtime);
  if (note !== undefined) console.log(note);
  const sandbox = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  return run(runtime.executable, [...sandbox, ROOT, ...args], { input: true });
}

async function start() {
  const built = await runNode('scripts/build.mjs', ['--if-stale']);
  if (built !== 0) return built;
  const usesWindow = !args.includes('--browser') && (hasDisplay() || process.platform !== 'linux');
  return usesWindow ? startWindow() : startBrowserMode();
}

process.exitCode = await start();
