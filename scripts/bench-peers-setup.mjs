/**
 * Installs the programs that benchmarks compare with, from Debian's packages, and unpacks a kernel for QEMU's guest.
 * Needs root for the installation; everything else goes into node_modules/.cache/bench-peers.
 *
 * Usage: npm run bench:peers:setup
 */
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { ROOT } from './lib/run.mjs';

const CACHE = join(ROOT, 'node_modules', '.cache', 'bench-peers');
const PACKAGES = [
  ...['qemu-system-x86', 'vde2', 'iproute2'],
  ...['dpdk', 'dpdk-dev', 'openvswitch-switch', 'openvswitch-switch-dpdk'],
];
const KERNEL = 'linux-image-cloud-amd64';
const BUSYBOX = 'busybox-static';

/**
 * @param {string} program
 * @param {readonly string[]} args
 * @param {string} [cwd]
 */
function output(program, args, cwd) {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8', cwd, env });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${stderr.trim()}`);
  return stdout;
}

function install() {
  output('apt-get', ['-qq', 'update']);
  for (const name of PACKAGES) {
    console.log(`bench peers: installing ${name}`);
    try {
      output('apt-get', ['-qq', 'install', '-y', '--no-install-recommends', name]);
    } catch (error) {
      console.log(`bench peers: ${name} cannot be installed: ${String(error)}`);
    }
  }
}

/**
 * Unpacks a package without installing it.
 * @param {string} name
 * @param {string} folder
 */
function unpack(name, folder) {
  mkdirSync(folder, { recursive: true });
  output('apt-get', ['-qq', 'download', '-o', 'APT::Sandbox::User=root', name], folder);
  const file = readdirSync(folder).find((entry) => entry.endsWith('.deb'));
  if (file === undefined) throw new Error(`${name} was not downloaded`);
  output('dpkg-deb', ['-x', join(folder, file), folder]);
}

/** The package that the kernel's meta package points at. */
function kernelPackage() {
  const found = /Depends: (linux-image-\S+)/.exec(output('apt-cache', ['depends', KERNEL]));
  if (found?.[1] === undefined) throw new Error(`${KERNEL} names no kernel`);
  return found[1];
}

/** The guest: kernel, modules and busybox, at places whose names have no version. */
function unpackGuest() {
  console.log('bench peers: unpacking a kernel for the guest');
  const folder = mkdtempSync(join(tmpdir(), 'vmq-bench-peers-'));
  try {
    unpack(kernelPackage(), join(folder, 'kernel'));
    unpack(BUSYBOX, join(folder, 'busybox'));
    const [version = ''] = readdirSync(join(folder, 'kernel/lib/modules'));
    rmSync(CACHE, { recursive: true, force: true });
    mkdirSync(join(CACHE, 'linux'), { recursive: true });
    const place = join(CACHE, 'linux');
    copyFileSync(join(folder, `kernel/boot/vmlinuz-${version}`), join(place, 'vmlinuz'));
    output('cp', ['-r', join(folder, 'kernel/lib/modules', version), join(place, 'modules.new')]);
    renameSync(join(place, 'modules.new'), join(place, 'modules'));
    copyFileSync(join(folder, 'busybox/bin/busybox'), join(CACHE, 'busybox'));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

try {
  install();
  unpackGuest();
  console.log('bench peers: done');
} catch (error) {
  console.error(`bench peers: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
