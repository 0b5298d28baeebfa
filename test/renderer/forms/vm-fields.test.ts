import { describe, expect, it } from 'vitest';
import { vmConfigSchema } from '../../../src/contract/model';
import { vmDraftSchema } from '../../../src/contract/lab';
import {
  checkVmFields,
  draftOf,
  editedVm,
  emptyVmFields,
  fieldOfPath,
  fieldsOfVm,
  type VmFields,
} from '../../../src/renderer/forms/vm-fields';
import { sampleLab } from '../support/sample-lab';

const { vms } = sampleLab();
const web = vms[0];

function check(fields: Partial<VmFields>, editing?: (typeof vms)[number]) {
  return checkVmFields({ ...emptyVmFields('host-a'), ...fields }, { vms, editing });
}

describe('checkVmFields', () => {
  it('accepts a form that nobody touched: every field has a default', () => {
    const { errors, values } = check({});
    expect(errors).toEqual({});
    expect(values).toMatchObject({
      name: 'vm-1',
      memoryMiB: 64,
      mac: undefined,
      vlan: { mode: 'untagged' },
      queue: { mode: 'automatic' },
    });
  });

  it('makes a draft that the contract accepts', () => {
    const { values } = check({
      vlan: '20',
      mac: '02-00-5E-10-00-AA',
      queue: 'processor',
      processor: '3',
    });
    const draft = values && vmDraftSchema.parse(draftOf(values, true));
    expect(draft?.nics[0]).toMatchObject({
      mac: '02:00:5e:10:00:aa',
      vlan: { mode: 'access', id: 20 },
      queue: { mode: 'processor', processor: 3 },
    });
  });

  it.each([
    [{ queue: 'automatic', weight: '' }, { mode: 'automatic' }],
    [
      { queue: 'automatic', weight: '30' },
      { mode: 'automatic', weight: 30 },
    ],
    [
      { queue: 'processor', weight: '0' },
      { mode: 'processor', processor: 0, weight: 0 },
    ],
    [{ queue: 'none', weight: '30' }, { mode: 'none' }],
  ] as const)('reads the weight of a queue request: %o', (fields, queue) => {
    expect(check(fields).values?.queue).toEqual(queue);
  });

  it('refuses a weight above 100', () => {
    expect(check({ weight: '101' }).errors.weight).toBe('Expected 0 to 100, got 101.');
  });

  it.each([
    ['memory', { memory: '2' }, 'Expected 4 to 3072 MiB, got 2.'],
    ['memory', { memory: 'much' }, 'Expected 4 to 3072 MiB, got much.'],
    ['vlan', { vlan: '4095' }, 'Expected a VLAN id from 1 to 4094, or nothing for untagged.'],
    ['mac', { mac: '02:00' }, 'Expected a MAC address like 02:00:5e:10:00:01.'],
    ['mac', { mac: '03:00:5e:10:00:01' }, 'Expected a unicast MAC address, got a multicast one.'],
    ['name', { name: 'web-01' }, 'A VM named web-01 exists already.'],
    ['ipv4', { ipv4: '10.0.300.1' }, 'Expected an IPv4 address like 10.0.10.11.'],
    ['destination', { workload: 'sender' }, 'A sender needs an IPv4 address to send to.'],
  ] as const)('refuses a wrong %s: %o', (field, fields, message) => {
    const { errors, values } = check(fields);
    expect(errors[field]).toBe(message);
    expect(values).toBeUndefined();
  });

  it('refuses a MAC address that a VM on another host has', () => {
    expect(check({ mac: '02:00:5e:10:00:04' }).errors.mac).toBe(
      '02:00:5e:10:00:04 belongs to db-02 already.',
    );
  });

  it('lets an edited VM keep its own name and MAC address', () => {
    expect(web && check(fieldsOfVm(web), web).errors).toEqual({});
  });
});

describe('editedVm', () => {
  it('changes what the form shows and keeps the rest', () => {
    if (!web) throw new Error('the sample lab has no VM');
    const { values } = check({ ...fieldsOfVm(web), name: 'web-09', ipv4: '' }, web);
    const edited = values && editedVm(web, values);
    expect(edited && vmConfigSchema.parse(edited)).toMatchObject({
      id: web.id,
      name: 'web-09',
      nics: [{ id: web.nics[0]?.id, macs: web.nics[0]?.macs }],
    });
    expect(edited?.nics[0]).not.toHaveProperty('ipv4');
  });
});

describe('fieldOfPath', () => {
  it('finds the field that a refusal means', () => {
    expect(
      [
        'nics.0.macs.0',
        'nics.0.mac',
        'nics.0.vlan.id',
        'memoryMiB',
        'workload.destinationIpv4',
        'nics.1.macs.0',
        undefined,
      ].map(fieldOfPath),
    ).toEqual(['mac', 'mac', 'vlan', 'memory', 'destination', undefined, undefined]);
  });
});
