import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

import type { MigrationReport } from '../../src/contract/report';
import { crashes, hangs, refuses, type Fault } from './support/fake-engine-process';
import {
  aLabWithTwoHosts,
  eventTypes,
  refusalOf,
  until,
  type LabFixture,
} from './support/lab-fixture';

type Fixture = LabFixture & { readonly vmId: string };

const SENDING = [
  'preparing',
  'clearing-filters',
  'stopping-dma',
  'copying',
  'stopping-vm',
  'final-copy',
].map((phase) => `sendVm:${phase}`);

async function migrate({ lab, vmId }: Fixture): Promise<MigrationReport> {
  const { migrationId } = await lab.migrations.start({ vmId, targetHostId: 'host-b' });
  const report = await lab.migrationEnded(migrationId);
  if (report === undefined) throw new Error('the migration left no report');
  return report;
}

/** Host of the VM by the file on disk. */
async function savedHost({ dataFolder }: Fixture): Promise<string | undefined> {
  const text = await readFile(join(dataFolder, 'inventory.json'), 'utf8');
  return (JSON.parse(text) as { vms: { hostId: string }[] }).vms[0]?.hostId;
}

/** Waits until the VM runs on exactly the host that the inventory names, in memory and on disk. */
async function expectVmOn(fixture: Fixture, hostId: string): Promise<void> {
  const { lab, spawner, vmId } = fixture;
  const running = () =>
    spawner.living
      .filter((process) => process.vms.get(vmId)?.state === 'running')
      .map((process) => process.config?.id);
  await until(
    () => lab.snapshot().hosts.every(({ state }) => state === 'running') && running().length === 1,
  );
  expect(running()).toEqual([hostId]);
  expect(lab.snapshot().config.vms.map((vm) => vm.hostId)).toEqual([hostId]);
  expect(await savedHost(fixture)).toBe(hostId);
  for (const process of spawner.living) expect(process.incoming.size).toBe(0);
  expect(lab.snapshot().vms[0]?.migrationId).toBeNull();
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
      probe: { sent: 100, lost: 2 },
    });
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
    expect(await migrate(fixture)).toMatchObject({ outcome: 'completed', probe: null });
  });

  it('is complete although the source fails to clean up', async () => {
    const fixture = await aLabWithTwoHosts();
    fixture.spawner.onCommand('Host A', 'finishSend', crashes());
    expect(await migrate(fixture)).toMatchObject({ outcome: 'completed' });
    await expectVmOn(fixture, 'host-b');
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
      reason: expect.stringContaining('The engine refused.') as string,
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
