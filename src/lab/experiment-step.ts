/** The step of a lab file that compares the modes of an adapter. */
import type { ExperimentArm, ExperimentFigure } from '../contract/experiment';
import type { Lab } from './lab';
import type { LabStep } from './lab-file/steps';
import { refusal } from './refusals';
import type { StepClock } from './step-clock';

type ExperimentStep = Extract<LabStep, { kind: 'experiment' }>;

/**
 * Answers the verdicts; `onProgress` gets one line for each mode.
 * @throws RefusalError when it did not complete
 */
export async function runExperimentStep(
  lab: Lab,
  { hostId, adapter, options }: ExperimentStep,
  clock: StepClock,
  onProgress: (line: string) => void,
): Promise<string> {
  const { experimentId } = await lab.experiments.start({ hostId, adapterId: adapter.id, options });
  const forget = clock.onInterrupt(() => {
    try {
      lab.experiments.cancel({ experimentId });
    } catch {
      // It has ended meanwhile.
    }
  });
  const report = await lab.experimentEnded(experimentId);
  forget();
  if (report?.outcome !== 'completed')
    throw refusal({
      code: 'wrong-state',
      what: 'The experiment did not complete.',
      why: report?.reason ?? 'It left no report.',
      remedy: '',
    });
  for (const arm of report.arms) onProgress(`  ${armText(arm)}`);
  return report.comparisons.map(({ sentence }) => sentence).join(' ');
}

function armText(arm: ExperimentArm): string {
  const { name, framesPerSecond, cpuMsPerMillionFrames, copiesPerFrame, lostFrames } = arm;
  const { latencyP50Us, latencyP99Us } = arm;
  return [
    `${name}: ${figureText(framesPerSecond)} frames/s`,
    ...(cpuMsPerMillionFrames === null
      ? []
      : [`${figureText(cpuMsPerMillionFrames)} ms of host CPU per million frames`]),
    ...(copiesPerFrame === null ? [] : [`${number(copiesPerFrame.median)} copies per frame`]),
    ...(latencyP50Us === null || latencyP99Us === null
      ? []
      : [`latency ${number(latencyP50Us.median)} µs (99 %: ${number(latencyP99Us.median)} µs)`]),
    `${lostFrames} frames lost`,
  ].join(', ');
}

function figureText({ median, min, max }: ExperimentFigure): string {
  return `${number(median)} (${number(min)} to ${number(max)})`;
}

function number(value: number): string {
  return value.toLocaleString('en-US', { maximumSignificantDigits: 3 });
}
