import { describe, expect, it } from 'vitest';

import type { HostSnapshot, QueueSnapshot } from '../../src/contract/host';
import { PREFLIGHT_CHECKS, type PreflightCheck } from '../../src/contract/lab';
import {
  hostConfigSchema,
  labConfigSchema,
  vmConfigSchema,
  type HostConfig,
  type LabConfig,
  type VmConfig,
} from '../../src/contract/model';
import { DEFAULT_ADAPTER_PROFILE } from '../../src/contract/vmq';
import { GAP_FRAMES } from '../../src/engine/switch/nic-port';
import {
  freeMemoryOf,
  preflight,
  preflightRefusal,
  type PreflightView,
} from '../../src/lab/migration/preflight';
import { GAP_BYTES, type PreflightHost } from '../../src/lab/migration/preflight-checks';
import { MIB } from '../../src/shared/units';
import { fakeHostSnapshot } from './support/fake-snapshots';

type HostPatch = Record<string, unknown>;

function aHost(id: string, patch: HostPatch = {}, adapter: HostPatch = {}): HostConfig {
  const adapters = [{ id: 'nic-a', name: 'nic-a', ...adapter }];
  return hostConfigSchema.parse({ id, name: id, memoryMiB: 256, adapters, ...patch });
}

function aVm(id: string, hostId: string, nic: HostPatch = {}, memoryMiB = 64): VmConfig {
  const number = id.slice(-2);
  return vmConfigSchema.parse({
    id,
    name: id,
    hostId,
    memoryMiB,
    nics: [{ id: `nic-${id}`, adapter: 'nic-a', macs: [`02:00:5e:10:00:${number}`], ...nic }],
  });
}

interface Scene {
  readonly source: HostConfig;
  readonly target: HostConfig;
  readonly vms: readonly VmConfig[];
  readonly links: LabConfig['links'];
  readonly moves: PreflightView['moves'];
  readonly change: (target: HostSnapshot) => HostSnapshot;
  readonly host: Partial<PreflightHost>;
}

function aView(scene: Partial<Scene>): { vm: VmConfig; view: PreflightView } {
  const { source = aHost('host-a'), target = aHost('host-b') } = scene;
  const { vms = [aVm('web-01', 'host-a')], links = [], moves = [] } = scene;
  const config = labConfigSchema.parse({
    schema: 1,
    name: 'Lab',
    hosts: [source, target],
    vms,
    links,
  });
  const known = (host: HostConfig): PreflightHost => ({
    config: host,
    state: 'running',
    contractVersion: 1,
    snapshot: fakeHostSnapshot({
      config: host,
      name: host.name,
      revision: 1,
      vms: vms
        .filter(({ hostId }) => hostId === host.id)
        .map((vm) => ({ config: vm, state: 'running' })),
      incoming: [],
      links: [],
      filledBytes: 0,
    }),
  });
  const base = known(target);
  const snapshot =
    base.snapshot === null || scene.change === undefined
      ? base.snapshot
      : scene.change(base.snapshot);
  const hosts = [known(source), { ...base, snapshot, ...scene.host }];
  const [vm] = vms;
  if (vm === undefined) throw new Error('no VM');
  return { vm, view: { config, hosts, moves } };
}

function check(scene: Partial<Scene>, wanted: PreflightCheck['check']): PreflightCheck {
  const { vm, view } = aView(scene);
  const found = preflight(vm, view)[0]?.checks.find((each) => each.check === wanted);
  if (found === undefined) throw new Error(`no check ${wanted}`);
  return found;
}

/** A queue of the target that serves a NIC. */
function aQueue(queueId: number, nicId: string, macs: readonly string[] = []): QueueSnapshot {
  return {
    adapterId: 'nic-a',
    adapterIndex: 0,
    queueId,
    state: 'Running',
    processor: 0,
    thread: 1,
    vmId: nicId.slice('nic-'.length),
    vmName: nicId.slice('nic-'.length),
    nicId,
    vlan: null,
    bufferMode: 'shared-memory',
    bufferModeReason: '',
    filters: macs.map((mac, filterId) => ({ filterId, mac, vlan: null })),
    affinity: '0:0x1',
    msixTableEntry: 0,
    interruptCoalescingDomainId: 0,
  };
}

const withQueues =
  (...queues: QueueSnapshot[]) =>
  (snapshot: HostSnapshot): HostSnapshot => ({ ...snapshot, queues });

