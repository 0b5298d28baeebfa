/** Nobody runs a VM that another process may still run. */
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { hangs, refuses, type FakeEngineProcess } from './support/fake-engine-process';
import { aLabWithTwoHosts, until, type LabFixture } from './support/lab-fixture';

type Fixture = LabFixture & { readonly vmId: string };

/** A promise, and what resolves it. */
function aGate(): { opened: Promise<void>; open: () => void } {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open };
}

async function start({ lab, vmId }: Fixture): Promise<string> {
  const { migrationId } = await lab.migrations.start({ vmId, targetHostId: 'host-b' });
  return migrationId;
}

function runningOn({ spawner, vmId }: Fixture): FakeEngineProcess[] {
  return spawner.living.filter((process) => process.vms.get(vmId)?.state === 'running');
}

async function savedHost({ dataFolder }: Fixture): Promise<string | undefined> {
  const text = await readFile(join(dataFolder, 'inventory.json'), 'utf8');
  return (JSON.parse(text) as { vms: { hostId: string }[] }).vms[0]?.hostId;
}

describe('a target that does not answer the commit', () => {
  it('has ended before the record is taken back and the source resumes', async () => {
    const fixture = await aLabWithTwoHosts();
    const gate = aGate();
    let target: FakeEngineProcess | undefined;
    fixture.spawner.onFirst('Host B', 'commitIncoming', async (process) => {
      target = process;
      process.lingering = gate.opened;
      await hangs()(process);
    });
    const migrationId = await start(fixture);
    await until(() => fixture.lab.snapshot().hosts[1]?.state === 'restarting');
    // Long enough for everything that would not wait: saving, and a restart.
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(target?.isAlive).toBe(true);
    expect(await savedHost(fixture)).toBe('host-b');
    expect(fixture.spawner.latest('Host A').calls).not.toContain('cancelSend');
    expect(fixture.spawner.latest('Host B')).toBe(target);
    gate.open();
    expect(await fixture.lab.migrationEnded(migrationId)).toMatchObject({ outcome: 'failed' });
    expect(await savedHost(fixture)).toBe('host-a');
    await until(() => fixture.lab.snapshot().hosts[1]?.state === 'running');
    expect(runningOn(fixture)).toEqual([fixture.spawner.latest('Host A')]);
  });
});

describe('a source that does not confirm that it has forgotten a VM', () => {
  it('is ended before the target, which the record names, starts it afresh', async () => {
    const fixture = await aLabWithTwoHosts();
    const source = fixture.spawner.latest('Host A');
    fixture.spawner.onFirst('Host A', 'finishSend', refuses());
    fixture.spawner.onFirst('Host B', 'commitIncoming', async (process) => {
      const path = join(fixture.dataFolder, 'inventory.json');
      await rm(path, { force: true });
      await mkdir(join(path, 'in-the-way'), { recursive: true });
      await refuses()(process);
    });
    const report = await fixture.lab.migrationEnded(await start(fixture));
    expect(report?.warnings.join()).toContain('Host A did not forget web-01');
    expect(source.isAlive).toBe(false);
    await until(() => fixture.lab.snapshot().hosts.every(({ state }) => state === 'running'));
    expect(runningOn(fixture)).toEqual([fixture.spawner.latest('Host B')]);
  });
});

describe('a failed host that is started again by hand', () => {
  it('waits for the migrations that involve it', async () => {
    const fixture = await aLabWithTwoHosts();
    const { lab, spawner } = fixture;
    const gate = aGate();
    spawner.onCommand('Host A', 'cancelSend', () => gate.opened);
    spawner.onCommand('Host B', 'open', refuses('host-memory-exhausted'));
    spawner.onFirst('Host A', 'sendVm:copying', async (process) => {
      spawner.latest('Host B').crash();
      await hangs()(process);
    });
    const migrationId = await start(fixture);
    await until(() => lab.snapshot().hosts[1]?.state === 'failed');
    spawner.onCommand('Host B', 'open');
    let isBack = false;
    const restarted = lab.hosts.restart({ hostId: 'host-b' }).then(() => (isBack = true));
    await until(() => spawner.latest('Host B').calls.includes('open'));
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(isBack).toBe(false);
    gate.open();
    await lab.migrationEnded(migrationId);
    await restarted;
    expect(runningOn(fixture)).toEqual([spawner.latest('Host A')]);
  });
});
