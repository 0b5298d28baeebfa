/**
 * Requests and frames as commands of fast-check: each says what the oracle expects, does it on the
 * bench, and has the whole of Appendix A checked afterwards.
 */
import fc from 'fast-check';
import { expect } from 'vitest';

import {
  filterParameters,
  macTest,
  vlanTest,
  type ReceiveFilterParameters,
} from '../../../src/engine/ndis/filter-parameters';
import { affinityOf } from '../../../src/engine/ndis/group-affinity';
import {
  QUEUE_CHANGE_FLAGS,
  receiveQueueParameters,
} from '../../../src/engine/ndis/queue-parameters';
import type { NdisStatus } from '../../../src/engine/ndis/status';
import type { FrameOracle, OracleFrame, OracleVlan } from './frame-oracle';
import { BROADCAST, PORTS, SECOND_MAC, type LabBench, type Pace } from './lab-bench';

export type LabCommand = fc.AsyncCommand<FrameOracle, LabBench>;

const OK = 'NDIS_STATUS_SUCCESS';
type By = 0 | 1;
/** Who asks: one of the bindings, or whichever owns what is asked about. */
type Asker = By | 'owner';

/** What happens besides the request itself. */
interface Surroundings extends Pace {
  /** Frames per round while the request runs. */
  readonly traffic: readonly OracleFrame[];
}

/** A request: what it is expected to answer, what it asks, and what it changes when it succeeds. */
abstract class RequestCommand implements LabCommand {
  constructor(
    protected readonly asker: Asker,
    private readonly around: Surroundings,
  ) {}

  /** Whether the request makes sense now; most do, right or wrong. */
  abstract check(oracle: Readonly<FrameOracle>): boolean;

  async run(oracle: FrameOracle, bench: LabBench): Promise<void> {
    const expected = this.expected(oracle);
    const later = oracle.clone();
    if (expected === OK) this.apply(later, undefined);
    const before = bench.lab.ndis.snapshot();
    let answer: number | undefined;
    const status = await bench.request(
      async () => {
        const result = await this.ask(oracle, bench);
        if (typeof result === 'number') answer = result;
        return typeof result === 'string' ? result : undefined;
      },
      this.around,
      () => {
        bench.checkAccounts(oracle);
        bench.send(oracle, this.around.traffic, { to: later, queues: this.touched(oracle) });
      },
    );
    expect(status, this.toString()).toBe(expected);
    if (expected === OK) this.apply(oracle, answer);
    else expect(bench.lab.ndis.snapshot()).toEqual(before);
    bench.check(oracle);
  }

  /** Queues whose filters the request changes, or meets. */
  protected abstract touched(oracle: FrameOracle): readonly number[];

  /** The binding that asks about a queue or a filter. */
  protected by(target: { readonly owner: number } | undefined): By {
    if (this.asker !== 'owner') return this.asker;
    return target?.owner === 1 ? 1 : 0;
  }

  /** The same choice for the expectation and for the request. */
  protected queueId(oracle: Readonly<FrameOracle>, pick: number): number {
    const ids = [...oracle.queues.keys()];
    return pick < ids.length ? (ids[pick] ?? 0) : pick === ids.length ? 0 : 63;
  }

  protected abstract expected(oracle: FrameOracle): NdisStatus;
  protected abstract ask(
    oracle: FrameOracle,
    bench: LabBench,
  ): Promise<number | NdisStatus | undefined>;
  /** @param answer id that the request answered; undefined while it is not known. */
  protected abstract apply(oracle: FrameOracle, answer: number | undefined): void;
  abstract toString(): string;
}

class Allocate extends RequestCommand {
  constructor(
    asker: Asker,
    around: Surroundings,
    private readonly port: number,
    private readonly processor: number,
  ) {
    super(asker, around);
  }

  /** A port has one queue at most. */
  check(oracle: Readonly<FrameOracle>): boolean {
    return ![...oracle.queues.values()].some(({ port }) => port === this.port);
  }

