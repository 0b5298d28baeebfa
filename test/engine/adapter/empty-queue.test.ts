/** A queue without filters is empty, and nothing waits for its thread, which does not look at it. */
import { describe, expect, it } from 'vitest';
import type { AdapterEvent } from '../../../src/contract/vmq';
import { InlineHost } from '../../support/inline-host';
import { stampedFrame } from '../../support/stamped-frames';
import { portOf } from '../../support/traffic';

const WEB = { mac: '02:00:5e:10:00:01', vlan: 10 };
const EVENTS: readonly (readonly AdapterEvent[])[] = [['pause', 'restart'], ['reset']];

describe('an adapter with a queue whose filters were cleared', () => {
  it.each(EVENTS)('goes through %s %s', async (...events) => {
    const host = await InlineHost.create();
    const vm = await host.addVm('web', WEB);
    const { index } = portOf(vm);
    await host.drive(host.adapter.switch.setFilters(index, false));
    for (const event of events) await host.drive(host.adapter.liveThrough(event));
    expect([host.adapter.ndis.state, host.adapter.ndis.queueState(1)]).toEqual([
      'running',
      'Paused',
    ]);
    await host.drive(host.adapter.switch.setFilters(index, true));
    host.receive(stampedFrame(WEB, 1));
    host.threads.settle();
    expect(host.adapter.miniport.blockOf(1)?.counters().frames).toBe(1);
    expect(portOf(vm).counters().rxFrames).toBe(1);
  });
});
