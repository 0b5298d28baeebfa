/** The lab with its real processes: hosts and fabric are children of this one, from the built bundle. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { VmDraft } from '../../src/contract/lab';
import { vmDraftSchema } from '../../src/contract/lab';
import { Lab } from '../../src/lab/lab';
import { NodeSpawner } from '../../src/lab/process/node-spawner';
import { sleep, until } from '../support/engine-lab';

const ENTRY = resolve('out/main/engine-host.js');

let folder = '';
let lab: Lab;
let hosts: string[] = [];

async function open(): Promise<void> {
  lab = await Lab.open({
    dataFolder: folder,
    resourcesFolder: resolve('resources'),
    spawner: new NodeSpawner(ENTRY),
  });
  await lab.start();
}

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'vmq-lab-'));
  await open();
  hosts = [];
  for (const name of ['Host A', 'Host B'])
    hosts.push((await lab.hosts.create({ name, memoryMiB: 1024, queueCount: 4 })).hostId);
});

afterEach(async () => {
  await lab.close();
  rmSync(folder, { recursive: true, force: true });
});

/** A VM on Host A that rewrites its memory all the time: its migration takes a while. */
async function createBusyVm(): Promise<string> {
  const draft: VmDraft = {
    name: 'busy',
    hostId: hosts[0],
    memoryMiB: 640,
    nics: [{ vlan: { mode: 'access', id: 10 }, ipv4: '10.0.10.11' }],
    workload: { kind: 'page-writer', pagesPerSecond: 400_000 },
  };
  const { vmId } = await lab.vms.create(vmDraftSchema.parse(draft));
  await until('the VM to run', () => vmState(vmId) === 'running');
  // Until most of its pages have been written.
  await sleep(1500);
  return vmId;
}

const vmState = (vmId: string): string =>
  lab.snapshot().vms.find((vm) => vm.vmId === vmId)?.state ?? '';
const hostOf = (vmId: string): string =>
  lab.snapshot().config.vms.find((vm) => vm.id === vmId)?.hostId ?? '';
const phase = (): string => lab.snapshot().migrations[0]?.phase ?? '';
const pidOf = (hostId: string | undefined): number =>
  lab.snapshot().hosts.find((host) => host.hostId === hostId)?.pid ?? 0;

describe('a lab with real processes', () => {
  it('leaves a VM running at its source when the target is killed while its memory is copied', async () => {
    const vmId = await createBusyVm();
    const { migrationId } = await lab.migrations.start({ vmId, targetHostId: hosts[1] ?? '' });
    await until('the copy', () => phase() === 'copying', 20_000);
    process.kill(pidOf(hosts[1]), 'SIGKILL');
    const report = await lab.migrationEnded(migrationId);
    expect(report).toMatchObject({ outcome: 'failed' });
    expect(report?.reason).not.toBe('');
    expect(hostOf(vmId)).toBe(hosts[0]);
    await until('the VM to run on', () => vmState(vmId) === 'running');
    await until(
      'the target to be back',
      () => lab.snapshot().hosts.every((host) => host.state === 'running'),
      20_000,
    );

    // It can be moved after that.
    const again = await lab.migrations.start({ vmId, targetHostId: hosts[1] ?? '' });
    expect(await lab.migrationEnded(again.migrationId)).toMatchObject({ outcome: 'completed' });
    expect(hostOf(vmId)).toBe(hosts[1]);
  });

  it('leaves a VM running at its source when the migration is cancelled', async () => {
    const vmId = await createBusyVm();
    const { migrationId } = await lab.migrations.start({ vmId, targetHostId: hosts[1] ?? '' });
    await until('the copy', () => phase() === 'copying', 20_000);
    lab.migrations.cancel({ migrationId });
    expect(await lab.migrationEnded(migrationId)).toMatchObject({ outcome: 'cancelled' });
    expect(hostOf(vmId)).toBe(hosts[0]);
    await until('the VM to run on', () => vmState(vmId) === 'running');
  });

  it('brings hosts and VMs back after a restart', async () => {
    const { vmId } = await lab.vms.create(
      vmDraftSchema.parse({
        name: 'web',
        hostId: hosts[0],
        memoryMiB: 32,
        nics: [{}],
        workload: { kind: 'responder' },
      }),
    );
    await until('the VM to run', () => vmState(vmId) === 'running');
    await lab.close();
    await open();
    await until('the VM to run again', () => vmState(vmId) === 'running', 20_000);
    expect(lab.snapshot().config.hosts.map((host) => host.name)).toEqual(['Host A', 'Host B']);
  });
});
