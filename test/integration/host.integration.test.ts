import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import createWorker from '../../src/engine/host/thread-entry?nodeWorker';
import { Host } from '../../src/engine/host/host';

let folder = '';
let host: Host;
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'vmq-'));
  host = new Host((options = {}) => createWorker(options));
  host.onEvent((event) => {
    if (process.env['VMQ_TRACE']) console.log(event.type, event.text, event.cause);
  });
  await host.open(
    {
      id: 'host-a',
      name: 'Host A',
      memoryMiB: 256,
      adapters: [
        {
          id: 'nic-a',
          name: 'nic-a',
          queueCount: 4,
          vmqEnabled: true,
          bufferMode: 'shared-memory',
          moderationMicroseconds: 50,
          uplink: 'none',
        },
      ],
    },
    { fabricSocket: join(folder, 'fabric.sock'), socketFolder: folder },
  );
});

afterEach(async () => {
  await host.close();
  rmSync(folder, { recursive: true, force: true });
});

describe('a host with real threads', () => {
  it('moves generated frames into a VM and accounts for each', async () => {
    await host.addVm({
      id: 'web',
      name: 'web',
      hostId: 'host-a',
      memoryMiB: 32,
      power: 'running',
      workload: { kind: 'responder' },
      nics: [
        {
          id: 'nic-web',
          adapter: 'nic-a',
          macs: ['02:00:5e:10:00:01'],
          vlan: { mode: 'access', id: 10 },
          queue: { mode: 'automatic' },
        },
      ],
    });
    await host.startVm('web');
    await host.addLink({
      kind: 'generator',
      id: 'gen',
      name: 'gen',
      plug: { at: 'adapter', hostId: 'host-a', adapter: 'nic-a' },
      targets: [{ mac: '02:00:5e:10:00:01', vlan: 10, ipv4: '10.0.0.1' }],
      sourceMac: '02:00:5e:fe:00:01',
      frameBytes: 64,
      rate: { mode: 'maximum' },
      frames: 3_000_000,
    });
    const start = performance.now();
    for (let i = 0; i < 300; i++) {
      await sleep(50);
      if (host.snapshot().links[0]?.state === 'finished') break;
    }
    const took = performance.now() - start;
    await sleep(200);
    const report = await host.report();
    console.log(Math.round(3e6 / took), 'kframes/s', JSON.stringify(report));
    expect(report.conservation).toMatchObject({ holds: true, held: 0 });
    expect(report.conservation.entered.fromWire).toBe(3_000_000);
  }, 30_000);
});
