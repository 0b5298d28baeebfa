/** Who owns a VM when the lab's commands meet a migration in an unusual state. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { migrationOptionsSchema, type MigrationProgress } from '../../src/contract/migration';
import type { Host } from '../../src/engine/host/host';
import { EngineLab, until, vmConfig } from '../support/engine-lab';
import { Pinger } from '../support/pinger';

const WEB = vmConfig('web', 'host-a', '02:00:5e:10:00:01', 10, '10.0.10.11', {
  kind: 'page-writer',
  pagesPerSecond: 5000,
});

let lab: EngineLab;
let a: Host;
let b: Host;

beforeEach(async () => {
  lab = new EngineLab();
  await lab.open();
  ({ a, b } = lab.hosts);
  await a.addVm(WEB);
  await a.startVm('web');
});

afterEach(() => lab.close());

interface Sending {
  readonly reports: AsyncIterator<MigrationProgress>;
}

/** Prepares the target and asks the source to send; nothing is read of it yet. */
async function send(migrationId: string, from: Host, to: Host): Promise<Sending> {
  const { socket, token } = await to.prepareIncoming(migrationId, WEB);
  const options = migrationOptionsSchema.parse({});
  const request = { vmId: 'web', socket, token, options, pauseAt: null };
  const stream = from.sendVm(migrationId, request, new AbortController().signal);
  return { reports: stream[Symbol.asyncIterator]() };
}

async function sendUntilReady(migrationId: string, from: Host, to: Host): Promise<void> {
  const { reports } = await send(migrationId, from, to);
  while ((await reports.next()).done !== true);
}

const stateAt = (host: Host): string | undefined => host.snapshot().vms[0]?.state;

describe('finishSend', () => {
  it('forgets a guest that was resumed because the target had given up', async () => {
    await sendUntilReady('m-1', a, b);
    await b.abortIncoming('m-1');
    await until('the source to resume', () => stateAt(a) === 'running');
    await a.finishSend('m-1');
    expect(a.snapshot()).toMatchObject({ vms: [], nics: [] });
    expect(a.snapshot().queues).toHaveLength(1);
  });
});

describe('cancelSend', () => {
  it('also stops a migration that waits for the end of the one before', async () => {
    await sendUntilReady('m-1', a, b);
    await b.commitIncoming('m-1');
    // The VM runs on b, and waits for the late frames of a.
    const options = migrationOptionsSchema.parse({});
    const request = { vmId: 'web', socket: '/nobody', token: 'any', options, pauseAt: null };
    const first = b
      .sendVm('m-2', request, new AbortController().signal)
      [Symbol.asyncIterator]()
      .next();
    await b.cancelSend('m-2');
    await a.finishSend('m-1');
    await expect(first).rejects.toMatchObject({ refusal: { code: 'migration-cancelled' } });
    expect(stateAt(b)).toBe('running');
    await until('its queue', () => (b.snapshot().nics[0]?.queueId ?? 0) > 0);
    await sendUntilReady('m-3', b, a);
  });
});

describe('a migration that fails before the queue is freed', () => {
  it.each(['clearing-filters', 'stopping-dma', 'copying'] as const)(
    'leaves a running queue with its filters: while it waits in %s',
    async (pauseAt) => {
      await until('a queue', () => (a.snapshot().nics[0]?.queueId ?? 0) > 0);
      const { socket, token } = await b.prepareIncoming('m-1', WEB);
      const options = migrationOptionsSchema.parse({});
      const request = { vmId: 'web', socket, token, options, pauseAt };
      const stream = a.sendVm('m-1', request, new AbortController().signal);
      const reports = stream[Symbol.asyncIterator]();
      for (;;) {
        const step = await reports.next();
        if (step.done === true) throw new Error('it did not wait');
        if (step.value.phase === pauseAt) break;
      }
      await a.cancelSend('m-1');
      const queue = a.snapshot().queues.find(({ vmId }) => vmId === 'web');
      expect(queue).toMatchObject({ state: 'Running', filters: [{ vlan: 10 }] });
      await b.abortIncoming('m-1');
      expect(b.snapshot()).toMatchObject({ vms: [], nics: [] });
    },
  );

  it('tells watchers of the target that the VM is gone', async () => {
    let seen = -1;
    const forget = b.onChange(() => {
      seen = b.snapshot().vms.length;
    });
    await sendUntilReady('m-1', a, b);
    await a.cancelSend('m-1');
    await b.abortIncoming('m-1');
    forget();
    expect(b.snapshot().vms).toEqual([]);
    expect(seen).toBe(0);
  });
});

describe('a VM that starts afresh on another host than the switches know', () => {
  it('is reached at once, since its host announces it', async () => {
    const client = await lab.client();
    const pinger = new Pinger(client, { mac: '02:00:5e:10:00:01', ipv4: '10.0.10.11', vlan: 10 });
    pinger.start();
    await until('answers', () => pinger.answered.size > 10);
    // As after the loss of host a, whose port the fabric still knows.
    await a.stopVm('web');
    await a.removeVm('web');
    await b.addVm({ ...WEB, hostId: 'host-b' });
    await b.startVm('web', true);
    const before = pinger.answered.size;
    await until('answers from its new place', () => pinger.answered.size > before + 10);
    pinger.stop();
    client.close();
  });
});
