/**
 * Makes the application for this machine's platform as a folder in release/.
 *
 * Usage: npm run package -- [arguments of electron-builder]
 * Where the official Electron cannot be had, the result contains the development runtime: good for trying out the
 * packaging, not for passing on.
 */
import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { chooseElectron, describeRuntime } from './electron-runtime.mjs';
import { FALLBACK_VERSION } from './lib/fallback-electron.mjs';
import { writeIcons } from './lib/icon.mjs';
import { localBin, ROOT, run, runNode } from './lib/run.mjs';
import { thirdPartyNotices } from './lib/third-party-notices.mjs';

const BUILD = join(ROOT, 'build');
const RUNTIME_COPY = join(BUILD, 'electron-dist');

/**
 * A copy without the stand-in application, which Electron would start instead of ours.
 * @param {import('./electron-runtime.mjs').ElectronRuntime} runtime
 * @returns {string[]} Arguments for electron-builder.
 */
function runtimeArguments(runtime) {
  if (runtime.kind === 'official') return [`-c.electronDist=${runtime.folder}`];
  rmSync(RUNTIME_COPY, { recursive: true, force: true });
  cpSync(runtime.folder, RUNTIME_COPY, { recursive: true });
  rmSync(join(RUNTIME_COPY, 'resources', 'app'), { recursive: true, force: true });
  const version = runtime.kind === 'fallback' ? [`-c.electronVersion=${FALLBACK_VERSION}`] : [];
  return [`-c.electronDist=${RUNTIME_COPY}`, ...version];
}

async function makePackage() {
  const built = await runNode('scripts/build.mjs', ['--if-stale']);
  if (built !== 0) return built;
  mkdirSync(BUILD, { recursive: true });
  writeIcons(join(BUILD, 'icons'));
  writeFileSync(join(BUILD, 'third-party-notices.txt'), thirdPartyNotices(ROOT));
  const runtime = chooseElectron();
  const note = describeRuntime(runtime);
  if (note !== undefined) console.log(note);
  const args = ['--publish', 'never', ...runtimeArguments(runtime), ...process.argv.slice(2)];
  const result = await run(localBin('electron-builder'), args);
  rmSync(RUNTIME_COPY, { recursive: true, force: true });
  return result;
}

process.exitCode = await makePackage();
