import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

import { labConfigSchema, type LinkConfig } from '../../src/contract/model';
import { MacRegistry } from '../../src/lab/mac-registry';
import { RefusalError } from '../../src/shared/refusal-error';
import { crashes, refuses } from './support/fake-engine-process';
import {
  aDraft,
  aLab,
  aLabWithTwoHosts,
  eventTypes,
  refusalOf,
  until,
  type LabFixture,
} from './support/lab-fixture';

const OFFICE: LinkConfig = {
  kind: 'replay',
  id: 'office',
  name: 'office',
  plug: { at: 'fabric' },
  file: 'sample:sample-office.pcapng',
  rate: { mode: 'recorded' },
  loops: 0,
};

async function saved({ dataFolder }: LabFixture) {
  return labConfigSchema.parse(
    JSON.parse(await readFile(join(dataFolder, 'inventory.json'), 'utf8')),
  );
}

describe('createVm', () => {
  it('makes "Host A" with "nic-a" first when the lab is empty', async () => {
    const fixture = await aLab();
    const { vmId } = await fixture.lab.vms.create(aDraft({ name: 'web-01' }));
    const { hosts, vms } = fixture.lab.snapshot().config;
    expect(hosts).toMatchObject([{ id: 'host-a', name: 'Host A', adapters: [{ name: 'nic-a' }] }]);
    expect(vms).toMatchObject([
      {
        id: vmId,
        hostId: 'host-a',
        power: 'running',
        nics: [{ adapter: 'nic-a', macs: ['02:00:5e:10:00:01'] }],
      },
    ]);
    expect(await saved(fixture)).toEqual(fixture.lab.snapshot().config);
    expect(fixture.spawner.latest('Host A').vms.get(vmId)?.state).toBe('running');
  });

  it('leaves an empty lab empty when the VM is refused', async () => {
    const fixture = await aLab();
    fixture.spawner.onCommand('Host A', 'addVm', refuses('host-memory-exhausted'));
    expect(await refusalOf(fixture.lab.vms.create(aDraft({ name: 'web-01' })))).toBe(
      'host-memory-exhausted',
    );
    expect(fixture.lab.snapshot()).toMatchObject({ config: { hosts: [], vms: [] }, hosts: [] });
    expect((await saved(fixture)).hosts).toEqual([]);
  });

  it('gives every NIC an address of its own', async () => {
    const { lab } = await aLabWithTwoHosts();
    await lab.vms.create(
      aDraft({ name: 'twin', hostId: 'host-b', nics: [{}, { mac: '02:00:5e:10:00:02' }, {}] }),
    );
    const macs = lab.snapshot().config.vms[1]?.nics.flatMap((nic) => nic.macs);
    expect(macs).toEqual(['02:00:5e:10:00:03', '02:00:5e:10:00:02', '02:00:5e:10:00:04']);
    expect(lab.suggestMac()).toBe('02:00:5e:10:00:05');
  });

  it('refuses a MAC address, a name, a host and an adapter, each with its field', async () => {
    const { lab } = await aLabWithTwoHosts();
    const refused = async (draft: Parameters<typeof aDraft>[0]) => {
      const error: unknown = await lab.vms.create(aDraft(draft)).catch((reason: unknown) => reason);
      return error instanceof RefusalError ? [error.refusal.code, error.refusal.field] : error;
    };
    expect(
      await refused({ name: 'b', hostId: 'host-b', nics: [{ mac: '02:00:5e:10:00:01' }] }),
    ).toEqual(['duplicate-mac', 'nics.0.mac']);
    expect(
      await refused({
        name: 'b',
        hostId: 'host-b',
        nics: [{ mac: '02:00:5e:10:00:09' }, { mac: '02:00:5e:10:00:09' }],
      }),
    ).toEqual(['duplicate-mac', 'nics.1.mac']);
    expect(await refused({ name: 'web-01', hostId: 'host-b' })).toEqual(['duplicate-name', 'name']);
    expect(await refused({ name: 'b' })).toEqual(['invalid-value', 'hostId']);
    expect(await refused({ name: 'b', hostId: 'host-z' })).toEqual(['not-found', undefined]);
    expect(await refused({ name: 'b', hostId: 'host-b', nics: [{ adapter: 'nic-z' }] })).toEqual([
      'invalid-value',
      'nics.0.adapter',
    ]);
  });

  it.each(['addVm', 'startVm'])('changes nothing when the host refuses %s', async (command) => {
    const fixture = await aLabWithTwoHosts();
    fixture.spawner.onCommand('Host B', command, refuses('host-memory-exhausted'));
    expect(await refusalOf(fixture.lab.vms.create(aDraft({ name: 'b', hostId: 'host-b' })))).toBe(
      'host-memory-exhausted',
    );
    expect((await saved(fixture)).vms).toHaveLength(1);
    expect(fixture.spawner.latest('Host B').vms.size).toBe(0);
  });

  it('makes an id that is not taken from a name that looks like another', async () => {
    const { lab } = await aLabWithTwoHosts();
    expect(await lab.vms.create(aDraft({ name: 'Web 01', hostId: 'host-b' }))).toEqual({
      vmId: 'web-01-2',
    });
    expect(await lab.vms.create(aDraft({ name: '網', hostId: 'host-b' }))).toEqual({ vmId: 'vm' });
  });
});

