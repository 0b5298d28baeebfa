import { describe, expect, it } from 'vitest';

import { migrationOptionsSchema } from '../../src/contract/migration';
import type { Lab } from '../../src/lab/lab';
import { crashes, hangs, refuses } from './support/fake-engine-process';
import {
  aDraft,
  aLabWithTwoHosts,
  eventsOf,
  eventTypes,
  refusalOf,
  until,
} from './support/lab-fixture';
import {
  aLabWithVms,
  ended,
  expectNothingLeft,
  expectVmOn,
  type MoveFixture,
} from './support/migration-fixture';

const VMS = ['web-01', 'web-02', 'web-03', 'web-04'] as const;

/** Four VMs on Host A that are asked to move to Host B; none gets further than its source's first step. */
async function aQueue(): Promise<MoveFixture & { ids: string[]; release: () => void }> {
  const fixture = await aLabWithVms(4);
  let release = (): void => undefined;
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  fixture.spawner.onCommand('Host A', 'sendVm', () => released);
  const ids: string[] = [];
  for (const vmId of VMS) {
    const { migrationId } = await fixture.lab.migrations.start({ vmId, targetHostId: 'host-b' });
    ids.push(migrationId);
  }
  return { ...fixture, ids, release };
}

/** Outcomes, in the order in which the migrations were asked for. */
function outcomes({ lab }: MoveFixture): string[] {
  return lab
    .snapshot()
    .migrations.map(({ outcome }) => outcome)
    .reverse();
}

/** Whether pre-flight for the first VM knows of the memory of every host. */
function memoryIsKnown(lab: Lab): boolean {
  const { targets } = lab.migrations.preflight({ vmId: 'web-01' });
  const memory = targets.flatMap(({ checks }) => checks.filter(({ check }) => check === 'memory'));
  return memory.every(({ reason }) => reason.includes('MiB'));
}

/** Whether the first VM can move to Host B, as far as is known. */
function isPossible(lab: Lab): boolean {
  return lab.migrations.preflight({ vmId: 'web-01' }).targets[0]?.possible === true;
}

describe('more migrations than run at a time', () => {
  it('wait in order, two running, and all complete', async () => {
    const fixture = await aQueue();
    expect(outcomes(fixture)).toEqual(['running', 'running', 'queued', 'queued']);
    expect(fixture.lab.snapshot().migrations[0]).toMatchObject({ phase: null, totalMs: 0 });
    expect(fixture.lab.snapshot().vms[3]?.migrationId).toBe(fixture.ids[3]);
    fixture.release();
    for (const id of fixture.ids)
      expect(await ended(fixture, id)).toMatchObject({ outcome: 'completed' });
    const started = (await eventsOf(fixture.lab))
      .filter(({ type }) => type === 'migration/started')
      .map(({ object }) => object.name);
    expect(started).toEqual(VMS);
    await expectNothingLeft(fixture);
  });

  it('never run more than two at a time', async () => {
    const fixture = await aQueue();
    let most = 0;
    fixture.spawner.onCommand('Host A', 'sendVm:copying', () => {
      most = Math.max(most, outcomes(fixture).filter((outcome) => outcome === 'running').length);
    });
    fixture.release();
    for (const id of fixture.ids) await ended(fixture, id);
    expect(most).toBe(2);
  });

  it('are refused for a VM that waits already', async () => {
    const { lab } = await aQueue();
    expect(await refusalOf(lab.migrations.start({ vmId: 'web-04', targetHostId: 'host-b' }))).toBe(
      'wrong-state',
    );
    expect(await refusalOf(lab.vms.stop({ vmId: 'web-04' }))).toBe('wrong-state');
    expect(await refusalOf(lab.whole.clear())).toBe('wrong-state');
  });

  it('let a waiting one be cancelled, which never begins', async () => {
    const fixture = await aQueue();
    const third = fixture.ids[2] ?? '';
    fixture.lab.migrations.cancel({ migrationId: third });
    expect(await ended(fixture, third)).toMatchObject({
      outcome: 'cancelled',
      totalMs: 0,
      phases: [],
    });
    expect(outcomes(fixture)).toEqual(['running', 'running', 'cancelled', 'queued']);
    fixture.release();
    for (const id of fixture.ids) await ended(fixture, id);
    expect(outcomes(fixture)).toEqual(['completed', 'completed', 'cancelled', 'completed']);
    expect(fixture.lab.snapshot().config.vms[2]?.hostId).toBe('host-a');
    await expectNothingLeft(fixture);
  });

  it('fail while they wait when their host is lost, with the reason', async () => {
    const fixture = await aQueue();
    const { calls } = fixture.spawner.latest('Host A');
    await until(() => calls.filter((call) => call === 'sendVm').length === 2);
    fixture.spawner.latest('Host B').crash();
    for (const id of fixture.ids) await ended(fixture, id);
    expect(outcomes(fixture)).toEqual(['failed', 'failed', 'failed', 'failed']);
    const report = await ended(fixture, fixture.ids[3] ?? '');
    expect(report.reason).toContain('Host B was lost while web-04 waited to move.');
    expect(report.reason).toContain('the queue fell over');
    await expectVmOn(fixture, 'host-a');
  });

  it('are checked again when their turn comes', async () => {
    const fixture = await aLabWithVms(3);
    fixture.spawner.onCommand('Host A', 'sendVm', hangs());
    const ids: string[] = [];
    for (const vmId of ['web-01', 'web-02', 'web-03'])
      ids.push((await fixture.lab.migrations.start({ vmId, targetHostId: 'host-b' })).migrationId);
    // Something else takes the target's memory meanwhile.
    const big = aDraft({ name: 'big', hostId: 'host-b', memoryMiB: 940 });
    await fixture.lab.vms.create(big);
    await until(() => fixture.lab.snapshot().vms.some(({ vmId }) => vmId === 'big'));
    const hostB = fixture.spawner.latest('Host B');
    await until(() => hostB.vms.get('big')?.state === 'running');
    for (const id of ids.slice(0, 2)) fixture.lab.migrations.cancel({ migrationId: id });
    const report = await ended(fixture, ids[2] ?? '');
    expect(report).toMatchObject({ outcome: 'failed', phases: [] });
    expect(report.reason).toContain('web-03 needs 69 MiB on Host B');
    for (const id of ids) await ended(fixture, id);
    await expectNothingLeft(fixture);
  });

  it('wait for a host that reports late what it has freed', async () => {
    const fixture = await aLabWithTwoHosts();
    const hostB = fixture.spawner.latest('Host B');
    await fixture.lab.vms.create(aDraft({ name: 'big', hostId: 'host-b', memoryMiB: 940 }));
    await until(() => hostB.vms.get('big')?.state === 'running');
    await until(() => !isPossible(fixture.lab));
    hostB.vms.delete('big');
    const { vmId } = fixture;
    const starting = fixture.lab.migrations.start({ vmId, targetHostId: 'host-b' });
    hostB.changed();
    expect(await ended(fixture, (await starting).migrationId)).toMatchObject({
      outcome: 'completed',
    });
  });

  it('are cancelled when the lab closes', async () => {
    const fixture = await aQueue();
    await fixture.lab.close();
    for (const id of fixture.ids)
      expect(await ended(fixture, id)).toMatchObject({ outcome: 'cancelled' });
  });
});

