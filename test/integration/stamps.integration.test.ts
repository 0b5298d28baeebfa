/** Handovers at full rate: guests that check every frame see none twice, none overtaken, none of another. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { VmConfig } from '../../src/contract/model';
import type { Host } from '../../src/engine/host/host';
import { EngineLab, sleep, vmConfig } from '../support/engine-lab';

const workload = { kind: 'responder', stamps: true } as const;
const VMS = [
  vmConfig('web-01', 'host-a', '02:00:5e:10:00:01', 10, '10.0.10.11', workload),
  vmConfig('web-02', 'host-a', '02:00:5e:10:00:02', 10, '10.0.10.12', workload),
];
const ADAPTER = {
  id: 'nic-a',
  name: 'nic-a',
  queueCount: 4,
  moderationMicroseconds: 50,
  uplink: 'none',
} as const;
const MODES = [
  { vmqEnabled: false, bufferMode: 'shared-memory' },
  { vmqEnabled: true, bufferMode: 'host-buffers' },
  { vmqEnabled: true, bufferMode: 'shared-memory' },
] as const;
const CHANGES = 18;
const CHANGE_EVERY_MS = 100;

let lab: EngineLab;
let host: Host;

beforeEach(async () => {
  lab = new EngineLab();
  host = lab.hosts.a;
  await lab.open({ uplink: 'none' });
  for (const vm of VMS) {
    await host.addVm(vm);
    await host.startVm(vm.id);
  }
});

afterEach(() => lab.close());

const macOf = (vm: VmConfig): string => vm.nics[0]?.macs[0] ?? '';

describe('mode changes at full rate', () => {
  it('repeat no frame, change no order, and give no guest what was for another', async () => {
    await host.addLink({
      kind: 'generator',
      id: 'flood',
      name: 'flood',
      plug: { at: 'adapter', hostId: 'host-a', adapter: 'nic-a' },
      targets: VMS.map((vm) => ({ mac: macOf(vm), vlan: 10 })),
      sourceMac: '02:00:5e:fe:00:01',
      frameBytes: 64,
      rate: { mode: 'maximum' },
      frames: 0,
    });
    for (let i = 0; i < CHANGES; i++) {
      await host.setAdapter({ ...ADAPTER, ...(MODES[i % MODES.length] ?? MODES[0]) });
      await sleep(CHANGE_EVERY_MS);
    }
    await host.stopLink('flood');
    await sleep(CHANGE_EVERY_MS);
    const { vms } = await host.report();
    for (const vm of VMS) {
      const stamps = vms.find(({ vmId }) => vmId === vm.id)?.stamps;
      expect(stamps).toMatchObject({ corrupt: 0, outOfOrder: 0 });
      expect(stamps?.checked).toBeGreaterThan(10_000);
    }
  });
});
