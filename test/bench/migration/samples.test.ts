import { describe, expect, it } from 'vitest';

import { migrationResultSchema } from '../result';
import { migrationResult, type MigrationSample } from './samples';

const SAMPLE: MigrationSample = {
  downtimeMs: 8,
  totalMs: 400,
  rounds: 3,
  bytes: 1000,
  lost: 0,
  duplicated: 0,
  reordered: 0,
  silenceMs: 12,
  mibPerSecond: 500,
};

describe('the result of a migration case', () => {
  it('gives each figure over all migrations, as the schema wants it', () => {
    const samples = [SAMPLE, { ...SAMPLE, downtimeMs: 2 }, { ...SAMPLE, downtimeMs: 5 }];
    const result = migrationResult('idle', samples, true);
    expect(migrationResultSchema.parse(result)).toMatchObject({
      downtimeMs: { median: 5, min: 2, max: 8 },
      lost: { median: 0, min: 0, max: 0 },
      migrations: 3,
    });
  });

  it('takes the ratios to a peer pair by pair', () => {
    const samples = [SAMPLE, SAMPLE];
    const result = migrationResult('1 GiB', samples, true, {
      figure: 'MiB/s',
      peerName: 'plain copy',
      ours: [300, 800],
      peer: [600, 800],
    });
    expect(migrationResultSchema.parse(result).comparison).toMatchObject({
      ratio: { median: 0.75, min: 0.5, max: 1 },
    });
  });
});
