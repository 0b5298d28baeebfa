import { join } from 'node:path';

import { Linter } from 'eslint';
import { describe, expect, it } from 'vitest';

import { layersPlugin } from '../../tools/eslint-layers.mjs';
import { REPOSITORY_ROOT } from '../support/repository';

/** What the rule says about one file, without the other rules. */
function lint(file: string, code: string): string[] {
  const linter = new Linter({ cwd: REPOSITORY_ROOT });
  const config: Linter.Config = {
    files: ['**/*.js'],
    plugins: { layers: layersPlugin },
    rules: { 'layers/allowed-imports': 'error' },
  };
  const filename = join(REPOSITORY_ROOT, file);
  return linter.verify(code, config, { filename }).map((message) => message.message);
}

describe('layers/allowed-imports', () => {
  it.each([
    `import { Host } from '../../engine/host/host';`,
    `export { Host } from '../../engine/host/host';`,
    `export * from '../../engine/host/host';`,
    `const host = import('../../engine/host/host');`,
  ])('refuses the engine in a view: %s', (code) => {
    expect(lint('src/renderer/views/queues.js', code)).toEqual([
      expect.stringContaining('renderer may import contract and shared, not engine'),
    ]);
  });

  it('accepts the contract in a view', () => {
    const code = `import { version } from '../../contract/version';`;
    expect(lint('src/renderer/views/queues.js', code)).toEqual([]);
  });

  it('ignores exports without a source', () => {
    expect(lint('src/contract/version.js', 'export const version = 1;')).toEqual([]);
  });
});
