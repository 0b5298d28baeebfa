import { describe, expect, it } from 'vitest';
import { InlineHost } from '../../support/inline-host';

describe('what is kept of freed queues', () => {
  it('is bounded, the latest ones, however often a queue comes and goes', async () => {
    const host = await InlineHost.create();
    await host.addVm('web', { mac: '02:00:5e:10:00:01', vlan: 10 });
    const { adapter } = host;
    for (let round = 0; round < 300; round++) {
      await host.drive(adapter.switch.releaseQueue(0, { rule: 'migrating' }));
      await host.drive(adapter.switch.requestQueue(0));
    }
    const former = adapter.formerQueues();
    expect(former).toHaveLength(256);
    expect(former.at(-1)).toMatchObject({ vmName: 'web', nic: { id: 'nic-web' } });
    expect(adapter.switch.queueOf(0)).toBeDefined();
  });
});
