/**
 * Random requests of two bindings against the simplest model, with a miniport that fails now and
 * then. After each request the invariants of Appendix A that concern the control plane are checked.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { vmqCapabilities } from '../../../src/engine/ndis/capabilities';
import { macFilter } from '../../../src/engine/ndis/filter-parameters';
import type { Miniport } from '../../../src/engine/ndis/miniport';
import { QUEUE_CHANGE_FLAGS } from '../../../src/engine/ndis/queue-parameters';
import type { ProtocolBinding } from '../../../src/engine/ndis/protocol-binding';
import { nextState } from '../../../src/engine/ndis/queue-state';
import { assignQueue } from '../../../src/engine/ndis/receive-filter';
import { NdisStatusError, type NdisStatus } from '../../../src/engine/ndis/status';
import { parseMacAddress } from '../../../src/shared/mac-address';
import { announcedSeed, withEffort } from '../../support/seed';
import { anAdapter, macOf, onProcessor, type AdapterFixture } from '../ndis/an-adapter';
import { ReferenceModel } from '../ndis/reference-model';

const OK = 'NDIS_STATUS_SUCCESS';
const MACS = [1, 2, 3];
const VLANS = [null, 7];
const MAX_QUEUE_ID = 6;
/** Few, so that they run out. */
const MAX_FILTERS = 4;
const CAPABILITIES = vmqCapabilities({
  ndisVersion: '6.30',
  numQueues: 4,
  maxMacHeaderFilters: MAX_FILTERS,
});

/** A request with small numbers, so that ids meet often. */
type Step = {
  readonly by: 0 | 1;
  readonly fails: boolean;
  readonly queueId: number;
  /** Whether the numbers pick among what the binding owns, so that most requests are legal. */
  readonly aims: boolean;
} & (
  | { readonly kind: 'allocate' | 'complete' | 'free' | 'rename' }
  | { readonly kind: 'set'; readonly mac: number; readonly vlan: number | null }
  | { readonly kind: 'clear'; readonly filterId: number }
);

const common = {
  by: fc.constantFrom(0 as const, 1 as const),
  fails: fc.oneof(
    { weight: 5, arbitrary: fc.constant(false) },
    { weight: 1, arbitrary: fc.constant(true) },
  ),
  queueId: fc.nat({ max: MAX_QUEUE_ID + 1 }),
  aims: fc.boolean(),
};
const plain = (kind: 'allocate' | 'complete' | 'free' | 'rename') =>
  fc.record({ ...common, kind: fc.constant(kind) });
const stepArbitrary: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: plain('allocate') },
  { weight: 3, arbitrary: plain('complete') },
  { weight: 2, arbitrary: plain('free') },
  { weight: 1, arbitrary: plain('rename') },
  {
    weight: 4,
    arbitrary: fc.record({
      ...common,
      kind: fc.constant('set' as const),
      mac: fc.constantFrom(...MACS),
      vlan: fc.constantFrom(...VLANS),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      ...common,
      kind: fc.constant('clear' as const),
      filterId: fc.nat({ max: 12 }),
    }),
  },
);

const METHODS: Readonly<Record<Step['kind'], keyof Miniport>> = {
  allocate: 'allocateQueue',
  complete: 'completeAllocation',
  free: 'freeQueue',
  rename: 'setQueueParameters',
  set: 'setFilter',
  clear: 'clearFilter',
};

/** The layer and the model side by side. */
class Comparison {
  readonly fixture: AdapterFixture = anAdapter({
    maxQueueId: MAX_QUEUE_ID,
    capabilities: CAPABILITIES,
  });
  readonly bindings: readonly [ProtocolBinding, ProtocolBinding];
  readonly model = new ReferenceModel(4, MAX_FILTERS);

  constructor() {
    this.bindings = [this.fixture.binding, this.fixture.adapter.bind('other')];
    this.fixture.adapter.onQueueTransition(({ queueId, event, from, to }) => {
      if (event === 'FREE_REFUSED') expect([from, to]).toEqual(['StopDma', expect.any(String)]);
      else if (queueId !== 0) expect(nextState(from, event)).toBe(to);
    });
  }

