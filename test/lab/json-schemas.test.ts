import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

import { publishedSchemas } from '../../src/lab/json-schemas';

describe('the published JSON Schemas', () => {
  it.each(publishedSchemas())('$path is up to date', async ({ path, schema }) => {
    const published: unknown = JSON.parse(await readFile(resolve(path), 'utf8'));
    expect(published, 'run: node scripts/make-schemas.mjs').toEqual(
      JSON.parse(JSON.stringify(schema)),
    );
  });
});
