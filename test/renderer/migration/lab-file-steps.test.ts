import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { labFileSchema } from '../../../src/contract/lab-file';
import { evacuateStep, migrateSteps } from '../../../src/renderer/migration/lab-file-steps';
import { DEFAULT_OPTIONS } from '../../../src/renderer/migration/option-fields';

/** The steps as the lab runner would read them. */
function stepsOf(text: string): unknown {
  const file = { schema: 1, name: 'Test', hosts: [{ name: 'A', adapters: [{ name: 'nic' }] }] };
  return labFileSchema.parse({ ...file, steps: parse(text) as unknown }).steps;
}

describe('migrateSteps', () => {
  it('says only what differs from the defaults', () => {
    const text = migrateSteps({
      vmNames: ['web-01'],
      targetName: 'Host B',
      options: { ...DEFAULT_OPTIONS, bandwidthMiBps: 25 },
    });
    expect(text).toBe('- migrate: { vm: web-01, to: Host B, options: { bandwidthMiBps: 25 } }');
  });

  it('is read back as what was asked for', () => {
    const options = { ...DEFAULT_OPTIONS, maxRounds: 3, autoConverge: true };
    const fault = { kind: 'lose-to-vm', phase: 'copying', amount: 7 } as const;
    const text = migrateSteps({ vmNames: ['a', 'b'], targetName: 'Host B', options, fault });
    expect(stepsOf(text)).toEqual([
      ...['a', 'b'].map((vm) => ({
        migrate: { vm, to: 'Host B', options, fault, expect: 'completed', wait: false },
      })),
      { waitForMigrations: { timeoutSeconds: 300 } },
    ]);
  });

  it.each(['true', 'No', '12', 'a: b', '- x', 'web #1', '{x}', 'it\'s "so"', 'a\\b', '~'])(
    'quotes a name that YAML could misread: %s',
    (name) => {
      const text = migrateSteps({ vmNames: [name], targetName: name, options: DEFAULT_OPTIONS });
      expect(stepsOf(text)).toMatchObject([{ migrate: { vm: name, to: name } }]);
    },
  );
});

describe('evacuateStep', () => {
  it('is read back as what was asked for', () => {
    expect(stepsOf(evacuateStep('Host A', { ...DEFAULT_OPTIONS, probesPerSecond: 0 }))).toEqual([
      { evacuate: { host: 'Host A', options: { ...DEFAULT_OPTIONS, probesPerSecond: 0 } } },
    ]);
  });
});
