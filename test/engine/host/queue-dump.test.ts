import { describe, expect, it } from 'vitest';
import { dumpQueue } from '../../../src/engine/host/queue-dump';
import { pendingRequestOf, requestLogOf } from '../../../src/engine/host/request-view';
import { requestLogEntrySchema } from '../../../src/contract/vmq';
import { InlineHost } from '../../support/inline-host';
import { stampedFrame } from '../../support/stamped-frames';

const WEB = { mac: '02:00:5e:10:00:01', vlan: 10 };

async function aHost(): Promise<InlineHost> {
  const host = await InlineHost.create();
  await host.addVm('web', { ...WEB, queue: { mode: 'processor', processor: 1 } });
  for (let i = 0; i < 5; i++) host.receive(stampedFrame(WEB, i));
  host.threads.settle();
  return host;
}

describe('the dump of a queue', () => {
  it('has type, flags, references, filters, buffers, vector, affinity, state and transitions', async () => {
    const host = await aHost();
    const text = dumpQueue(host.adapter, 1);
    const value = (label: string): string =>
      new RegExp(`^  ${label} {2,}(.+)$`, 'm').exec(text)?.[1] ?? '';
    expect(text.split('\n')[0]).toBe('Receive queue 1 of nic-a');
    expect(value('Type')).toBe('VM queue (1)');
    expect(value('State')).toBe('Running, reported as Running');
    expect(value('Flags')).toBe('0x1 (PER_QUEUE_RECEIVE_INDICATION)');
    expect(value('References')).toBe('0');
    expect(value('Affinity')).toBe('0:0x2 (processor 1)');
    expect(value('MSI-X entry')).toBe('0, domain 1');
    expect(value('Owner')).toBe('switch of nic-a');
    expect(value('Buffer memory')).toBe('the memory of the VM');
    expect(value('Buffers')).toMatch(/^\d+ posted, 0 filled and not indicated$/);
    expect(value('Counted')).toMatch(/^5 frames, /);
    // Two rounds of the test's clock, of 10 µs; 19.3 µs is what their bucket stands for.
    expect(value('Latency')).toBe(
      'p50 19 µs, p90 19 µs, p99 19 µs, p99.9 19 µs, longest 20 µs; 5 frames, each as the oldest of its indication',
    );
    expect(text).toContain('Filters (1)\n  1: 02:00:5e:10:00:01, VLAN 10, tag stripped\n');
    expect(text).toMatch(
      /Transitions \(3\)\n {2}\d{4}-.+Z {2}ALLOCATE_QUEUE: Undefined → Allocated\n/,
    );
  });

  it('shows the default queue, which nobody owns', async () => {
    const text = dumpQueue((await aHost()).adapter, 0);
    expect(text).toMatch(/Type +default queue\n/);
    expect(text).toMatch(/Owner +nobody\n/);
    expect(text).toMatch(/Latency +nothing measured\n/);
  });

  it('shows how a queue that was freed came to its end', async () => {
    const host = await aHost();
    await host.drive(host.adapter.switch.releaseQueue(0, { rule: 'migrating' }));
    const text = dumpQueue(host.adapter, 1);
    expect(text).toMatch(/State +Undefined/);
    expect(text).toMatch(/Memory +given back\n/);
    expect(text).toContain('RESOURCES_FREED: Freeing → Undefined\n');
  });

  it('is refused for a queue that never was', async () => {
    const { adapter } = await aHost();
    expect(() => dumpQueue(adapter, 63)).toThrow('Queue 63 of nic-a cannot be shown.');
  });
});

describe('the request log', () => {
  it('says who asked for what, who answered, with which status and how long it took', async () => {
    const { adapter } = await aHost();
    const entries = requestLogOf(adapter).map((entry) => requestLogEntrySchema.parse(entry));
    expect(
      entries.map(({ oid, kind, answeredBy, status }) => [oid, kind, answeredBy, status]),
    ).toEqual([
      ['NdisOpenAdapterEx', 'set', 'ndis', 'NDIS_STATUS_SUCCESS'],
      ['OID_RECEIVE_FILTER_ALLOCATE_QUEUE', 'method', 'miniport', 'NDIS_STATUS_SUCCESS'],
      ['OID_RECEIVE_FILTER_SET_FILTER', 'method', 'miniport', 'NDIS_STATUS_SUCCESS'],
      ['OID_RECEIVE_FILTER_QUEUE_ALLOCATION_COMPLETE', 'method', 'miniport', 'NDIS_STATUS_SUCCESS'],
    ]);
    const [, allocate] = entries;
    expect(allocate).toMatchObject({
      caller: 'switch of nic-a',
      arguments: { vmName: 'web', processorAffinity: '0:0x2' },
      reason: '',
    });
    expect(allocate?.durationMs).toBeGreaterThan(0);
    expect(Math.abs((allocate?.atMs ?? 0) - Date.now())).toBeLessThan(60_000);
  });

  it('goes on after the last entry that the reader has', async () => {
    const { adapter } = await aHost();
    expect(requestLogOf(adapter, 3).map(({ sequence }) => sequence)).toEqual([4]);
  });

  it('has no pending request between two requests', async () => {
    expect(pendingRequestOf((await aHost()).adapter)).toBeNull();
  });
});
