import { describe, expect, it } from 'vitest';

import { MIGRATION_FAULT_KINDS, type MigrationFault } from '../../src/contract/lab';
import { MIGRATION_PHASES, type MigrationPhase } from '../../src/contract/migration';
import { hangs, refuses } from './support/fake-engine-process';
import { SENDING_PHASES } from './support/fake-sending';
import { aLabWithTwoHosts, eventsOf, eventTypes, refusalOf, until } from './support/lab-fixture';
import {
  ended,
  expectNothingLeft,
  expectVmOn,
  migrate,
  type MoveFixture,
} from './support/migration-fixture';

type Kind = MigrationFault['kind'];

/** How a fault must end: on which host, and whether the VM starts afresh there. */
interface Ending {
  readonly outcome: 'completed' | 'failed';
  readonly hostId: 'host-a' | 'host-b';
  readonly afresh: boolean;
}

const MOVED: Ending = { outcome: 'completed', hostId: 'host-b', afresh: false };
const STAYED: Ending = { outcome: 'failed', hostId: 'host-a', afresh: false };

function isSending(phase: MigrationPhase): boolean {
  return SENDING_PHASES.includes(phase);
}

function endingOf(kind: Kind, phase: MigrationPhase): Ending {
  switch (kind) {
    case 'cut-link':
    case 'corrupt-byte':
      // The target is ready from `committing` on: neither side acts on a lost connection.
      return isSending(phase) ? STAYED : MOVED;
    case 'kill-source':
      return isSending(phase) ? { ...STAYED, afresh: true } : MOVED;
    case 'kill-target':
      return phase === 'cleaning-up' ? { ...MOVED, afresh: true } : STAYED;
    case 'fill-target-memory':
      return phase === 'preparing' ? STAYED : MOVED;
    case 'slow-link':
    case 'lose-to-vm':
    case 'lose-from-vm':
      return MOVED;
  }
}

const EVERY = MIGRATION_FAULT_KINDS.flatMap((kind) =>
  MIGRATION_PHASES.map((phase) => [kind, phase] as const),
);

describe('a fault at a phase', () => {
  it.each(EVERY)('%s at %s leaves one running VM and nothing else', async (kind, phase) => {
    const fixture = await aLabWithTwoHosts();
    const ending = endingOf(kind, phase);
    const report = await migrate(fixture, { fault: { kind, phase } });
    expect(report).toMatchObject({ outcome: ending.outcome, fault: { kind, phase } });
    await expectVmOn(fixture, ending.hostId);
    const types = await eventTypes(fixture.lab);
    expect(types.includes('vm/started-afresh')).toBe(ending.afresh);
    expect(types.filter((type) => type === 'migration/fault-injected')).toHaveLength(1);
  });

  it.each(SENDING_PHASES)('strikes while the source waits in %s', async (phase) => {
    const fixture = await aLabWithTwoHosts();
    let waitedIn: MigrationPhase | null | undefined;
    fixture.spawner.onCommand('The fabric', 'loseProbes', () => {
      const [sending] = fixture.spawner.latest('Host A').sending.values();
      waitedIn = sending?.waitsIn;
    });
    await migrate(fixture, { fault: { kind: 'lose-to-vm', phase, amount: 5 } });
    expect(waitedIn).toBe(phase);
    expect(fixture.spawner.latest('The fabric').probes.losses).toEqual([
      { direction: 'to-vm', frames: 5 },
    ]);
    await expectVmOn(fixture, 'host-b');
  });

  it('is told in plain words, before the phases that follow', async () => {
    const fixture = await aLabWithTwoHosts();
    await migrate(fixture, { fault: { kind: 'slow-link', phase: 'copying', amount: 4 } });
    const events = await eventsOf(fixture.lab);
    const at = events.findIndex(({ type }) => type === 'migration/fault-injected');
    expect(events[at]?.text).toBe('The link from Host A to Host B was slowed to 4 MiB/s.');
    expect(events[at - 1]?.text).toContain('is being copied to Host B while it runs');
  });

  it('slows the link through the source, and leaves the other limit', async () => {
    const fixture = await aLabWithTwoHosts();
    fixture.spawner.onCommand('Host A', 'sendVm:stopping-vm', hangs());
    const fault = { kind: 'slow-link', phase: 'copying', amount: 4 } as const;
    await fixture.lab.migrations.start({
      vmId: fixture.vmId,
      targetHostId: 'host-b',
      options: { downtimeLimitMs: 9 },
      fault,
    });
    await until(() => fixture.spawner.latest('Host A').calls.includes('sendVm:stopping-vm'));
    const [sending] = fixture.spawner.latest('Host A').sending.values();
    expect(sending?.limits).toEqual({ bandwidthMiBps: 4, downtimeLimitMs: 9 });
  });

  it('that cannot strike is a warning, and the migration goes on', async () => {
    const fixture = await aLabWithTwoHosts();
    const report = await migrate(fixture, {
      options: { probesPerSecond: 0 },
      fault: { kind: 'lose-to-vm', phase: 'copying' },
    });
    expect(report).toMatchObject({ outcome: 'completed', fault: null, probe: null });
    expect(report.warnings).toEqual([expect.stringContaining('The fault could not be injected.')]);
    await expectVmOn(fixture, 'host-b');
  });

  it('is undone when the migration is cancelled while it strikes', async () => {
    const fixture = await aLabWithTwoHosts();
    let release = (): void => undefined;
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    fixture.spawner.onCommand('Host B', 'fillMemory', () => released);
    const { migrationId } = await fixture.lab.migrations.start({
      vmId: fixture.vmId,
      targetHostId: 'host-b',
      fault: { kind: 'fill-target-memory', phase: 'copying' },
    });
    await until(() => fixture.spawner.latest('Host B').calls.includes('fillMemory'));
    fixture.lab.migrations.cancel({ migrationId });
    const { calls } = fixture.spawner.latest('Host B');
    await until(() => calls.includes('abortIncoming'));
    // Whatever the lab asks of the host before these it has asked for by now.
    for (let question = 0; question < 3; question += 1) await fixture.lab.hostReport('host-b');
    expect(calls).not.toContain('freeFilledMemory');
    release();
    expect(await ended(fixture, migrationId)).toMatchObject({ outcome: 'cancelled' });
    await expectVmOn(fixture, 'host-a');
  });

  it('lets the migration be cancelled while the source waits for it', async () => {
    const fixture = await aLabWithTwoHosts();
    fixture.spawner.onCommand('Host A', 'breakStream', hangs());
    const { migrationId } = await fixture.lab.migrations.start({
      vmId: fixture.vmId,
      targetHostId: 'host-b',
      fault: { kind: 'cut-link', phase: 'stopping-vm' },
    });
    await until(() => fixture.spawner.latest('Host A').calls.includes('breakStream'));
    fixture.lab.migrations.cancel({ migrationId });
    expect(await ended(fixture, migrationId)).toMatchObject({ outcome: 'cancelled' });
    await expectVmOn(fixture, 'host-a');
  });
});

