/** Where windows of tests go: a virtual X display, so that tests need no screen and disturb nobody's. */
import { spawnSync } from 'node:child_process';

const SCREEN = '-screen 0 1600x1000x24';

/**
 * Wraps a command so that it runs on a display of its own; without Xvfb the command stays as it is.
 * @param {readonly [string, ...string[]]} command
 * @returns {[string, ...string[]]}
 */
export function onVirtualDisplay(command) {
  const isInstalled = spawnSync('xvfb-run', ['--help'], { stdio: 'ignore' }).status === 0;
  return isInstalled ? ['xvfb-run', '-a', '-s', SCREEN, ...command] : [...command];
}
