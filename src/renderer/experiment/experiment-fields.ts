/** Options of an experiment as the reader types them: an empty text means the default. */
import {
  EXPERIMENT_MODES,
  experimentOptionsSchema,
  type ExperimentOptions,
} from '../../contract/experiment';
import { expectedSeconds } from '../../shared/experiment-time';

export interface ExperimentFields {
  rounds: string;
  seconds: string;
  aa: boolean;
}

export const DEFAULT_EXPERIMENT: ExperimentOptions = experimentOptionsSchema.parse({});

export interface ParsedExperiment {
  readonly errors: Partial<Record<'rounds' | 'seconds', string>>;
  /** Set when there is no error. */
  readonly options?: ExperimentOptions;
}

export function parseExperiment({ rounds, seconds, aa }: ExperimentFields): ParsedExperiment {
  const { shape } = experimentOptionsSchema;
  const errors: ParsedExperiment['errors'] = {};
  const options = { ...DEFAULT_EXPERIMENT, aa };
  if (rounds.trim() !== '') {
    const parsed = shape.rounds.unwrap().safeParse(Number(rounds));
    if (parsed.success) options.rounds = parsed.data;
    else errors.rounds = `Expected 3 to 50 rounds, got ${rounds.trim()}.`;
  }
  if (seconds.trim() !== '') {
    const parsed = shape.secondsPerRound.unwrap().safeParse(Number(seconds));
    if (parsed.success) options.secondsPerRound = parsed.data;
    else errors.seconds = `Expected 0.5 to 60 s, got ${seconds.trim()}.`;
  }
  return Object.keys(errors).length > 0 ? { errors } : { errors, options };
}

/** Seconds that it will take, about. */
export function secondsOf(options: ExperimentOptions): number {
  return expectedSeconds(options, options.aa ? 2 : EXPERIMENT_MODES.length);
}