describe('the other commands on VMs', () => {
  it('stop and start change the power that a restart restores', async () => {
    const fixture = await aLabWithTwoHosts();
    await fixture.lab.vms.stop({ vmId: fixture.vmId });
    expect((await saved(fixture)).vms[0]?.power).toBe('stopped');
    await fixture.lab.vms.start({ vmId: fixture.vmId });
    expect((await saved(fixture)).vms[0]?.power).toBe('running');
  });

  it('update keeps host and power, and is undone when the host refuses', async () => {
    const { lab, spawner } = await aLabWithTwoHosts();
    const [vm] = lab.snapshot().config.vms;
    if (vm === undefined) throw new Error('no VM');
    await lab.vms.update({ ...vm, name: 'renamed', power: 'stopped' });
    expect(lab.snapshot().config.vms[0]).toMatchObject({ name: 'renamed', power: 'running' });
    expect(await refusalOf(lab.vms.update({ ...vm, hostId: 'host-b' }))).toBe('invalid-value');
    spawner.onCommand('Host A', 'updateVm', refuses());
    expect(await refusalOf(lab.vms.update({ ...vm, memoryMiB: 128 }))).toBe('wrong-state');
    expect(lab.snapshot().config.vms[0]).toMatchObject({ name: 'renamed', memoryMiB: 64 });
  });

  it('delete works for a VM whose host has failed, and not for a running one', async () => {
    const { lab, spawner, vmId } = await aLabWithTwoHosts();
    expect(await refusalOf(lab.vms.delete({ vmId }))).toBe('wrong-state');
    spawner.onCommand('Host A', 'open', refuses('host-memory-exhausted'));
    spawner.latest('Host A').crash();
    await until(() => lab.snapshot().hosts[0]?.state === 'failed');
    await lab.vms.delete({ vmId });
    expect(lab.snapshot().config.vms).toEqual([]);
  });
});

describe('commands on hosts and adapters', () => {
  it('refuses to delete a host with a VM on it, and deletes an empty one with its links', async () => {
    const { lab, spawner } = await aLabWithTwoHosts();
    expect(await refusalOf(lab.hosts.delete({ hostId: 'host-a' }))).toBe('wrong-state');
    await lab.links.add({ ...OFFICE, plug: { at: 'adapter', hostId: 'host-b', adapter: 'nic-a' } });
    await lab.hosts.delete({ hostId: 'host-b' });
    expect(lab.snapshot().config).toMatchObject({ hosts: [{ id: 'host-a' }], links: [] });
    expect(spawner.latest('Host B').isAlive).toBe(false);
  });

  it.each([
    ['refuses to open', refuses('host-memory-exhausted')],
    ['dies', crashes()],
  ])('creates no host when its process %s', async (_what, fault) => {
    const fixture = await aLab();
    fixture.spawner.onCommand('Host A', 'open', fault);
    expect(['host-memory-exhausted', 'host-unavailable']).toContain(
      await refusalOf(fixture.lab.hosts.create({ name: 'Host A' })),
    );
    expect(fixture.lab.snapshot().hosts).toEqual([]);
    expect((await saved(fixture)).hosts).toEqual([]);
  });

  it('changes the mode of an adapter, and refuses what is fixed', async () => {
    const { lab, spawner } = await aLabWithTwoHosts();
    const adapter = lab.snapshot().config.hosts[0]?.adapters[0];
    if (adapter === undefined) throw new Error('no adapter');
    await lab.adapters.set({ hostId: 'host-a', adapter: { ...adapter, vmqEnabled: false } });
    expect(lab.snapshot().config.hosts[0]?.adapters[0]?.vmqEnabled).toBe(false);
    await lab.adapters.set({
      hostId: 'host-a',
      adapter: { ...adapter, vmqEnabled: false, queueCount: 3 },
    });
    expect(lab.snapshot().config.hosts[0]?.adapters[0]?.queueCount).toBe(3);
    expect(
      await refusalOf(
        lab.adapters.set({ hostId: 'host-a', adapter: { ...adapter, uplink: 'none' } }),
      ),
    ).toBe('invalid-value');
    spawner.onCommand('Host A', 'setAdapter', refuses());
    expect(await refusalOf(lab.adapters.set({ hostId: 'host-a', adapter }))).toBe('wrong-state');
    expect(lab.snapshot().config.hosts[0]?.adapters[0]?.vmqEnabled).toBe(false);
  });
});

