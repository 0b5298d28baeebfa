/** Experiments with real processes: what is counted in each mode, and a mode against itself. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { ExperimentReport } from '../../src/contract/experiment';
import { until } from '../support/engine-lab';
import { RealLab } from '../support/real-lab';

const MAC = '02:00:5e:10:00:01';

let real: RealLab;
let place: { hostId: string; adapterId: string };

beforeAll(async () => {
  real = await RealLab.open({
    name: 'web-01',
    nics: [{ mac: MAC, ipv4: '10.0.10.11' }],
    memoryMiB: 32,
  });
  const [hostId] = real.hosts;
  place = { hostId, adapterId: 'nic-a' };
  await real.lab.links.add({
    kind: 'generator',
    id: 'generator',
    name: 'generator',
    plug: { at: 'adapter', hostId, adapter: 'nic-a' },
    targets: [{ mac: MAC }],
    sourceMac: '02:00:5e:fe:00:01',
    frameBytes: 1500,
    rate: { mode: 'fixed', framesPerSecond: 20_000 },
    frames: 0,
  });
}, 60_000);

afterAll(async () => {
  await real.close();
});

async function experiment(options: { rounds: number; aa: boolean }): Promise<ExperimentReport> {
  const { experimentId } = await real.lab.experiments.start({
    ...place,
    options: { ...options, secondsPerRound: 0.5 },
  });
  const report = await real.lab.experimentEnded(experimentId);
  if (report === undefined) throw new Error('the experiment has left no report');
  return report;
}

async function modeOfAdapter(): Promise<unknown> {
  const snapshot = await real.freshSnapshotOf(place.hostId);
  const adapter = snapshot?.adapters.find(({ id }) => id === place.adapterId);
  return adapter && { vmqEnabled: adapter.vmqEnabled, bufferMode: adapter.bufferMode };
}

describe('an experiment with real processes', () => {
  it('counts a copy per frame without shared memory and none with it, and changes nothing for good', async () => {
    const before = await modeOfAdapter();
    const { outcome, arms, comparisons } = await experiment({ rounds: 7, aa: false });
    expect(outcome).toBe('completed');
    const copies = arms.map(({ mode, copiesPerFrame }) => [
      mode,
      copiesPerFrame?.min,
      copiesPerFrame?.max,
    ]);
    expect(copies).toEqual([
      ['shared-memory', 0, 0],
      ['host-buffers', 1, 1],
      ['vmq-off', 1, 1],
    ]);
    expect(arms.map(({ queuesUsed }) => queuesUsed)).toEqual([1, 1, 0]);
    for (const arm of arms) {
      expect(arm.framesPerSecond.median).toBeGreaterThan(15_000);
      expect(arm.cpuMsPerMillionFrames?.min).toBeGreaterThan(0);
      expect(arm.latencyP50Us?.min).toBeGreaterThan(0);
      expect(arm.lostFrames).toBe(0);
    }
    expect(comparisons.map(({ verdict }) => verdict)).not.toContain('cannot-tell');
    expect(await modeOfAdapter()).toEqual(before);
  }, 120_000);

  it('finds no difference between a mode and itself', async () => {
    // One of 20 may find one by chance; three in a row are no chance.
    const verdicts: unknown[] = [];
    while (verdicts.length < 3 && !verdicts.includes('no-difference')) {
      const { comparisons } = await experiment({ rounds: 8, aa: true });
      verdicts.push(comparisons[0]?.verdict);
    }
    expect(verdicts).toContain('no-difference');
  }, 180_000);

  it('can be cancelled, and every frame of all of it is accounted for', async () => {
    const before = await modeOfAdapter();
    const { experimentId } = await real.lab.experiments.start(place);
    await until(
      'the first measurement to be over',
      () => (real.lab.snapshot().experiments[0]?.progress?.done ?? 0) > 0,
    );
    real.lab.experiments.cancel({ experimentId });
    expect(await real.lab.experimentEnded(experimentId)).toMatchObject({ outcome: 'cancelled' });
    expect(await modeOfAdapter()).toEqual(before);
    await real.lab.links.stop({ linkId: 'generator' });
    await expect
      .poll(async () => (await real.lab.hostReport(place.hostId)).conservation, { timeout: 10_000 })
      .toMatchObject({ holds: true, held: 0, dropped: {} });
  }, 60_000);
});
