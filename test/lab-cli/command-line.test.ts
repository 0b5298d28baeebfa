import { readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';

import { labReportSchema, type LabReport } from '../../src/contract/report';
import { runCommandLine } from '../../src/lab-cli/command-line';
import { hangs, refuses } from '../lab/support/fake-engine-process';
import { FakeSpawner } from '../lab/support/fake-spawner';
import { aFolder, someResources, until } from '../lab/support/lab-fixture';

const HOSTS = `schema: 1
name: Run
hosts:
  - { name: Host A, adapters: [{ name: nic-a }] }
  - { name: Host B, adapters: [{ name: nic-a }] }
vms:
  - { name: web-01, host: Host A, nics: [{ macs: ['02:00:5e:10:00:01'], ipv4: 10.0.0.1 }] }
links:
  - { name: Office, kind: replay, plug: fabric, file: 'sample:sample-office.pcapng', autostart: false }
`;

async function aRun(steps: string) {
  const folder = await aFolder();
  const file = join(folder, 'lab.yaml');
  const reportPath = join(folder, 'report.json');
  await writeFile(file, HOSTS + steps);
  const spawner = new FakeSpawner();
  const lines: string[] = [];
  const errors: string[] = [];
  const interrupts: (() => void)[] = [];
  const resourcesFolder = await someResources();
  const run = (...args: string[]) =>
    runCommandLine(args, {
      entryPath: '/nowhere',
      resourcesFolder,
      spawner,
      write: (line) => lines.push(line),
      writeError: (line) => errors.push(line),
      onInterrupt: (listener) => interrupts.push(listener),
    });
  const report = async (): Promise<LabReport> =>
    labReportSchema.parse(JSON.parse(await readFile(reportPath, 'utf8')));
  return { file, reportPath, spawner, lines, errors, interrupts, run, report };
}

describe('the lab runner', () => {
  it('carries out every step, writes a report and ends with 0', async () => {
    const { file, reportPath, run, report, lines, errors, spawner } = await aRun(`steps:
  - startLink: { link: Office }
  - migrate: { vm: web-01, to: Host B }
  - setMode: { host: Host B, adapter: nic-a, bufferMode: host-buffers }
  - clearFilter: { vm: web-01 }
  - stopVm: { vm: web-01 }
`);
    expect(await run(file, '--report', reportPath), errors.join('\n')).toBe(0);
    const written = await report();
    expect(written).toMatchObject({
      lab: 'Run',
      ok: true,
      conservation: {
        entered: { fromWire: 20, fromVms: 4 },
        copiesMade: 2,
        dropped: { 'port-full': 2 },
        held: 0,
        holds: true,
      },
      migrations: [{ outcome: 'completed', vmName: 'web-01' }],
    });
    expect(written.steps.map(({ ok }) => ok)).toEqual([true, true, true, true, true]);
    expect(lines.filter((line) => line.startsWith('step'))).toHaveLength(5);
    expect(lines.at(-1)).toMatch(
      /^ok: 5 steps in .* 24 entered \+ 2 copied = 24 delivered \+ 2 dropped \+ 0 held$/,
    );
    expect(spawner.latest('The fabric').links.get('office')?.state).toBe('stopped');
    expect(spawner.living).toEqual([]);
  }, 20_000);

  it('moves VMs side by side, evacuates a host, and meets faults that it asked for', async () => {
    const { file, reportPath, run, report, errors, lines } = await aRun(`steps:
  - migrate: { vm: web-01, to: Host B, fault: { kind: cut-link, phase: copying }, expect: failed }
  - migrate: { vm: web-01, to: Host B, options: { probesPerSecond: 100 }, wait: false }
  - waitForMigrations: {}
  - evacuate: { host: Host B }
  - migrate: { vm: web-01, to: Host B, fault: { kind: kill-target, phase: resuming }, expect: failed }
`);
    expect(await run(file, '--report', reportPath), errors.concat(lines).join('\n')).toBe(0);
    const { steps, migrations } = await report();
    expect(steps.map(({ ok }) => ok)).toEqual([true, true, true, true, true]);
    expect(steps.map(({ text }) => text)).toEqual([
      expect.stringMatching(/^failed, as it must: .*The connection was cut/),
      'begun',
      expect.stringMatching(/^web-01: moved in .* s, stopped for 3.0 ms, 2 of 100 probes lost$/),
      '1 VM moved',
      expect.stringMatching(/^failed, as it must: /),
    ]);
    expect(migrations.map(({ outcome, fault }) => [outcome, fault?.kind])).toEqual([
      ['failed', 'cut-link'],
      ['completed', undefined],
      ['completed', undefined],
      ['failed', 'kill-target'],
    ]);
    expect(migrations[1]?.options.probesPerSecond).toBe(100);
  }, 20_000);

  it('waits for a host that a fault of the file killed', async () => {
    const { file, reportPath, run, report, spawner, lines } = await aRun(
      'steps:\n  - migrate: { vm: web-01, to: Host B, fault: { kind: kill-target, phase: resuming }, expect: failed }\n',
    );
    spawner.onCommand('Host B', 'open', async (process) => {
      const isAgain = spawner.all.filter(({ name }) => name === process.name).length > 1;
      if (isAgain) await delay(1200);
    });
    expect(await run(file, '--report', reportPath), lines.join('\n')).toBe(0);
    expect((await report()).hosts.map(({ conservation }) => conservation.holds)).toEqual([
      true,
      true,
    ]);
  }, 20_000);

  it('ends with 1 when a migration completes that must fail', async () => {
    const { file, reportPath, run, report } = await aRun(
      'steps:\n  - migrate: { vm: web-01, to: Host B, expect: failed }\n',
    );
    expect(await run(file, '--report', reportPath)).toBe(1);
    expect((await report()).steps[0]?.text).toContain('The migration did not fail.');
  }, 20_000);

  it('cancels what is under way when a later step fails', async () => {
    const { file, reportPath, run, report, spawner } = await aRun(`steps:
  - migrate: { vm: web-01, to: Host B, wait: false }
  - setMode: { host: Host B, adapter: nic-a, bufferMode: host-buffers }
  - waitForMigrations: {}
`);
    spawner.onCommand('Host A', 'sendVm:copying', hangs());
    spawner.onCommand('Host B', 'setAdapter', refuses());
    expect(await run(file, '--report', reportPath)).toBe(1);
    expect(await report()).toMatchObject({
      ok: false,
      steps: [{ ok: true }, { ok: false }],
      migrations: [{ outcome: 'cancelled' }],
    });
    expect(spawner.living).toEqual([]);
  }, 20_000);

  it('ends with 1 when VMs cannot leave a host, and says why', async () => {
    const { file, reportPath, run, report, spawner } = await aRun(
      'steps:\n  - evacuate: { host: Host A }\n',
    );
    spawner.onCommand('Host B', 'open', (process) => {
      process.filledBytes = 980 * 1024 * 1024;
    });
    expect(await run(file, '--report', reportPath)).toBe(1);
    expect((await report()).steps[0]?.text).toContain('1 VM could not leave Host A.');
    expect((await report()).steps[0]?.text).toContain('web-01 needs 69 MiB on Host B');
  }, 20_000);

  it('waits for a link that ends', async () => {
    const { file, run, spawner } = await aRun(
      'steps:\n  - startLink: { link: Office }\n  - waitForLink: { link: Office }\n',
    );
    spawner.onCommand('The fabric', 'addLink', (process) => {
      setTimeout(() => process.finishLink('office'), 100);
    });
    expect(await run(file, '--quiet')).toBe(0);
  }, 20_000);

  it('ends with 1 after the first step that fails, and reports why', async () => {
    const { file, reportPath, run, report, spawner } = await aRun(
      'steps:\n  - migrate: { vm: web-01, to: Host B }\n  - wait: { seconds: 100 }\n',
    );
    spawner.onCommand('Host B', 'prepareIncoming', refuses('migration-failed'));
    expect(await run(file, '--report', reportPath)).toBe(1);
    const written = await report();
    expect(written.ok).toBe(false);
    expect(written.steps).toMatchObject([
      { ok: false, text: expect.stringContaining('The engine refused.') as string },
    ]);
    expect(spawner.living).toEqual([]);
  }, 20_000);

  it('ends with 1 when a frame is unaccounted for', async () => {
    const { file, reportPath, run, report, spawner } = await aRun('');
    spawner.onCommand('Host B', 'report', (process) => {
      process.conservation = { ...process.conservation, holds: false };
    });
    expect(await run(file, '--report', reportPath)).toBe(1);
    expect((await report()).conservation.holds).toBe(false);
  }, 20_000);

  it('stops cleanly when it is interrupted, with a report that is not ok', async () => {
    const { file, reportPath, run, report, interrupts, spawner, lines } = await aRun(
      'steps:\n  - wait: { seconds: 100 }\n',
    );
    const exitCode = run(file, '--report', reportPath);
    await until(
      () =>
        spawner.all.length === 3 && spawner.latest('Host A').vms.get('web-01')?.state === 'running',
    );
    for (const interrupt of interrupts) interrupt();
    expect(await exitCode).toBe(1);
    expect(await report()).toMatchObject({ ok: false, steps: [{ ok: false }] });
    expect(lines).toContain('interrupted: ending the run');
    expect(spawner.living).toEqual([]);
  }, 20_000);

  it('reports a host that was lost as not conserved', async () => {
    const { file, reportPath, run, report, spawner, errors } = await aRun(
      'steps:\n  - wait: { seconds: 0.1 }\n',
    );
    spawner.onFirst('Host B', 'report', (process) => {
      spawner.onCommand('Host B', 'open', refuses('host-memory-exhausted'));
      process.crash();
    });
    expect(await run(file, '--report', reportPath)).toBe(1);
    expect(errors).toEqual([]);
    expect((await report()).hosts[1]).toMatchObject({
      hostId: 'host-b',
      conservation: { holds: false },
    });
  }, 30_000);

  it('ends with 2 and starts nothing when the lab file is wrong', async () => {
    const { file, run, errors, spawner } = await aRun('steps:\n  - stopVm: { vm: web-99 }\n');
    expect(await run(file)).toBe(2);
    expect(errors).toEqual([
      `${file}:11:19: steps.0.stopVm.vm: expected one of "web-01", found "web-99"`,
    ]);
    expect(spawner.all).toEqual([]);
  });

  it.each([[[]], [['a.yaml', '--unknown']]])('ends with 2 for the arguments %j', async (args) => {
    const { run, errors } = await aRun('');
    expect(await run(...args)).toBe(2);
    expect(errors.join()).toContain('error:');
  });

  it('refuses a data folder that holds a lab already', async () => {
    const { file, run, errors } = await aRun('');
    const folder = await aFolder();
    expect(await run(file, '--quiet', '--data-folder', folder)).toBe(0);
    expect(await run(file, '--quiet', '--data-folder', resolve(folder))).toBe(1);
    expect(errors.join()).toContain('The lab is not empty.');
  }, 30_000);
});