  async take(step: Step): Promise<void> {
    const { adapter, miniport } = this.fixture;
    const before = adapter.snapshot();
    const calls = miniport.calls.length;
    const allowed = this.verdict(step);
    const failing = step.fails && allowed === OK;
    if (failing) miniport.answerNext(METHODS[step.kind], 'NDIS_STATUS_RESOURCES');
    const expected = failing ? 'NDIS_STATUS_RESOURCES' : allowed;
    const { status, id } = await this.send(step);
    expect(status).toBe(expected);
    if (expected === OK) this.apply(step, id);
    else expect(adapter.snapshot()).toEqual(before);
    if (allowed !== OK) expect(miniport.calls).toHaveLength(calls);
    this.checkInvariants();
  }

  /** Sends a request without comparing; a refusal is fine. */
  async attempt(step: Step): Promise<void> {
    await this.send(step);
  }

  private queueOf(step: Step): number {
    const { model } = this;
    if (!step.aims) return step.queueId;
    const filter = step.kind === 'clear' ? model.filters.get(this.filterOf(step)) : undefined;
    if (filter !== undefined) return filter.queueId;
    const own = [...model.queues].filter(([, queue]) => queue.owner === step.by).map(([id]) => id);
    return own[step.queueId % own.length] ?? step.queueId;
  }

  private filterOf(step: Step & { readonly kind: 'clear' }): number {
    const own = [...this.model.filters].filter(([, filter]) => filter.owner === step.by);
    return (step.aims ? own[step.filterId % own.length]?.[0] : undefined) ?? step.filterId;
  }

  private verdict(step: Step): NdisStatus {
    const { model } = this;
    const queueId = this.queueOf(step);
    switch (step.kind) {
      case 'allocate':
        return model.allocate();
      case 'complete':
        return model.complete(step.by, queueId);
      case 'free':
        return model.free(step.by, queueId);
      case 'rename':
        return model.changeName(step.by, queueId);
      case 'set':
        return model.setFilter(step.by, queueId);
      case 'clear':
        return model.clearFilter(step.by, queueId, this.filterOf(step));
    }
  }

  private async send(step: Step): Promise<{ readonly status: NdisStatus; readonly id: number }> {
    try {
      const answer = await this.request(step);
      return typeof answer === 'string'
        ? { status: answer, id: 0 }
        : { status: OK, id: answer ?? 0 };
    } catch (error) {
      if (error instanceof NdisStatusError) return { status: error.status, id: 0 };
      throw error;
    }
  }

  /** A new id, or the completion status of a queue, or nothing. */
  private async request(step: Step): Promise<number | NdisStatus | undefined> {
    const binding = this.bindings[step.by];
    const queueId = this.queueOf(step);
    switch (step.kind) {
      case 'allocate':
        return binding.allocateQueue(onProcessor(queueId));
      case 'complete':
        return (await binding.queueAllocationComplete([queueId]))[0]?.completionStatus;
      case 'set':
        return binding.setFilter(macFilter(queueId, macOf(step.mac), step.vlan));
      case 'free':
        await binding.freeQueue(queueId);
        return undefined;
      case 'rename':
        await binding.setQueueParameters(queueId, rename(queueId));
        return undefined;
      case 'clear':
        await binding.clearFilter(queueId, this.filterOf(step));
        return undefined;
    }
  }

  private apply(step: Step, id: number): void {
    const { model } = this;
    const queueId = this.queueOf(step);
    const queue = model.queues.get(queueId);
    if (step.kind === 'allocate') {
      expect([model.queues.has(id), id > 0 && id <= MAX_QUEUE_ID]).toEqual([false, true]);
      model.queues.set(id, { owner: step.by, isComplete: false, name: '' });
    } else if (step.kind === 'set') {
      expect([model.filters.has(id), id > 0]).toEqual([false, true]);
      model.filters.set(id, { owner: step.by, queueId, mac: step.mac, vlan: step.vlan });
    } else if (step.kind === 'clear') {
      model.filters.delete(this.filterOf(step));
    } else if (step.kind === 'free') {
      model.queues.delete(queueId);
      model.frees += 1;
    } else if (queue !== undefined) {
      if (step.kind === 'complete') queue.isComplete = true;
      else queue.name = `queue ${queueId}`;
    }
  }

