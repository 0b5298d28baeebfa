/**
 * The target's host, as `host-migration.ts`, `arriving-vm.ts` and `target.ts` make it: what it does
 * with commands, with messages of the source, and by itself.
 */
import { MessageType } from '../../src/engine/migration/protocol';
import { pop, push, type State, type StepList } from './model-state';
import type { Rules } from './rules';

/** Everything that the target may do next; `isAwaited`: the lab waits for it, and a source may come. */
export function targetSteps(state: State, rules: Rules, steps: StepList, isAwaited: boolean): void {
  if (state.targetProcess === 'gone') return;
  // A killed process may get something done before the signal reaches it.
  if (state.targetProcess !== 'ending' && state.toTarget !== '') {
    const { first, rest } = pop(state.toTarget);
    steps.add(`target takes ${first}`, (to) => {
      to.toTarget = rest;
      takeCommand(to, first, rules);
    });
    if (first === 'prepareIncoming') {
      steps.fault('target refuses prepareIncoming', (to) => {
        to.toTarget = rest;
        answer(to, 'prepareIncoming refused');
      });
    }
  }
  if (state.targetReads && state.socketToTarget !== '') {
    const { first, rest } = pop(state.socketToTarget);
    steps.add(`target gets ${first}`, (to) => {
      to.socketToTarget = rest;
      takeMessage(to, first, rules);
    });
    if (first === 'Complete' && state.incoming === 'restored') {
      steps.fault('target cannot restore the device state', (to) => {
        to.socketToTarget = rest;
        discard(to);
      });
    }
  }
  goOn(state, rules, steps, isAwaited);
}

function takeCommand(to: State, command: string, rules: Rules): void {
  switch (command) {
    case 'prepareIncoming':
      to.targetCopy = 'incoming';
      to.incoming = 'opening';
      break;
    case 'abortIncoming':
      if (to.isIncomingKnown) discard(to);
      answer(to, 'abortIncoming ok');
      break;
    default:
      if (!to.isIncomingKnown || to.incoming !== 'ready') {
        answer(to, 'commitIncoming refused');
        return;
      }
      to.isCommitting = true;
      if (rules.commitOrder === 'commit-first') commit(to);
  }
}

/** A message, or `loss`: the connection is gone. */
function takeMessage(to: State, message: string, rules: Rules): void {
  if (message === 'loss' || !accepts(to, message, rules)) {
    lose(to, rules, message === 'loss' ? '' : 'Abort');
    return;
  }
  switch (message) {
    case 'Hello':
      to.incoming = 'receiving';
      say(to, 'Accept');
      break;
    case 'State':
      to.incoming = 'restored';
      break;
    case 'Complete':
      to.incoming = 'ready';
      say(to, 'Ready');
      if (rules.targetRuns === 'on-ready') to.targetCopy = 'running';
      break;
    case 'Abort':
      discard(to);
      break;
    case 'LateEnd':
      settle(to);
  }
}

function accepts({ incoming }: State, message: string, rules: Rules): boolean {
  if (incoming === 'opening' || incoming === 'none') return false;
  const type = Object.entries(MessageType).find(([name]) => name === message)?.[1];
  return type !== undefined && rules.targetAccepts[incoming].includes(type);
}

/** The connection is of no more use; the source is told `farewell`, if it may still read it. */
function lose(to: State, rules: Rules, farewell: string): void {
  const { incoming } = to;
  if (incoming === 'receiving' || incoming === 'restored') discard(to, farewell);
  else if (incoming === 'ready' && rules.targetLossInReady === 'discard') discard(to, farewell);
  else if (incoming === 'committed') settle(to);
  else closeSocket(to, '');
  if (incoming === 'ready' && rules.targetLossInReady === 'run') to.targetCopy = 'running';
}

/** What it does without being asked. */
function goOn(state: State, rules: Rules, steps: StepList, isAwaited: boolean): void {
  const { incoming } = state;
  if (incoming === 'opening') {
    steps.add('target listens', (to) => {
      to.incoming = 'listening';
      to.isIncomingKnown = true;
      answer(to, 'prepareIncoming ok');
    });
  }
  if (incoming === 'listening') {
    const name = 'target has waited long enough';
    if (isAwaited) steps.fault(name, (to) => discard(to));
    else steps.add(name, (to) => discard(to));
  }
  if (state.isCommitting) commitSteps(state, rules, steps);
  if (incoming === 'committed') steps.add('target waits no longer for late frames', settle);
  if (incoming === 'receiving' || incoming === 'restored') {
    steps.fault('target gives up', (to) => discard(to));
  }
}

function commitSteps(state: State, rules: Rules, steps: StepList): void {
  if (state.targetCopy === 'running') {
    steps.add('target commits', (to) => {
      to.isCommitting = false;
      if (to.incoming === 'ready') commit(to);
      answer(to, to.incoming === 'none' ? 'commitIncoming refused' : 'commitIncoming ok');
    });
    return;
  }
  steps.add('target runs the VM', (to) => {
    run(to);
    if (rules.commitOrder === 'run-first') return;
    to.isCommitting = false;
    answer(to, 'commitIncoming ok');
  });
  steps.fault('target cannot run the VM', (to) => {
    to.isCommitting = false;
    to.isIncomingKnown = false;
    if (rules.failedCommit === 'discard') discard(to);
    answer(to, 'commitIncoming refused');
  });
}

function run(to: State): void {
  if (to.disk !== 'target') to.alarm = 'the target runs the VM before the record names it';
  to.targetCopy = 'running';
}

/** Late frames are waited for, as long as they can come. */
function commit(to: State): void {
  to.incoming = 'committed';
  to.isIncomingKnown = false;
  if (!to.targetReads) settle(to);
}

/** No more late frames come. */
function settle(to: State): void {
  to.incoming = 'none';
  closeSocket(to, '');
}

function discard(to: State, farewell = 'Abort'): void {
  if (to.incoming === 'ready' && to.disk === 'target' && to.sourceCopy === 'none')
    to.alarm = 'the last copy of the VM is thrown away';
  to.incoming = 'none';
  to.isIncomingKnown = false;
  to.targetCopy = 'none';
  closeSocket(to, farewell);
}

function closeSocket(to: State, farewell: string): void {
  if (to.targetReads && farewell !== '') say(to, farewell);
  if (to.sourceReads && to.targetReads) to.socketToSource = push(to.socketToSource, 'loss');
  to.targetReads = false;
  to.socketToTarget = '';
}

function say(to: State, message: string): void {
  if (to.sourceReads) to.socketToSource = push(to.socketToSource, message);
}

function answer(to: State, text: string): void {
  if (to.targetProcess === 'up') to.fromTarget = push(to.fromTarget, text);
}

/** The process is told to end: by a signal, or by the loss of its launcher. */
export function closeTarget(to: State): void {
  to.targetProcess = 'ending';
  to.toTarget = '';
  if (!to.isIncomingKnown) return;
  const { alarm } = to;
  discard(to);
  // Its memory ends with the process.
  to.alarm = alarm;
}

/** The process has ended, however. */
export function endTarget(to: State): void {
  to.targetProcess = 'gone';
  to.targetCopy = 'none';
  to.toTarget = '';
  to.incoming = 'none';
  to.isIncomingKnown = false;
  to.isCommitting = false;
  closeSocket(to, '');
}
