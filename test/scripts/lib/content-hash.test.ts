import { mkdirSync, renameSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { contentHash } from '../../../scripts/lib/content-hash.mjs';
import { makeTemporaryFolder, type TemporaryFolder } from '../../support/temporary-folder';

describe('contentHash', () => {
  let folder: TemporaryFolder;

  beforeEach(() => {
    folder = makeTemporaryFolder('content-hash');
    mkdirSync(join(folder.path, 'src/inner'), { recursive: true });
    writeFileSync(join(folder.path, 'src/a.ts'), 'one');
    writeFileSync(join(folder.path, 'src/inner/b.ts'), 'two');
  });

  afterEach(() => folder.remove());

  const hash = (accept?: (file: string) => boolean): string =>
    contentHash(folder.path, ['src', 'missing.json'], accept);

  it('stays the same when only times change', () => {
    const before = hash();
    utimesSync(join(folder.path, 'src/a.ts'), 1, 1);
    expect(hash()).toBe(before);
  });

  it('changes with the content of a file in an inner folder', () => {
    const before = hash();
    writeFileSync(join(folder.path, 'src/inner/b.ts'), 'three');
    expect(hash()).not.toBe(before);
  });

  it('changes when a file is renamed', () => {
    const before = hash();
    renameSync(join(folder.path, 'src/a.ts'), join(folder.path, 'src/c.ts'));
    expect(hash()).not.toBe(before);
  });

  it('leaves out files that are not accepted', () => {
    const isOuter = (file: string): boolean => !file.includes('inner');
    const before = hash(isOuter);
    writeFileSync(join(folder.path, 'src/inner/b.ts'), 'three');
    expect(hash(isOuter)).toBe(before);
  });
});
