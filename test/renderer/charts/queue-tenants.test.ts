import { describe, expect, it } from 'vitest';
import type { QueueSnapshot } from '../../../src/contract/host';
import { tenantsFrom, valuesOfTenant } from '../../../src/renderer/charts/queue-tenants';

const aQueue = (nicId: string): QueueSnapshot => ({
  adapterId: 'nic-a',
  adapterIndex: 0,
  queueId: 2,
  state: 'Running',
  processor: 0,
  thread: 3,
  vmId: `vm-${nicId}`,
  vmName: nicId,
  nicId,
  vlan: null,
  bufferMode: 'shared-memory',
  bufferModeReason: '',
  filters: [],
  affinity: '0:0x1',
  msixTableEntry: 0,
  interruptCoalescingDomainId: 1,
});

const tenantsOf = tenantsFrom({
  tenanciesOf: () => [
    { queue: aQueue('web'), fromMs: 1000 },
    { queue: aQueue('mail'), fromMs: 3000 },
    { queue: aQueue('web'), fromMs: 5000 },
  ],
  hueOf: (queue) => ({ token: `--of-${queue.nicId ?? ''}`, pattern: 0 }),
  adapterCount: 1,
});

describe('tenants of a queue', () => {
  it('keep their own name and colour in the past of the queue', () => {
    const tenants = tenantsOf('queue:0:2');
    expect(tenants.map(({ label, paint }) => [label, paint.token])).toEqual([
      ['queue 2 · web', '--of-web'],
      ['queue 2 · mail', '--of-mail'],
    ]);
  });

  it('share the values of the row without overlap', () => {
    const [web, mail] = tenantsOf('queue:0:2');
    const times = Float64Array.of(500, 2000, 4000, 6000);
    const values = Float64Array.of(1, 2, 3, 4);
    expect(web && [...valuesOfTenant(web, values, times, 0)]).toEqual([1, 2, 0, 4]);
    expect(mail && [...valuesOfTenant(mail, values, times, 0)]).toEqual([0, 0, 3, 0]);
  });

  it('have a name even before the first snapshot', () => {
    const unknown = tenantsFrom({
      tenanciesOf: () => [],
      hueOf: () => ({ token: '', pattern: 0 }),
      adapterCount: 2,
    });
    expect(unknown('queue:1:0').map(({ label }) => label)).toEqual(['default queue (adapter 1)']);
  });
});
