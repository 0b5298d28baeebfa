import { cp, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

import { crashes, hangs, refuses, type Fault } from './support/fake-engine-process';
import { FAKE_PROBE_RESULT } from './support/fake-probes';
import { SENDING_PHASES } from './support/fake-sending';
import {
  aFolder,
  aLab,
  aLabWithTwoHosts,
  eventsOf,
  eventTypes,
  refusalOf,
  until,
} from './support/lab-fixture';
import {
  ended,
  expectNothingLeft,
  expectVmOn,
  migrate,
  savedHost,
  type MoveFixture as Fixture,
} from './support/migration-fixture';

const SENDING = SENDING_PHASES.map((phase) => `sendVm:${phase}`);

/** Makes every later save of the inventory fail, as a full disk would. */
async function breakDisk({ dataFolder }: Fixture): Promise<void> {
  const path = join(dataFolder, 'inventory.json');
  await rm(path, { force: true });
  await mkdir(join(path, 'in-the-way'), { recursive: true });
}

/** A folder as it is now, without the lock of the lab that uses it. */
async function copyOf(folder: string): Promise<string> {
  const copy = await aFolder();
  const isKept = (path: string): boolean => !/inventory\.(lock|owner)$/.test(path);
  await cp(folder, copy, { recursive: true, filter: isKept });
  return copy;
}

describe('a migration', () => {
  it('moves the VM, and reports downtime, phases, bytes and the probe', async () => {
    const fixture = await aLabWithTwoHosts();
    const report = await migrate(fixture);
    expect(report).toMatchObject({
      vmName: 'web-01',
      fromHostId: 'host-a',
      toHostId: 'host-b',
      outcome: 'completed',
      reason: '',
      downtimeMs: 3,
      sentBytes: 5000,
      remainingBytes: 0,
      totalBytes: 5000,
      heldFrames: 7,
      markerSeen: true,
      warnings: [],
      fault: null,
      options: { downtimeLimitMs: 20, probesPerSecond: 500 },
      roundList: [{ round: 1, pages: 3, dirtyPages: 1 }],
      bytesPerSecond: 1e6,
      dirtyBytesPerSecond: 2e5,
      throttlePercent: 20,
      expectedDowntimeMs: 4,
      probe: FAKE_PROBE_RESULT,
    });
    expect(report.probeSeries.map(({ atMs }) => atMs)).toEqual([1, 200]);
    expect(report.phases.map(({ phase }) => phase)).toEqual([
      'preparing',
      'clearing-filters',
      'stopping-dma',
      'copying',
      'stopping-vm',
      'final-copy',
      'committing',
      'resuming',
      'cleaning-up',
    ]);
    const sum = report.phases.reduce((total, { durationMs }) => total + durationMs, 0);
    expect(sum).toBeLessThanOrEqual(report.totalMs);
    await expectVmOn(fixture, 'host-b');
    expect(fixture.spawner.latest('Host A').vms.size).toBe(0);
    expect(await eventTypes(fixture.lab)).toEqual(
      expect.arrayContaining([
        'migration/started',
        'migration/phase-entered',
        'migration/committed',
        'migration/completed',
      ]),
    );
  });

  it('saves the commit record before the target may run the VM', async () => {
    const fixture = await aLabWithTwoHosts();
    let saved: string | undefined;
    fixture.spawner.onCommand('Host B', 'commitIncoming', async () => {
      saved = await savedHost(fixture);
    });
    await migrate(fixture);
    expect(saved).toBe('host-b');
  });

  it('goes without a probe when the fabric cannot start one', async () => {
    const fixture = await aLabWithTwoHosts();
    fixture.spawner.onCommand('The fabric', 'startProbe', refuses());
    expect(await migrate(fixture)).toMatchObject({
      outcome: 'completed',
      probe: null,
      probeSeries: [],
      warnings: [expect.stringContaining('is not measured by a probe flow')],
    });
    expect(fixture.spawner.latest('The fabric').calls).not.toContain('stopProbe');
  });

  it('goes without a probe when none is asked for', async () => {
    const fixture = await aLabWithTwoHosts();
    expect(await migrate(fixture, { options: { probesPerSecond: 0 } })).toMatchObject({
      outcome: 'completed',
      probe: null,
      warnings: [],
    });
    expect(fixture.spawner.latest('The fabric').calls).not.toContain('startProbe');
  });

  it('is complete although the course of the probe is not recorded', async () => {
    const fixture = await aLabWithTwoHosts();
    fixture.spawner.onCommand('The fabric', 'watchProbe', refuses());
    expect(await migrate(fixture)).toMatchObject({
      outcome: 'completed',
      probe: FAKE_PROBE_RESULT,
      probeSeries: [],
      warnings: [expect.stringContaining('The course of the probe flow is not recorded.')],
    });
  });

  it('loses its meter with the fabric, and nothing else', async () => {
    const fixture = await aLabWithTwoHosts();
    fixture.spawner.onCommand('Host A', 'sendVm:copying', () =>
      fixture.spawner.latest('The fabric').crash(),
    );
    const report = await migrate(fixture);
    expect(report).toMatchObject({ outcome: 'completed', probe: null });
    expect(report.warnings.join()).toContain('The probe flow could not be read.');
    await expectVmOn(fixture, 'host-b');
  });

  it('says that a late frame may have been overtaken when the marker did not come', async () => {
    const fixture = await aLabWithTwoHosts();
    fixture.spawner.latest('Host A').markerSeen = false;
    const report = await migrate(fixture);
    expect(report).toMatchObject({ outcome: 'completed', markerSeen: false });
    expect(report.warnings.join()).toContain('The marker frame did not come');
  });

  it('tells of its phases in plain words and of who asked', async () => {
    const fixture = await aLabWithTwoHosts();
    await migrate(fixture);
    const events = (await eventsOf(fixture.lab)).filter(({ type }) =>
      type.startsWith('migration/'),
    );
    expect(events.map(({ text }) => text)).toEqual([
      'web-01 is moving from Host A to Host B.',
      'Host B reserves memory for web-01.',
      'Host A clears the receive filters of web-01: its frames take the default queue.',
      'Host A stops DMA into the memory of web-01 and frees its queues.',
      'The memory of web-01 is being copied to Host B while it runs.',
      'Host A stops web-01 and holds its frames.',
      'The last pages and the device state of web-01 are being copied to Host B.',
      'The lab saves that web-01 belongs to Host B.',
      'web-01 now belongs to Host B.',
      'Host B is asked to run web-01.',
      'Host A sends the held frames on and forgets web-01.',
      'web-01 has moved to Host B, stopped for 3.0 ms.',
    ]);
    expect(events[0]?.cause).toBe('An administrator or a lab file asked for it.');
    for (const { cause } of events) expect(cause).not.toBe('');
  });

  it('moves back and forth, and leaves nothing each time', async () => {
    const fixture = await aLabWithTwoHosts();
    const { lab, vmId } = fixture;
    for (const hostId of ['host-b', 'host-a', 'host-b']) {
      await until(() => lab.snapshot().vms[0]?.state === 'running');
      const { migrationId } = await lab.migrations.start({ vmId, targetHostId: hostId });
      expect(await ended(fixture, migrationId)).toMatchObject({ outcome: 'completed' });
      await expectVmOn(fixture, hostId);
    }
  });

  it('is complete although the source fails to clean up', async () => {
    const fixture = await aLabWithTwoHosts();
    fixture.spawner.onCommand('Host A', 'finishSend', crashes());
    expect(await migrate(fixture)).toMatchObject({ outcome: 'completed' });
    await expectVmOn(fixture, 'host-b');
  });

  it('is complete when both die after the confirmation, and starts the VM afresh on the target', async () => {
    const fixture = await aLabWithTwoHosts();
    fixture.spawner.onCommand('Host A', 'finishSend', (source) => {
      fixture.spawner.latest('Host B').crash();
      source.crash();
    });
    const report = await migrate(fixture);
    expect(report.outcome).toBe('completed');
    expect(report.warnings.join()).toContain('Host A could not clean up after the migration.');
    await expectVmOn(fixture, 'host-b');
    expect(await eventTypes(fixture.lab)).toContain('vm/started-afresh');
  });

  it('leaves the VM on the target when the source dies after the commit', async () => {
    const fixture = await aLabWithTwoHosts();
    fixture.spawner.onCommand('Host B', 'commitIncoming', () =>
      fixture.spawner.latest('Host A').crash(),
    );
    expect(await migrate(fixture)).toMatchObject({ outcome: 'completed' });
    await expectVmOn(fixture, 'host-b');
  });
});

describe('a migration that fails leaves the VM on its source', () => {
  const sourceSteps = ['sendVm', ...SENDING].map((step) => ['Host A', step] as const);
  const targetSteps = ['prepareIncoming', 'commitIncoming'].map(
    (step) => ['Host B', step] as const,
  );

  it.each([...sourceSteps, ...targetSteps])('when %s refuses %s', async (host, step) => {
    const fixture = await aLabWithTwoHosts();
    fixture.spawner.onFirst(host, step, refuses('migration-failed'));
    const report = await migrate(fixture);
    expect(report).toMatchObject({
      outcome: 'failed',
      reason: 'The engine refused. The test says so.',
    });
    await expectVmOn(fixture, 'host-a');
    expect(fixture.spawner.all).toHaveLength(3);
  });

  it.each(['prepareIncoming', 'commitIncoming'])('when the target dies in %s', async (step) => {
    const fixture = await aLabWithTwoHosts();
    fixture.spawner.onFirst('Host B', step, crashes());
    expect(await migrate(fixture)).toMatchObject({ outcome: 'failed' });
    await expectVmOn(fixture, 'host-a');
  });

  it.each(SENDING)('when the target dies while the source is in %s', async (step) => {
    const fixture = await aLabWithTwoHosts();
    fixture.spawner.onFirst('Host A', step, async (process) => {
      fixture.spawner.latest('Host B').crash();
      await hangs()(process);
    });
    expect(await migrate(fixture)).toMatchObject({ outcome: 'failed' });
    await expectVmOn(fixture, 'host-a');
  });

  it.each(SENDING)('afresh, when the source dies in %s', async (step) => {
    const fixture = await aLabWithTwoHosts();
    fixture.spawner.onFirst('Host A', step, crashes());
    expect(await migrate(fixture)).toMatchObject({ outcome: 'failed' });
    await expectVmOn(fixture, 'host-a');
    expect(await eventTypes(fixture.lab)).toContain('vm/started-afresh');
  });

  it('afresh, when the source dies before it begins', async () => {
    const fixture = await aLabWithTwoHosts();
    fixture.spawner.onFirst('Host B', 'prepareIncoming', () =>
      fixture.spawner.latest('Host A').crash(),
    );
    expect(await migrate(fixture)).toMatchObject({ outcome: 'failed' });
    await expectVmOn(fixture, 'host-a');
    expect(await eventTypes(fixture.lab)).toContain('vm/started-afresh');
  });

  it.each(SENDING)('afresh, when both die in %s', async (step) => {
    const fixture = await aLabWithTwoHosts();
    fixture.spawner.onFirst('Host A', step, (process) => {
      fixture.spawner.latest('Host B').crash();
      process.crash();
    });
    expect(await migrate(fixture)).toMatchObject({ outcome: 'failed' });
    await expectVmOn(fixture, 'host-a');
    expect(await eventTypes(fixture.lab)).toContain('vm/started-afresh');
  });

  it('when the commit record cannot be saved, which asks nothing of the target', async () => {
    const fixture = await aLabWithTwoHosts();
    fixture.spawner.onFirst('Host A', 'sendVm:final-copy', () => breakDisk(fixture));
    const report = await migrate(fixture);
    expect(report).toMatchObject({
      outcome: 'failed',
      reason: expect.stringContaining('could not be written') as string,
    });
    expect(fixture.spawner.latest('Host B').calls).not.toContain('commitIncoming');
    const [source, target] = [fixture.spawner.latest('Host A'), fixture.spawner.latest('Host B')];
    expect(source.vms.get(fixture.vmId)?.state).toBe('running');
    expect(target.vms.size + target.incoming.size).toBe(0);
    expect(fixture.lab.snapshot().config.vms[0]?.hostId).toBe('host-a');
  });

  it('when the target does not confirm, which ends the target first', async () => {
    const fixture = await aLabWithTwoHosts();
    fixture.spawner.onFirst('Host B', 'commitIncoming', hangs());
    expect(await migrate(fixture)).toMatchObject({ outcome: 'failed' });
    await expectVmOn(fixture, 'host-a');
    expect(fixture.spawner.all.filter(({ name }) => name === 'Host B')).toHaveLength(2);
  });

  it('when both die between the record and its confirmation, and starts it afresh there', async () => {
    const fixture = await aLabWithTwoHosts();
    fixture.spawner.onFirst('Host B', 'commitIncoming', (target) => {
      fixture.spawner.latest('Host A').crash();
      target.crash();
    });
    expect(await migrate(fixture)).toMatchObject({ outcome: 'failed' });
    await expectVmOn(fixture, 'host-a');
  });

  it('when the lab closes meanwhile', async () => {
    const fixture = await aLabWithTwoHosts();
    fixture.spawner.onCommand('Host A', 'sendVm:copying', hangs());
    await fixture.lab.migrations.start({ vmId: fixture.vmId, targetHostId: 'host-b' });
    await until(() => fixture.spawner.latest('Host A').calls.includes('sendVm:copying'));
    await fixture.lab.close();
    expect(await savedHost(fixture)).toBe('host-a');
  });
});

describe('a migration whose record cannot be taken back', () => {
  it('leaves the VM to the target, which starts it afresh, and nothing on the source', async () => {
    const fixture = await aLabWithTwoHosts();
    fixture.spawner.onFirst('Host B', 'commitIncoming', async () => {
      await breakDisk(fixture);
      await refuses()(fixture.spawner.latest('Host B'));
    });
    const report = await migrate(fixture);
    expect(report.outcome).toBe('failed');
    expect(report.warnings.join()).toContain('The commit record could not be taken back');
    const { lab, spawner, vmId } = fixture;
    const hostB = () => lab.snapshot().hosts[1];
    await until(() => hostB()?.restarts === 1 && hostB()?.state === 'running');
    await until(() => spawner.latest('Host B').vms.get(vmId)?.state === 'running');
    expect(spawner.latest('Host A').vms.size).toBe(0);
    expect(await eventTypes(lab)).toContain('vm/started-afresh');
  });
});

describe('a lab that is lost while a VM moves', () => {
  it.each([
    ['Host A', 'sendVm:final-copy', 'host-a'],
    ['Host B', 'commitIncoming', 'host-b'],
  ])('in %s %s: the next one starts the VM where the record says', async (host, step, hostId) => {
    const fixture = await aLabWithTwoHosts();
    let recorded: string | undefined;
    fixture.spawner.onFirst(host, step, async (process) => {
      recorded = await savedHost(fixture);
      await hangs()(process);
    });
    await fixture.lab.migrations.start({ vmId: fixture.vmId, targetHostId: 'host-b' });
    await until(() => recorded !== undefined);
    // What the lost lab left: its data folder as it is, and what it was about to rename.
    const dataFolder = await copyOf(fixture.dataFolder);
    const next = await aLab({ dataFolder, resourcesFolder: fixture.resourcesFolder });
    expect(recorded).toBe(hostId);
    await expectVmOn({ ...next, vmId: fixture.vmId }, hostId);
  });
});

describe('a migration is cancelled', () => {
  const cancel =
    (fixture: Fixture): Fault =>
    async (process) => {
      fixture.lab.migrations.cancel({
        migrationId: fixture.lab.snapshot().migrations[0]?.migrationId ?? '',
      });
      await hangs()(process);
    };

  it.each([['Host B', 'prepareIncoming'], ...SENDING.map((step) => ['Host A', step])] as [
    string,
    string,
  ][])('while %s is in %s', async (host, step) => {
    const fixture = await aLabWithTwoHosts();
    fixture.spawner.onFirst(host, step, cancel(fixture));
    expect(await migrate(fixture)).toMatchObject({ outcome: 'cancelled' });
    await expectVmOn(fixture, 'host-a');
    expect(fixture.spawner.all).toHaveLength(3);
    expect(await eventTypes(fixture.lab)).toContain('migration/cancelled');
  });

  it('while the fabric starts the probe, which is stopped then', async () => {
    const fixture = await aLabWithTwoHosts();
    let release = (): void => undefined;
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    fixture.spawner.onCommand('The fabric', 'startProbe', () => released);
    const { migrationId } = await fixture.lab.migrations.start({
      vmId: fixture.vmId,
      targetHostId: 'host-b',
    });
    await until(() => fixture.spawner.latest('The fabric').calls.includes('startProbe'));
    fixture.lab.migrations.cancel({ migrationId });
    release();
    expect(await ended(fixture, migrationId)).toMatchObject({ outcome: 'cancelled' });
    await expectVmOn(fixture, 'host-a');
  });

  it('while the target reserves memory, which it gives back once it has it', async () => {
    const fixture = await aLabWithTwoHosts();
    let release = (): void => undefined;
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    fixture.spawner.onCommand('Host B', 'prepareIncoming', () => released);
    const { migrationId } = await fixture.lab.migrations.start({
      vmId: fixture.vmId,
      targetHostId: 'host-b',
    });
    await until(() => fixture.spawner.latest('Host B').calls.includes('prepareIncoming'));
    fixture.lab.migrations.cancel({ migrationId });
    release();
    expect(await ended(fixture, migrationId)).toMatchObject({ outcome: 'cancelled' });
    await expectNothingLeft(fixture);
  });

  it('while the source begins, which lets go of the VM once it has', async () => {
    const fixture = await aLabWithTwoHosts();
    let release = (): void => undefined;
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    fixture.spawner.onCommand('Host A', 'sendVm', () => released);
    const { migrationId } = await fixture.lab.migrations.start({
      vmId: fixture.vmId,
      targetHostId: 'host-b',
    });
    await until(() => fixture.spawner.latest('Host A').calls.includes('sendVm'));
    fixture.lab.migrations.cancel({ migrationId });
    expect(await ended(fixture, migrationId)).toMatchObject({ outcome: 'cancelled' });
    release();
    const source = fixture.spawner.latest('Host A');
    await until(() => source.calls.includes('sendVm:preparing'));
    await until(() => source.sending.size === 0);
    await expectVmOn(fixture, 'host-a');
  });

  it('not any more once it is committed', async () => {
    const fixture = await aLabWithTwoHosts();
    let thrown: unknown;
    fixture.spawner.onCommand('Host B', 'commitIncoming', () => {
      try {
        fixture.lab.migrations.cancel({ migrationId: 'migration-1' });
      } catch (error) {
        thrown = error;
      }
    });
    expect(await migrate(fixture)).toMatchObject({ outcome: 'completed' });
    expect(thrown).toMatchObject({ refusal: { code: 'wrong-state' } });
    await expectVmOn(fixture, 'host-b');
  });
});

describe('a migration is refused', () => {
  it('to the host that the VM is on, and to one that does not exist', async () => {
    const { lab, vmId } = await aLabWithTwoHosts();
    expect(await refusalOf(lab.migrations.start({ vmId, targetHostId: 'host-a' }))).toBe(
      'migration-target-refused',
    );
    expect(await refusalOf(lab.migrations.start({ vmId, targetHostId: 'host-z' }))).toBe(
      'not-found',
    );
  });

  it('for a VM that is not running', async () => {
    const { lab, vmId } = await aLabWithTwoHosts();
    await lab.vms.stop({ vmId });
    await until(() => lab.snapshot().vms[0]?.state === 'stopped');
    expect(await refusalOf(lab.migrations.start({ vmId, targetHostId: 'host-b' }))).toBe(
      'wrong-state',
    );
  });

  it('to a host that is not running', async () => {
    const { lab, spawner, vmId } = await aLabWithTwoHosts();
    spawner.onCommand('Host B', 'open', refuses('host-memory-exhausted'));
    spawner.latest('Host B').crash();
    await until(() => lab.snapshot().hosts[1]?.state === 'failed');
    expect(await refusalOf(lab.migrations.start({ vmId, targetHostId: 'host-b' }))).toBe(
      'migration-target-refused',
    );
  });

  it('while the VM is moving, and so is every other change of it', async () => {
    const { lab, spawner, vmId } = await aLabWithTwoHosts();
    spawner.onCommand('Host A', 'sendVm', hangs());
    await lab.migrations.start({ vmId, targetHostId: 'host-b' });
    expect(await refusalOf(lab.migrations.start({ vmId, targetHostId: 'host-b' }))).toBe(
      'wrong-state',
    );
    for (const command of [lab.vms.stop({ vmId }), lab.vms.delete({ vmId }), lab.whole.clear()]) {
      expect(await refusalOf(command)).toBe('wrong-state');
    }
    expect(await refusalOf(lab.hosts.delete({ hostId: 'host-b' }))).toBe('wrong-state');
  });
});
