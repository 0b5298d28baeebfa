import { describe, expect, it } from 'vitest';
import { MIGRATION_FAULT_KINDS } from '../../../src/contract/lab';
import { migrationOptionsSchema } from '../../../src/contract/migration';
import {
  FAULTS,
  NO_FAULT,
  parseFault,
  phasesAhead,
} from '../../../src/renderer/migration/fault-fields';
import {
  DEFAULT_OPTIONS,
  optionFields,
  parseLimits,
  parseOptions,
} from '../../../src/renderer/migration/option-fields';

describe('parseOptions', () => {
  it('takes the defaults of the contract for empty fields', () => {
    expect(parseOptions(optionFields()).options).toEqual(migrationOptionsSchema.parse({}));
  });

  it('reads what was typed', () => {
    const fields = { ...optionFields(), bandwidth: ' 12.5 ', downtime: '100', probes: '0' };
    expect(parseOptions({ ...fields, autoConverge: true, whenNotConverging: 'give-up' })).toEqual({
      errors: {},
      options: {
        ...DEFAULT_OPTIONS,
        bandwidthMiBps: 12.5,
        downtimeLimitMs: 100,
        probesPerSecond: 0,
        autoConverge: true,
        whenNotConverging: 'give-up',
      },
    });
  });

  it.each([
    ['bandwidth', '0'],
    ['bandwidth', 'fast'],
    ['downtime', '2.5'],
    ['downtime', '10001'],
    ['rounds', '61'],
    ['probes', '-1'],
  ] as const)('refuses %s = %s at its field', (name, text) => {
    const { errors, options } = parseOptions({ ...optionFields(), [name]: text });
    expect(options).toBeUndefined();
    expect(Object.keys(errors)).toEqual([name]);
    expect(errors[name]).toContain(`got ${text}`);
  });

  it('is undone by optionFields', () => {
    const options = { ...DEFAULT_OPTIONS, bandwidthMiBps: 8, maxRounds: 3, autoConverge: true };
    expect(parseOptions(optionFields(options)).options).toEqual(options);
  });
});

describe('parseLimits', () => {
  it('takes the bandwidth limit away when its field is empty', () => {
    expect(parseLimits({ bandwidth: '', downtime: '50' }).limits).toEqual({
      bandwidthMiBps: null,
      downtimeLimitMs: 50,
    });
  });
});

describe('parseFault', () => {
  it('has words for every kind of fault', () => {
    expect(Object.keys(FAULTS).sort()).toEqual([...MIGRATION_FAULT_KINDS].sort());
  });

  it('is none unless a kind was chosen', () => {
    expect(parseFault({ ...NO_FAULT, amount: '5' })).toEqual({});
  });

  it('leaves the amount to the lab when none was typed, or none applies', () => {
    const phase = 'copying';
    expect(parseFault({ kind: 'lose-to-vm', phase, amount: ' ' }).fault).toEqual({
      kind: 'lose-to-vm',
      phase,
    });
    expect(parseFault({ kind: 'cut-link', phase, amount: '7' }).fault).toEqual({
      kind: 'cut-link',
      phase,
    });
  });

  it('takes parts of a MiB/s, but no parts of a frame', () => {
    const phase = 'copying';
    expect(parseFault({ kind: 'slow-link', phase, amount: '2.5' }).fault?.amount).toBe(2.5);
    expect(parseFault({ kind: 'lose-to-vm', phase, amount: '2.5' })).toEqual({
      error: 'Expected 1 to 1000000 whole frames, got 2.5.',
    });
  });
});

describe('phasesAhead', () => {
  it('leaves out what has begun', () => {
    expect(phasesAhead(['preparing', 'clearing-filters', 'stopping-dma', 'copying'])).toEqual([
      'stopping-vm',
      'final-copy',
      'committing',
      'resuming',
      'cleaning-up',
    ]);
  });
});
