import type { LabConfig, NicConfig, VmConfig } from '../../../src/contract/model';

function aNic(
  vm: number,
  vlan: number,
  queue: NicConfig['queue'] = { mode: 'automatic' },
): NicConfig {
  return {
    id: `nic-vm-${String(vm)}-0`,
    adapter: 'nic-a',
    macs: [`02:00:5e:10:00:0${String(vm)}`],
    vlan: { mode: 'access', id: vlan },
    queue,
    ipv4: `10.0.${String(vlan)}.1${String(vm)}`,
  };
}

function aVm(
  number: number,
  name: string,
  hostId: string,
  nic: NicConfig,
  workload: VmConfig['workload'],
): VmConfig {
  return {
    id: `vm-${String(number)}`,
    name,
    hostId,
    memoryMiB: 64,
    nics: [nic],
    workload,
    power: 'running',
  };
}

/** Two hosts, four VMs on two VLANs, replayed and generated traffic. */
export function sampleLab(): LabConfig {
  const adapter = {
    id: 'nic-a',
    name: 'nic-a',
    queueCount: 16,
    vmqEnabled: true,
    bufferMode: 'shared-memory',
    moderationMicroseconds: 50,
    uplink: 'fabric',
  } as const;
  return {
    schema: 1,
    name: 'Sample lab',
    hosts: [
      { id: 'host-a', name: 'Host A', memoryMiB: 1024, adapters: [adapter] },
      { id: 'host-b', name: 'Host B', memoryMiB: 1024, adapters: [adapter] },
    ],
    vms: [
      aVm(1, 'web-01', 'host-a', aNic(1, 10), { kind: 'responder' }),
      aVm(2, 'web-02', 'host-a', aNic(2, 10), { kind: 'responder' }),
      aVm(3, 'db-01', 'host-a', aNic(3, 20, { mode: 'none' }), {
        kind: 'page-writer',
        pagesPerSecond: 2000,
      }),
      aVm(4, 'db-02', 'host-b', aNic(4, 20), {
        kind: 'sender',
        destinationIpv4: '10.0.20.13',
        framesPerSecond: 5000,
        frameBytes: 256,
      }),
    ],
    links: [
      {
        kind: 'replay',
        id: 'link-1',
        name: 'office-hour',
        plug: { at: 'fabric' },
        file: 'sample:office-hour.pcap',
        rate: { mode: 'recorded' },
        loops: 0,
      },
      {
        kind: 'generator',
        id: 'link-2',
        name: 'web-load',
        plug: { at: 'adapter', hostId: 'host-a', adapter: 'nic-a' },
        targets: [{ mac: '02:00:5e:10:00:01', vlan: 10 }],
        sourceMac: '02:00:5e:fe:00:01',
        frameBytes: 512,
        rate: { mode: 'fixed', framesPerSecond: 120_000 },
        frames: 0,
      },
    ],
  };
}
