/** Lookahead split of NDIS 6.20 (reference §5.2): headers stay in host memory until the host has looked at them. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DEFAULT_ADAPTER_PROFILE, type AdapterProfile } from '../../../src/contract/vmq';
import type { VirtualMachine } from '../../../src/engine/vm/virtual-machine';
import { GuestTap } from '../../support/guest-tap';
import { InlineHost } from '../../support/inline-host';
import { stampedFrame } from '../../support/stamped-frames';
import { everyNumber, portOf, underTraffic } from '../../support/traffic';

const WEB = { mac: '02:00:5e:10:00:01', vlan: 10 };
const LOOKAHEAD = 64;
const SPLITTING: AdapterProfile = {
  ...DEFAULT_ADAPTER_PROFILE,
  ndisRevision: '6.20',
  dynamicAffinity: false,
  vectorCoalescing: false,
  lookaheadSplit: { minBytes: LOOKAHEAD, maxBytes: 128 },
};

async function aHost(profile: AdapterProfile = SPLITTING) {
  const host = await InlineHost.create({ profile, bufferMode: 'shared-memory' });
  const vm = await host.addVm('web', WEB);
  return { host, vm, tap: new GuestTap(host.memory, portOf(vm)) };
}

const isAdapter = ({ start }: { start: { role: string } }): boolean => start.role === 'adapter';
const isServing = ({ start }: { start: { role: string } }): boolean => start.role === 'queue';

/** A frame without its tag. */
const untagged = (frame: Uint8Array): Uint8Array =>
  Uint8Array.from([...frame.slice(0, 12), ...frame.slice(16)]);

/** Where a pattern begins in the memory of a VM; -1: nowhere. */
function find(host: InlineHost, vm: VirtualMachine, pattern: Uint8Array): number {
  const memory = host.memory.u8.subarray(vm.memory, vm.memory + vm.memoryBytes);
  const [first = 0] = pattern;
  for (let at = memory.indexOf(first); at >= 0; at = memory.indexOf(first, at + 1))
    if (pattern.every((octet, index) => memory[at + index] === octet)) return at;
  return -1;
}

/** A frame of random content behind its Ethernet header. */
function frameOf(payload: Uint8Array): Uint8Array {
  const frame = new Uint8Array(18 + payload.length);
  frame.set(stampedFrame(WEB, 1).slice(0, 18));
  frame.set(payload, 18);
  return frame;
}

describe('a queue with lookahead split', () => {
  it('§5.1 rules 2 and 11, §5.2 rules 1 and 3: asks for it with the size that the adapter begins with, and has both kinds of memory', async () => {
    const { host } = await aHost();
    const [, queue] = host.adapter.ndis.enumQueues();
    expect(queue).toMatchObject({ lookaheadSize: LOOKAHEAD });
    expect(host.adapter.ndis.parametersOf(1)?.flags).toBe(3);
    expect(host.adapter.miniport.modeOf(1)).toBe('shared-memory');
    expect(
      host.adapter.miniport.sharedMemoryOf(1).map(({ usage, provider }) => [usage, provider]),
    ).toEqual([
      ['ReceiveLookahead', 'host'],
      ['ReceivePostLookahead', 'vm'],
    ]);
  });

  it('§5.2 rules 3 and 5, §5.4 rule 2: keeps the first bytes out of the VM until they are indicated, and hands over one whole frame', async () => {
    const { host, vm, tap } = await aHost();
    const frame = stampedFrame(WEB, 7, 400);
    const plain = untagged(frame);
    for (let at = 42, seed = 1; at < plain.length; at++) {
      seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
      plain[at] = seed >>> 24;
    }
    frame.set(plain.slice(12), 16);
    host.receive(frame);
    host.threads.round((threads) => threads.filter(isAdapter));
    const [head, rest] = [plain.slice(LOOKAHEAD - 16, LOOKAHEAD), plain.slice(LOOKAHEAD)];
    expect(find(host, vm, head)).toBe(-1);
    const place = find(host, vm, rest);
    expect(place).toBeGreaterThan(0);
    // Whatever the guest writes into the room in front is overwritten by what the host has seen.
    host.memory.u8.fill(0xee, vm.memory + place - LOOKAHEAD, vm.memory + place);
    host.threads.round((threads) => threads.filter(isServing));
    expect(tap.take()).toEqual([plain]);
    expect(find(host, vm, plain)).toBe(place - LOOKAHEAD);
  });

  it('§5.2 rule 2: splits behind the headers where they reach further than the lookahead size', async () => {
    const { host, vm } = await aHost();
    const headers = 14 + 20 + 60;
    const plain = new Uint8Array(300).map((_, at) => (at * 41) & 0xff);
    plain.set(untagged(stampedFrame(WEB, 1)).slice(0, 34));
    plain[23] = 6;
    plain[34 + 12] = 0xf0;
    const frame = Uint8Array.from([...plain.slice(0, 12), 0x81, 0, 0, 10, ...plain.slice(12)]);
    host.receive(frame);
    host.threads.round((threads) => threads.filter(isAdapter));
    expect(find(host, vm, plain.slice(LOOKAHEAD, headers))).toBe(-1);
    expect(find(host, vm, plain.slice(headers))).toBeGreaterThan(0);
  });

  it('§5.2 rule 5: gives the guest every frame as it came, of any length and content', async () => {
    const { host, tap } = await aHost();
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 2, maxLength: 1500 }), (payload) => {
        const frame = frameOf(payload);
        host.receive(frame);
        host.threads.round((threads) => threads.filter(({ start }) => start.role !== 'vcpu'));
        expect(tap.take()).toEqual([untagged(frame)]);
        host.threads.round();
      }),
      { numRuns: 300 },
    );
  });

  it('§5.2 rule 6, A.12: keeps the order through handovers, and loses nothing', async () => {
    const { host, vm } = await aHost();
    const { sent, given } = await underTraffic(host, [vm], async () => {
      for (const set of [false, true, false, true]) await host.adapter.switch.setFilters(0, set);
    });
    expect(given).toEqual([everyNumber(sent)]);
    expect(host.conservation()).toMatchObject({ holds: true, held: 0, dropped: {} });
  });

  it('§5.2 rule 4, §5.3 rule 2: is given up with shared memory, and comes back with it', async () => {
    const { host } = await aHost();
    const { config } = host.adapter;
    await host.drive(host.adapter.configure({ ...config, bufferMode: 'host-buffers' }));
    const [, whole] = host.adapter.ndis.enumQueues();
    expect(whole?.lookaheadSize).toBe(0);
    const usages = (): string[] =>
      host.adapter.miniport.sharedMemoryOf(whole?.queueId ?? 0).map(({ usage }) => usage);
    expect(usages()).toEqual(['Receive']);
    await host.drive(host.adapter.configure({ ...config, bufferMode: 'shared-memory' }));
    expect(host.adapter.ndis.enumQueues()[1]?.lookaheadSize).toBe(LOOKAHEAD);
  });
});

