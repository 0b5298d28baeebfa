/**
 * Chooses the Electron that `npm start` and the end-to-end tests run: the one that ELECTRON_OVERRIDE_DIST_PATH
 * names, else the official one of the `electron` package, else an old one from the package registry.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { FALLBACK_VERSION, fallbackFolder, fetchFallback } from './lib/fallback-electron.mjs';
import { ROOT } from './lib/run.mjs';

/**
 * @typedef {object} ElectronRuntime
 * @property {'override' | 'official' | 'fallback'} kind
 * @property {string} folder Folder that holds the program and its resources.
 * @property {string} executable
 */

const DOWNLOAD_TIMEOUT_MS = 90_000;
const PACKAGE_FOLDER = join(ROOT, 'node_modules', 'electron');

/** @returns {ElectronRuntime | undefined} */
function overrideRuntime() {
  const folder = process.env['ELECTRON_OVERRIDE_DIST_PATH'];
  if (folder === undefined || folder === '') return undefined;
  return { kind: 'override', folder, executable: join(folder, 'electron') };
}

/** @returns {ElectronRuntime | undefined} */
function officialRuntime() {
  const pathFile = join(PACKAGE_FOLDER, 'path.txt');
  const folder = join(PACKAGE_FOLDER, 'dist');
  if (!existsSync(pathFile)) return undefined;
  const executable = join(folder, readFileSync(pathFile, 'utf8'));
  return existsSync(executable) ? { kind: 'official', folder, executable } : undefined;
}

/** Fetches the official runtime; says nothing when it cannot, since there is a fallback. */
function downloadOfficial() {
  const installer = join(PACKAGE_FOLDER, 'install.js');
  spawnSync(process.execPath, [installer], { stdio: 'ignore', timeout: DOWNLOAD_TIMEOUT_MS });
  return officialRuntime();
}

/** @returns {ElectronRuntime} */
function fallbackRuntime() {
  const folder = fetchFallback();
  return { kind: 'fallback', folder, executable: join(folder, 'electron') };
}

/**
 * The runtime to use. Downloads at most once: a fallback that is in the cache is taken without asking the release
 * host again, and `npx install-electron` brings the official one later.
 * @returns {ElectronRuntime}
 */
export function chooseElectron() {
  const present = overrideRuntime() ?? officialRuntime();
  if (present !== undefined) return present;
  const isCached = existsSync(join(fallbackFolder(), 'electron'));
  return (isCached ? undefined : downloadOfficial()) ?? fallbackRuntime();
}

/** One line for the terminal when the runtime is not the one that the product ships on, else nothing. */
export function describeRuntime(/** @type {ElectronRuntime} */ runtime) {
  if (runtime.kind === 'official') return undefined;
  if (runtime.kind === 'override') return `electron: using ${runtime.folder}`;
  return (
    `electron: the official runtime is not installed, using Electron ${FALLBACK_VERSION} ` +
    'for development (npx install-electron fetches the official one)'
  );
}
