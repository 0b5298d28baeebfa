/** Who has a queue when they are scarce, against a model that takes and gives one queue at a time. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chooseHolders, type QueueCandidate } from '../../../src/engine/switch/queue-policy';

const NICS = 8;

type Step =
  | { readonly kind: 'come'; readonly nic: number; readonly weight: number }
  | { readonly kind: 'go'; readonly nic: number }
  | { readonly kind: 'change-weight'; readonly nic: number; readonly weight: number }
  | { readonly kind: 'change-queues'; readonly queues: number };

const nic = fc.nat({ max: NICS - 1 });
// Few weights, so that equals meet.
const weight = fc.constantFrom(1, 10, 50, 100);
const stepArbitrary: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('come' as const), nic, weight }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('go' as const), nic }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('change-weight' as const), nic, weight }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('change-queues' as const),
      queues: fc.integer({ min: 1, max: 5 }),
    }),
  },
);

/** The rule as it is told: a free queue to the heaviest that waits, one after the other; then displacement. */
class Oracle {
  readonly waiting: { nic: number; weight: number; asked: number }[] = [];
  readonly holding: { nic: number; weight: number; asked: number }[] = [];
  queues = 3;

  settle(): void {
    const heaviestFirst = (list: Oracle['waiting']): void =>
      void list.sort((a, b) => b.weight - a.weight || a.asked - b.asked);
    for (;;) {
      heaviestFirst(this.waiting);
      heaviestFirst(this.holding);
      const [next] = this.waiting;
      const lightest = this.holding.at(-1);
      const isTooMany = this.holding.length > this.queues;
      const gives =
        lightest &&
        (isTooMany ||
          (this.holding.length === this.queues && next && next.weight > lightest.weight));
      if (gives) this.waiting.push(...this.holding.splice(-1));
      else if (next && this.holding.length < this.queues) {
        this.waiting.shift();
        this.holding.push(next);
      } else return;
    }
  }
}

function apply(oracle: Oracle, step: Step, asked: number): void {
  if (step.kind === 'change-queues') {
    oracle.queues = step.queues;
    return;
  }
  for (const list of [oracle.waiting, oracle.holding]) {
    const at = list.findIndex((entry) => entry.nic === step.nic);
    const [entry] = at < 0 ? [] : list.splice(at, 1);
    if (entry && step.kind === 'change-weight') list.push({ ...entry, weight: step.weight });
    else if (entry && step.kind === 'come') list.push(entry);
  }
  const isThere = [...oracle.waiting, ...oracle.holding].some((entry) => entry.nic === step.nic);
  if (step.kind === 'come' && !isThere)
    oracle.waiting.push({ nic: step.nic, weight: step.weight, asked });
}

describe('the choice of who has a queue', () => {
  it('agrees with giving and taking one queue at a time, whatever comes and goes', () => {
    fc.assert(
      fc.property(fc.array(stepArbitrary, { minLength: 1, maxLength: 60 }), (steps) => {
        const oracle = new Oracle();
        let holders: ReadonlySet<number> = new Set();
        steps.forEach((step, asked) => {
          apply(oracle, step, asked);
          const candidates = [...oracle.waiting, ...oracle.holding].map((entry) => ({
            nicIndex: entry.nic,
            weight: entry.weight,
            asked: entry.asked,
            hasQueue: holders.has(entry.nic),
            filters: 1,
          }));
          holders = chooseHolders(candidates, { queues: oracle.queues, filters: 100 });
          oracle.settle();
          expect([...holders].sort()).toEqual(oracle.holding.map((entry) => entry.nic).sort());
        });
      }),
      { numRuns: 500 },
    );
  });

  it('never takes more queues or filters than there are, and leaves none that fits unused', () => {
    const candidate = (nicIndex: number): fc.Arbitrary<QueueCandidate> =>
      fc.record({
        nicIndex: fc.constant(nicIndex),
        weight,
        hasQueue: fc.boolean(),
        asked: fc.nat({ max: 20 }),
        filters: fc.integer({ min: 1, max: 4 }),
      });
    const candidates = fc
      .integer({ min: 0, max: NICS })
      .chain((count) => fc.tuple(...Array.from({ length: count }, (_, index) => candidate(index))));
    const supply = fc.record({ queues: fc.nat({ max: 5 }), filters: fc.nat({ max: 8 }) });
    fc.assert(
      fc.property(candidates, supply, (all, { queues, filters }) => {
        const holders = chooseHolders(all, { queues, filters });
        const used = all
          .filter(({ nicIndex }) => holders.has(nicIndex))
          .reduce((sum, entry) => sum + entry.filters, 0);
        expect(holders.size).toBeLessThanOrEqual(queues);
        expect(used).toBeLessThanOrEqual(filters);
        if (holders.size === queues) return;
        for (const entry of all)
          if (!holders.has(entry.nicIndex)) expect(used + entry.filters).toBeGreaterThan(filters);
      }),
      { numRuns: 500 },
    );
  });
});
