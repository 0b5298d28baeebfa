/**
 * Options of a migration as the reader types them: an empty text means the default. The lab checks again; this only
 * says earlier what it would say.
 */
import type { z } from 'zod';
import {
  migrationLimitsSchema,
  migrationOptionsSchema,
  type MigrationLimits,
  type MigrationOptions,
} from '../../contract/migration';

export interface OptionFields {
  bandwidth: string;
  downtime: string;
  rounds: string;
  autoConverge: boolean;
  whenNotConverging: MigrationOptions['whenNotConverging'];
  probes: string;
}
export type OptionFieldName = 'bandwidth' | 'downtime' | 'rounds' | 'probes';
export type OptionErrors = Partial<Record<OptionFieldName, string>>;

export const DEFAULT_OPTIONS: MigrationOptions = migrationOptionsSchema.parse({});

interface NumberField {
  readonly option: 'bandwidthMiBps' | 'downtimeLimitMs' | 'maxRounds' | 'probesPerSecond';
  readonly schema: z.ZodType<number | null>;
  /** What is expected, for the error. */
  readonly range: string;
}

const shape = migrationOptionsSchema.shape;
const NUMBER_FIELDS: Readonly<Record<OptionFieldName, NumberField>> = {
  bandwidth: {
    option: 'bandwidthMiBps',
    schema: migrationLimitsSchema.shape.bandwidthMiBps.unwrap(),
    range: '1 to 100000 MiB/s, or nothing for no limit',
  },
  downtime: {
    option: 'downtimeLimitMs',
    schema: migrationLimitsSchema.shape.downtimeLimitMs.unwrap(),
    range: '1 to 10000 whole milliseconds',
  },
  rounds: { option: 'maxRounds', schema: shape.maxRounds.unwrap(), range: '1 to 60 rounds' },
  probes: {
    option: 'probesPerSecond',
    schema: shape.probesPerSecond.unwrap(),
    range: '0 to 5000 probes per second; 0 turns the meter off',
  },
};

/** Fields that say the given options; defaults stay empty. */
export function optionFields(options: Partial<MigrationOptions> = {}): OptionFields {
  const text = (name: OptionFieldName): string => {
    const { option } = NUMBER_FIELDS[name];
    const value = options[option];
    return value === undefined || value === DEFAULT_OPTIONS[option] ? '' : String(value ?? '');
  };
  return {
    bandwidth: text('bandwidth'),
    downtime: text('downtime'),
    rounds: text('rounds'),
    autoConverge: options.autoConverge ?? DEFAULT_OPTIONS.autoConverge,
    whenNotConverging: options.whenNotConverging ?? DEFAULT_OPTIONS.whenNotConverging,
    probes: text('probes'),
  };
}

export interface ParsedOptions {
  readonly errors: OptionErrors;
  /** Set when there is no error. */
  readonly options?: MigrationOptions;
}

export function parseOptions(fields: OptionFields): ParsedOptions {
  const errors: OptionErrors = {};
  const options: MigrationOptions = {
    ...DEFAULT_OPTIONS,
    autoConverge: fields.autoConverge,
    whenNotConverging: fields.whenNotConverging,
  };
  const names: readonly OptionFieldName[] = ['bandwidth', 'downtime', 'rounds', 'probes'];
  for (const name of names) {
    const parsed = parseNumber(name, fields[name]);
    if (parsed.error !== undefined) errors[name] = parsed.error;
    else if (parsed.value !== undefined)
      Object.assign(options, { [NUMBER_FIELDS[name].option]: parsed.value });
  }
  return Object.keys(errors).length > 0 ? { errors } : { errors, options };
}

/** The two limits that can be changed while it runs: an empty bandwidth takes the limit away. */
export function parseLimits(fields: Pick<OptionFields, 'bandwidth' | 'downtime'>): {
  readonly errors: OptionErrors;
  readonly limits?: MigrationLimits;
} {
  const { errors, options } = parseOptions({ ...optionFields(), ...fields });
  if (!options) return { errors };
  const { bandwidthMiBps, downtimeLimitMs } = options;
  return { errors, limits: { bandwidthMiBps, downtimeLimitMs } };
}

function parseNumber(
  name: OptionFieldName,
  text: string,
): { readonly value?: number | null; readonly error?: string } {
  const trimmed = text.trim();
  if (trimmed === '') return {};
  const { schema, range } = NUMBER_FIELDS[name];
  const parsed = schema.safeParse(Number(trimmed));
  return parsed.success ? { value: parsed.data } : { error: `Expected ${range}, got ${trimmed}.` };
}
