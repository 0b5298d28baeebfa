import { describe, expect, it } from 'vitest';
import { HostMemory } from '../../../src/engine/memory/host-memory';
import { createFrameRing, ringCapacity } from '../../../src/engine/thread/rings';
import { InlineHost } from '../../support/inline-host';

describe('a ring between two threads', () => {
  it('is refused with a capacity that is no power of two: two indices would share a slot', () => {
    expect(() => createFrameRing(new HostMemory(1), 768)).toThrow(
      'ring capacity: expected a power of two, got 768',
    );
  });

  it('has no more entries than an eighth of its producer’s pool', async () => {
    const host = await InlineHost.create({ bufferMode: 'host-buffers' });
    await host.addVm('web', { mac: '02:00:5e:10:00:01', vlan: 10, ipv4: '10.0.10.11' });
    const { table } = host;
    const producer = table.threads().find(({ name }) => name.startsWith('default queue'));
    const rings = table.ringsFrom(producer?.index ?? -1);
    expect(rings.length).toBeGreaterThan(0);
    for (const ring of rings) expect(ringCapacity(host.memory, ring)).toBe(1024);
  });
});
