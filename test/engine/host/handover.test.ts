/** Handovers under traffic, on the test's own thread: every interleaving of turns can be had. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { NicPort } from '../../../src/engine/switch/nic-port';
import { GuestTap } from '../../support/guest-tap';
import { InlineHost } from '../../support/inline-host';
import { stampedFrame, stampOf } from '../../support/stamped-frames';

const WEB = { mac: '02:00:5e:10:00:01', vlan: 10 };
const DB = { mac: '02:00:5e:10:00:02', vlan: 10 };

type Change =
  'vmq-off' | 'vmq-on' | 'host-buffers' | 'shared-memory' | 'clear-filters' | 'set-filters';
const CHANGES: readonly Change[] = [
  'vmq-off',
  'vmq-on',
  'host-buffers',
  'shared-memory',
  'clear-filters',
  'set-filters',
];

/** A reproducible order of thread turns. */
function shuffler(seed: number, idle: number): <Item>(items: Item[]) => Item[] {
  let state = seed >>> 0 || 1;
  const next = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
  return (items) => {
    // Some threads sit a round out, as threads do on a busy machine.
    const taking = items.filter(
      (item) => (item as { start: { role: string } }).start.role === 'adapter' || next() >= idle,
    );
    return taking
      .map((item) => ({ item, key: next() }))
      .sort((one, other) => one.key - other.key)
      .map(({ item }) => item);
  };
}

async function apply(host: InlineHost, change: Change): Promise<void> {
  const { settings } = host.adapter.switch;
  switch (change) {
    case 'vmq-off':
      return host.adapter.switch.configure({ ...settings, vmqEnabled: false });
    case 'vmq-on':
      return host.adapter.switch.configure({ ...settings, vmqEnabled: true });
    case 'host-buffers':
    case 'shared-memory':
      return host.adapter.switch.configure({ ...settings, bufferMode: change });
    case 'clear-filters':
    case 'set-filters':
      if (host.adapter.switch.queueOf(0))
        await host.adapter.switch.setFilters(0, change === 'set-filters');
  }
}

/** Runs changes while frames flow to two VMs; answers what each guest was given. */
async function runChanges(
  changes: readonly Change[],
  seed: number,
  framesPerRound: number,
  idle = 0.3,
): Promise<{ host: InlineHost; sent: number; given: number[][] }> {
  const host = await InlineHost.create({ bufferMode: 'shared-memory' });
  const vms = [await host.addVm('web', WEB), await host.addVm('db', DB)];
  const taps = vms.map((vm) => new GuestTap(host.memory, vm.ports[0] as NicPort));
  const given: number[][] = [[], []];
  const order = shuffler(seed, idle);
  let sent = 0;
  const collect = (): void => {
    taps.forEach((tap, vm) => {
      for (const frame of tap.take()) given[vm]?.push(stampOf(frame));
    });
  };
  const drive = async (work: Promise<void>): Promise<void> => {
    const state = { done: false };
    const watched = work.finally(() => {
      state.done = true;
    });
    for (let round = 0; round < 5000 && !state.done; round++) {
      // Now and then a burst longer than a turn takes.
      const frames = (round + seed) % 13 === 0 ? 70 : framesPerRound;
      for (let i = 0; i < frames; i++, sent++)
        for (const target of [WEB, DB]) host.receive(stampedFrame(target, sent));
      // The guest runs after its used ring was looked at.
      host.threads.round((threads) => order(threads.filter(({ start }) => start.role !== 'vcpu')));
      collect();
      host.threads.round((threads) => threads.filter(({ start }) => start.role === 'vcpu'));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await watched;
  };
  for (const change of changes) await drive(apply(host, change));
  for (let i = 0; i < 400; i++) {
    host.threads.round((threads) => threads.filter(({ start }) => start.role !== 'vcpu'));
    collect();
    host.threads.round();
    collect();
  }
  return { host, sent, given };
}

describe('a handover', () => {
  it.each(
    CHANGES.map((change, i) => [CHANGES[i - (i % 2 === 0 ? 0 : 1)] ?? change, change] as const),
  )('after %s, %s loses no frame and changes no order', async (first, second) => {
    const { host, sent, given } = await runChanges([first, second, first, second], 7, 3);
    expect(sent).toBeGreaterThan(10);
    for (const frames of given) expect(frames).toEqual(Array.from({ length: sent }, (_, i) => i));
    expect(host.conservation()).toMatchObject({ holds: true, held: 0, dropped: {} });
  });

  it('lets frames that reach the default queue early wait for a long backlog of the old queue', async () => {
    const host = await InlineHost.create();
    const vm = await host.addVm('web', WEB);
    const tap = new GuestTap(host.memory, vm.ports[0] as NicPort);
    const queueThread = host.adapter.miniport.threadOf(
      host.adapter.switch.queueOf(0)?.queueId ?? 0,
    )?.thread;
    const given: number[] = [];
    const round = (
      runs: (thread: { start: { role: string; thread: number } }) => boolean,
    ): void => {
      host.threads.round((threads) =>
        threads.filter(({ start }) => start.role !== 'vcpu').filter(runs),
      );
      for (const frame of tap.take()) given.push(stampOf(frame));
    };
    const other = ({ start }: { start: { thread: number } }): boolean =>
      start.thread !== queueThread;
    let sent = 0;
    for (; sent < 150; sent++) host.receive(stampedFrame(WEB, sent));
    for (let i = 0; i < 4; i++) round(({ start }) => start.role === 'adapter');
    const cleared = host.adapter.switch.setFilters(0, false);
    for (let i = 0; i < 30; i++, sent++) {
      host.receive(stampedFrame(WEB, sent));
      round(other);
      await new Promise((resolve) => setImmediate(resolve));
    }
    const state = { done: false };
    void cleared.then(() => {
      state.done = true;
    });
    for (let i = 0; i < 1000 && !state.done; i++) {
      round(() => true);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await cleared;
    for (let i = 0; i < 10; i++) round(() => true);
    expect(given).toEqual(Array.from({ length: sent }, (_, i) => i));
  });

  it('keeps every frame and its order whatever the sequence of changes and of turns', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom(...CHANGES), { minLength: 1, maxLength: 6 }),
        fc.integer(),
        fc.integer({ min: 0, max: 1 }),
        fc.double({ min: 0, max: 0.6, noNaN: true }),
        async (changes, seed, rate, idle) => {
          const { host, sent, given } = await runChanges(changes, seed, rate, idle);
          for (const frames of given)
            expect(frames).toEqual(Array.from({ length: sent }, (_, i) => i));
          expect(host.conservation()).toMatchObject({ holds: true, held: 0, dropped: {} });
        },
      ),
      { numRuns: 40 },
    );
  }, 60_000);
});
