/** Labs on real temporary folders with fake engine processes; closed and removed after each test. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished } from 'vitest';

import { refusalCodeSchema, type RefusalCode } from '../../../src/contract/errors';
import { vmDraftSchema, type VmDraft } from '../../../src/contract/lab';
import type { LabEvent } from '../../../src/contract/events';
import type { Pause } from '../../../src/lab/experiment/pause';
import { Lab } from '../../../src/lab/lab';
import type { RestartPolicy } from '../../../src/lab/process/supervisor';
import { RefusalError } from '../../../src/shared/refusal-error';
import { FakeSpawner } from './fake-spawner';

export const QUICK: RestartPolicy = {
  delaysMs: [5, 10, 20],
  windowMs: 60_000,
  closeMs: 100,
  commandMs: 150,
};

/** A folder that is removed after the test. */
export async function aFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'vmq-test-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** A resources folder with the captures that labs of these tests name; their content is not read. */
export async function someResources(): Promise<string> {
  const folder = await aFolder();
  await mkdir(join(folder, 'captures'));
  await mkdir(join(folder, 'labs'));
  await writeFile(join(folder, 'captures', 'sample-office.pcapng'), '');
  return folder;
}

export interface LabFixture {
  readonly lab: Lab;
  readonly spawner: FakeSpawner;
  readonly dataFolder: string;
  readonly resourcesFolder: string;
}

export interface LabFixtureOptions extends Partial<Omit<LabFixture, 'lab'>> {
  readonly pause?: Pause;
}

/** An open and started lab. */
export async function aLab(options: LabFixtureOptions = {}): Promise<LabFixture> {
  const dataFolder = options.dataFolder ?? (await aFolder());
  const resourcesFolder = options.resourcesFolder ?? (await someResources());
  const spawner = options.spawner ?? new FakeSpawner();
  const lab = await Lab.open({
    dataFolder,
    resourcesFolder,
    spawner,
    policy: QUICK,
    ...(options.pause === undefined ? {} : { pause: options.pause }),
  });
  onTestFinished(async () => {
    await lab.close();
    expect(spawner.living, 'processes that outlive their lab').toEqual([]);
  });
  await lab.start();
  return { lab, spawner, dataFolder, resourcesFolder };
}

/** As the router hands a draft on: parsed, with defaults. */
export function aDraft(draft: Partial<VmDraft> & { name: string }) {
  return vmDraftSchema.parse({ nics: [{}], ...draft });
}

/** Two hosts and a running VM with an address on the first. */
export async function aLabWithTwoHosts(options: LabFixtureOptions = {}) {
  const fixture = await aLab(options);
  await fixture.lab.hosts.create({ name: 'Host A' });
  await fixture.lab.hosts.create({ name: 'Host B' });
  const nics = [{ ipv4: '10.0.10.11', mac: '02:00:5e:10:00:01' }];
  const draft = aDraft({ name: 'web-01', hostId: 'host-a', nics });
  const { vmId } = await fixture.lab.vms.create(draft);
  await until(() => fixture.lab.snapshot().vms[0]?.state === 'running');
  return { ...fixture, vmId };
}

/** Waits until `condition` holds; fails the test after two seconds. */
export async function until(condition: () => boolean): Promise<void> {
  await expect.poll(condition, { timeout: 2000, interval: 2 }).toBe(true);
}

/** The refusal's code that `command` rejects with. */
export async function refusalOf(command: Promise<unknown>): Promise<RefusalCode> {
  const error: unknown = await command.then(
    () => new Error('it was not refused'),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(RefusalError);
  return refusalCodeSchema.parse(error instanceof RefusalError ? error.refusal.code : undefined);
}

/** All events that the lab keeps. */
export async function eventsOf(lab: Lab): Promise<LabEvent[]> {
  const end = new AbortController();
  for await (const batch of lab.events(undefined, end.signal)) {
    end.abort();
    return batch;
  }
  return [];
}

/** Types of all events that the lab keeps. */
export async function eventTypes(lab: Lab): Promise<string[]> {
  return (await eventsOf(lab)).map((event) => event.type);
}
