/** Runs programs for the scripts: waits for them, hands signals on, never leaves one behind. */
import { spawn } from 'node:child_process';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '../..');

/**
 * Path of a package's command inside node_modules.
 * @param {string} name
 */
export function localBin(name) {
  return join(ROOT, 'node_modules', '.bin', name);
}

const PARENT_CHECK_MS = 500;

/**
 * Calls back when the parent of this process is gone. npm ends the shell between itself and a script without telling
 * the script; a script that npm did not start may well outlive its parent.
 * @param {() => void} onGone
 */
function watchParent(onGone) {
  if (process.env['npm_lifecycle_event'] === undefined) return undefined;
  const parent = process.ppid;
  return setInterval(() => {
    if (process.ppid !== parent) onGone();
  }, PARENT_CHECK_MS);
}

/**
 * Runs a program with the terminal's output and no input, and answers with its exit code. Ctrl-C in a terminal
 * reaches the program by itself; signals sent to this process alone are passed on.
 * @param {string} program
 * @param {readonly string[]} args
 * @param {{ env?: NodeJS.ProcessEnv, input?: boolean }} [options] `input` hands on this process's own input too.
 * @returns {Promise<number>}
 */
export function run(program, args, options = {}) {
  return new Promise((settle, reject) => {
    const child = spawn(program, args, {
      cwd: ROOT,
      env: options.env ?? process.env,
      stdio: [options.input === true ? 'inherit' : 'ignore', 'inherit', 'inherit'],
    });
    /** @type {(signal: NodeJS.Signals) => void} */
    const forward = (signal) => {
      if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal);
    };
    /** @type {NodeJS.Signals[]} */
    const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
    for (const signal of signals) process.on(signal, forward);
    const parentWatch = watchParent(() => child.kill('SIGTERM'));
    const finish = () => {
      clearInterval(parentWatch);
      for (const signal of signals) process.off(signal, forward);
    };
    child.once('error', (error) => {
      finish();
      reject(error);
    });
    child.once('exit', (code, signal) => {
      finish();
      settle(code ?? (signal === 'SIGINT' || signal === 'SIGTERM' ? 130 : 1));
    });
  });
}

/**
 * Runs a script of this repository with the Node that runs this one.
 * @param {string} script Path from the repository's root.
 * @param {readonly string[]} [args]
 */
export function runNode(script, args = []) {
  return run(process.execPath, [join(ROOT, script), ...args]);
}
