/**
 * The smallest Linux guest that answers ARP and echo requests: Debian's cloud kernel with its virtio
 * modules and a static busybox, from packages that were unpacked and not installed.
 */
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';

import { unpacked } from './peer-cache';

export const GUEST_MAC = '52:54:00:12:34:56';
export const GUEST_IPV4 = '10.0.0.2';

/** In the order in which they must be inserted. */
const MODULES = [
  'drivers/virtio/virtio_ring.ko',
  'drivers/virtio/virtio.ko',
  'drivers/virtio/virtio_pci_modern_dev.ko',
  'drivers/virtio/virtio_pci_legacy_dev.ko',
  'drivers/virtio/virtio_pci.ko',
  'net/core/failover.ko',
  'drivers/net/net_failover.ko',
  'drivers/net/virtio_net.ko',
];

const INIT = [
  '#!/bin/busybox sh',
  '/bin/busybox mount -t devtmpfs dev /dev',
  ...MODULES.map((module) => `/bin/busybox insmod /${basename(module)}`),
  `/bin/busybox ifconfig eth0 ${GUEST_IPV4} netmask 255.255.255.0 up`,
  'while true; do /bin/busybox sleep 3600; done',
  '',
].join('\n');

export interface LinuxGuest {
  readonly kernel: string;
  readonly initrd: string;
  readonly remove: () => void;
}

/** Makes the guest's files, or answers undefined when the packages are not there. */
export function makeLinuxGuest(): LinuxGuest | undefined {
  const kernel = unpacked('linux/vmlinuz');
  const modules = unpacked('linux/modules');
  const busybox = unpacked('busybox');
  if (kernel === undefined || modules === undefined || busybox === undefined) return undefined;
  const folder = mkdtempSync(join(tmpdir(), 'vmq-bench-guest-'));
  const root = join(folder, 'root');
  for (const name of ['bin', 'dev']) mkdirSync(join(root, name), { recursive: true });
  copyFileSync(busybox, join(root, 'bin/busybox'));
  for (const module of MODULES)
    copyFileSync(join(modules, 'kernel', module), join(root, basename(module)));
  writeFileSync(join(root, 'init'), INIT, { mode: 0o755 });
  const names = [
    '.',
    'bin',
    'bin/busybox',
    'dev',
    'init',
    ...MODULES.map((name) => basename(name)),
  ];
  const initrd = join(folder, 'initrd');
  const archive = execFileSync(busybox, ['cpio', '-o', '-H', 'newc'], {
    cwd: root,
    input: `${names.join('\n')}\n`,
    maxBuffer: 64 * 2 ** 20,
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  writeFileSync(initrd, archive);
  return {
    kernel,
    initrd,
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
