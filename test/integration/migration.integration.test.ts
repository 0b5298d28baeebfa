import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { buildIcmpEchoFrame } from '../../src/engine/wire/icmp';
import { decodeFrame } from '../../src/engine/wire/frame-summary';
import { parseIpv4Address } from '../../src/shared/ipv4-address';
import { parseMacAddress } from '../../src/shared/mac-address';
import { EngineLab, sleep, until, vmConfig, type StreamClient } from '../support/engine-lab';

const WEB = vmConfig('web', 'host-a', '02:00:5e:10:00:01', 10, '10.0.10.11', {
  kind: 'page-writer',
  pagesPerSecond: 5000,
});

let lab: EngineLab;

beforeEach(async () => {
  lab = new EngineLab();
  await lab.open();
});

afterEach(async () => {
  await lab.close();
});

/** Sends echo requests at a steady rate and counts which were answered. */
class Pinger {
  readonly answered = new Map<number, number>();
  sent = 0;
  readonly #timer: NodeJS.Timeout;

  constructor(client: StreamClient) {
    const bytes = new Uint8Array(128);
    const ethernet = {
      destination: parseMacAddress('02:00:5e:10:00:01'),
      source: parseMacAddress('02:00:5e:cc:00:01'),
      vlan: { vlanId: 10 },
    };
    const ip = {
      source: parseIpv4Address('10.0.10.99'),
      destination: parseIpv4Address('10.0.10.11'),
    };
    client.onFrame = (frame) => {
      const tree = decodeFrame(frame);
      if (
        tree.kind !== 'ethernet' ||
        tree.payload.kind !== 'ipv4' ||
        tree.payload.payload.kind !== 'icmp'
      )
        return;
      const sequence = tree.payload.payload.echo?.sequence ?? -1;
      this.answered.set(sequence, (this.answered.get(sequence) ?? 0) + 1);
    };
    this.#timer = setInterval(() => {
      const length = buildIcmpEchoFrame(bytes, 0, ethernet, ip, 'echoRequest', {
        identifier: 1,
        sequence: this.sent++,
        data: new Uint8Array(16),
      });
      client.send(bytes.slice(0, length));
    }, 2);
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}

describe('a migration between two hosts', () => {
  it('moves a running VM that keeps answering echo requests, with all its pages', async () => {
    const { a, b } = lab.hosts;
    await a.addVm(WEB);
    await a.startVm('web');
    const client = await lab.client();
    const pinger = new Pinger(client);
    await until('answers before the move', () => pinger.answered.size > 50);
    const moved = await lab.migrate('m-1', a, b, WEB);
    await until('answers after the move', () => pinger.answered.size > 150);
    pinger.stop();
    await sleep(200);
    client.close();
    const lost = Array.from({ length: pinger.sent }, (_, i) => i).filter(
      (i) => !pinger.answered.has(i),
    );
    if (process.env['VMQ_TRACE'])
      console.log(
        moved,
        pinger.sent,
        lost,
        JSON.stringify([
          (await a.report()).conservation,
          (await b.report()).conservation,
          await lab.fabric.report(),
        ]),
      );

    expect(a.snapshot().vms).toEqual([]);
    expect(b.snapshot().vms).toMatchObject([{ vmId: 'web', state: 'running' }]);
    expect(b.snapshot().nics[0]?.queueId).toBeGreaterThan(0);
    expect(pinger.answered.size).toBe(pinger.sent);
    expect([...pinger.answered.values()].every((times) => times === 1)).toBe(true);

    await b.stopVm('web');
    expect(b.inconsistentPages('web')).toBe(0);
    for (const host of [a, b])
      expect((await host.report()).conservation).toMatchObject({ holds: true, held: 0 });
  });
});