describe('shared memory', () => {
  it('§5.2 rule 7: is not given on NDIS 6.20 without a split, with the reason', async () => {
    const { host } = await aHost({ ...SPLITTING, lookaheadSplit: null });
    expect(host.adapter.miniport.modeOf(1)).toBe('host-buffers');
    expect(host.adapter.switch.bufferModeReason(1, 'host-buffers')).toContain(
      'cannot split frames',
    );
  });

  it('§5.3 rule 3: is given without a split from NDIS 6.30 on', async () => {
    const { host } = await aHost(DEFAULT_ADAPTER_PROFILE);
    expect(host.adapter.ndis.enumQueues()[1]).toMatchObject({ lookaheadSize: 0 });
    expect(host.adapter.miniport.sharedMemoryOf(1).map(({ usage }) => usage)).toEqual(['Receive']);
  });

  it('§5.1 rules 4, 8 and 9, §3.9 rule 7: is accounted for the default queue from initialisation to halt, and given back with each queue', async () => {
    const { host } = await aHost();
    const of = (queueId: number): number => host.adapter.miniport.sharedMemoryOf(queueId).length;
    expect([of(0), of(1)]).toEqual([1, 2]);
    await host.drive(host.adapter.liveThrough('halt'));
    expect([of(0), of(1)]).toEqual([0, 0]);
    await host.drive(host.adapter.liveThrough('initialise'));
    expect([of(0), of(2)]).toEqual([1, 2]);
  });

  it('§5.1 rule 7, A.18: that cannot be had fails the completion of its queue with RESOURCES, and nothing is kept', async () => {
    const { host } = await aHost();
    const other = await host.addVm('db', {
      mac: '02:00:5e:10:00:02',
      vlan: 10,
      queue: { mode: 'none' },
    });
    // Enough is left for a queue block, not for its rings and lookahead buffers.
    const { totalBytes, usedBytes } = host.memory;
    const filling = host.memory.take(totalBytes - usedBytes - 192 * 1024, 'A test');
    const port = portOf(other);
    port.config = { ...port.config, queue: { mode: 'automatic' } };
    await host.drive(host.adapter.switch.requestQueue(port.index));
    const reason = host.adapter.switch.noQueueReasonOf(port.index);
    expect(reason).toMatchObject({ rule: 'refused' });
    expect(reason?.text).toContain('NDIS_STATUS_RESOURCES');
    expect(host.adapter.ndis.enumQueues()).toHaveLength(2);
    expect(host.adapter.miniport.sharedMemoryOf(2)).toEqual([]);
    host.memory.give(filling);
    await host.drive(host.adapter.switch.requestQueue(port.index));
    expect(host.adapter.switch.noQueueReasonOf(port.index)).toBeNull();
  });
});
