/**
 * The source's host, as `host-migration.ts`, `source.ts`, `source-link.ts` and `vm-sender.ts` make
 * it: what it does with commands, with messages of the target, and by itself. Copying is one step.
 */
import { MessageType } from '../../src/engine/migration/protocol';
import type { OutgoingMove } from '../../src/engine/migration/source';
import { pop, push, type State, type StepList } from './model-state';
import type { Rules } from './rules';

/** Everything that the source may do next. */
export function sourceSteps(state: State, rules: Rules, steps: StepList): void {
  if (state.sourceProcess === 'gone') return;
  // A killed process may get something done before the signal reaches it.
  if (state.sourceProcess !== 'ending' && state.toSource !== '') {
    const { first, rest } = pop(state.toSource);
    steps.add(`source takes ${first}`, (to) => {
      to.toSource = rest;
      takeCommand(to, first, rules);
    });
  }
  if (state.sourceReads && state.socketToSource !== '') {
    const { first, rest } = pop(state.socketToSource);
    steps.add(`source gets ${first}`, (to) => {
      to.socketToSource = rest;
      takeMessage(to, first, rules);
    });
  }
  goOn(state, rules, steps);
}

function takeCommand(to: State, command: string, rules: Rules): void {
  switch (command) {
    case 'sendVm':
      answer(to, 'sendVm ok');
      to.outgoing = 'asked';
      break;
    case 'leaveStream':
      // The request's signal: without effect once the target is ready.
      if (to.outgoing === 'asked' || to.outgoing === 'sending') to.isInterrupted = true;
      break;
    case 'cancelSend':
      cancel(to, rules);
      break;
    default:
      finish(to, rules);
  }
}

function cancel(to: State, rules: Rules): void {
  if (!to.isOutgoingKnown) {
    if (to.outgoing === 'asked' && rules.earlyCancel === 'stop') refuseToBegin(to);
    answer(to, 'cancelSend ok');
    return;
  }
  to.isOutgoingKnown = false;
  to.sourceWaits = 'cancelSend';
  giveUp(to, rules);
}

/** As `OutgoingMigration.cancel`. */
function giveUp(to: State, rules: Rules): void {
  if (to.outgoing === 'sending') to.isInterrupted = true;
  else if (to.outgoing === 'ready') undo(to, rules);
  else if (to.outgoing === 'resumed') answerWaiting(to);
}

function finish(to: State, rules: Rules): void {
  const isLate = to.outgoing === 'resuming' || to.outgoing === 'resumed';
  if (to.isOutgoingKnown && isLate && rules.finishAfterResume === 'forget') {
    to.isOutgoingKnown = false;
    to.sourceWaits = 'finishSend';
    if (to.outgoing === 'resumed') forget(to);
    return;
  }
  if (!to.isOutgoingKnown || move(to, 'finish', rules) === undefined) {
    answer(to, 'finishSend refused');
    return;
  }
  to.isOutgoingKnown = false;
  to.sourceWaits = 'finishSend';
  to.outgoing = 'finished';
}

/** A message, or `loss`: the connection is gone. */
function takeMessage(to: State, message: string, rules: Rules): void {
  const isReady = to.stream === 'ready';
  if (message === 'loss' || !accepts(to, message, rules)) {
    to.sourceReads = false;
    if (message !== 'loss') sayLoss(to);
    if (to.outgoing === 'sending' && !isReady) to.isInterrupted = true;
    if (to.outgoing === 'ready' && rules.sourceLossInReady === 'resume') undo(to, rules);
    return;
  }
  switch (message) {
    case 'Accept':
      to.stream = 'streaming';
      break;
    case 'Ready':
      to.stream = 'ready';
      if (to.isInterrupted) break;
      to.outgoing = move(to, 'target-ready', rules) ?? to.outgoing;
      report(to, 'ready');
      report(to, 'ended');
      break;
    default:
      // Refuse, Abort.
      to.sourceReads = false;
      sayLoss(to);
      if (to.outgoing === 'ready') undo(to, rules);
      else if (to.outgoing === 'sending') to.isInterrupted = true;
  }
}

function accepts({ stream }: State, message: string, rules: Rules): boolean {
  const type = Object.entries(MessageType).find(([name]) => name === message)?.[1];
  return type !== undefined && rules.sourceAccepts[stream].includes(type);
}

