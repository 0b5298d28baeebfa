import { readFileSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';

import { hostConfigSchema, type HostConfig } from '../../src/contract/model';
import { lockFolder } from '../../src/lab/inventory/folder-lock';
import { Inventory, type Edit } from '../../src/lab/inventory/inventory';
import { PreparedEdit } from '../../src/lab/inventory/prepared-edit';
import { EMPTY_LAB, loadInventory, saveInventory } from '../../src/lab/inventory/inventory-file';
import { aFolder, aLab, eventTypes, refusalOf } from './support/lab-fixture';

function aHost(id: string): HostConfig {
  return hostConfigSchema.parse({ id, name: id, adapters: [{ id: 'nic-a', name: 'nic-a' }] });
}

function put(id: string): Edit {
  return { list: 'hosts', id, value: aHost(id) };
}

async function anInventory() {
  const folder = await aFolder();
  const inventory = new Inventory(folder, EMPTY_LAB, () => undefined);
  const saved = async () => (await loadInventory(folder)).config.hosts.map(({ id }) => id);
  return { folder, inventory, saved };
}

describe('a prepared edit', () => {
  async function aPreparedEdit() {
    const fixture = await anInventory();
    await fixture.inventory.apply(put('host-a'));
    const edit = new PreparedEdit(fixture.inventory, put('host-b'));
    const files = async () =>
      (await readdir(fixture.folder)).filter((name) => name.startsWith('inventory.json')).sort();
    return { ...fixture, edit, files };
  }

  it('changes nothing while it is written, and is in force before apply returns', async () => {
    const { folder, inventory, saved, edit, files } = await aPreparedEdit();
    await edit.write();
    expect(await saved()).toEqual(['host-a']);
    expect(inventory.config.hosts).toHaveLength(1);
    expect(await files()).toEqual(['inventory.json', 'inventory.json.1']);
    const applied = edit.apply();
    expect(inventory.config.hosts.map(({ id }) => id)).toEqual(['host-a', 'host-b']);
    // Read in the same turn, as another process would.
    expect(readFileSync(join(folder, 'inventory.json'), 'utf8')).toContain('"host-b"');
    await applied;
    await inventory.synced();
    expect(await files()).toEqual(['inventory.json']);
  });

  it('keeps what was changed since it was written', async () => {
    const { inventory, saved, edit, files } = await aPreparedEdit();
    await edit.write();
    await inventory.apply(put('host-c'));
    await edit.apply();
    expect(await saved()).toEqual(['host-a', 'host-c', 'host-b']);
    await edit.discard();
    expect(await files()).toEqual(['inventory.json']);
  });

  it('is written again for a changed inventory, over the file of before', async () => {
    const { inventory, saved, edit, files } = await aPreparedEdit();
    await edit.write();
    await inventory.apply(put('host-c'));
    await edit.write();
    expect(await files()).toEqual(['inventory.json', 'inventory.json.1']);
    const applied = edit.apply();
    expect(await saved()).toEqual(['host-a', 'host-c', 'host-b']);
    await applied;
  });

  it('does not overtake a save that is under way', async () => {
    const { inventory, saved, edit } = await aPreparedEdit();
    const saving = inventory.apply(put('host-c'));
    await edit.write();
    await edit.apply();
    await saving;
    expect(await saved()).toEqual(['host-a', 'host-c', 'host-b']);
  });

  it('is not written by whoever gives it up, and leaves no file', async () => {
    const { saved, edit, files } = await aPreparedEdit();
    const writing = edit.write();
    await edit.discard();
    await writing;
    await edit.write();
    expect(await saved()).toEqual(['host-a']);
    expect(await files()).toEqual(['inventory.json']);
  });

  it('changes nothing when it cannot be put in force', async () => {
    const { folder, inventory, edit, files } = await aPreparedEdit();
    await edit.write();
    await rm(join(folder, 'inventory.json'));
    await mkdir(join(folder, 'inventory.json', 'in-the-way'), { recursive: true });
    expect(await refusalOf(edit.apply())).toBe('inventory-unwritable');
    expect(inventory.config.hosts.map(({ id }) => id)).toEqual(['host-a']);
    await edit.discard();
    expect(await files()).toEqual(['inventory.json']);
  });

  it('that a lost lab left behind is removed by the next', async () => {
    const dataFolder = await aFolder();
    await saveInventory(dataFolder, EMPTY_LAB);
    await writeFile(join(dataFolder, 'inventory.json.1'), '{');
    await aLab({ dataFolder });
    expect(await readdir(dataFolder)).not.toContain('inventory.json.1');
  });
});

describe('the inventory', () => {
  it('is on disk when an edit is reported as done', async () => {
    const { inventory, saved } = await anInventory();
    await inventory.apply(put('host-a'));
    expect(await saved()).toEqual(['host-a']);
  });

  it('undoes one edit and keeps those that were made meanwhile', async () => {
    const { inventory, saved } = await anInventory();
    await inventory.apply(put('host-a'), put('host-b'));
    const failing = inventory.applyWith(
      [{ list: 'hosts', id: 'host-a', value: null }],
      async () => {
        await inventory.apply(put('host-c'));
        throw new Error('refused');
      },
    );
    await expect(failing).rejects.toThrow('refused');
    expect(inventory.config.hosts.map(({ id }) => id)).toEqual(['host-a', 'host-b', 'host-c']);
    expect(await saved()).toEqual(['host-a', 'host-b', 'host-c']);
  });

  it('undoes an edit that cannot be saved', async () => {
    const { folder, inventory } = await anInventory();
    await mkdir(join(folder, 'inventory.json'));
    expect(await refusalOf(inventory.apply(put('host-a')))).toBe('inventory-unwritable');
    expect(inventory.config.hosts).toEqual([]);
  });

  it('refuses an edit that breaks the schema', async () => {
    const { inventory } = await anInventory();
    const many = Array.from({ length: 9 }, (_host, index) => put(`host-${index}`));
    expect(await refusalOf(inventory.apply(...many))).toBe('invalid-value');
    expect(inventory.config.hosts).toEqual([]);
  });

  it('is written with sorted keys and nothing left beside it', async () => {
    const folder = await aFolder();
    await saveInventory(folder, EMPTY_LAB);
    expect(await readFile(join(folder, 'inventory.json'), 'utf8')).toBe(
      '{\n  "hosts": [],\n  "links": [],\n  "name": "Lab",\n  "schema": 1,\n  "vms": []\n}\n',
    );
    expect(await readdir(folder)).toEqual(['inventory.json']);
  });

  it.each([
    ['is not JSON', '{ "schema": 1,'],
    ['breaks the schema', '{ "schema": 1, "name": "" }'],
    [
      'has a VM on no host',
      JSON.stringify({
        ...EMPTY_LAB,
        vms: [
          {
            id: 'a',
            name: 'a',
            hostId: 'gone',
            nics: [{ id: 'n', adapter: 'nic-a', macs: ['02:00:5e:10:00:01'] }],
          },
        ],
      }),
    ],
  ])('is set aside and reported when it %s', async (_what, text) => {
    const dataFolder = await aFolder();
    await writeFile(join(dataFolder, 'inventory.json'), text);
    const { lab } = await aLab({ dataFolder });
    const [notice] = lab.snapshot().notices;
    expect(notice?.refusal.code).toBe('inventory-damaged');
    expect(await eventTypes(lab)).toContain('lab/inventory-set-aside');
    const aside = (await readdir(dataFolder)).find((name) => name.startsWith('inventory.damaged-'));
    expect(await readFile(join(dataFolder, aside ?? ''), 'utf8')).toBe(text);
    lab.notices.dismiss(notice?.id ?? '');
    expect(lab.snapshot().notices).toEqual([]);
  });

  it('of another schema is refused with both numbers and left alone', async () => {
    const folder = await aFolder();
    const text = JSON.stringify({ ...EMPTY_LAB, schema: 7 });
    await writeFile(join(folder, 'inventory.json'), text);
    await expect(loadInventory(folder)).rejects.toThrow('Expected schema 1, found schema 7.');
    expect(await readFile(join(folder, 'inventory.json'), 'utf8')).toBe(text);
  });
});

describe('the lock of a data folder', () => {
  it('refuses a second lab and is free again after the first has closed', async () => {
    const folder = await aFolder();
    const first = await lockFolder(folder, () => undefined);
    expect(await refusalOf(lockFolder(folder, () => undefined))).toBe('inventory-locked');
    await first.release();
    const second = await lockFolder(folder, () => undefined);
    await second.release();
  });

  it('takes over from a process that died with it', async () => {
    const folder = await aFolder();
    await mkdir(join(folder, 'inventory.lock'));
    await utimes(join(folder, 'inventory.lock'), new Date(0), new Date(0));
    await writeFile(join(folder, 'inventory.owner'), '999999999\n');
    const lock = await lockFolder(folder, () => undefined);
    onTestFinished(() => lock.release());
  });
});