describe('injectFault', () => {
  /** A migration that stays in `copying` until it is released. */
  async function aCopyingOne(): Promise<MoveFixture & { id: string; release: () => void }> {
    const fixture = await aLabWithTwoHosts();
    let release = (): void => undefined;
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    fixture.spawner.onCommand('Host A', 'sendVm:stopping-vm', () => released);
    const { migrationId: id } = await fixture.lab.migrations.start({
      vmId: fixture.vmId,
      targetHostId: 'host-b',
    });
    await until(() => fixture.lab.snapshot().migrations[0]?.phase === 'copying');
    return { ...fixture, id, release };
  }

  it('strikes at once in the phase that it is in', async () => {
    const fixture = await aCopyingOne();
    const fault = { kind: 'lose-from-vm', phase: 'copying', amount: 2 } as const;
    await fixture.lab.migrations.inject({ migrationId: fixture.id, fault });
    expect(fixture.spawner.latest('The fabric').probes.losses).toEqual([
      { direction: 'from-vm', frames: 2 },
    ]);
    fixture.release();
    expect(await ended(fixture, fixture.id)).toMatchObject({ fault: { kind: 'lose-from-vm' } });
    await expectVmOn(fixture, 'host-b');
  });

  it('strikes later in a phase to come', async () => {
    const fixture = await aCopyingOne();
    const fault = { kind: 'kill-target', phase: 'resuming' } as const;
    await fixture.lab.migrations.inject({ migrationId: fixture.id, fault });
    expect(fixture.spawner.latest('Host B').isAlive).toBe(true);
    fixture.release();
    expect(await ended(fixture, fixture.id)).toMatchObject({ outcome: 'failed', fault });
    await expectVmOn(fixture, 'host-a');
  });

  it('is refused for a phase that has passed, for one that has ended, and with the reason why it cannot strike', async () => {
    const fixture = await aCopyingOne();
    const inject = (phase: MigrationPhase, migrationId = fixture.id) =>
      refusalOf(fixture.lab.migrations.inject({ migrationId, fault: { kind: 'cut-link', phase } }));
    expect(await inject('stopping-dma')).toBe('wrong-state');
    expect(await inject('copying', 'migration-9')).toBe('not-found');
    fixture.spawner.onFirst('Host A', 'breakStream', refuses('migration-failed'));
    expect(await inject('copying')).toBe('migration-failed');
    fixture.release();
    await ended(fixture, fixture.id);
    expect(await inject('cleaning-up')).toBe('wrong-state');
    await expectNothingLeft(fixture);
  });
});
