import { describe, expect, it } from 'vitest';
import type { PreflightCheck, PreflightTarget } from '../../../src/contract/lab';
import type { VmConfig } from '../../../src/contract/model';
import { evacuationPlan } from '../../../src/renderer/migration/evacuation-plan';
import { targetsOf, type Target } from '../../../src/renderer/migration/preflight';
import { sampleLab } from '../support/sample-lab';

const MIB = 1024 * 1024;
const lab = sampleLab();

function aVm(index: number, part: Partial<VmConfig> = {}): VmConfig {
  const vm = lab.vms[index];
  if (!vm) throw new Error('the sample lab has no such VM');
  return { ...vm, ...part };
}

function aCheck(check: PreflightCheck['check'], part: Partial<PreflightCheck> = {}) {
  return { check, title: check, result: 'pass' as const, reason: 'Fine.', remedy: '', ...part };
}

function aTarget(hostId: string, ...checks: PreflightCheck[]): PreflightTarget {
  const possible = checks.every(({ result }) => result !== 'fail');
  return { hostId, name: `the ${hostId}`, possible, checks };
}

const noMemory = aCheck('memory', {
  result: 'fail',
  reason: '12 MiB are free.',
  remedy: 'Stop a VM.',
});
const noQueue = aCheck('queue', { result: 'warning', reason: 'All queues are taken.' });

function hostB(targets: readonly Target[]): Target {
  const found = targets.find(({ host }) => host.id === 'host-b');
  if (!found) throw new Error('Host B is not listed');
  return found;
}

describe('targetsOf', () => {
  it('is not known while a VM is still being checked', () => {
    const checked = [
      { vm: aVm(0), targets: [] },
      { vm: aVm(1), targets: undefined },
    ];
    expect(targetsOf(checked, lab.hosts, () => 0)).toEqual([]);
  });

  it('keeps the VM’s own host in the list, impossible, with the reason', () => {
    const checked = [{ vm: aVm(0), targets: [aTarget('host-b', aCheck('memory'))] }];
    expect(targetsOf(checked, lab.hosts, () => 0)[0]).toMatchObject({
      host: { id: 'host-a' },
      isPossible: false,
      blocker: 'web-01 is on Host A already.',
    });
  });

  it('is possible with warnings, and not with a failed check', () => {
    const withChecks = (...checks: PreflightCheck[]): Target =>
      hostB(
        targetsOf([{ vm: aVm(0), targets: [aTarget('host-b', ...checks)] }], lab.hosts, () => 0),
      );
    expect(withChecks(aCheck('memory'), noQueue)).toMatchObject({
      isPossible: true,
      warnings: 1,
      blocker: '',
    });
    expect(withChecks(noMemory, noQueue)).toMatchObject({
      isPossible: false,
      blocker: '12 MiB are free.',
    });
  });

  it('joins what is alike for all VMs and names the VM where it differs', () => {
    const checked = [
      { vm: aVm(0), targets: [aTarget('host-b', aCheck('vlan'), aCheck('memory'))] },
      { vm: aVm(1), targets: [aTarget('host-b', aCheck('vlan'), noMemory)] },
    ];
    const { rows } = hostB(targetsOf(checked, lab.hosts, () => 1000 * MIB));
    expect(rows[0]?.findings).toEqual([{ result: 'pass', reason: 'Fine.', remedy: '' }]);
    expect(rows[1]?.result).toBe('fail');
    expect(rows[1]?.findings.map(({ vmName, result }) => [vmName, result])).toEqual([
      ['web-01', 'pass'],
      ['web-02', 'fail'],
    ]);
  });

  it('fails when each VM fits, but not all together', () => {
    const checked = [0, 1].map((index) => ({
      vm: aVm(index),
      targets: [aTarget('host-b', aCheck('memory'))],
    }));
    expect(hostB(targetsOf(checked, lab.hosts, () => 128 * MIB)).isPossible).toBe(true);
    expect(hostB(targetsOf(checked, lab.hosts, () => 127 * MIB))).toMatchObject({
      isPossible: false,
      blocker: 'Together the 2 VMs need 128 MiB; 127 MiB of Host B are free.',
    });
  });
});

describe('evacuationPlan', () => {
  const free = new Map([
    ['host-b', 100 * MIB],
    ['host-c', 150 * MIB],
  ]);
  const freeBytesOf = (hostId: string): number => free.get(hostId) ?? 0;
  const both = [aTarget('host-b', aCheck('memory')), aTarget('host-c', aCheck('memory'))];

  it('sends each VM to the most free memory, counting what earlier ones take', () => {
    const vms = [0, 1, 2].map((index) => ({ vm: aVm(index), state: 'running', targets: both }));
    // 64 MiB each: C has 150, then 86; B has 100, then C's 86 is the most.
    expect(evacuationPlan(vms, freeBytesOf).map(({ targetHostId }) => targetHostId)).toEqual([
      'host-c',
      'host-b',
      'host-c',
    ]);
  });

  it('says why a VM stays: none runs, no target passes, or none has memory left', () => {
    const impossible = [aTarget('host-b', noMemory)];
    const vms = [
      { vm: aVm(0), state: 'stopped', targets: [] },
      { vm: aVm(1), state: 'running', targets: impossible },
      { vm: aVm(2), state: 'running', targets: [] },
      { vm: aVm(3, { memoryMiB: 200 }), state: 'running', targets: both },
    ];
    const steps = evacuationPlan(vms, freeBytesOf);
    expect(steps.map(({ targetHostId }) => targetHostId)).toEqual(vms.map(() => undefined));
    expect(steps.map(({ reason }) => reason)).toEqual([
      'web-01 is stopped: only running VMs move.',
      'the host-b: 12 MiB are free.',
      'There is no other host.',
      'The memory of every target is taken by the VMs that go before it.',
    ]);
    expect(steps[1]?.remedy).toBe('Stop a VM.');
  });

  it('passes on what will be worse at the target', () => {
    const vms = [{ vm: aVm(0), state: 'running', targets: [aTarget('host-b', noQueue)] }];
    expect(evacuationPlan(vms, freeBytesOf)[0]?.reason).toBe('All queues are taken.');
  });
});
