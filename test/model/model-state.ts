/**
 * Everything that a model of one migration remembers: one VM, its source, its target, the lab, and
 * what is on its way between them. Every field is a word or a list of words, so that a copy and a
 * comparison are cheap.
 */
import type { OutgoingState } from '../../src/engine/migration/source';
import type { IncomingState, SourceStreamState } from '../../src/engine/migration/protocol';

export type Side = 'source' | 'target';

/**
 * `up`; `ending`: told to end, or its launcher is gone: it closes in order and exits within 3 s;
 * `killed`: the signal is on its way; `gone`.
 */
export type ProcessState = 'up' | 'ending' | 'killed' | 'gone';

/** A copy of the VM at a host: `paused` and `incoming` have memory and do not run. */
export type Copy = 'running' | 'paused' | 'incoming' | 'none';

/** The lab is dead, or another one has taken over; else the number of its automaton's node. */
export const LAB_DEAD = -1;
export const LAB_AGAIN = -2;

/** Words on their way, oldest first, separated by a comma. */
export type Queue = string;

export interface State {
  lab: number;
  /** The host that the inventory names, in the lab's memory and on disk. */
  memory: Side;
  disk: Side;
  /** The host that is being written to disk. */
  writing: Side | '';
  /** Whether the lab takes the host for a running one. */
  sourceSeen: boolean;
  targetSeen: boolean;

  sourceProcess: ProcessState;
  sourceCopy: Copy;
  /** Commands to the source, its answers and reports. */
  toSource: Queue;
  fromSource: Queue;
  /** `asked`: sendVm was accepted and has not begun; `leaving`: late frames are sent on. */
  outgoing: OutgoingState | 'asked' | 'none';
  stream: SourceStreamState;
  isInterrupted: boolean;
  /** The host would find the outgoing migration by its id. */
  isOutgoingKnown: boolean;
  /** A cancelSend or finishSend waits for its end. */
  sourceWaits: 'cancelSend' | 'finishSend' | '';

  /** The socket between the hosts: messages on their way, and whether an end reads them. */
  sourceReads: boolean;
  targetReads: boolean;
  socketToTarget: Queue;
  socketToSource: Queue;

  targetProcess: ProcessState;
  targetCopy: Copy;
  toTarget: Queue;
  fromTarget: Queue;
  /** `opening`: the socket is being made. */
  incoming: IncomingState | 'opening' | 'none';
  isIncomingKnown: boolean;
  /** The lab's commit was accepted and the VM does not run yet. */
  isCommitting: boolean;

  /** The lab did not wait for an answer of a process that lives. */
  wasImpatient: boolean;
  /** Faults that may still happen; Infinity stays what it is. */
  faultsLeft: number;
  /** A rule that the last step broke. */
  alarm: string;
}

/** The VM runs at the source; nothing has begun. */
export function initialState(lab: number, faults: number): State {
  return {
    lab,
    memory: 'source',
    disk: 'source',
    writing: '',
    sourceSeen: true,
    targetSeen: true,
    sourceProcess: 'up',
    sourceCopy: 'running',
    toSource: '',
    fromSource: '',
    outgoing: 'none',
    stream: 'greeting',
    isInterrupted: false,
    isOutgoingKnown: false,
    sourceWaits: '',
    sourceReads: false,
    targetReads: false,
    socketToTarget: '',
    socketToSource: '',
    targetProcess: 'up',
    targetCopy: 'none',
    toTarget: '',
    fromTarget: '',
    incoming: 'none',
    isIncomingKnown: false,
    isCommitting: false,
    wasImpatient: false,
    faultsLeft: faults,
    alarm: '',
  };
}

export function keyOf(state: State): string {
  return Object.values(state).join('|');
}

export function push(queue: Queue, word: string): Queue {
  return queue === '' ? word : `${queue},${word}`;
}

/** The first word of a queue and the rest of it. */
export function pop(queue: Queue): { first: string; rest: Queue } {
  const comma = queue.indexOf(',');
  if (comma < 0) return { first: queue, rest: '' };
  return { first: queue.slice(0, comma), rest: queue.slice(comma + 1) };
}

/** The steps out of one state, collected. */
export class StepList {
  readonly steps: { name: string; to: State; isFault: boolean }[] = [];
  readonly #from: State;

  constructor(from: State) {
    this.#from = from;
  }

  /** Something that happens by itself. */
  add(name: string, change: (to: State) => void): void {
    const to = { ...this.#from };
    change(to);
    this.steps.push({ name, to, isFault: false });
  }

  /** Something that may happen, while faults are left. */
  fault(name: string, change: (to: State) => void): void {
    if (this.#from.faultsLeft === 0) return;
    const to = { ...this.#from, faultsLeft: this.#from.faultsLeft - 1 };
    change(to);
    this.steps.push({ name, to, isFault: true });
  }
}
