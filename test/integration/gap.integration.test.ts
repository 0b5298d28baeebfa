/** What VMs of either host send to a VM that moves between them: all of it arrives, once. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Host } from '../../src/engine/host/host';
import type { VmSnapshot } from '../../src/contract/host';
import { EngineLab, sleep, until, vmConfig } from '../support/engine-lab';

const RATE = 2000;
const MOVER = vmConfig(
  ...(['mover', 'host-a', '02:00:5e:10:00:01', 10, '10.0.10.11'] as const),
  { kind: 'responder', stamps: true },
  64,
);

let lab: EngineLab;

beforeEach(async () => {
  lab = new EngineLab();
  await lab.open();
});

afterEach(() => lab.close());

function guestOf(host: Host, vmId: string): VmSnapshot['guest'] {
  const vm = host.snapshot().vms.find((candidate) => candidate.vmId === vmId);
  if (!vm) throw new Error(`${vmId} is not there`);
  return vm.guest;
}

/** Answers how to make it send no more; what it has handed to its NIC by then is still sent. */
async function startSender(host: Host, name: string, last: number): Promise<() => Promise<void>> {
  const workload = {
    kind: 'sender',
    destinationIpv4: '10.0.10.11',
    framesPerSecond: RATE,
    frameBytes: 128,
  } as const;
  const mac = `02:00:5e:10:00:0${last}`;
  const hostId = host.snapshot().hostId;
  const config = vmConfig(name, hostId, mac, 10, `10.0.10.1${last}`, workload);
  await host.addVm(config);
  await host.startVm(name);
  return () => host.updateVm({ ...config, workload: { kind: 'responder' } });
}

it('loses and repeats nothing of what VMs of both hosts send to a VM on the move', async () => {
  const { a, b } = lab.hosts;
  await a.addVm(MOVER);
  await a.startVm('mover');
  const quietBeside = await startSender(a, 'beside', 2);
  const quietRemote = await startSender(b, 'remote', 3);
  await until('traffic', () => guestOf(a, 'mover').sunkFrames > RATE / 2);

  const there = await lab.migrate('m-1', a, b, MOVER);
  await until('traffic after the move', () => guestOf(b, 'mover').sunkFrames > RATE);
  const back = await lab.migrate('m-2', b, a, { ...MOVER });
  await sleep(100);
  expect([there.markerSeen, back.markerSeen]).toEqual([true, true]);

  await quietBeside();
  await quietRemote();
  await sleep(50);
  const sent = guestOf(a, 'beside').sentFrames + guestOf(b, 'remote').sentFrames;
  // What came to its own address alone: announcements to all are not counted.
  const taken = (): number => guestOf(a, 'mover').stamps?.checked ?? 0;
  await until('the last frames', () => taken() >= sent);
  await sleep(50);
  expect(taken()).toBe(sent);
  for (const host of [a, b]) expect((await host.report()).conservation.holds).toBe(true);
});