  checkInvariants(): void {
    const { adapter, miniport, indications } = this.fixture;
    const { model } = this;
    const infos = adapter.enumQueues();
    // A.1, A.2: queue 0 is there, and the live ids are those of the model.
    expect(infos.map((info) => info.queueId)).toEqual([
      0,
      ...[...model.queues.keys()].sort((a, b) => a - b),
    ]);
    expect(adapter.filters().map((filter) => filter.filterId)).toEqual(
      [...model.filters.keys()].sort((a, b) => a - b),
    );
    for (const info of infos) {
      // A.3: state = f(completed, filters). A.14: only the name was ever changed.
      expect(info.exactState).toBe(model.stateOf(info.queueId));
      expect(info.numFilters).toBe(model.filtersOf(info.queueId).length);
      expect(info.queueName).toBe(model.queues.get(info.queueId)?.name ?? '');
    }
    // §3.10: a protocol sees its own queues.
    for (const by of [0, 1] as const) {
      const own = [...model.queues].filter(([, queue]) => queue.owner === by).map(([id]) => id);
      expect(this.bindings[by].enumQueues().map((info) => info.queueId)).toEqual(
        own.sort((a, b) => a - b),
      );
    }
    // A.7: one status per free, none otherwise.
    expect(indications).toHaveLength(model.frees);
    // A.4, A.5: the miniport delivers to exactly the filters of complete queues.
    const active = [...model.filters].filter(
      ([, { queueId }]) => model.stateOf(queueId) === 'Running',
    );
    expect(new Map(miniport.activeFilters)).toEqual(
      new Map(active.map(([id, { queueId }]) => [id, queueId])),
    );
    this.checkFrames();
  }

  /** A.6: each frame goes to exactly the queue that the model says. */
  private checkFrames(): void {
    const { adapter } = this.fixture;
    const isComplete = (queueId: number): boolean => adapter.queueState(queueId) === 'Running';
    for (const mac of [...MACS, 9]) {
      for (const vlanId of [null, 0, 7, 8]) {
        const frame = { destination: parseMacAddress(macOf(mac)), vlanId };
        expect(assignQueue(adapter.filters(), isComplete, frame)).toBe(
          this.model.queueOf(mac, vlanId),
        );
      }
    }
  }
}

function rename(queueId: number): { flags: number; queueName: string; vmName: string } {
  return {
    flags: QUEUE_CHANGE_FLAGS.NAME_CHANGED,
    queueName: `queue ${queueId}`,
    vmName: 'ignored',
  };
}

describe('Appendix A over random sequences', () => {
  it('A.1 to A.7, A.14, A.15: behaves as the model and keeps the invariants after each request', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(stepArbitrary, { minLength: 10, maxLength: 60, size: 'max' }),
        async (steps) => {
          const comparison = new Comparison();
          for (const step of steps) await comparison.take(step);
          await comparison.fixture.adapter.halt();
          expect(
            comparison.fixture.warnings.filter(({ kind }) => kind === 'miniport-fault'),
          ).toEqual([]);
        },
      ),
      { numRuns: withEffort(80), seed: announcedSeed('requests') },
    );
  }, 120_000);

  it('A.3: ends in the same state when the same requests are made all at once', async () => {
    const scripts = fc.array(stepArbitrary, { minLength: 5, maxLength: 30, size: 'max' });
    await fc.assert(
      fc.asyncProperty(scripts, async (steps) => {
        const [patient, eager] = [new Comparison(), new Comparison()];
        const work = steps.map((step) => ({ ...step, fails: false }));
        for (const step of work) await patient.attempt(step);
        await Promise.all(work.map((step) => eager.attempt(step)));
        expect(eager.fixture.adapter.snapshot()).toEqual(patient.fixture.adapter.snapshot());
        expect(eager.fixture.miniport.calls.map(({ method }) => method)).toEqual(
          patient.fixture.miniport.calls.map(({ method }) => method),
        );
      }),
      { numRuns: withEffort(60), seed: announcedSeed('requests all at once') },
    );
  }, 120_000);
});