describe('limits', () => {
  it('reach the source with the other options', async () => {
    const { lab, spawner, vmId } = await aLabWithTwoHosts();
    spawner.onCommand('Host A', 'sendVm:copying', hangs());
    const options = { bandwidthMiBps: 50, autoConverge: true, probesPerSecond: 100 };
    await lab.migrations.start({ vmId, targetHostId: 'host-b', options });
    await until(() => spawner.latest('Host A').calls.includes('sendVm:copying'));
    const [sending] = spawner.latest('Host A').sending.values();
    expect(sending?.request.options).toEqual(migrationOptionsSchema.parse(options));
    expect(spawner.latest('The fabric').probes.rates).toEqual([100]);
  });

  it('change while it copies; what is left out stays', async () => {
    const { lab, spawner, vmId } = await aLabWithTwoHosts();
    spawner.onCommand('Host A', 'sendVm:copying', hangs());
    const { migrationId } = await lab.migrations.start({ vmId, targetHostId: 'host-b' });
    await until(() => spawner.latest('Host A').calls.includes('sendVm:copying'));
    await lab.migrations.limit({ migrationId, bandwidthMiBps: 10 });
    const [sending] = spawner.latest('Host A').sending.values();
    expect(sending?.limits).toEqual({ bandwidthMiBps: 10, downtimeLimitMs: 20 });
    expect(lab.snapshot().migrations[0]?.options).toMatchObject({ bandwidthMiBps: 10 });
    await lab.migrations.limit({ migrationId, downtimeLimitMs: 5, bandwidthMiBps: null });
    expect(sending?.limits).toEqual({ bandwidthMiBps: null, downtimeLimitMs: 5 });
  });

  it('change while it waits, and are those that it begins with', async () => {
    const fixture = await aQueue();
    const last = fixture.ids[3] ?? '';
    await fixture.lab.migrations.limit({ migrationId: last, downtimeLimitMs: 7 });
    fixture.release();
    expect(await ended(fixture, last)).toMatchObject({
      outcome: 'completed',
      options: { downtimeLimitMs: 7 },
    });
  });

  it('that change before the source answers reach it as soon as it does', async () => {
    const { lab, spawner, vmId } = await aLabWithTwoHosts();
    let change: Promise<void> | undefined;
    spawner.onCommand('Host A', 'sendVm', () => {
      change = lab.migrations.limit({ migrationId: 'migration-1', downtimeLimitMs: 3 });
    });
    spawner.onCommand('Host A', 'sendVm:copying', hangs());
    await lab.migrations.start({ vmId, targetHostId: 'host-b' });
    await until(() => change !== undefined);
    await change;
    const [sending] = spawner.latest('Host A').sending.values();
    expect(sending?.limits.downtimeLimitMs).toBe(3);
  });

  it('are refused from the commit on', async () => {
    const { lab, spawner, vmId } = await aLabWithTwoHosts();
    let committed: Promise<unknown> | undefined;
    spawner.onCommand('Host B', 'commitIncoming', () => {
      committed = refusalOf(
        lab.migrations.limit({ migrationId: 'migration-1', downtimeLimitMs: 3 }),
      );
    });
    const { migrationId } = await lab.migrations.start({ vmId, targetHostId: 'host-b' });
    expect(await ended({ lab }, migrationId)).toMatchObject({
      outcome: 'completed',
      options: { downtimeLimitMs: 20 },
    });
    expect(await committed).toBe('wrong-state');
    expect(await refusalOf(lab.migrations.limit({ migrationId, downtimeLimitMs: 3 }))).toBe(
      'wrong-state',
    );
    expect(await refusalOf(lab.migrations.limit({ migrationId: 'migration-9' }))).toBe('not-found');
  });

  it('stay as they are when the source refuses them', async () => {
    const { lab, spawner, vmId } = await aLabWithTwoHosts();
    spawner.onCommand('Host A', 'setSendLimits', refuses());
    let refused: Promise<unknown> | undefined;
    spawner.onCommand('Host A', 'sendVm:final-copy', async () => {
      refused = refusalOf(lab.migrations.limit({ migrationId: 'migration-1', downtimeLimitMs: 3 }));
      await refused;
    });
    const { migrationId } = await lab.migrations.start({ vmId, targetHostId: 'host-b' });
    expect(await ended({ lab }, migrationId)).toMatchObject({
      outcome: 'completed',
      options: { downtimeLimitMs: 20 },
    });
    expect(await refused).toBe('wrong-state');
  });
});