  protected touched(): readonly number[] {
    return [];
  }

  expected(oracle: FrameOracle): NdisStatus {
    return oracle.allocate();
  }

  ask(_oracle: FrameOracle, bench: LabBench): Promise<number> {
    const processorAffinity = affinityOf(this.processor);
    const portId = bench.portId(this.port);
    return bench.bindings[this.by(undefined)].allocateQueue(
      receiveQueueParameters({ processorAffinity, portId }),
    );
  }

  apply(oracle: FrameOracle, answer: number | undefined): void {
    if (answer === undefined) return;
    const { port, processor } = this;
    const owner = this.by(undefined);
    expect([oracle.queues.has(answer), answer > 0]).toEqual([false, true]);
    oracle.queues.set(answer, { owner, port, processor, isComplete: false });
  }

  toString(): string {
    return `allocate(by ${this.asker}, port ${this.port}, processor ${this.processor})`;
  }
}

class Complete extends RequestCommand {
  constructor(
    asker: Asker,
    around: Surroundings,
    private readonly picks: readonly number[],
  ) {
    super(asker, around);
  }

  check(): boolean {
    return true;
  }

  protected touched(): readonly number[] {
    return [];
  }

  /** The request as a whole succeeds; each queue has its own status (A.18). */
  expected(): NdisStatus {
    return OK;
  }

