/**
 * Writes docs/vmq-conformance.md from the rules and the tests that name them. It fails when a rule has no test or a
 * title names no rule; a test fails when the document is out of date.
 *
 * Usage: node scripts/make-conformance.mjs
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { runnerImport } from 'vite';

import { ROOT } from './lib/run.mjs';

/** @type {{ module: { TABLE_PATH: string, conformanceTable(): string } }} */
const { module } = await runnerImport(join(ROOT, 'test/engine/conformance/table.ts'), {
  configFile: false,
  root: ROOT,
});

await writeFile(join(ROOT, module.TABLE_PATH), module.conformanceTable());
console.log(module.TABLE_PATH);
