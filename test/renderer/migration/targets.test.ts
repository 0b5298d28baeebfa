import { describe, expect, it } from 'vitest';
import type { HostSnapshot } from '../../../src/contract/host';
import { DEFAULT_ADAPTER_PROFILE } from '../../../src/contract/vmq';
import { targetsFor, type TargetState } from '../../../src/renderer/migration/targets';
import { sampleLab } from '../support/sample-lab';

const lab = sampleLab();
const MIB = 1024 * 1024;

function aHost(
  part: { freeMiB?: number; queuesUsed?: number; vmqEnabled?: boolean } = {},
): TargetState {
  const { freeMiB = 500, queuesUsed = 1, vmqEnabled = true } = part;
  const snapshot: HostSnapshot = {
    hostId: 'host-b',
    name: 'Host B',
    revision: 1,
    processors: 2,
    affinity: { available: true, reason: '' },
    memory: { totalBytes: 1024 * MIB, usedBytes: (1024 - freeMiB) * MIB },
    adapters: [
      {
        id: 'nic-a',
        index: 0,
        name: 'nic-a',
        vmqEnabled,
        bufferMode: 'shared-memory',
        moderationMicroseconds: 0,
        queueCount: 4,
        queuesUsed,
        uplink: 'connected',
        state: 'running',
        profile: DEFAULT_ADAPTER_PROFILE,
        capabilities: { ndisRevision: '6.30', hardware: [], current: [] },
        pendingRequest: null,
      },
    ],
    queues: [],
    nics: [],
    vms: [],
    links: [],
    threads: [],
    transitions: [],
  };
  return { processState: 'running', snapshot };
}

function targetB(state: TargetState) {
  const vm = lab.vms[0];
  if (!vm) throw new Error('the sample lab has no VM');
  return targetsFor(vm, lab.hosts, () => state);
}

describe('targetsFor', () => {
  it('keeps the VM’s own host in the list, with the reason', () => {
    expect(targetB(aHost())[0]).toMatchObject({ blockers: ['web-01 runs here.'] });
  });

  it('accepts a running host with memory and says how many queues are free', () => {
    expect(targetB(aHost())[1]).toMatchObject({
      blockers: [],
      remarks: ['3 of 4 queues are free.'],
    });
  });

  it('refuses a host without enough memory', () => {
    expect(targetB(aHost({ freeMiB: 32 }))[1]?.blockers).toEqual([
      '32 MiB are free, web-01 needs 64.',
    ]);
  });

  it('refuses a host that does not run', () => {
    expect(targetB({ processState: 'failed', snapshot: undefined })[1]?.blockers).toEqual([
      'The host is failed.',
    ]);
  });

  it('remarks that the default queue will be used when no queue is free', () => {
    expect(targetB(aHost({ queuesUsed: 4 }))[1]?.remarks).toEqual([
      'All 4 queues of nic-a are taken: it will use the default queue.',
    ]);
  });
});
