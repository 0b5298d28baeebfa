/** Experiments for tests of what shows them. */
import type {
  ExperimentArm,
  ExperimentFigure,
  ExperimentSnapshot,
} from '../../../src/contract/experiment';
import { experimentOptionsSchema } from '../../../src/contract/experiment';

export function aFigure(median: number, min = median, max = median): ExperimentFigure {
  return { median, min, max, rounds: [min, median, max] };
}

export function anArm(part: Partial<ExperimentArm> = {}): ExperimentArm {
  return {
    mode: 'vmq-off',
    name: 'VMQ off',
    queuesUsed: 0,
    framesPerSecond: aFigure(100_000, 99_800, 100_200),
    cpuMsPerMillionFrames: aFigure(1000, 950, 1080),
    adapterCpuMsPerMillionFrames: aFigure(300),
    copiesPerFrame: aFigure(1),
    latencyP50Us: aFigure(70, 68, 75),
    latencyP99Us: null,
    deliveredFrames: 1_000_000,
    lostFrames: 0,
    ...part,
  };
}

/** One that has completed, with a gain. */
export function anExperiment(part: Partial<ExperimentSnapshot> = {}): ExperimentSnapshot {
  return {
    experimentId: 'experiment-1',
    hostId: 'host-a',
    hostName: 'Host A',
    adapterId: 'nic-a',
    adapterName: 'nic-a',
    options: experimentOptionsSchema.parse({}),
    startedAt: '2026-01-01T12:00:00.000Z',
    durationMs: 38_000,
    outcome: 'completed',
    reason: '',
    cpuSource: 'system',
    arms: [
      anArm({
        mode: 'shared-memory',
        name: 'VMQ with shared memory',
        queuesUsed: 2,
        cpuMsPerMillionFrames: aFigure(620, 560, 690),
        copiesPerFrame: aFigure(0),
      }),
      anArm(),
    ],
    comparisons: [
      {
        arm: 0,
        against: 1,
        verdict: 'gain',
        decidedBy: 'cpu-per-frame',
        framesPerSecond: null,
        cpuPerFrame: null,
        sentence: 'VMQ with shared memory takes 38 % less processor time of the host.',
      },
    ],
    progress: null,
    ...part,
  };
}

/** One that measures its second mode in round 3. */
export function aRunningExperiment(): ExperimentSnapshot {
  return anExperiment({
    outcome: 'running',
    arms: [],
    comparisons: [],
    progress: { done: 10, total: 33, round: 3, arm: 'VMQ with host buffers', secondsLeft: 27.4 },
  });
}
