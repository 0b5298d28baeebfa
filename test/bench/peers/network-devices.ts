/** Network devices of this machine for peers that need them. All are gone when the benchmark ends. Linux, as root. */
import { existsSync, writeFileSync } from 'node:fs';

import { hasProgram, runCommand } from '../child';
import { onExit } from '../exit-hooks';

/** Devices may have names of 15 characters. */
const PREFIX = 'vmqb';

export function canMakeDevices(): boolean {
  return process.platform === 'linux' && process.getuid?.() === 0 && hasProgram('ip');
}

/** A name that no other device has. */
export function deviceName(suffix: string): string {
  return `${PREFIX}${process.pid % 100_000}${suffix}`;
}

export interface VethPair {
  /** What a sender or receiver is attached to. */
  readonly outside: string;
  /** What goes into the switch. */
  readonly inside: string;
  readonly remove: () => void;
}

/** A pair of devices, up: what goes into one comes out of the other. */
export function makeVeth(suffix: string): VethPair {
  const [outside, inside] = [deviceName(`${suffix}o`), deviceName(`${suffix}i`)];
  runCommand('ip', ['link', 'add', outside, 'type', 'veth', 'peer', 'name', inside]);
  const remove = onExit(() => void runCommand('ip', ['link', 'del', outside]));
  for (const device of [outside, inside]) deviceUp(device);
  return { outside, inside, remove };
}

/** A bridge of the kernel with these devices. Returns how to remove it. */
export function makeBridge(devices: readonly string[]): () => void {
  const bridge = deviceName('br');
  runCommand('ip', ['link', 'add', bridge, 'type', 'bridge']);
  const remove = onExit(() => void runCommand('ip', ['link', 'del', bridge]));
  for (const device of devices) runCommand('ip', ['link', 'set', device, 'master', bridge]);
  deviceUp(bridge);
  return remove;
}

/** Sets a device up, and keeps the kernel from sending frames of its own on it. */
export function deviceUp(device: string): void {
  const setting = `/proc/sys/net/ipv6/conf/${device}/disable_ipv6`;
  if (existsSync(setting)) writeFileSync(setting, '1');
  runCommand('ip', ['link', 'set', device, 'up']);
}
