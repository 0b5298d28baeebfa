import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

import { readProductVersion } from '../../src/lab/product-version';
import { REPOSITORY_ROOT } from '../support/repository';
import { makeTemporaryFolder } from '../support/temporary-folder';

describe('readProductVersion', () => {
  it('reads the version of the program', async () => {
    const text = readFileSync(join(REPOSITORY_ROOT, 'package.json'), 'utf8');
    const version = await readProductVersion(REPOSITORY_ROOT);
    expect(version).toMatch(/^\d+\.\d+\.\d+/);
    expect(text).toContain(`"version": "${version}"`);
  });

  it('says that it is unknown when the file states none', async () => {
    const folder = makeTemporaryFolder('version');
    writeFileSync(join(folder.path, 'package.json'), '{"version": 3}');
    expect(await readProductVersion(folder.path)).toBe('unknown');
    folder.remove();
  });
});
