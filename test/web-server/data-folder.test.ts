import { homedir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { defaultDataFolder } from '../../src/web-server/data-folder';

const fallback = join(homedir(), '.local', 'share', 'vmq-console');

describe('defaultDataFolder', () => {
  it('follows XDG_DATA_HOME', () => {
    const folder = defaultDataFolder({ XDG_DATA_HOME: '/data' }, 'linux');
    expect(folder).toBe(join('/data', 'vmq-console'));
  });

  it('ignores an XDG_DATA_HOME that is empty or relative', () => {
    expect(defaultDataFolder({}, 'linux')).toBe(fallback);
    expect(defaultDataFolder({ XDG_DATA_HOME: '' }, 'linux')).toBe(fallback);
    expect(defaultDataFolder({ XDG_DATA_HOME: 'data' }, 'linux')).toBe(fallback);
  });
});