/** What it does without being asked. */
function goOn(state: State, rules: Rules, steps: StepList): void {
  const { outgoing, stream } = state;
  if (outgoing === 'asked') {
    steps.add('source begins', (to) => begin(to));
  } else if (outgoing === 'sending' && state.isInterrupted) {
    steps.add('source gives up', (to) => undo(to, rules));
  } else if (outgoing === 'sending' && stream === 'streaming') {
    if (state.sourceCopy === 'running') {
      steps.add('source copies and stops the guest', (to) => {
        say(to, 'Pages');
        to.sourceCopy = 'paused';
      });
    } else {
      steps.add('source sends the rest', (to) => {
        say(to, 'State');
        say(to, 'Complete');
        to.stream = 'awaiting';
      });
    }
  } else if (outgoing === 'resuming') {
    steps.add('source resumes the guest', (to) => resume(to, rules));
  } else if (outgoing === 'finished') {
    steps.add('source has sent late frames', (to) => {
      say(to, 'LateFrames');
      say(to, 'LateEnd');
      closeSocket(to);
      forget(to);
    });
  }
  if (outgoing === 'sending' && !state.isInterrupted) {
    steps.fault('a step of the source fails', (to) => {
      to.isInterrupted = true;
    });
  }
}

/** It will find that it was cancelled before it touches the VM. */
function refuseToBegin(to: State): void {
  to.outgoing = 'none';
  to.isInterrupted = false;
  report(to, 'refused');
}

function begin(to: State): void {
  to.outgoing = 'sending';
  to.stream = 'greeting';
  to.isOutgoingKnown = true;
  to.sourceReads = true;
  if (to.targetProcess !== 'gone' && to.incoming === 'listening') {
    to.targetReads = true;
    say(to, 'Hello');
  } else {
    to.socketToSource = 'loss';
  }
}

function undo(to: State, rules: Rules): void {
  to.outgoing = move(to, 'undo', rules) ?? to.outgoing;
  if (to.sourceReads) {
    say(to, 'Abort');
    closeSocket(to);
  }
}

function resume(to: State, rules: Rules): void {
  const wasReady = to.stream === 'ready' && !to.isInterrupted;
  to.outgoing = move(to, 'guest-runs', rules) ?? to.outgoing;
  to.sourceCopy = 'running';
  to.isInterrupted = false;
  if (to.sourceWaits === 'finishSend') {
    forget(to);
    return;
  }
  // The reader of the reports gets the refusal, and the migration is forgotten with it.
  if (!wasReady) {
    to.isOutgoingKnown = false;
    report(to, 'refused');
  }
  answerWaiting(to);
  if (!to.isOutgoingKnown) to.outgoing = 'none';
}

/** The VM belongs to the target: nothing of it is left here. */
function forget(to: State): void {
  to.sourceCopy = 'none';
  to.outgoing = 'none';
  answerWaiting(to);
}

function answerWaiting(to: State): void {
  if (to.sourceWaits === '') return;
  answer(to, `${to.sourceWaits} ok`);
  to.sourceWaits = '';
  if (!to.isOutgoingKnown) to.outgoing = 'none';
}

function move(to: State, by: OutgoingMove, rules: Rules): State['outgoing'] | undefined {
  if (to.outgoing === 'asked' || to.outgoing === 'none') return undefined;
  return rules.outgoingMoves[to.outgoing][by];
}

function answer(to: State, text: string): void {
  if (to.sourceProcess === 'up') to.fromSource = push(to.fromSource, text);
}

function report(to: State, text: string): void {
  answer(to, `stream ${text}`);
}

function say(to: State, message: string): void {
  if (to.sourceReads && to.targetReads) to.socketToTarget = push(to.socketToTarget, message);
}

function sayLoss(to: State): void {
  if (to.targetReads) to.socketToTarget = push(to.socketToTarget, 'loss');
}

function closeSocket(to: State): void {
  sayLoss(to);
  to.sourceReads = false;
  to.socketToSource = '';
}

/** The process is told to end: by a signal, or by the loss of its launcher. */
export function closeSource(to: State, rules: Rules): void {
  to.sourceProcess = 'ending';
  to.toSource = '';
  if (!to.isOutgoingKnown) return;
  if (to.outgoing === 'ready' && rules.closingSource === 'drop') return;
  giveUp(to, rules);
}

/** The process has ended, however. */
export function endSource(to: State): void {
  to.sourceProcess = 'gone';
  to.sourceCopy = 'none';
  to.toSource = '';
  to.outgoing = 'none';
  to.stream = 'greeting';
  to.isInterrupted = false;
  to.isOutgoingKnown = false;
  to.sourceWaits = '';
  if (to.sourceReads) closeSocket(to);
}
