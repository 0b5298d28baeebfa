/**
 * The whole check of the repository: lint, types, unit tests, build, integration tests and end-to-end tests. The
 * last line says how many tests passed and failed; a step other than tests that fails counts as one failure.
 *
 * Usage: npm test            all steps
 *        npm test -- e2e     only the named steps (lint, types, unit, build, integration, e2e)
 */
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';

import { localBin, ROOT, run, runNode } from './lib/run.mjs';
import { onVirtualDisplay } from './lib/virtual-display.mjs';
import { ensureSystemPackages } from './system-packages.mjs';

/**
 * @typedef {object} Counts
 * @property {number} passed
 * @property {number} failed
 */

const REPORTS = join(ROOT, 'node_modules', '.cache', 'test-reports');

/**
 * @param {unknown} report
 * @param {string} field
 * @returns {number}
 */
function numberIn(report, field) {
  /** @type {unknown} */
  const value = typeof report === 'object' && report !== null ? Reflect.get(report, field) : null;
  if (typeof value !== 'number') throw new Error(`the test report has no number ${field}`);
  return value;
}

/**
 * Counts from vitest's report. A run that failed outside of a test, such as a file that does not load, counts once.
 * @param {string} file
 * @param {number} exitCode
 * @returns {Counts}
 */
function readCounts(file, exitCode) {
  if (!existsSync(file)) return { passed: 0, failed: 1 };
  /** @type {unknown} */
  const report = JSON.parse(readFileSync(file, 'utf8'));
  const failed = numberIn(report, 'numFailedTests');
  return {
    passed: numberIn(report, 'numPassedTests'),
    failed: exitCode === 0 ? failed : Math.max(1, failed),
  };
}

/**
 * @param {string} project
 * @returns {Promise<Counts>}
 */
async function runTests(project) {
  const report = join(REPORTS, `${project}.json`);
  mkdirSync(REPORTS, { recursive: true });
  rmSync(report, { force: true });
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
  const vitest = /** @type {const} */ ([localBin('vitest'), 'run', '--project', project]);
  const [program, ...args] = project === 'e2e' ? onVirtualDisplay(vitest) : vitest;
  return readCounts(report, await run(program, [...args, ...reporters]));
}

/**
 * @param {Promise<number>} exitCode
 * @returns {Promise<Counts>}
 */
async function check(exitCode) {
  return { passed: 0, failed: (await exitCode) === 0 ? 0 : 1 };
}

/** @type {Readonly<Record<string, () => Promise<Counts>>>} */
const STEPS = {
  kernel: () => check(runNode('scripts/build-kernel.mjs')),
  lint: () => check(run('npm', ['run', '--silent', 'lint'])),
  types: () => check(run('npm', ['run', '--silent', 'typecheck'])),
  unit: () => runTests('unit'),
  build: () => check(runNode('scripts/build.mjs', ['--if-stale'])),
  integration: () => runTests('integration'),
  e2e: () => runTests('e2e'),
};

/** Nothing that comes after these can work when they fail. */
const BLOCKING = ['kernel', 'build'];

async function test() {
  const wanted = process.argv.slice(2);
  const unknown = wanted.filter((name) => !(name in STEPS));
  if (unknown.length > 0) throw new Error(`unknown step: ${unknown.join(', ')}`);
  const total = { passed: 0, failed: 0 };
  for (const [name, step] of Object.entries(STEPS)) {
    if (wanted.length > 0 && !wanted.includes(name)) continue;
    const start = Date.now();
    console.log(`\n== ${name}`);
    const counts = await step();
    total.passed += counts.passed;
    total.failed += counts.failed;
    const seconds = ((Date.now() - start) / 1000).toFixed(1);
    console.log(`== ${name}: ${counts.failed === 0 ? 'ok' : 'FAILED'} in ${seconds} s`);
    if (counts.failed > 0 && BLOCKING.includes(name)) break;
  }
  return total;
}

ensureSystemPackages();
const { passed, failed } = await test();
console.log(`\n${String(passed)} passed, ${String(failed)} failed`);
process.exitCode = failed === 0 ? 0 : 1;
