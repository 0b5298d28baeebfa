import { readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

import { labConfigSchema } from '../../src/contract/model';
import { CaptureLibrary } from '../../src/lab/captures';
import { inventoryProblems } from '../../src/lab/inventory/inventory-problems';
import { LabFileError, type LabFileProblem } from '../../src/lab/lab-file/lab-file-error';
import { loadLabFile, parseLabFile } from '../../src/lab/lab-file/lab-file';
import { stepText } from '../../src/lab/lab-file/steps';
import { someResources } from './support/lab-fixture';

const GOOD = `schema: 1
name: Two hosts
hosts:
  - name: Host A
    adapters: [{ name: nic-a }]
  - name: Host B
    adapters: [{ name: nic-a }, { name: nic-b }]
vms:
  - name: web-01
    host: Host A
    nics:
      - macs: ['02:00:5e:10:00:01']
        vlan: 10
  - name: web-02
    host: Host B
    nics:
      - macs: ['02:00:5e:10:00:02']
        adapter: nic-b
links:
  - name: Office
    kind: replay
    plug: Host A/nic-a
    file: sample:sample-office.pcapng
    autostart: false
  - name: Flood
    kind: generator
    plug: fabric
    rate: { mode: maximum }
    targets: [{ mac: '02:00:5e:10:00:01' }]
steps:
  - startLink: { link: Office }
  - waitForLink: { link: Office }
  - migrate: { vm: web-01, to: Host B }
  - clearFilter: { vm: web-01 }
  - setMode: { host: Host B, adapter: nic-a, vmqEnabled: false, bufferMode: host-buffers }
  - adapterEvent: { host: Host B, adapter: nic-b, event: pause }
  - experiment: { host: Host A, adapter: nic-a, rounds: 8 }
`;

async function load(text: string) {
  return parseLabFile(text, '/labs/lab.yaml', new CaptureLibrary(await someResources()));
}

/** Problems of the good file with one part replaced. */
async function problemsWith(part: string, replacement: string): Promise<readonly LabFileProblem[]> {
  expect(GOOD).toContain(part);
  return problemsOf(GOOD.replace(part, replacement));
}

async function problemsOf(text: string): Promise<readonly LabFileProblem[]> {
  const error: unknown = await load(text).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(LabFileError);
  return error instanceof LabFileError ? error.problems : [];
}

describe('a lab file', () => {
  it('becomes an inventory with ids made of names, and steps with ids', async () => {
    const { config, deferredLinks, steps } = await load(GOOD);
    expect(labConfigSchema.parse(config)).toEqual(config);
    expect(inventoryProblems(config)).toEqual([]);
    expect(config.hosts.map(({ id }) => id)).toEqual(['host-a', 'host-b']);
    expect(config.vms[0]).toMatchObject({
      id: 'web-01',
      hostId: 'host-a',
      power: 'running',
      nics: [{ id: 'nic-web-01-0', adapter: 'nic-a', vlan: { mode: 'access', id: 10 } }],
    });
    expect(config.links.map(({ id }) => id)).toEqual(['flood']);
    expect([...deferredLinks.keys()]).toEqual(['office']);
    expect(steps.map(stepText)).toEqual([
      'start link Office',
      'wait for link Office',
      'migrate web-01 to Host B',
      'clear the filters of NIC 0 of web-01',
      'set nic-a of Host B to VMQ off, host-buffers',
      'pause of nic-b of Host B',
      'compare the modes of nic-a of Host A, 8 rounds of 1 s',
    ]);
  });

  it('that is shipped as the sample is sound', async () => {
    const path = resolve('resources/labs/sample.yaml');
    const { config } = await loadLabFile(path, new CaptureLibrary(await someResources()));
    expect(config.hosts.map(({ name }) => name)).toEqual(['Host A', 'Host B']);
    expect(config.vms.map(({ name }) => name)).toEqual(['web-01', 'web-02', 'db-01', 'db-02']);
    expect(config.links).toMatchObject([
      { kind: 'replay', loops: 0 },
      { kind: 'generator', frameBytes: 512 },
    ]);
  });

  it.each(readdirSync('resources/labs'))('that is shipped as %s is sound', async (name) => {
    const path = resolve('resources/labs', name);
    const { steps } = await loadLabFile(path, new CaptureLibrary(await someResources()));
    expect(steps).not.toEqual([]);
  });

  it('that the documentation shows is sound', async () => {
    const text = await readFile(resolve('docs/lab-file.md'), 'utf8');
    const [, example] = /```yaml\n(# A complete lab file[^]*?)```/.exec(text) ?? [];
    await load(example ?? '');
  });
});

describe('steps that move VMs', () => {
  const AGAIN = `steps:
  - migrate:
      vm: web-01
      to: Host B
      options: { bandwidthMiBps: 50, whenNotConverging: give-up }
      fault: { kind: slow-link, phase: copying, amount: 4 }
      expect: failed
  - migrate: { vm: web-01, to: Host B, wait: false }
  - waitForMigrations: { timeoutSeconds: 10 }
  - evacuate: { host: Host B, options: { probesPerSecond: 0 } }
`;
  const withSteps = (steps: string): string => GOOD.slice(0, GOOD.indexOf('steps:')) + steps;

  it('have options with defaults, a fault, and an expectation', async () => {
    const { steps } = await load(withSteps(AGAIN));
    expect(steps).toMatchObject([
      {
        kind: 'migrate',
        options: {
          bandwidthMiBps: 50,
          whenNotConverging: 'give-up',
          downtimeLimitMs: 20,
          probesPerSecond: 500,
        },
        fault: { kind: 'slow-link', phase: 'copying', amount: 4 },
        expect: 'failed',
        wait: true,
      },
      { kind: 'migrate', fault: undefined, expect: 'completed', wait: false },
      { kind: 'wait-for-migrations', timeoutSeconds: 10 },
      { kind: 'evacuate', hostId: 'host-b', options: { probesPerSecond: 0, maxRounds: 12 } },
    ]);
    expect(steps.map(stepText)).toEqual([
      'migrate web-01 to Host B, with slow-link at copying, which must fail',
      'migrate web-01 to Host B, without waiting',
      'wait for migrations',
      'evacuate Host B',
    ]);
  });

  it('may move a VM anywhere after an evacuation, which decides itself where VMs go', async () => {
    const { steps } = await load(
      withSteps(`steps:
  - evacuate: { host: Host A }
  - migrate: { vm: web-01, to: Host A }
  - migrate: { vm: web-01, to: Host B }
`),
    );
    expect(steps).toHaveLength(3);
  });

  it('are waited for at the end of the file when no step does', async () => {
    const { steps } = await load(
      withSteps('steps:\n  - migrate: { vm: web-01, to: Host B, wait: false }\n'),
    );
    expect(steps.at(-1)).toEqual({ kind: 'wait-for-migrations', timeoutSeconds: 300 });
  });

  it.each([
    ['waitForMigrations: {}', 'steps.0.waitForMigrations', 'an earlier migrate with wait: false'],
    ['evacuate: { host: Host C }', 'steps.0.evacuate.host', 'one of "Host A", "Host B"'],
    [
      'migrate: { vm: web-01, to: Host B, options: { downtimeLimitMs: 0 } }',
      'steps.0.migrate.options.downtimeLimitMs',
      'a number of at least 1',
    ],
    [
      'migrate: { vm: web-01, to: Host B, options: { speed: 1 } }',
      'steps.0.migrate.options.speed',
      'a known field',
    ],
    [
      'migrate: { vm: web-01, to: Host B, fault: { kind: flood, phase: copying } }',
      'steps.0.migrate.fault.kind',
      '"cut-link"',
    ],
  ])('are refused as "%s"', async (step, field, expected) => {
    expect(await problemsOf(withSteps(`steps:\n  - ${step}\n`))).toMatchObject([
      { field, expected: expect.stringContaining(expected) as string },
    ]);
  });

  it('are refused for an evacuation with nowhere to go', async () => {
    const text = `schema: 1
name: One host
hosts: [{ name: Host A, adapters: [{ name: nic-a }] }]
steps: [{ evacuate: { host: Host A } }]
`;
    expect(await problemsOf(text)).toMatchObject([
      { field: 'steps.0.evacuate.host', expected: 'another host that VMs can move to' },
    ]);
  });
});

describe('a lab file is refused with the place of the problem', () => {
  it('when it cannot be read', async () => {
    const captures = new CaptureLibrary(await someResources());
    await expect(loadLabFile('/nowhere/lab.yaml', captures)).rejects.toThrow(
      '/nowhere/lab.yaml:1:1: expected a readable file',
    );
  });

  it('when it is not YAML', async () => {
    expect(await problemsOf('schema: 1\nname: [unclosed\n')).toMatchObject(
      [{ expected: 'YAML' }, {}].slice(0, 1),
    );
  });

  it('with file, line, column, field, what was expected and what was found', async () => {
    await expect(load(GOOD.replace('vlan: 10', 'vlan: 4095'))).rejects.toThrow(
      '/labs/lab.yaml:13:15: vms.0.nics.0.vlan: expected a VLAN id from 1 to 4094, found 4095',
    );
  });

  it('with all problems at once, in the order of the file', async () => {
    const text = GOOD.replace('schema: 1', 'schema: 2')
      .replace("'02:00:5e:10:00:01']", "'01:00:5e:10:00:01']")
      .replace('kind: generator', 'kind: flood');
    expect((await problemsOf(text)).map(({ field }) => field)).toEqual([
      'schema',
      'vms.0.nics.0.macs.0',
      'links.1.kind',
    ]);
  });

  it.each([
    ['name: Two hosts', 'name: 7', 'name', 'a string', '7'],
    ['host: Host A', 'hots: Host A', 'vms.0.hots', 'a known field', '"hots"'],
    ['vlan: 10', 'vlan: ten', 'vms.0.nics.0.vlan', 'a number', '"ten"'],
    [
      'startLink: { link: Office }',
      'startLnik: { link: Office }',
      'steps.0',
      'one of: wait, waitForLink',
      'startLnik',
    ],
    [
      'startLink: { link: Office }',
      'startLink: { lnik: Office }',
      'steps.0.startLink.lnik',
      'a known field',
      '"lnik"',
    ],
    ['host: Host A', 'host: Host Z', 'vms.0.host', 'one of "Host A", "Host B"', '"Host Z"'],
    [
      'adapter: nic-b',
      'adapter: nic-z',
      'vms.1.nics.0.adapter',
      'one of "nic-a", "nic-b"',
      '"nic-z"',
    ],
    [
      'experiment: { host: Host A, adapter: nic-a,',
      'experiment: { host: Host A, adapter: nic-z,',
      'steps.6.experiment.adapter',
      'one of "nic-a"',
      '"nic-z"',
    ],
    ['rounds: 8', 'rounds: 2', 'steps.6.experiment.rounds', '3', '2'],
    [
      '02:00:5e:10:00:02',
      '02:00:5e:10:00:01',
      'vms.1.nics.0.macs.0',
      'a MAC address that is used once',
      'a second time',
    ],
    ['name: web-02', 'name: web-01', 'vms.1.name', 'a VM name that is used once', 'a second time'],
    [
      '- name: Host B',
      '- name: Host A',
      'hosts.1.name',
      'a host name that is used once',
      'a second time',
    ],
    [
      'name: Flood',
      'name: Office',
      'links.1.name',
      'a link name that is used once',
      'a second time',
    ],
    [
      'plug: Host A/nic-a',
      'plug: Host A/nic-b',
      'links.0.plug',
      '"fabric", "Host A/nic-a"',
      '"Host A/nic-b"',
    ],
    [
      'sample:sample-office.pcapng',
      'missing.pcap',
      'links.0.file',
      'a capture that can be read',
      '/labs/missing.pcap',
    ],
    [
      'sample:sample-office.pcapng',
      'sample:../secret',
      'links.0.file',
      'a capture that can be read',
      'sample:../secret',
    ],
    [
      'waitForLink: { link: Office }',
      'waitForLink: { link: Flood }',
      'steps.1.waitForLink.link',
      'a link that ends by itself',
      'runs until it is stopped',
    ],
    [
      'startLink: { link: Office }',
      'wait: { seconds: 1 }',
      'steps.1.waitForLink.link',
      'a link that an earlier step has started',
      'autostart: false',
    ],
    [
      'startLink: { link: Office }',
      'stopLink: { link: Nothing }',
      'steps.0.stopLink.link',
      'one of "Office", "Flood"',
      '"Nothing"',
    ],
    [
      'migrate: { vm: web-01, to: Host B }',
      'migrate: { vm: web-01, to: Host A }',
      'steps.2.migrate.to',
      'another host',
      '"Host A"',
    ],
    [
      'migrate: { vm: web-01, to: Host B }',
      'migrate: { vm: web-02, to: Host A }',
      'steps.2.migrate.to',
      'a host with an adapter "nic-b"',
      '"Host A"',
    ],
    [
      'clearFilter: { vm: web-01 }',
      'clearFilter: { vm: web-01, nic: 2 }',
      'steps.3.clearFilter.nic',
      'a NIC of web-01, 0 to 0',
      '2',
    ],
    [
      'vmqEnabled: false, bufferMode: host-buffers',
      '',
      'steps.4.setMode',
      'vmqEnabled, bufferMode, queueCount or several of them',
      'none',
    ],
    [
      'adapterEvent: { host: Host B, adapter: nic-b,',
      'adapterEvent: { host: Host B, adapter: nic-z,',
      'steps.5.adapterEvent.adapter',
      'one of "nic-a", "nic-b"',
      '"nic-z"',
    ],
  ])('when "%s" is "%s"', async (part, replacement, field, expected, found) => {
    const problems = await problemsWith(part, replacement);
    const problem = problems.find((candidate) => candidate.field === field);
    expect(problem, JSON.stringify(problems)).toBeDefined();
    expect(problem?.expected).toContain(expected);
    expect(problem?.found).toContain(found);
    const place = GOOD.slice(0, GOOD.indexOf(part)).split('\n').length;
    expect(Math.abs((problem?.line ?? 0) - place)).toBeLessThanOrEqual(1);
  });

  it('when an experiment would begin while migrations are under way', async () => {
    const moving = 'migrate: { vm: web-01, to: Host B, wait: false }';
    const problems = await problemsWith('migrate: { vm: web-01, to: Host B }', moving);
    expect(problems).toMatchObject([
      {
        field: 'steps.6.experiment',
        expected: 'an earlier waitForMigrations',
        found: 'migrations under way',
      },
    ]);
  });

  it('when a VM would move to the host that an earlier step has moved it to', async () => {
    const again = 'migrate: { vm: web-01, to: Host B }';
    expect(await problemsWith('clearFilter: { vm: web-01 }', again)).toMatchObject([
      { field: 'steps.3.migrate.to', found: '"Host B", where web-01 is by then' },
    ]);
  });
});