describe('evacuation', () => {
  it('spreads the VMs over the hosts with most free memory', async () => {
    const fixture = await aLabWithVms(4);
    await fixture.lab.hosts.create({ name: 'Host C' });
    await until(() => memoryIsKnown(fixture.lab));
    const { migrationIds, refused } = await fixture.lab.migrations.evacuate({ hostId: 'host-a' });
    expect(refused).toEqual([]);
    expect(migrationIds).toHaveLength(4);
    const reports = await Promise.all(migrationIds.map((id) => ended(fixture, id)));
    expect(reports.map(({ outcome }) => outcome)).toEqual(Array(4).fill('completed'));
    const to = reports.map(({ toHostId }) => toHostId).sort();
    expect(to).toEqual(['host-b', 'host-b', 'host-c', 'host-c']);
    expect(fixture.spawner.latest('Host A').vms.size).toBe(0);
    expect(await eventTypes(fixture.lab)).toContain('host/evacuated');
    await expectNothingLeft(fixture);
  });

  it('leaves what fits nowhere, says why, and moves the rest', async () => {
    const { lab } = await aLabWithTwoHosts();
    await lab.vms.create(aDraft({ name: 'huge', hostId: 'host-a', memoryMiB: 940 }));
    await lab.vms.create(aDraft({ name: 'other', hostId: 'host-b', memoryMiB: 100 }));
    await lab.vms.create(aDraft({ name: 'off', hostId: 'host-a', start: false }));
    await until(() => lab.snapshot().vms.filter(({ state }) => state === 'running').length === 3);
    const { migrationIds, refused } = await lab.migrations.evacuate({ hostId: 'host-a' });
    expect(refused).toMatchObject([
      {
        vmId: 'huge',
        refusal: {
          code: 'migration-target-refused',
          why: expect.stringContaining('Host B: huge needs 945 MiB on Host B') as string,
        },
      },
    ]);
    expect(migrationIds).toHaveLength(1);
    for (const id of migrationIds) await ended({ lab }, id);
    expect(lab.snapshot().config.vms.map(({ id, hostId }) => [id, hostId])).toEqual([
      ['web-01', 'host-b'],
      ['huge', 'host-a'],
      ['other', 'host-b'],
      ['off', 'host-a'],
    ]);
  });

  it('leaves alone what moves already, and says when there is no other host', async () => {
    const { lab, spawner, vmId } = await aLabWithTwoHosts();
    spawner.onCommand('Host A', 'sendVm', hangs());
    await lab.migrations.start({ vmId, targetHostId: 'host-b' });
    expect(await lab.migrations.evacuate({ hostId: 'host-a' })).toEqual({
      migrationIds: [],
      refused: [],
    });
    expect(await refusalOf(lab.migrations.evacuate({ hostId: 'host-z' }))).toBe('not-found');
    lab.migrations.cancel({ migrationId: 'migration-1' });
    await ended({ lab }, 'migration-1');
    await lab.hosts.delete({ hostId: 'host-b' });
    expect((await lab.migrations.evacuate({ hostId: 'host-a' })).refused).toMatchObject([
      { vmId, refusal: { why: 'There is no other host.' } },
    ]);
  });
});

describe('a restarted host', () => {
  it('waits for the migrations that run, not for those that wait', async () => {
    const fixture = await aQueue();
    fixture.spawner.onFirst('Host A', 'startVm', crashes());
    fixture.spawner.latest('Host A').crash();
    await expectVmOn(fixture, 'host-a');
    expect(outcomes(fixture)).toEqual(['failed', 'failed', 'failed', 'failed']);
  });
});
