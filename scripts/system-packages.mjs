/**
 * Makes sure that the system libraries for Electron, a virtual display and a browser are there. On Debian as root
 * it installs what is missing; otherwise it names what to install and goes on.
 */
import { spawnSync } from 'node:child_process';

const PACKAGES = [
  ...['xvfb', 'xauth', 'fonts-dejavu-core', 'chromium'],
  ...['libgtk-3-0', 'libnss3', 'libasound2', 'libgbm1', 'libxss1', 'libdrm2'],
  ...['libatspi2.0-0', 'libxkbcommon0'],
];

/** @param {string} name */
function isInstalled(name) {
  const query = spawnSync('dpkg-query', ['-W', '-f', '${Status}', name], { encoding: 'utf8' });
  return query.status === 0 && query.stdout.endsWith(' installed');
}

/** @param {readonly string[]} args */
function apt(args) {
  const result = spawnSync('apt-get', ['-qq', '-o', 'Dpkg::Use-Pty=0', ...args], {
    stdio: 'ignore',
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  });
  return result.status === 0;
}

/** @param {readonly string[]} packages */
function install(packages) {
  const isRoot = process.getuid?.() === 0;
  return (
    isRoot && apt(['update']) && apt(['install', '-y', '--no-install-recommends', ...packages])
  );
}

export function ensureSystemPackages() {
  const hasDpkg = spawnSync('dpkg-query', ['--version'], { stdio: 'ignore' }).status === 0;
  if (!hasDpkg) return;
  const missing = PACKAGES.filter((name) => !isInstalled(name));
  if (missing.length === 0) return;
  console.log(`system packages: installing ${missing.join(' ')}`);
  if (!install(missing)) {
    console.log(`system packages: please install them: apt-get install ${missing.join(' ')}`);
  }
}