describe('pre-flight', () => {
  it('answers every check for every host but the VM’s own, and passes where all is well', () => {
    const { vm, view } = aView({});
    const targets = preflight(vm, view);
    expect(targets).toMatchObject([{ hostId: 'host-b', name: 'host-b', possible: true }]);
    expect(targets[0]?.checks.map(({ check: id }) => id)).toEqual(PREFLIGHT_CHECKS);
    for (const { result, title, reason } of targets[0]?.checks ?? []) {
      expect(result, reason).toBe('pass');
      expect(title).not.toBe('');
      expect(reason).toMatch(/\.$/);
    }
  });

  it('keeps an impossible target in the list, with every check answered', () => {
    const { vm, view } = aView({
      host: { state: 'failed', contractVersion: null, snapshot: null },
    });
    const [target] = preflight(vm, view);
    expect(target).toMatchObject({ hostId: 'host-b', possible: false });
    expect(target?.checks).toHaveLength(PREFLIGHT_CHECKS.length);
    expect(target?.checks.find(({ check: id }) => id === 'memory')).toMatchObject({
      result: 'warning',
      reason: 'Nothing is known of host-b while it is not running.',
    });
  });

  it('refuses with the words of the first check that failed', () => {
    const { vm, view } = aView({ target: aHost('host-b', {}, { name: 'nic-z' }) });
    const [target] = preflight(vm, view);
    if (target === undefined) throw new Error('no target');
    const failed = target.checks.find(({ result }) => result === 'fail');
    expect(preflightRefusal(vm, target)).toMatchObject({
      code: 'migration-target-refused',
      why: failed?.reason,
      remedy: failed?.remedy,
    });
  });
});

describe.each([
  ['host-running', { host: { state: 'restarting' } }, 'fail', 'found it restarting'],
  ['vm-running', { moves: [{ vmId: 'web-01', toHostId: 'host-b' }] }, 'fail', 'is being migrated'],
  ['adapters', { target: aHost('host-b', {}, { name: 'nic-z' }) }, 'fail', 'connected to "nic-a"'],
  [
    'adapters',
    {
      change: (snapshot: HostSnapshot) => ({
        ...snapshot,
        adapters: snapshot.adapters.map((adapter) => ({ ...adapter, state: 'halted' as const })),
      }),
    },
    'fail',
    '"nic-a" of host-b is halted',
  ],
  [
    'vlan',
    {
      target: aHost('host-b', {}, { uplink: 'none' }),
      vms: [aVm('web-01', 'host-a', { vlan: { mode: 'access', id: 10 } })],
    },
    'warning',
    'VLAN 10 of "nic-a" reaches no other host from host-b',
  ],
  [
    'mac-clash',
    { vms: [aVm('web-01', 'host-a'), aVm('web-02', 'host-b', { macs: ['02:00:5e:10:00:01'] })] },
    'fail',
    'web-02 has the address 02:00:5e:10:00:01 too',
  ],
  [
    'mac-clash',
    { change: withQueues(aQueue(3, 'nic-web-09', ['02:00:5e:10:00:01'])) },
    'fail',
    'Queue 3 of host-b has a receive filter for 02:00:5e:10:00:01; it serves web-09',
  ],
  [
    'mac-clash',
    {
      links: [
        {
          kind: 'generator' as const,
          id: 'flood',
          name: 'Flood',
          plug: { at: 'fabric' as const },
          targets: [{ mac: '02:00:5e:10:00:02' }],
          sourceMac: '02:00:5e:10:00:01',
          frameBytes: 64,
          rate: { mode: 'maximum' as const },
          frames: 0,
        },
      ],
    },
    'warning',
    'Link Flood sends from 02:00:5e:10:00:01',
  ],
  [
    'memory',
    { target: aHost('host-b', { memoryMiB: 64 }) },
    'fail',
    'web-01 needs 69 MiB on host-b; 48 of 64 MiB are free',
  ],
  [
    'memory',
    { target: aHost('host-b', { memoryMiB: 96 }) },
    'warning',
    'room for many frames while it changes hosts takes 33 MiB more',
  ],
  [
    'memory',
    { source: aHost('host-a', { memoryMiB: 96 }) },
    'warning',
    'On host-a room for many frames',
  ],
  ['queue', { target: aHost('host-b', {}, { vmqEnabled: false }) }, 'warning', 'VMQ is off'],
  [
    'queue',
    {
      target: aHost('host-b', {}, { profile: { ...DEFAULT_ADAPTER_PROFILE, linkSpeedGbps: 1 } }),
    },
    'warning',
    'has 1 Gbit/s, too slow for VMQ',
  ],
  [
    'queue',
    {
      target: aHost(
        'host-b',
        {},
        { profile: { ...DEFAULT_ADAPTER_PROFILE, vlanFiltering: false } },
      ),
      vms: [aVm('web-01', 'host-a', { vlan: { mode: 'access', id: 10 } })],
    },
    'warning',
    'cannot filter by VLAN',
  ],
  [
    'queue',
    {
      target: aHost('host-b', {}, { queueCount: 1 }),
      vms: [aVm('web-01', 'host-a'), aVm('web-02', 'host-b')],
      change: withQueues(aQueue(1, 'nic-web-02')),
    },
    'warning',
    '1 of 1 queues of "nic-a" of host-b are taken',
  ],
  [
    'queue',
    { vms: [aVm('web-01', 'host-a', { queue: { mode: 'processor', processor: 9 } })] },
    'warning',
    'host-b has processors 0 to 1',
  ],
  [
    'version',
    { host: { contractVersion: 2 } },
    'fail',
    'host-a speaks version 1, host-b version 2',
  ],
  ['link', { target: aHost('host-b', {}, { uplink: 'none' }) }, 'fail', 'no uplink to the fabric'],
  [
    'link',
    {
      change: (snapshot: HostSnapshot) => ({
        ...snapshot,
        adapters: snapshot.adapters.map((each) => ({ ...each, uplink: 'connecting' as const })),
      }),
    },
    'warning',
    'is not connected to the fabric at the moment',
  ],
] as const)('the check %s', (id, scene, result, reason) => {
  it(`finds: ${reason}`, () => {
    const found = check(scene as Partial<Scene>, id);
    expect(found).toMatchObject({ result, reason: expect.stringContaining(reason) as string });
    expect(found.remedy).not.toBe('');
  });
});

