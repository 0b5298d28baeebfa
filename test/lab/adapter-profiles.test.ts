import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

import { AdapterProfiles } from '../../src/lab/adapter-profiles';
import { CaptureLibrary } from '../../src/lab/captures';
import { LabFileError } from '../../src/lab/lab-file/lab-file-error';
import { parseLabFile } from '../../src/lab/lab-file/lab-file';
import { aLab, refusalOf } from './support/lab-fixture';

const RESOURCES = join(import.meta.dirname, '../../resources');

const labFile = (profile: string): string => `schema: 1
name: One host
hosts:
  - name: Host A
    adapters: [{ name: nic-a, profile: ${profile} }]
`;

async function profileIn(profile: string) {
  const { config } = await parseLabFile(
    labFile(profile),
    '/labs/lab.yaml',
    new CaptureLibrary(RESOURCES),
  );
  return config.hosts[0]?.adapters[0]?.profile;
}

describe('adapter profiles', () => {
  it('are those that ship, after the one of an adapter that names none', async () => {
    const profiles = await new AdapterProfiles(RESOURCES).all();
    expect(profiles.map(({ id }) => id)).toEqual([
      'software',
      'dynamic-25g',
      'lookahead-10g',
      'office-1g',
    ]);
  });

  it('are named in a lab file, or written there', async () => {
    expect(await profileIn('lookahead-10g')).toMatchObject({
      ndisRevision: '6.20',
      numQueues: 7,
      lookaheadSplit: { minBytes: 64, maxBytes: 128 },
    });
    const [first] = await new AdapterProfiles(RESOURCES).all();
    const own = JSON.stringify({ ...first, id: 'mine', numQueues: 9 });
    expect(await profileIn(own)).toMatchObject({ id: 'mine', numQueues: 9 });
  });

  it('are refused in a lab file when none has the name, with the names that there are', async () => {
    const problems = await profileIn('fast').then(
      () => [],
      (error: unknown) => (error instanceof LabFileError ? error.problems : []),
    );
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatchObject({ line: 5, field: 'hosts.0.adapters.0.profile' });
    expect(problems[0]?.expected).toContain('"lookahead-10g"');
  });

  it('are chosen for a new host by their id', async () => {
    const { lab } = await aLab({ resourcesFolder: RESOURCES });
    await lab.hosts.create({ name: 'Host A', profile: 'office-1g' });
    expect(lab.snapshot().config.hosts[0]?.adapters[0]?.profile).toMatchObject({
      linkSpeedGbps: 1,
    });
    expect(await refusalOf(lab.hosts.create({ name: 'Host B', profile: 'fast' }))).toBe(
      'invalid-value',
    );
  });
});
