/**
 * Writes the JSON Schemas in docs/ from the contract. A test fails when they are out of date.
 *
 * Usage: node scripts/make-schemas.mjs
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { format, resolveConfig } from 'prettier';
import { runnerImport } from 'vite';

import { ROOT } from './lib/run.mjs';

/** @type {{ module: { publishedSchemas(): { path: string, schema: object }[] } }} */
const { module } = await runnerImport(join(ROOT, 'src/lab/json-schemas.ts'), {
  configFile: false,
  root: ROOT,
});

for (const { path, schema } of module.publishedSchemas()) {
  const file = join(ROOT, path);
  const options = await resolveConfig(file);
  await writeFile(file, await format(JSON.stringify(schema), { ...options, parser: 'json' }));
  console.log(path);
}
