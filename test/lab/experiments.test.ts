/** Experiments of the lab: who may begin one, and that the adapter is afterwards as it was before. */
import { describe, expect, it } from 'vitest';

import type { ExperimentReport } from '../../src/contract/experiment';
import { CaptureLibrary } from '../../src/lab/captures';
import { pause, type Pause } from '../../src/lab/experiment/pause';
import type { Lab } from '../../src/lab/lab';
import { parseLabFile } from '../../src/lab/lab-file/lab-file';
import { runLabFile } from '../../src/lab/lab-run';
import { RefusalError, refusalText } from '../../src/shared/refusal-error';
import { refuses } from './support/fake-engine-process';
import { aLab, aLabWithTwoHosts, eventsOf, refusalOf, until } from './support/lab-fixture';

const PLACE = { hostId: 'host-a', adapterId: 'nic-a' };

/** Time passes at once: what is measured is counted by looks at the meter. */
const atOnce: Pause = (_ms, signal) => pause(0, signal);

/** The `turn`th wait and all after it take until they are cancelled. */
function stuckAt(turn: number): { pause: Pause; reached: () => boolean } {
  let turns = 0;
  return {
    pause: (_ms, signal) => pause((turns += 1) < turn ? 0 : 1e6, signal),
    reached: () => turns >= turn,
  };
}

async function runExperiment(
  lab: Lab,
  options: Parameters<Lab['experiments']['start']>[0]['options'] = {},
): Promise<ExperimentReport> {
  const { experimentId } = await lab.experiments.start({ ...PLACE, options });
  const report = await lab.experimentEnded(experimentId);
  if (report === undefined) throw new Error('the experiment has left no report');
  return report;
}

async function textOf(command: Promise<unknown>): Promise<string> {
  const error: unknown = await command.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return error instanceof RefusalError ? refusalText(error.refusal) : 'it was not refused';
}

describe('an experiment', () => {
  it('measures each mode in turns, and says what the others are worth against VMQ off', async () => {
    const { lab, spawner } = await aLabWithTwoHosts({ pause: atOnce });
    const report = await runExperiment(lab, { rounds: 7 });
    expect(report).toMatchObject({ outcome: 'completed', reason: '', cpuSource: 'system' });
    expect(report.arms).toMatchObject([
      {
        mode: 'shared-memory',
        framesPerSecond: { median: 100_000 },
        cpuMsPerMillionFrames: { median: 600, min: 600, max: 600 },
        copiesPerFrame: { median: 0 },
        queuesUsed: 1,
        latencyP50Us: { median: 1.024 },
        latencyP99Us: { median: expect.closeTo(1.084, 2) as number },
        deliveredFrames: 700_000,
      },
      {
        mode: 'host-buffers',
        cpuMsPerMillionFrames: { median: 900 },
        copiesPerFrame: { median: 1 },
      },
      {
        mode: 'vmq-off',
        cpuMsPerMillionFrames: { median: 1000 },
        copiesPerFrame: { median: 1 },
        queuesUsed: 0,
      },
    ]);
    expect(report.comparisons).toMatchObject([
      {
        arm: 0,
        against: 2,
        verdict: 'gain',
        sentence:
          'VMQ with shared memory delivers the same 100,000 frames/s and takes 40 % less processor time of the host than VMQ off (7 rounds, 40 to 40 %).',
      },
      { arm: 1, against: 2, verdict: 'gain', decidedBy: 'cpu-per-frame' },
    ]);
    // Two looks for each measurement, after those for traffic; the order turns round each time.
    const { modes } = spawner.latest('Host A').traffic;
    const measured = modes.slice(-2 * 3 * 8).filter((_, look) => look % 2 === 0);
    expect(measured.slice(0, 6)).toEqual([
      'shared-memory',
      'host-buffers',
      'vmq-off',
      'vmq-off',
      'host-buffers',
      'shared-memory',
    ]);
  });

  it('of a mode against itself finds no difference', async () => {
    const { lab, spawner } = await aLabWithTwoHosts({ pause: atOnce });
    const report = await runExperiment(lab, { aa: true });
    expect(report.arms.map(({ mode, name }) => [mode, name])).toEqual([
      ['shared-memory', 'VMQ with shared memory'],
      ['shared-memory', 'VMQ with shared memory again'],
    ]);
    expect(report.comparisons).toMatchObject([{ arm: 1, against: 0, verdict: 'no-difference' }]);
    // It changes modes as often as a comparison does.
    const { calls } = spawner.latest('Host A');
    expect(calls.filter((call) => call === 'setAdapter')).toHaveLength(2 * 2 * 11 + 1);
  });

  it('leaves the adapter as it was, and the inventory untouched meanwhile', async () => {
    const { pause: stuck, reached } = stuckAt(4);
    const { lab, spawner } = await aLabWithTwoHosts({ pause: stuck });
    const before = lab.snapshot().config;
    const { experimentId } = await lab.experiments.start(PLACE);
    await until(reached);
    expect(spawner.latest('Host A').config?.adapters[0]?.bufferMode).toBe('host-buffers');
    expect(lab.snapshot().config).toEqual(before);
    expect(lab.snapshot().experiments).toMatchObject([
      { experimentId, outcome: 'running', progress: { done: 1, total: 33, round: 0 } },
    ]);
    lab.experiments.cancel({ experimentId });
    expect(await lab.experimentEnded(experimentId)).toMatchObject({
      outcome: 'cancelled',
      arms: [],
    });
    expect(spawner.latest('Host A').config?.adapters).toEqual(before.hosts[0]?.adapters);
    expect(lab.snapshot().experiments).toMatchObject([{ outcome: 'cancelled', progress: null }]);
  });

  it('fails as soon as the host is lost, which comes back with what is saved', async () => {
    const { pause: stuck, reached } = stuckAt(45);
    const { lab, spawner } = await aLabWithTwoHosts({ pause: stuck });
    const { experimentId } = await lab.experiments.start(PLACE);
    await until(reached);
    const lost = spawner.latest('Host A');
    expect(lost.config?.adapters).not.toEqual(lab.snapshot().config.hosts[0]?.adapters);
    lost.crash();
    const report = await lab.experimentEnded(experimentId);
    expect(report).toMatchObject({ outcome: 'failed', arms: [] });
    expect(report?.reason).toContain('the queue fell over');
    await until(() => lab.snapshot().hosts[0]?.state === 'running');
    expect(spawner.latest('Host A')).not.toBe(lost);
    expect(spawner.latest('Host A').config?.adapters).toEqual(
      lab.snapshot().config.hosts[0]?.adapters,
    );
  });

  it('fails with the reason when the adapter refuses a mode, and tells when it cannot be set back', async () => {
    const { lab, spawner } = await aLabWithTwoHosts({ pause: atOnce });
    spawner.onCommand('Host A', 'setAdapter', refuses());
    const report = await runExperiment(lab);
    expect(report).toMatchObject({ outcome: 'failed', arms: [], comparisons: [] });
    expect(report.reason).toContain('The test says so.');
    const types = (await eventsOf(lab)).map(({ type }) => type);
    expect(types).toContain('experiment/not-restored');
    expect(types.at(-1)).toBe('experiment/failed');
  });

  it('is told in the events, its verdict included', async () => {
    const { lab } = await aLabWithTwoHosts({ pause: atOnce });
    await runExperiment(lab, { rounds: 7 });
    const events = (await eventsOf(lab)).filter(({ type }) => type.startsWith('experiment/'));
    expect(events.map(({ type, object }) => [type, object.name])).toEqual([
      ['experiment/started', 'nic-a'],
      ['experiment/completed', 'nic-a'],
    ]);
    expect(events[1]?.text).toContain('40 % less processor time');
  });
});

