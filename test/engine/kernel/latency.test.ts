/** The latency histogram of a queue through the real kernels: buckets, and which frame is booked when. */
import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import {
  LATENCY_BUCKETS,
  LATENCY_FROM_POWER,
  LATENCY_STEPS,
  LATENCY_TO_POWER,
} from '../../../src/contract/latency';
import type { BufferMode } from '../../../src/contract/model';
import type { QueueBlock } from '../../../src/engine/adapter/queue-block';
import * as layout from '../../../src/engine/kernel/layout';
import { latencyBucketBounds, latencyBucketOf } from '../../../src/shared/latency-histogram';
import { InlineHost } from '../../support/inline-host';
import { stampedFrame } from '../../support/stamped-frames';

const WEB = { mac: '02:00:5e:10:00:01', vlan: 10 };
const US = 1000;

describe('the buckets of the kernel', () => {
  let host: InlineHost;
  beforeEach(async () => {
    host = await InlineHost.create();
  });

  it('are those of the contract', () => {
    expect(layout.LATENCY_FROM_POWER).toBe(LATENCY_FROM_POWER);
    expect(layout.LATENCY_TO_POWER).toBe(LATENCY_TO_POWER);
    expect(2 ** layout.LATENCY_STEP_BITS).toBe(LATENCY_STEPS);
    expect(layout.LATENCY_BUCKETS).toBe(LATENCY_BUCKETS);
  });

  it('are the same in TypeScript, at each bound and for all times', () => {
    const latencyBucket = (ns: number): number => host.kernel.latencyBucket(ns);
    for (let bucket = 1; bucket < LATENCY_BUCKETS; bucket++) {
      const { from } = latencyBucketBounds(bucket);
      expect([latencyBucket(from - 0.5), latencyBucket(from)]).toEqual([bucket - 1, bucket]);
    }
    const anyTime = fc.oneof(fc.double(), fc.double({ min: 0, max: 2e9, noNaN: true }));
    fc.assert(
      fc.property(anyTime, (ns) => {
        expect(latencyBucket(ns)).toBe(latencyBucketOf(ns));
      }),
    );
  });
});

type Role = 'adapter' | 'queue' | 'vcpu';

class WebQueue {
  readonly host: InlineHost;
  readonly block: QueueBlock;

  private constructor(host: InlineHost, block: QueueBlock) {
    this.host = host;
    this.block = block;
  }

  /** A VM with a queue, or on the default queue. */
  static async open(bufferMode: BufferMode, hasQueue = true): Promise<WebQueue> {
    const host = await InlineHost.create({ bufferMode, vmqEnabled: hasQueue });
    await host.addVm('web', WEB);
    host.threads.settle();
    const { hardware, miniport } = host.adapter;
    const block = hasQueue ? miniport.blockOf(1) : hardware.defaultQueue;
    if (!block) throw new Error('the queue was not allocated');
    return new WebQueue(host, block);
  }

  /** A turn of each thread of this role, so many microseconds later. */
  turn(role: Role, afterUs: number): void {
    this.host.threads.round(
      (threads) => threads.filter(({ start }) => start.role === role),
      afterUs * US,
    );
  }

  receive(frames: number, afterUs = 0): void {
    this.host.threads.nowNs += afterUs * US;
    for (let i = 0; i < frames; i++) this.host.receive(stampedFrame(WEB, i));
  }

  /** Samples as [bucket, count]. */
  booked(): [number, number][] {
    const { buckets } = this.block.latency();
    return [...buckets.entries()].filter(([, count]) => count > 0);
  }
}

describe.each([
  ['a queue whose buffers are in the VM', 'shared-memory', true],
  ['a queue with host buffers', 'host-buffers', true],
  ['the default queue', 'host-buffers', false],
] as const)('the latency of %s', (_, bufferMode, hasQueue) => {
  let web: WebQueue;
  beforeEach(async () => {
    web = await WebQueue.open(bufferMode, hasQueue);
  });

  it('counts all frames of an indication as its oldest one, until the turn that published them has ended', () => {
    web.receive(1);
    web.receive(5, 30);
    web.turn('adapter', 10);
    web.turn('queue', 60);
    expect(web.booked()).toEqual([]);
    // The loop reads the clock after the turn, and begins the next one with it.
    web.turn('queue', 20);
    expect(web.booked()).toEqual([[latencyBucketOf(120 * US), 6]]);
    expect(web.block.latency().longestNs).toBe(120 * US);
  });

  it('is booked once for each frame, however late the next one comes', () => {
    for (let i = 0; i < 20; i++) {
      web.receive(3);
      web.turn('adapter', 5);
      web.turn('queue', 5);
      web.turn('queue', 5);
      web.turn('vcpu', 1000);
    }
    expect(web.booked()).toEqual([[latencyBucketOf(15 * US), 60]]);
    expect(web.block.counters().indications).toBe(20);
  });
});

