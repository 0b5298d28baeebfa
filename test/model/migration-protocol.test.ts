import { beforeAll, describe, expect, it } from 'vitest';
import { TARGET_ACCEPTS, MessageType } from '../../src/engine/migration/protocol';
import { OUTGOING_MOVES } from '../../src/engine/migration/source';
import { explore } from './explore';
import { extractLabAutomaton, type LabAutomaton } from './lab-automaton';
import { migrationModel } from './migration-model';
import type { Rules } from './rules';

let automaton: LabAutomaton;

beforeAll(async () => {
  automaton = await extractLabAutomaton();
}, 60_000);

describe("the lab's part", () => {
  it('is finite, and small once equal behaviour is merged', () => {
    expect(automaton.sequences).toBeGreaterThan(1000);
    expect(automaton.nodes.length).toBeLessThan(500);
  });

  it('ends in every outcome that a migration can have', () => {
    const outcomes = new Set(automaton.nodes.map(({ outcome }) => outcome));
    expect([...outcomes].sort()).toEqual(['', 'cancelled', 'completed', 'failed']);
  });
});

describe('a migration', () => {
  it.each([
    { faults: 0, atLeast: 50 },
    { faults: 1, atLeast: 2000 },
    { faults: 2, atLeast: 10_000 },
    { faults: Infinity, atLeast: 50_000 },
  ])(
    'keeps all rules in every order of things, with up to $faults faults',
    ({ faults, atLeast }) => {
      const { violation, states } = explore(migrationModel({ automaton, faults }));
      expect(violation).toBeUndefined();
      expect(states).toBeGreaterThan(atLeast);
    },
    120_000,
  );
});

interface Mistake {
  readonly name: string;
  readonly mistake: Partial<Rules>;
  readonly faults: number;
  readonly rule: RegExp;
}

const MISTAKES: readonly Mistake[] = [
  {
    name: 'the target runs the VM as soon as it is ready',
    mistake: { targetRuns: 'on-ready' },
    faults: 0,
    rule: /two copies of the VM run/,
  },
  {
    name: 'a ready source resumes on a lost connection',
    mistake: { sourceLossInReady: 'resume' },
    faults: 0,
    rule: /the source runs the VM while the record names a target/,
  },
  {
    name: 'a ready target runs the VM on a lost connection',
    mistake: { targetLossInReady: 'run' },
    faults: 1,
    rule: /two copies of the VM run/,
  },
  {
    name: 'a ready target forgets the VM on a lost connection',
    mistake: { targetLossInReady: 'discard' },
    faults: 2,
    rule: /the last copy of the VM is thrown away/,
  },
  {
    name: 'a source that is told to end resumes although it was ready',
    mistake: { closingSource: 'resume' },
    faults: 1,
    rule: /the source runs the VM while the record names a target/,
  },
  {
    // By itself the lab makes up for it, by ending the source.
    name: 'finishSend is refused when the guest was resumed meanwhile, and the lab trusts the source',
    mistake: { finishAfterResume: 'refuse', silentSource: 'trust' },
    faults: 2,
    rule: /the migration has ended and the source is resuming/,
  },
  {
    name: 'the target runs the VM before it leaves the state ready',
    mistake: { commitOrder: 'run-first' },
    faults: 1,
    rule: /the source runs the VM while the record names a target/,
  },
  {
    name: 'a target that cannot run the VM keeps it',
    mistake: { failedCommit: 'leave' },
    faults: 1,
    rule: /the target's incoming/,
  },
  {
    name: 'a cancel misses a sendVm that has not begun',
    mistake: { earlyCancel: 'miss' },
    faults: 1,
    rule: /the migration has ended and the source is asked/,
  },
  {
    name: 'the lab asks the target to run the VM before the record is saved',
    mistake: { savesRecord: false },
    faults: 0,
    rule: /the target runs the VM before the record names it/,
  },
  {
    name: 'the lab lets the source resume before the record is taken back',
    mistake: { takesRecordBack: false },
    faults: 1,
    rule: /two copies of the VM run/,
  },
  {
    name: 'the lab trusts a target that does not answer the commit',
    mistake: { silentTarget: 'trust' },
    faults: 1,
    rule: /the target runs the VM before the record names it/,
  },
  {
    name: 'the lab does not wait for the end of a target that it kills',
    mistake: { waitsForEnd: false },
    faults: 1,
    rule: /the target runs the VM before the record names it/,
  },
  {
    name: 'the lab trusts a source that does not confirm that it has forgotten the VM',
    mistake: { silentSource: 'trust' },
    faults: 3,
    rule: /two copies of the VM run/,
  },
  {
    name: 'a host is started again while a migration still needs it',
    mistake: { restartWaits: false },
    faults: 1,
    rule: /starts afresh at the target while the source has its memory/,
  },
  {
    name: 'the table of the source has no way back from ready',
    mistake: { outgoingMoves: { ...OUTGOING_MOVES, ready: { finish: 'finished' } } },
    faults: 1,
    rule: /the migration never ends/,
  },
  {
    name: 'the table of the target takes no Complete',
    mistake: { targetAccepts: { ...TARGET_ACCEPTS, restored: [MessageType.Abort] } },
    faults: 0,
    rule: /nothing went wrong, and the migration was not completed/,
  },
];

describe('the checker', () => {
  it.each(MISTAKES)('sees it when $name', ({ mistake, faults, rule }) => {
    const { violation } = explore(migrationModel({ automaton, faults, mistake }));
    expect(violation?.rule).toMatch(rule);
    expect(violation?.trace.length).toBeGreaterThan(5);
  });
});
