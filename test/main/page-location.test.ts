import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { locatePageFile } from '../../src/main/page-location';

const folder = resolve('page');

describe('locatePageFile', () => {
  it('names files below the folder', () => {
    expect(locatePageFile(folder, '/assets/a%20b.js')).toBe(resolve('page/assets/a b.js'));
  });

  it('names nothing outside of it', () => {
    const paths = [
      '/../x',
      '/..%2fx',
      '/%2e%2e/x',
      '/a/../../x',
      '/..%5cx',
      '/x%00',
      '/%',
      '/',
      '',
    ];
    for (const path of paths)
      expect([path, locatePageFile(folder, path)]).toEqual([path, undefined]);
    expect(locatePageFile(folder, '/../page-of-others/x')).toBeUndefined();
  });
});