  async ask(oracle: FrameOracle, bench: LabBench): Promise<undefined> {
    const ids = this.#ids(oracle);
    const results = await bench.bindings[this.#by(oracle)].queueAllocationComplete(ids);
    const statuses = ids.map((id, index) =>
      ids.indexOf(id) === index
        ? oracle.complete(this.#by(oracle), id)
        : 'NDIS_STATUS_INVALID_PARAMETER',
    );
    expect(results.map(({ completionStatus }) => completionStatus)).toEqual(statuses);
  }

  apply(oracle: FrameOracle): void {
    for (const id of this.#ids(oracle)) {
      const queue = oracle.queues.get(id);
      if (queue !== undefined && oracle.complete(this.#by(oracle), id) === OK)
        queue.isComplete = true;
    }
  }

  #by(oracle: FrameOracle): By {
    return this.by(oracle.queues.get(this.#ids(oracle)[0] ?? 0));
  }

  #ids(oracle: FrameOracle): readonly number[] {
    return this.picks.map((pick) => this.queueId(oracle, pick));
  }

  toString(): string {
    return `complete(by ${this.asker}, queues ${this.picks.join(', ')})`;
  }
}

/** Queues with a filter for an address. */
function queuesWith(oracle: FrameOracle, mac: string | undefined): readonly number[] {
  return [...oracle.filters.values()].filter((one) => one.mac === mac).map((one) => one.queueId);
}

class SetFilter extends RequestCommand {
  constructor(
    asker: Asker,
    around: Surroundings,
    private readonly pick: number,
    private readonly mac: string,
    private readonly vlan: OracleVlan,
  ) {
    super(asker, around);
  }

  check(): boolean {
    return true;
  }

  protected touched(oracle: FrameOracle): readonly number[] {
    return [this.queueId(oracle, this.pick), ...queuesWith(oracle, this.mac)];
  }

  expected(oracle: FrameOracle): NdisStatus {
    const queueId = this.queueId(oracle, this.pick);
    return oracle.setFilter(this.by(oracle.queues.get(queueId)), queueId);
  }

  ask(oracle: FrameOracle, bench: LabBench): Promise<number> {
    const queueId = this.queueId(oracle, this.pick);
    const by = this.by(oracle.queues.get(queueId));
    return bench.bindings[by].setFilter(this.#parameters(queueId));
  }

  apply(oracle: FrameOracle, answer: number | undefined): void {
    const { mac, vlan } = this;
    const queueId = this.queueId(oracle, this.pick);
    const owner = this.by(oracle.queues.get(queueId));
    const highest = Math.max(0, ...oracle.filters.keys());
    const id = answer ?? highest + 1;
    expect([oracle.filters.has(id), id > 0]).toEqual([false, true]);
    oracle.filters.set(id, { owner, queueId, mac, vlan });
  }

  #parameters(queueId: number): ReceiveFilterParameters {
    const { mac, vlan } = this;
    if (vlan === 'any') return filterParameters(queueId, [macTest(mac)]);
    if (vlan === 'untagged-or-zero') return filterParameters(queueId, [macTest(mac, 1)]);
    return filterParameters(queueId, [macTest(mac), vlanTest(vlan)]);
  }

  toString(): string {
    return `setFilter(by ${this.asker}, queue ${this.pick}, ${this.mac}, VLAN ${this.vlan})`;
  }
}

class ClearFilter extends RequestCommand {
  constructor(
    asker: Asker,
    around: Surroundings,
    private readonly pick: number,
    private readonly isStray: boolean,
  ) {
    super(asker, around);
  }

  check(): boolean {
    return true;
  }

  protected touched(oracle: FrameOracle): readonly number[] {
    const { queueId, filterId } = this.#target(oracle);
    return [queueId, ...queuesWith(oracle, oracle.filters.get(filterId)?.mac)];
  }

  expected(oracle: FrameOracle): NdisStatus {
    const { queueId, filterId } = this.#target(oracle);
    return oracle.clearFilter(this.by(oracle.filters.get(filterId)), queueId, filterId);
  }

  async ask(oracle: FrameOracle, bench: LabBench): Promise<undefined> {
    const { queueId, filterId } = this.#target(oracle);
    const by = this.by(oracle.filters.get(filterId));
    await bench.bindings[by].clearFilter(queueId, filterId);
  }

  apply(oracle: FrameOracle): void {
    oracle.filters.delete(this.#target(oracle).filterId);
  }

  #target(oracle: FrameOracle): { readonly queueId: number; readonly filterId: number } {
    const ids = [...oracle.filters.keys()];
    const filterId = ids[this.pick % Math.max(1, ids.length)] ?? 99;
    const queueId = oracle.filters.get(filterId)?.queueId ?? 0;
    return { queueId: this.isStray ? queueId + 1 : queueId, filterId };
  }

  toString(): string {
    return `clearFilter(by ${this.asker}, filter ${this.pick}${this.isStray ? ', wrong queue' : ''})`;
  }
}

class Free extends RequestCommand {
  constructor(
    asker: Asker,
    around: Surroundings,
    private readonly pick: number,
  ) {
    super(asker, around);
  }

  check(): boolean {
    return true;
  }

  protected touched(): readonly number[] {
    return [];
  }

  expected(oracle: FrameOracle): NdisStatus {
    const queueId = this.queueId(oracle, this.pick);
    return oracle.free(this.by(oracle.queues.get(queueId)), queueId);
  }

  async ask(oracle: FrameOracle, bench: LabBench): Promise<undefined> {
    const queueId = this.queueId(oracle, this.pick);
    await bench.bindings[this.by(oracle.queues.get(queueId))].freeQueue(queueId);
  }

  apply(oracle: FrameOracle): void {
    oracle.queues.delete(this.queueId(oracle, this.pick));
    oracle.frees += 1;
  }

  toString(): string {
    return `free(by ${this.asker}, queue ${this.pick})`;
  }
}

class Move extends RequestCommand {
  constructor(
    asker: Asker,
    around: Surroundings,
    private readonly pick: number,
    private readonly processor: number,
  ) {
    super(asker, around);
  }

  check(): boolean {
    return true;
  }

  protected touched(): readonly number[] {
    return [];
  }

  expected(oracle: FrameOracle): NdisStatus {
    const queueId = this.queueId(oracle, this.pick);
    return oracle.move(this.by(oracle.queues.get(queueId)), queueId);
  }

  async ask(oracle: FrameOracle, bench: LabBench): Promise<undefined> {
    const queueId = this.queueId(oracle, this.pick);
    await bench.bindings[this.by(oracle.queues.get(queueId))].setQueueParameters(queueId, {
      flags: QUEUE_CHANGE_FLAGS.PROCESSOR_AFFINITY_CHANGED,
      processorAffinity: affinityOf(this.processor),
      // Without a change bit: to be ignored.
      queueName: 'not asked for',
    });
  }

  apply(oracle: FrameOracle): void {
    const queue = oracle.queues.get(this.queueId(oracle, this.pick));
    if (queue) queue.processor = this.processor;
  }

  toString(): string {
    return `move(by ${this.asker}, queue ${this.pick}, processor ${this.processor})`;
  }
}

class SendFrames implements LabCommand {
  constructor(
    private readonly frames: readonly OracleFrame[],
    private readonly times: number,
    private readonly pace: Pace,
  ) {}

  check(): boolean {
    return true;
  }

  run(oracle: FrameOracle, bench: LabBench): Promise<void> {
    const runs = bench.runs(this.pace);
    for (let n = 0; n < this.times; n++) {
      bench.send(oracle, this.frames);
      bench.lab.round(runs);
    }
    bench.check(oracle);
    return Promise.resolve();
  }

  toString(): string {
    const frames = this.frames.map(({ mac, vlanId }) => `${mac}/${vlanId ?? 'untagged'}`);
    return `send(${this.times} × ${frames.join(', ')})`;
  }
}

const macs = [...PORTS.map(({ mac }) => mac), SECOND_MAC];
const frame: fc.Arbitrary<OracleFrame> = fc.record({
  mac: fc.constantFrom(...macs, BROADCAST),
  vlanId: fc.constantFrom(null, 0, 10, 20, 30),
});
const pace = { seed: fc.nat(), idle: fc.constantFrom(0, 0.3, 0.6) };
const around = fc.record({ ...pace, traffic: fc.array(frame, { maxLength: 3 }) });
const asker = fc.constantFrom<Asker>('owner', 'owner', 'owner', 'owner', 0, 1);
/** Mostly a queue that is there; then queue 0; then none. */
const queue = fc.nat({ max: 4 });
const processor = fc.nat({ max: 1 });
const filterVlan: fc.Arbitrary<OracleVlan> = fc.constantFrom<OracleVlan>(
  ...(['untagged-or-zero', 10, 20, 'any'] as const),
);

/** The commands, each as an arbitrary. */
export function labCommands(): fc.Arbitrary<LabCommand>[] {
  const port = fc.nat({ max: PORTS.length - 1 });
  return [
    fc.tuple(asker, around, port, processor).map((args) => new Allocate(...args)),
    fc
      .tuple(asker, around, fc.array(queue, { minLength: 1, maxLength: 3 }))
      .map((args) => new Complete(...args)),
    fc
      .tuple(asker, around, queue, fc.constantFrom(...macs), filterVlan)
      .map((args) => new SetFilter(...args)),
    fc
      .tuple(asker, around, queue, fc.constantFrom(...macs), filterVlan)
      .map((args) => new SetFilter(...args)),
    fc
      .tuple(asker, around, fc.nat({ max: 11 }), fc.constant(false))
      .map((a) => new ClearFilter(...a)),
    fc.tuple(asker, around, fc.nat({ max: 11 }), fc.boolean()).map((a) => new ClearFilter(...a)),
    fc.tuple(asker, around, queue).map((args) => new Free(...args)),
    fc.tuple(asker, around, queue, processor).map((args) => new Move(...args)),
    fc
      .tuple(
        fc.array(frame, { minLength: 1, maxLength: 8 }),
        fc.integer({ min: 1, max: 6 }),
        fc.record(pace),
      )
      .map((args) => new SendFrames(...args)),
  ];
}
