/**
 * One experiment from its first change of mode to its last measurement: modes take turns, and after
 * each change the adapter gets a moment before it is measured. The saved inventory is never touched,
 * so that a host that is lost meanwhile comes back as it was.
 */
import type { ExperimentOptions } from '../../contract/experiment';
import type { AdapterConfig } from '../../contract/model';
import { expectedSeconds, measuredSeconds, SETTLE_MS } from '../../shared/experiment-time';
import type { HostControl } from '../process/control-link';
import { inMode, orderOf, type Arm } from './arms';
import { intervalBetween, type Interval } from './interval';
import type { Pause } from './pause';

const CAUSE = 'An experiment compares modes.';

export interface ExperimentPlan {
  readonly adapter: AdapterConfig;
  readonly options: ExperimentOptions;
  readonly arms: readonly Arm[];
  /** @throws RefusalError `host-unavailable` when the host does not run */
  readonly control: () => Pick<HostControl, 'setAdapter' | 'meterAdapter'>;
  readonly pause: Pause;
  readonly onMeasurement: (measurement: Measurement) => void;
}

/** What is about to be measured. */
export interface Measurement {
  readonly done: number;
  readonly total: number;
  readonly round: number;
  readonly arm: string;
  readonly secondsLeft: number;
}

/**
 * Measures every arm in every round, after one round that does not count.
 * @returns rounds that count, by arm
 * @throws RefusalError as the host does; whatever `signal` aborts with
 */
export async function measureArms(
  plan: ExperimentPlan,
  signal: AbortSignal,
): Promise<Interval[][]> {
  const { arms, options } = plan;
  const kept = arms.map((): Interval[] => []);
  const total = (options.rounds + 1) * arms.length;
  const wholeSeconds = expectedSeconds(options, arms.length);
  const startMs = performance.now();
  let done = 0;
  for (let round = 0; round <= options.rounds; round++) {
    for (const index of orderOf(arms.length, round)) {
      const arm = arms[index];
      if (arm === undefined) continue;
      const secondsLeft = Math.max(0, wholeSeconds - (performance.now() - startMs) / 1000);
      plan.onMeasurement({ done, total, round, arm: arm.name, secondsLeft });
      const seconds = measuredSeconds(options, round);
      const interval = await measure(plan, arm, seconds, signal);
      if (round > 0) kept[index]?.push(interval);
      done++;
    }
  }
  return kept;
}

async function measure(
  plan: ExperimentPlan,
  { mode }: Arm,
  seconds: number,
  signal: AbortSignal,
): Promise<Interval> {
  const { adapter, options, control, pause } = plan;
  const change = async (to: Arm['mode']): Promise<void> => {
    signal.throwIfAborted();
    await control().setAdapter({ ...inMode(adapter, to), cause: CAUSE });
  };
  // An A/A run does all that a comparison does, the change of mode included.
  if (options.aa) await change(mode === 'vmq-off' ? 'shared-memory' : 'vmq-off');
  await change(mode);
  await pause(SETTLE_MS, signal);
  const before = await control().meterAdapter({ adapterId: adapter.id });
  await pause(seconds * 1000, signal);
  return intervalBetween(before, await control().meterAdapter({ adapterId: adapter.id }));
}
