/**
 * Overload with real threads: a queue that is offered far more than its guest takes drops at its own
 * edge, goes on delivering what the guest takes, and its neighbour does not notice.
 */
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Host } from '../../src/engine/host/host';
import type { LinkConfig, VmConfig } from '../../src/contract/model';
import type { HostReport } from '../../src/contract/report';
import { EngineLab, sleep, vmConfig } from '../support/engine-lab';

/** A digest of long frames makes a guest slow. */
const SLOW = vmConfig('slow', 'host-a', '02:00:5e:10:00:01', 10, '10.0.10.11', {
  kind: 'responder',
  digest: true,
});
const NEIGHBOUR = vmConfig('neighbour', 'host-a', '02:00:5e:10:00:02', 10, '10.0.10.12', {
  kind: 'responder',
  stamps: true,
});
const SLOW_FRAME_BYTES = 1500;
/** What the slow guest can take. */
const BEARABLE_RATE = 100_000;
const NEIGHBOUR_RATE = 2000;
const INTERVALS = 6;
const INTERVAL_MS = 500;

let lab: EngineLab;
let host: Host;

beforeEach(async () => {
  lab = new EngineLab();
  host = lab.hosts.a;
  await lab.open({ uplink: 'none' });
});

afterEach(() => lab.close());

function generator(
  id: string,
  vm: VmConfig,
  frameBytes: number,
  rate: Extract<LinkConfig, { kind: 'generator' }>['rate'],
): LinkConfig {
  return {
    kind: 'generator',
    id,
    name: id,
    plug: { at: 'adapter', hostId: 'host-a', adapter: 'nic-a' },
    targets: [{ mac: vm.nics[0]?.macs[0] ?? '', vlan: 10 }],
    sourceMac: '02:00:5e:fe:00:01',
    frameBytes,
    rate,
    frames: 0,
  };
}

function reportOf(report: HostReport, vm: VmConfig): HostReport['vms'][number] {
  const found = report.vms.find(({ vmId }) => vmId === vm.id);
  if (!found) throw new Error(`${vm.id} is not in the report`);
  return found;
}

/** Frames a second that each VM gets, interval by interval. */
async function measure(intervals: number): Promise<{ slow: number; neighbour: number }[]> {
  const rates: { slow: number; neighbour: number }[] = [];
  for (let i = 0; i < intervals; i++) {
    const [before, since] = [await host.report(), performance.now()];
    await sleep(INTERVAL_MS);
    const [after, seconds] = [await host.report(), (performance.now() - since) / 1000];
    const rate = (vm: VmConfig): number =>
      (reportOf(after, vm).framesDelivered - reportOf(before, vm).framesDelivered) / seconds;
    rates.push({ slow: rate(SLOW), neighbour: rate(NEIGHBOUR) });
  }
  return rates;
}

function meanOfSlow(rates: readonly { slow: number }[]): number {
  return rates.reduce((sum, { slow }) => sum + slow, 0) / rates.length;
}

/** Waits until no frame moves any more. */
async function settled(): Promise<void> {
  const seen = async (): Promise<string> =>
    JSON.stringify([(await host.report()).conservation, host.snapshot().vms]);
  for (let before = '', now = await seen(); now !== before;) {
    await sleep(100);
    [before, now] = [now, await seen()];
  }
}

it('drops at the edge of the queue that is full, and nothing else feels it', async () => {
  for (const vm of [SLOW, NEIGHBOUR]) {
    await host.addVm(vm);
    await host.startVm(vm.id);
  }
  const neighbourRate = { mode: 'fixed', framesPerSecond: NEIGHBOUR_RATE } as const;
  await host.addLink(generator('steady', NEIGHBOUR, 128, neighbourRate));

  const bearableRate = { mode: 'fixed', framesPerSecond: BEARABLE_RATE } as const;
  await host.addLink(generator('bearable', SLOW, SLOW_FRAME_BYTES, bearableRate));
  const bearable = await measure(2);
  await host.removeLink('bearable');

  await host.addLink(generator('flood', SLOW, SLOW_FRAME_BYTES, { mode: 'maximum' }));
  const flooded = await measure(INTERVALS);
  await host.stopLink('flood');
  await host.stopLink('steady');
  await settled();

  // No livelock: under any load the guest gets what it can take.
  for (const { slow } of flooded) expect(slow).toBeGreaterThan(0);
  expect(meanOfSlow(flooded)).toBeGreaterThan(meanOfSlow(bearable) / 2);

  const report = await host.report();
  const queues = report.queues.filter(({ live }) => live);
  const dropped = queues.find(({ vm }) => vm === 'slow')?.dropped['no-receive-buffer'] ?? 0;
  expect(dropped).toBeGreaterThan(reportOf(report, SLOW).framesDelivered / 10);
  expect(report.conservation).toMatchObject({
    holds: true,
    held: 0,
    dropped: { 'no-receive-buffer': dropped },
  });
  expect(Object.keys(report.conservation.dropped)).toEqual(['no-receive-buffer']);

  // The neighbour gets every frame, in every interval.
  for (const { neighbour } of flooded) expect(neighbour).toBeGreaterThan(0);
  const sent = report.links.find(({ linkId }) => linkId === 'steady')?.frames ?? 0;
  expect(sent).toBeGreaterThan(NEIGHBOUR_RATE);
  expect(reportOf(report, NEIGHBOUR)).toMatchObject({
    framesDelivered: sent,
    stamps: { checked: sent, corrupt: 0, outOfOrder: 0 },
  });
  expect(queues.find(({ vm }) => vm === 'neighbour')).toMatchObject({ frames: sent, dropped: {} });
});
