/** Migrations on labs with fake engine processes, and what must hold after each. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';

import type { MigrationFault } from '../../../src/contract/lab';
import type { MigrationOptions } from '../../../src/contract/migration';
import { labConfigSchema } from '../../../src/contract/model';
import type { MigrationReport } from '../../../src/contract/report';
import { aDraft, aLabWithTwoHosts, until, type LabFixture } from './lab-fixture';

export type MoveFixture = LabFixture & { readonly vmId: string };

/** Two hosts, and so many running VMs on the first: `web-01`, `web-02` … */
export async function aLabWithVms(count: number): Promise<MoveFixture> {
  const fixture = await aLabWithTwoHosts();
  for (let number = 2; number <= count; number += 1)
    await fixture.lab.vms.create(aDraft({ name: `web-0${number}`, hostId: 'host-a' }));
  await until(() => fixture.lab.snapshot().vms.every(({ state }) => state === 'running'));
  return fixture;
}

/** Moves the fixture's VM to Host B and waits for the end. */
export async function migrate(
  { lab, vmId }: MoveFixture,
  details: { options?: Partial<MigrationOptions>; fault?: MigrationFault } = {},
): Promise<MigrationReport> {
  const { migrationId } = await lab.migrations.start({ vmId, targetHostId: 'host-b', ...details });
  return ended({ lab }, migrationId);
}

export async function ended(
  { lab }: Pick<LabFixture, 'lab'>,
  migrationId: string,
): Promise<MigrationReport> {
  const report = await lab.migrationEnded(migrationId);
  if (report === undefined) throw new Error('the migration left no report');
  return report;
}

/** Host of a VM by the file on disk. */
export async function savedHost(
  { dataFolder }: LabFixture,
  vmId = 'web-01',
): Promise<string | undefined> {
  const text = await readFile(join(dataFolder, 'inventory.json'), 'utf8');
  return labConfigSchema.parse(JSON.parse(text)).vms.find(({ id }) => id === vmId)?.hostId;
}

/** Waits until the VM runs on exactly the host that the inventory names, in memory and on disk, and nothing is left. */
export async function expectVmOn(fixture: MoveFixture, hostId: string): Promise<void> {
  const { lab, spawner, vmId } = fixture;
  const running = () =>
    spawner.living
      .filter((process) => process.vms.get(vmId)?.state === 'running')
      .map((process) => process.config?.id);
  await until(
    () => lab.snapshot().hosts.every(({ state }) => state === 'running') && running().length === 1,
  );
  expect(running()).toEqual([hostId]);
  expect(lab.snapshot().config.vms.find(({ id }) => id === vmId)?.hostId).toBe(hostId);
  expect(await savedHost(fixture, vmId)).toBe(hostId);
  expect(lab.snapshot().vms.find((vm) => vm.vmId === vmId)?.migrationId).toBeNull();
  await expectNothingLeft(fixture);
}

/** No incoming or outgoing VM, no probe, no filled memory in any process, and no file beside the inventory. */
export async function expectNothingLeft({ spawner, dataFolder }: LabFixture): Promise<void> {
  for (const process of spawner.living) {
    expect([...process.incoming.keys()], `incoming on ${process.name}`).toEqual([]);
    expect([...process.sending.keys()], `outgoing on ${process.name}`).toEqual([]);
    expect(process.probes.count, `probes of ${process.name}`).toBe(0);
    expect(process.filledBytes, `filled on ${process.name}`).toBe(0);
  }
  const files = (await readdir(dataFolder)).filter((name) => name.startsWith('inventory.json'));
  expect(files).toEqual(['inventory.json']);
}