describe('the check of the queue passes', () => {
  it('for a NIC that asks for none, whatever the target has', () => {
    const scene = {
      target: aHost('host-b', {}, { vmqEnabled: false }),
      vms: [aVm('web-01', 'host-a', { queue: { mode: 'automatic', weight: 0 } })],
    };
    expect(check(scene, 'queue')).toMatchObject({ result: 'pass' });
  });

  it('when every queue is taken, but one by a NIC of less weight', () => {
    const scene = {
      target: aHost('host-b', {}, { queueCount: 1 }),
      vms: [
        aVm('web-01', 'host-a'),
        aVm('web-02', 'host-b', { queue: { mode: 'automatic', weight: 50 } }),
      ],
      change: withQueues(aQueue(1, 'nic-web-02')),
    };
    expect(check(scene, 'queue')).toMatchObject({ result: 'pass' });
  });
});

describe('what moves to a host already', () => {
  const coming = {
    target: aHost('host-b', { memoryMiB: 160 }, { queueCount: 1 }),
    vms: [aVm('web-01', 'host-a'), aVm('web-02', 'host-a')],
    moves: [{ vmId: 'web-02', toHostId: 'host-b' }],
  };

  it('takes its memory and its queue before it is there', () => {
    expect(check({ ...coming, moves: [] }, 'memory')).toMatchObject({ result: 'pass' });
    expect(check({ ...coming, moves: [] }, 'queue')).toMatchObject({ result: 'pass' });
    expect(check(coming, 'memory')).toMatchObject({
      result: 'warning',
      reason: expect.stringContaining('without what VMs need that move there already') as string,
    });
    expect(check(coming, 'queue')).toMatchObject({ result: 'warning' });
  });

  it('is counted once, when the host’s snapshot has it', () => {
    const [, second] = coming.vms;
    if (second === undefined) throw new Error('no VM');
    const { view } = aView(coming);
    const arrived = aView({
      ...coming,
      change: (snapshot) => ({
        ...snapshot,
        memory: { ...snapshot.memory, usedBytes: snapshot.memory.usedBytes + 69 * MIB },
        vms: fakeHostSnapshot({
          config: coming.target,
          name: 'host-b',
          revision: 1,
          vms: [],
          incoming: [second],
          links: [],
          filledBytes: 0,
        }).vms,
      }),
    }).view;
    const free = (of: PreflightView): number => freeMemoryOf(of).get('host-b') ?? 0;
    expect(Math.abs(free(arrived) - free(view))).toBeLessThan(MIB);
  });
});

describe('the figures of the memory check', () => {
  it('cover what the engine takes for the frames of the gap', () => {
    const engineBytes = GAP_FRAMES * 2048;
    expect(GAP_BYTES).toBeGreaterThanOrEqual(engineBytes);
    expect(GAP_BYTES).toBeLessThan(1.1 * engineBytes);
  });
});