describe('commands on adapters', () => {
  it('let something happen to an adapter that there is, and pass the refusal of its host on', async () => {
    const { lab, spawner } = await aLabWithTwoHosts();
    await lab.adapters.liveThrough({ hostId: 'host-a', adapterId: 'nic-a', event: 'pause' });
    expect(spawner.latest('Host A').calls).toContain('adapterEvent');
    const elsewhere = { hostId: 'host-a', adapterId: 'nic-z', event: 'pause' } as const;
    expect(await refusalOf(lab.adapters.liveThrough(elsewhere))).toBe('not-found');
    spawner.onCommand('Host A', 'adapterEvent', refuses());
    const again = { hostId: 'host-a', adapterId: 'nic-a', event: 'pause' } as const;
    expect(await refusalOf(lab.adapters.liveThrough(again))).toBe('wrong-state');
  });
});

describe('commands on links', () => {
  it('hand an absolute capture path to the process that the link is plugged into', async () => {
    const { lab, spawner, resourcesFolder } = await aLabWithTwoHosts();
    await lab.links.add(OFFICE);
    expect(spawner.latest('The fabric').links.get('office')?.config).toMatchObject({
      file: join(resourcesFolder, 'captures', 'sample-office.pcapng'),
    });
    expect(lab.snapshot().config.links[0]).toMatchObject({ file: 'sample:sample-office.pcapng' });
    await lab.links.stop({ linkId: 'office' });
    await lab.links.start({ linkId: 'office' });
    await lab.links.remove({ linkId: 'office' });
    expect(lab.snapshot().config.links).toEqual([]);
    // That it was stopped and started its process tells.
    expect((await eventTypes(lab)).filter((type) => type.startsWith('link/'))).toEqual([
      'link/added',
      'link/removed',
    ]);
  });

  it.each(['relative.pcap', 'sample:../lab.ts', 'sample:none.pcap', '/nowhere/at-all.pcap'])(
    'refuse the capture "%s"',
    async (file) => {
      const { lab } = await aLabWithTwoHosts();
      expect(await refusalOf(lab.links.add({ ...OFFICE, file }))).toBe('capture-unreadable');
      expect(lab.snapshot().config.links).toEqual([]);
    },
  );
});

describe('the whole lab', () => {
  it('is cleared: nothing is left in the inventory or in the fabric', async () => {
    const fixture = await aLabWithTwoHosts();
    await fixture.lab.links.add(OFFICE);
    await fixture.lab.whole.clear();
    expect(await saved(fixture)).toMatchObject({ hosts: [], vms: [], links: [] });
    expect(fixture.spawner.living.map(({ name }) => name)).toEqual(['The fabric']);
    expect(fixture.spawner.latest('The fabric').links.size).toBe(0);
  });

  it('is installed in an empty lab only, and not at all when a host fails', async () => {
    const fixture = await aLabWithTwoHosts();
    const { config } = fixture.lab.snapshot();
    expect(await refusalOf(fixture.lab.whole.install(config, 'By test.'))).toBe('lab-not-empty');
    await fixture.lab.whole.clear();
    fixture.spawner.onCommand('Host B', 'open', refuses('host-memory-exhausted'));
    expect(await refusalOf(fixture.lab.whole.install(config, 'By test.'))).toBe(
      'host-memory-exhausted',
    );
    expect(await saved(fixture)).toMatchObject({ hosts: [], vms: [] });
    expect(fixture.spawner.living.map(({ name }) => name)).toEqual(['The fabric']);
  });
});

describe('suggested MAC addresses', () => {
  it('run out with a refusal', async () => {
    const { lab } = await aLabWithTwoHosts();
    const registry = new MacRegistry(() => lab.snapshot().config, {
      first: '02:00:5e:10:00:01',
      count: 2,
    });
    expect(registry.suggest()).toBe('02:00:5e:10:00:02');
    expect(() => registry.suggest(['02:00:5e:10:00:02'])).toThrow('No free MAC address');
  });
});
