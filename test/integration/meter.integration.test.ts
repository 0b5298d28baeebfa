/** The meter with real threads, sockets and guests: a fabric, a host, and probes of its VM. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { ProbeResult, ProbeSample } from '../../src/contract';
import { EngineLab, vmConfig } from '../support/engine-lab';

const VM = vmConfig('web', 'host-a', '02:00:5e:10:00:01', 30, '10.0.30.11', { kind: 'responder' });
const NOTHING = { lost: 0, duplicated: 0, reordered: 0 };

let lab: EngineLab;
let probes = 0;

beforeAll(async () => {
  lab = new EngineLab();
  await lab.open();
  await lab.hosts.a.addVm(VM);
  await lab.hosts.a.startVm(VM.id);
});

afterAll(async () => {
  await lab.close();
});

/** A running probe of the VM, as its watcher sees it. */
class Watched {
  readonly probeId = `probe-${(probes += 1)}`;
  #watching: AsyncGenerator<ProbeSample> | undefined;

  async start(): Promise<this> {
    const [nic] = VM.nics;
    if (nic?.macs[0] === undefined || nic.ipv4 === undefined) throw new Error('it has a NIC');
    const { ipv4, vlan } = nic;
    const flow = { mac: nic.macs[0], ipv4, vlan, perSecond: 500 };
    await lab.fabric.startProbe({ probeId: this.probeId, ...flow });
    this.#watching = lab.fabric.watchProbe(this.probeId, undefined);
    return this;
  }

  /** Reads samples until one is as wanted. */
  async until(isEnough: (sample: ProbeSample) => boolean): Promise<ProbeSample> {
    for (;;) {
      const next = await this.#watching?.next();
      if (next === undefined || next.done === true) throw new Error('the probe has ended');
      if (isEnough(next.value)) return next.value;
    }
  }

  /** Goes on until so many more answers have come. */
  async answered(more: number): Promise<void> {
    const { received } = await this.until(() => true);
    await this.until((sample) => sample.received >= received + more);
  }

  stop(): Promise<ProbeResult> {
    return lab.fabric.stopProbe(this.probeId);
  }
}

describe('the meter', () => {
  it('finds nothing wrong with a path that is not', async () => {
    const probe = await new Watched().start();
    await probe.answered(200);
    const { toVm, fromVm, ...both } = await probe.stop();
    const all = { ...NOTHING, sent: both.sent, received: both.sent };
    expect([both, toVm, fromVm]).toMatchObject([all, all, all]);
    const last = await probe.until((sample) => sample.received === both.sent);
    expect(last).toMatchObject({ sent: both.sent, toVmReceived: both.sent });
  });

  it.each([
    ['to-vm', 1],
    ['to-vm', 37],
    ['from-vm', 1],
    ['from-vm', 37],
  ] as const)('reports injected loss %s of %i frames as exactly that', async (direction, k) => {
    const probe = await new Watched().start();
    await probe.answered(20);
    await lab.fabric.loseProbes(probe.probeId, direction, k);
    await probe.answered(50);
    const { toVm, fromVm, ...both } = await probe.stop();
    const ways = [
      { ...NOTHING, lost: direction === 'to-vm' ? k : 0 },
      { ...NOTHING, lost: direction === 'to-vm' ? 0 : k },
    ];
    expect([toVm, fromVm]).toMatchObject(ways);
    expect(both).toMatchObject({ ...NOTHING, lost: k });
  });

  it('measures two flows to one guest at once, each by itself', async () => {
    const [one, other] = [await new Watched().start(), await new Watched().start()];
    await one.answered(20);
    await lab.fabric.loseProbes(one.probeId, 'to-vm', 5);
    await lab.fabric.loseProbes(other.probeId, 'from-vm', 9);
    await Promise.all([one.answered(50), other.answered(50)]);
    const [first, second] = await Promise.all([one.stop(), other.stop()]);
    expect([first.toVm.lost, first.fromVm.lost]).toEqual([5, 0]);
    expect([second.toVm.lost, second.fromVm.lost]).toEqual([0, 9]);
  });

  it('goes on over a migration there and back, with the account in the memory that moves', async () => {
    const { a, b } = lab.hosts;
    const probe = await new Watched().start();
    await probe.answered(50);
    const there = await lab.migrate('m-1', a, b, VM);
    await lab.fabric.loseProbes(probe.probeId, 'from-vm', 13);
    await probe.answered(50);
    const back = await lab.migrate('m-2', b, a, VM);
    await lab.fabric.loseProbes(probe.probeId, 'to-vm', 4);
    await probe.answered(50);
    const { toVm, fromVm, ...both } = await probe.stop();
    expect([toVm, fromVm]).toMatchObject([
      { ...NOTHING, lost: 4 },
      { ...NOTHING, lost: 13 },
    ]);
    expect(both).toMatchObject({ ...NOTHING, lost: 17 });
    // The guest took no probe while it stood still.
    const downtimeMs = Math.max(there.downtimeMs, back.downtimeMs);
    expect(toVm.silenceMs).toBeGreaterThan(downtimeMs - 0.5);
  });

  it('goes on over a restart of the guest, whose memory is gone', async () => {
    const probe = await new Watched().start();
    await probe.answered(50);
    await lab.hosts.a.stopVm(VM.id);
    const stopped = await probe.until(() => true);
    await probe.until((sample) => sample.sent > stopped.sent + 50);
    await lab.hosts.a.startVm(VM.id);
    await probe.answered(50);
    await lab.fabric.loseProbes(probe.probeId, 'from-vm', 7);
    await probe.answered(50);
    const { toVm, fromVm, ...both } = await probe.stop();
    expect(both.lost).toBe(toVm.lost + fromVm.lost);
    expect(toVm.lost).toBeGreaterThan(40);
    expect(toVm.silenceMs).toBeGreaterThan(80);
    // What the guest had answered last may have been in the queue that went with it.
    expect(fromVm.lost).toBeGreaterThanOrEqual(7);
    expect(fromVm.lost).toBeLessThan(12);
    expect([toVm, fromVm]).toMatchObject([
      { duplicated: 0, reordered: 0 },
      { duplicated: 0, reordered: 0 },
    ]);
  });
});
