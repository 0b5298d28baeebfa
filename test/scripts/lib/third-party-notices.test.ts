import { describe, expect, it } from 'vitest';

import { packagesInSourceMap } from '../../../scripts/lib/third-party-notices.mjs';

function mapWith(...sources: string[]): string {
  return JSON.stringify({ version: 3, sources, mappings: '' });
}

describe('packagesInSourceMap', () => {
  it('names each package once, with and without a scope', () => {
    const map = mapWith(
      '../../src/main/index.ts',
      '../../node_modules/zod/v4/core/parse.js',
      '../../node_modules/zod/v4/core/schemas.js',
      '../../node_modules/@orpc/server/dist/index.mjs',
    );
    expect(packagesInSourceMap(map)).toEqual(['node_modules/zod', 'node_modules/@orpc/server']);
  });

  it('names the inner package when one lies in the folder of another', () => {
    const map = mapWith('../../node_modules/pino/node_modules/sonic-boom/index.js');
    expect(packagesInSourceMap(map)).toEqual(['node_modules/pino/node_modules/sonic-boom']);
  });

  it('names nothing for a map of own sources', () => {
    expect(packagesInSourceMap(mapWith('../../src/lab/inventory.ts'))).toEqual([]);
  });
});