describe('the latency of a queue', () => {
  it('counts the wait for the buffers of a guest that stands still', async () => {
    const web = await WebQueue.open('host-buffers');
    const { block } = web;
    // Until its receive ring is full and frames stay in the queue.
    for (let i = 0; i < 100 && block.pendingFrames() === 0; i++) {
      web.receive(60);
      web.turn('adapter', 1);
      web.turn('queue', 1);
    }
    expect(block.pendingFrames()).toBeGreaterThan(0);
    const before = block.latency().longestNs;
    expect(before).toBeLessThan(1000 * US);
    web.host.threads.nowNs += 50_000 * US;
    web.turn('vcpu', 1);
    web.turn('queue', 1);
    web.turn('queue', 1);
    expect(block.latency().longestNs).toBeGreaterThan(50_000 * US);
  });

  it('does not count an indication that brings the guest nothing', async () => {
    const web = await WebQueue.open('host-buffers');
    const [port] = web.host.vms[0]?.ports ?? [];
    if (!port) throw new Error('the VM has a NIC');
    Atomics.store(web.host.memory.i32, (port.block + layout.N_STATE) >>> 2, layout.NIC_DOWN);
    web.receive(3);
    for (let i = 0; i < 3; i++) {
      web.turn('adapter', 5);
      web.turn('queue', 5);
    }
    expect(web.block.counters().indications).toBe(1);
    expect(web.booked()).toEqual([]);
  });

  it('begins at zero with a queue that is allocated anew, and stays with the one that was freed', async () => {
    const web = await WebQueue.open('shared-memory');
    const { adapter } = web.host;
    web.receive(3);
    web.host.threads.settle();
    await web.host.drive(adapter.switch.releaseQueue(0, { rule: 'migrating' }));
    await web.host.drive(adapter.switch.requestQueue(0));
    const [queueId] = adapter.ndis
      .enumQueues()
      .map((queue) => queue.queueId)
      .filter((id) => id !== 0);
    expect(adapter.miniport.blockOf(queueId ?? 0)?.latency()).toEqual({
      buckets: [],
      longestNs: 0,
    });
    const kept = adapter.formerQueues().map(({ latency }) => latency.buckets.at(-1));
    expect(kept).toEqual([3]);
  });

  it('counts the frames that come last before the queue is freed', async () => {
    const web = await WebQueue.open('shared-memory');
    const { adapter, memory, threads } = web.host;
    web.receive(3);
    web.turn('adapter', 5);
    const fences = (): number => memory.getU32(web.block.address + layout.Q_FENCES);
    const before = fences();
    // The queue's thread finds the frames and the fence behind them in one turn.
    await threads.drive(adapter.switch.releaseQueue(0, { rule: 'migrating' }), (all) =>
      fences() === before ? all.filter(({ start }) => start.role !== 'queue') : all,
    );
    expect(adapter.formerQueues().map(({ latency }) => latency.buckets.at(-1))).toEqual([3]);
  });

  it('goes on with a new thread, and leaves out what the dead one had not booked', async () => {
    const web = await WebQueue.open('shared-memory');
    const { host, block } = web;
    web.receive(3);
    host.threads.settle();
    const before = web.booked();
    expect(before).toHaveLength(1);
    web.receive(3);
    web.turn('adapter', 5);
    web.turn('queue', 5);
    const thread = host.adapter.miniport.threadOf(1);
    if (!thread) throw new Error('the queue has a thread');
    await host.drive(thread.kill());
    await host.drive(host.adapter.miniport.replaceThread(thread));
    expect(web.booked()).toEqual(before);
    web.receive(3);
    host.threads.settle();
    expect(block.latency().buckets.reduce((sum, count) => sum + count, 0)).toBe(6);
  });
});