describe('a step of a lab file', () => {
  const FILE = `schema: 1
name: Run
hosts: [{ name: Host A, adapters: [{ name: nic-a }] }]
vms: [{ name: web-01, host: Host A, nics: [{ macs: ['02:00:5e:10:00:01'] }] }]
steps: [{ experiment: { host: Host A, adapter: nic-a, rounds: 7 } }]
`;

  async function aRun(signal = new AbortController().signal, passes = atOnce) {
    const fixture = await aLab({ pause: passes });
    const captures = new CaptureLibrary(fixture.resourcesFolder);
    const file = await parseLabFile(FILE, '/labs/lab.yaml', captures);
    const lines: string[] = [];
    const run = () =>
      runLabFile(fixture.lab, file, {
        signal,
        onProgress: (line) => lines.push(line),
      });
    return { ...fixture, lines, run };
  }

  it('prints a line for each mode and the sentences, and is in the report', async () => {
    const { lines, run } = await aRun();
    const report = await run();
    expect(report).toMatchObject({ ok: true, experiments: [{ outcome: 'completed' }] });
    expect(lines).toContain(
      '  VMQ with shared memory: 100,000 (100,000 to 100,000) frames/s, 600 (600 to 600) ms of host CPU per million frames, 0 copies per frame, latency 1.02 µs (99 %: 1.08 µs), 0 frames lost',
    );
    expect(lines.filter((line) => line.includes('host CPU'))).toHaveLength(3);
    expect(report.steps[0]?.text).toContain('takes 40 % less processor time of the host');
    expect(report.steps[0]?.text).toContain('takes 10 % less processor time of the host');
  });

  it('fails with the reason where there is nothing to compare', async () => {
    const { spawner, run } = await aRun();
    spawner.onCommand('Host A', 'open', (process) => {
      process.traffic.framesPerSecond = 0;
    });
    const report = await run();
    expect(report).toMatchObject({ ok: false, steps: [{ ok: false }], experiments: [] });
    expect(report.steps[0]?.text).toContain('No frame has reached a VM');
  });

  it('ends early with the run, and the adapter is as it was', async () => {
    const end = new AbortController();
    const { pause: stuck, reached } = stuckAt(4);
    const { lab, spawner, run } = await aRun(end.signal, stuck);
    const ended = run();
    await until(reached);
    end.abort();
    expect(await ended).toMatchObject({ ok: false, experiments: [{ outcome: 'cancelled' }] });
    expect(spawner.latest('Host A').config?.adapters).toEqual(
      lab.snapshot().config.hosts[0]?.adapters,
    );
  });
});

