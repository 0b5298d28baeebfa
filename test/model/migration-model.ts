/**
 * A model of one migration: lab, source, target, and everything that may happen to them, in every
 * order. `docs/design.md` §7 says what must hold; here it is checked.
 *
 * - At each instant at most one copy of the VM runs.
 * - The target never runs the VM before the record on disk names it.
 * - The source never runs the VM while the record names a target that may run it.
 * - The VM starts afresh only when no other copy of it is left.
 * - A migration that has ended has ended at both hosts too, unless the lab would not wait for one.
 * - When nothing goes wrong, the VM arrives.
 * - Whatever happened, everything comes to rest by itself: the VM runs on the host that the record
 *   names, in memory and on disk, and nothing of the migration is left anywhere.
 */
import type { Model } from './explore';
import type { LabAutomaton } from './lab-automaton';
import { LabSide } from './lab-side';
import { LAB_AGAIN, StepList, initialState, keyOf, type State } from './model-state';
import { CODE, type Rules } from './rules';
import { closeSource, endSource, sourceSteps } from './source-steps';
import { closeTarget, endTarget, targetSteps } from './target-steps';

export interface ModelOptions {
  readonly automaton: LabAutomaton;
  /** Most faults in one run; Infinity: without limit. */
  readonly faults: number;
  /** Changes of the rules: mistakes to be found. */
  readonly mistake?: Partial<Rules>;
}

export function migrationModel({ automaton, faults, mistake }: ModelOptions): Model<State> {
  const rules = { ...CODE, ...mistake };
  const lab = new LabSide(automaton, rules);
  const initial = initialState(automaton.start.to, faults);
  lab.perform(initial, automaton.start.actions);
  return {
    initial,
    key: keyOf,
    steps: (state) => {
      const steps = new StepList(state);
      lab.addSteps(state, steps);
      sourceSteps(state, rules, steps);
      targetSteps(state, rules, steps, !lab.hasEnded(state));
      if (!isAtRest(lab, state)) addProcessFaults(state, rules, steps);
      addExits(state, steps);
      return steps.steps;
    },
    broken: (state) => broken(lab, state),
    unsettled: (state) => {
      const isFaultless = faults !== Infinity && state.faultsLeft === faults;
      if (isFaultless && lab.outcome(state.lab) !== 'completed')
        return 'nothing went wrong, and the migration was not completed';
      return unsettled(lab, state);
    },
  };
}

function addExits(state: State, steps: StepList): void {
  if (state.sourceProcess === 'ending') steps.add('source exits', endSource);
  if (state.targetProcess === 'ending') steps.add('target exits', endTarget);
}

function addProcessFaults(state: State, rules: Rules, steps: StepList): void {
  const { sourceProcess, targetProcess } = state;
  if (sourceProcess === 'up' || sourceProcess === 'ending') steps.fault('source dies', endSource);
  if (targetProcess === 'up' || targetProcess === 'ending') steps.fault('target dies', endTarget);
  if (sourceProcess === 'up') steps.fault('source is told to end', (to) => closeSource(to, rules));
  if (targetProcess === 'up') steps.fault('target is told to end', closeTarget);
  if (state.sourceReads && state.targetReads) {
    steps.fault('link is cut', (to) => {
      to.socketToSource = 'loss';
      to.socketToTarget = 'loss';
    });
  }
}

function isAtRest(lab: LabSide, state: State): boolean {
  if (state.lab === LAB_AGAIN) return true;
  const { outgoing, incoming, sourceProcess, targetProcess } = state;
  const areUp = sourceProcess === 'up' && targetProcess === 'up';
  return lab.hasEnded(state) && areUp && outgoing === 'none' && incoming === 'none';
}

function broken(lab: LabSide, state: State): string | undefined {
  const { sourceCopy, targetCopy, incoming } = state;
  if (state.alarm !== '') return state.alarm;
  if (sourceCopy === 'running' && targetCopy === 'running') return 'two copies of the VM run';
  const mayTargetRun =
    state.isCommitting ||
    incoming === 'ready' ||
    incoming === 'committed' ||
    targetCopy === 'running';
  if (sourceCopy === 'running' && state.disk === 'target' && mayTargetRun)
    return 'the source runs the VM while the record names a target that may run it';
  return leftBehind(lab, state);
}

/** A lab that says that a migration has ended is believed by people who start the next one. */
function leftBehind(lab: LabSide, state: State): string | undefined {
  const { outgoing, incoming } = state;
  if (state.lab < 0 || !lab.hasEnded(state) || state.wasImpatient) return undefined;
  // The lab does not wait for a source that answers late: it is on its way to let go.
  if (state.sourceWaits === 'cancelSend' || state.toSource === 'cancelSend') return undefined;
  if (state.sourceSeen && state.sourceProcess === 'up' && outgoing !== 'none')
    return `the migration has ended and the source is ${outgoing}`;
  const isWaiting = incoming !== 'none' && incoming !== 'committed';
  if (state.targetSeen && state.targetProcess === 'up' && isWaiting)
    return `the migration has ended and the target is ${incoming}`;
  return undefined;
}

function unsettled(lab: LabSide, state: State): string | undefined {
  const { sourceCopy, targetCopy, memory, disk, outgoing, incoming } = state;
  if (!lab.hasEnded(state)) return 'the migration never ends';
  if (memory !== disk) return `the record names the ${memory} in memory and the ${disk} on disk`;
  if (state.sourceProcess !== 'up' || state.targetProcess !== 'up')
    return 'a host is gone for good';
  const expected = memory === 'source' ? ['running', 'none'] : ['none', 'running'];
  if (sourceCopy !== expected[0] || targetCopy !== expected[1])
    return `the record names the ${memory}; the source's copy is ${sourceCopy}, the target's ${targetCopy}`;
  if (outgoing !== 'none' || state.isOutgoingKnown) return `the source stays ${outgoing} for ever`;
  if (incoming !== 'none' || state.isIncomingKnown) return `the target stays ${incoming} for ever`;
  if (state.sourceReads || state.targetReads) return 'a socket stays open for ever';
  return undefined;
}
