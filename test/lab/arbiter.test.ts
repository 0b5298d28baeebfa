import { describe, expect, it } from 'vitest';

import { migrationOptionsSchema } from '../../src/contract/migration';
import { vmConfigSchema } from '../../src/contract/model';
import { EMPTY_LAB } from '../../src/lab/inventory/inventory-file';
import { Inventory } from '../../src/lab/inventory/inventory';
import { MigrationArbiter, type MigrationJob } from '../../src/lab/migration/arbiter';
import { CommitRecord } from '../../src/lab/migration/commit-record';
import type { MigrationHost } from '../../src/lab/migration/migration-plan';
import { MigrationRecord } from '../../src/lab/migration/migration-record';
import { aFolder } from './support/lab-fixture';

/** A host of which only the loss is of interest; whatever it is asked stays unanswered. */
function aSilentHost(name: string): MigrationHost & { listeners: Set<(cause: string) => void> } {
  const listeners = new Set<(cause: string) => void>();
  const never = (): Promise<never> => new Promise(() => undefined);
  const done = (): Promise<Record<string, never>> => Promise.resolve({});
  return {
    name,
    listeners,
    control: {
      prepareIncoming: never,
      sendVm: never,
      setSendLimits: done,
      continueSend: done,
      commitIncoming: never,
      abortIncoming: done,
      finishSend: never,
      cancelSend: done,
      breakStream: done,
      fillMemory: done,
      freeFilledMemory: done,
    },
    onceLost: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    terminate: () => Promise.resolve(),
  };
}

async function anArbiter() {
  const inventory = new Inventory(await aFolder(), EMPTY_LAB, () => undefined);
  const source = aSilentHost('Host A');
  const target = aSilentHost('Host B');
  const arbiter = new MigrationArbiter();
  const told: string[] = [];
  const submit = (number: number): MigrationRecord => {
    const vm = vmConfigSchema.parse({
      id: `vm-${number}`,
      name: `vm-${number}`,
      hostId: 'host-a',
      nics: [{ id: `nic-${number}`, adapter: 'nic-a', macs: [`02:00:5e:10:00:0${number}`] }],
    });
    const subject = {
      migrationId: `migration-${number}`,
      vmId: vm.id,
      vmName: vm.name,
      fromHostId: 'host-a',
      toHostId: 'host-b',
    };
    const record = new MigrationRecord(subject, migrationOptionsSchema.parse({}));
    const job: MigrationJob = {
      plan: {
        record,
        vm,
        source,
        target,
        fabric: {
          control: {
            startProbe: () => Promise.resolve({}),
            watchProbe: () => new Promise(() => undefined),
            loseProbes: () => Promise.resolve({}),
            stopProbe: () => new Promise(() => undefined),
          },
        },
        commitRecord: new CommitRecord(inventory, vm, 'host-b'),
        removeSockets: () => Promise.resolve(),
        onPhase: () => undefined,
        onProgress: () => undefined,
        onWarning: () => undefined,
        onFault: () => undefined,
        onCommit: () => undefined,
      },
      obstacle: () => Promise.resolve(undefined),
      onStart: () => told.push(`${vm.id} starts`),
      onQueued: () => told.push(`${vm.id} waits`),
      onEnd: ({ outcome }) => told.push(`${vm.id} ${outcome}`),
    };
    arbiter.submit(job);
    return record;
  };
  return { arbiter, source, target, submit, told };
}

describe('the arbiter', () => {
  it('listens for the loss of hosts only as long as a migration waits or runs', async () => {
    const { arbiter, source, target, submit, told } = await anArbiter();
    for (const number of [1, 2, 3, 4]) submit(number);
    // Two run, of which each watches its target; two wait, of which each watches both.
    expect([source.listeners.size, target.listeners.size]).toEqual([2, 4]);
    arbiter.cancel('migration-4');
    expect([source.listeners.size, target.listeners.size]).toEqual([1, 3]);
    for (const listener of [...source.listeners]) listener('It fell over.');
    expect([source.listeners.size, target.listeners.size]).toEqual([0, 2]);
    expect(told).toEqual([
      'vm-1 starts',
      'vm-2 starts',
      'vm-3 waits',
      'vm-4 waits',
      'vm-4 cancelled',
      'vm-3 failed',
    ]);
    expect(arbiter.activeCount).toBe(2);
  });

  it('keeps a hundred records, and never drops one that waits or runs', async () => {
    const { arbiter, submit } = await anArbiter();
    const oldest = submit(1);
    submit(2);
    for (let number = 0; number < 120; number += 1) {
      const record = submit(3);
      arbiter.cancel(record.subject.migrationId);
    }
    const snapshots = arbiter.snapshots();
    expect(snapshots).toHaveLength(100);
    expect(snapshots.at(-1)?.migrationId).toBe(oldest.subject.migrationId);
    expect(arbiter.reports()[0]?.outcome).toBe('running');
  });
});

describe('a snapshot', () => {
  it('has the probe’s course of what runs and of the ten that ended last', async () => {
    const { arbiter, submit } = await anArbiter();
    const sample = { atMs: 1, sent: 1, received: 1, toVmReceived: 1, silenceMs: 0 };
    const running = submit(1);
    submit(2);
    running.sampled(sample);
    for (let number = 0; number < 12; number += 1) {
      const record = submit(3);
      record.sampled(sample);
      arbiter.cancel(record.subject.migrationId);
    }
    const lengths = arbiter.snapshots().map(({ probeSeries }) => probeSeries.length);
    expect(lengths).toEqual([...Array<number>(10).fill(1), 0, 0, 0, 1]);
    expect(arbiter.reports().filter(({ probeSeries }) => probeSeries.length === 1)).toHaveLength(
      13,
    );
  });

  it('keeps the last 600 samples of a probe', async () => {
    const { submit } = await anArbiter();
    const record = submit(1);
    for (let atMs = 0; atMs < 700; atMs += 1)
      record.sampled({ atMs, sent: 1, received: 1, toVmReceived: 1, silenceMs: 0 });
    const { probeSeries } = record.report();
    expect([probeSeries.length, probeSeries[0]?.atMs, probeSeries.at(-1)?.atMs]).toEqual([
      600, 100, 699,
    ]);
  });
});