describe('an experiment is refused', () => {
  it('where no frame reaches a VM, or no VM runs', async () => {
    const { lab, spawner, vmId } = await aLabWithTwoHosts({ pause: atOnce });
    spawner.latest('Host A').traffic.framesPerSecond = 0;
    expect(await textOf(lab.experiments.start(PLACE))).toContain('No frame has reached a VM');
    await lab.vms.stop({ vmId });
    await until(() => lab.snapshot().vms[0]?.state === 'stopped');
    expect(await textOf(lab.experiments.start(PLACE))).toContain('No VM with a NIC on it');
    expect(lab.snapshot().experiments).toEqual([]);
  });

  it('while another one runs, and for hosts and adapters that do not exist', async () => {
    const { pause: stuck, reached } = stuckAt(2);
    const { lab } = await aLabWithTwoHosts({ pause: stuck });
    expect(await refusalOf(lab.experiments.start({ ...PLACE, hostId: 'host-z' }))).toBe(
      'not-found',
    );
    expect(await refusalOf(lab.experiments.start({ ...PLACE, adapterId: 'nic-z' }))).toBe(
      'not-found',
    );
    await lab.experiments.start(PLACE);
    await until(reached);
    expect(await textOf(lab.experiments.start(PLACE))).toContain('two would measure each other');
  });

  it('while a VM moves from its host', async () => {
    const { lab, spawner, vmId } = await aLabWithTwoHosts({ pause: atOnce });
    let release = (): void => undefined;
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    spawner.onCommand('Host A', 'sendVm', () => released);
    const { migrationId } = await lab.migrations.start({ vmId, targetHostId: 'host-b' });
    expect(await textOf(lab.experiments.start(PLACE))).toContain('web-01 is moving');
    release();
    await lab.migrationEnded(migrationId);
  });
});

describe('while an experiment runs', () => {
  async function running() {
    const { pause: stuck, reached } = stuckAt(4);
    const fixture = await aLabWithTwoHosts({ pause: stuck });
    const { experimentId } = await fixture.lab.experiments.start(PLACE);
    await until(reached);
    return { ...fixture, experimentId };
  }

  it('its adapter cannot be changed', async () => {
    const { lab } = await running();
    const adapter = lab.snapshot().config.hosts[0]?.adapters[0];
    if (adapter === undefined) throw new Error('the host has no adapter');
    const set = lab.adapters.set({ hostId: 'host-a', adapter: { ...adapter, vmqEnabled: false } });
    expect(await textOf(set)).toContain('An experiment is comparing its modes.');
    expect(await refusalOf(lab.adapters.liveThrough({ ...PLACE, event: 'pause' }))).toBe(
      'wrong-state',
    );
    await lab.adapters.set({ hostId: 'host-b', adapter: { ...adapter, vmqEnabled: false } });
  });

  it('a migration ends it before it begins, and the adapter is as it was by then', async () => {
    const { lab, spawner, vmId, experimentId } = await running();
    const { migrationId } = await lab.migrations.start({ vmId, targetHostId: 'host-b' });
    const { calls } = spawner.latest('Host A');
    await lab.migrationEnded(migrationId);
    expect(calls.lastIndexOf('setAdapter')).toBeLessThan(calls.indexOf('sendVm'));
    expect(spawner.latest('Host A').config?.adapters).toEqual(
      lab.snapshot().config.hosts[0]?.adapters,
    );
    expect(await lab.experimentEnded(experimentId)).toMatchObject({
      outcome: 'cancelled',
      reason: 'A migration of web-01 was asked for.',
    });
  });

  it('clearing the lab ends it', async () => {
    const { lab, experimentId } = await running();
    await lab.whole.clear();
    expect(await lab.experimentEnded(experimentId)).toMatchObject({ outcome: 'cancelled' });
  });

  it('it cannot be cancelled twice', async () => {
    const { lab, experimentId } = await running();
    lab.experiments.cancel({ experimentId });
    await lab.experimentEnded(experimentId);
    expect(() => lab.experiments.cancel({ experimentId })).toThrow(/has ended/);
    expect(() => lab.experiments.cancel({ experimentId: 'experiment-9' })).toThrow(/no experiment/);
  });
});
