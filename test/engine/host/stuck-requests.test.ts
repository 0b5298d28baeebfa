/** A free that waits for a buffer which nobody returns is found, with who holds it (reference §6.7). */
import { describe, expect, it } from 'vitest';
import { EventLog } from '../../../src/engine/host/event-log';
import { dumpQueue } from '../../../src/engine/host/queue-dump';
import { pendingRequestOf, STUCK_AFTER_MS } from '../../../src/engine/host/request-view';
import { StuckRequests } from '../../../src/engine/host/stuck-requests';
import { InlineHost } from '../../support/inline-host';
import { portOf } from '../../support/traffic';

const WEB = { mac: '02:00:5e:10:00:01', vlan: 10, ipv4: '10.0.10.11' };
const APP = { mac: '02:00:5e:10:00:02', vlan: 10, ipv4: '10.0.10.12' };

/** Two VMs with queues, of which `app` floods `web`; `stall` lets the thread of `web` do no more than it must. */
async function aFlood() {
  const host = await InlineHost.create();
  const time = { ms: 1000 };
  Object.assign(host.adapter, { now: () => time.ms });
  const web = await host.addVm('web', WEB);
  const app = await host.addVm('app', {
    ...APP,
    workload: {
      kind: 'sender',
      destinationIpv4: WEB.ipv4,
      framesPerSecond: 2_000_000,
      frameBytes: 100,
    },
  });
  for (let i = 0; i < 200; i++) host.threads.round();
  const webQueue = host.adapter.switch.servingQueueOf(portOf(web).index);
  const still = host.adapter.miniport.threadOf(webQueue)?.thread;
  /** A round without the thread of `web`, or only with its answers to requests. */
  const turn = async (answers: boolean): Promise<void> => {
    host.threads.round((threads) =>
      threads.filter(({ start, requests }) => start.thread !== still || (answers && requests > 0)),
    );
    await new Promise((resolve) => setImmediate(resolve));
  };
  const log = new EventLog();
  const events: string[] = [];
  log.onEvent(({ type, text, cause }) => events.push(`${type}: ${text} ${cause}`));
  return { host, app, time, turn, events, watch: new StuckRequests(log) };
}

describe('a request that does not end', () => {
  it('§6.7 rule 5: is reported once, with who holds the buffers that a free waits for, and again when it has ended', async () => {
    const { host, app, time, turn, events, watch } = await aFlood();
    for (let i = 0; i < 40; i++) await turn(false);
    const freed = host.adapter.switch.releaseQueue(portOf(app).index, { rule: 'migrating' });
    const isHeld = (): boolean => pendingRequestOf(host.adapter)?.heldBy.length === 1;
    for (let i = 0; i < 2000 && !isHeld(); i++) await turn(true);
    for (let i = 0; i < 20; i++) await turn(true);
    const pending = pendingRequestOf(host.adapter);
    expect(pending).toMatchObject({
      oid: 'OID_RECEIVE_FILTER_FREE_QUEUE',
      caller: 'switch of nic-a',
      arguments: { queueId: 2 },
      isStuck: false,
      heldBy: [{ holder: 'queue 1 of nic-a' }],
    });
    expect(pending?.heldBy[0]?.buffers).toBeGreaterThan(0);
    watch.check(host.adapter);
    expect(events).toEqual([]);
    time.ms += STUCK_AFTER_MS;
    watch.check(host.adapter);
    watch.check(host.adapter);
    expect(events).toHaveLength(1);
    expect(events[0]).toMatch(
      /^adapter\/request-stuck: nic-a: OID_RECEIVE_FILTER_FREE_QUEUE of switch of nic-a does not end; 0 request\(s\) wait behind it\. Receive buffers of the queue are not back: queue 1 of nic-a holds \d+\.$/,
    );
    expect(dumpQueue(host.adapter, 2)).toMatch(/\d+ held by queue 1 of nic-a\n/);
    await host.drive(freed);
    watch.check(host.adapter);
    expect(events.slice(1)).toEqual([
      'adapter/request-ended: nic-a: the request that was stuck has ended. It was completed.',
    ]);
  });

  it('§6.7 rule 5: is reported with the thread that does not answer', async () => {
    const { host, app, time, turn, events, watch } = await aFlood();
    const freed = host.adapter.switch.releaseQueue(portOf(app).index, { rule: 'migrating' });
    for (let i = 0; i < 200; i++) await turn(false);
    time.ms += STUCK_AFTER_MS;
    watch.check(host.adapter);
    expect(events).toHaveLength(1);
    expect(events[0]).toContain('OID_RECEIVE_FILTER_CLEAR_FILTER of switch of nic-a does not end');
    expect(events[0]).toContain('Threads that do not answer: queue 1 of nic-a.');
    await host.drive(freed);
  });
});
