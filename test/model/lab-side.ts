/**
 * The lab: its automaton, its inventory, and its supervisor, which sees the end of processes and
 * starts hosts again (`supervisor.ts`, `restore.ts`).
 */
import type { LabAutomaton } from './lab-automaton';
import { isLabInput, type LabAction, type LabCall, type LabInput } from './lab-replay';
import {
  LAB_AGAIN,
  LAB_DEAD,
  pop,
  push,
  type ProcessState,
  type Side,
  type State,
  type StepList,
} from './model-state';
import type { Rules } from './rules';
import { closeSource, endSource } from './source-steps';
import { closeTarget, endTarget } from './target-steps';

const SOURCE_CALLS: readonly LabCall[] = ['sendVm', 'stream', 'cancelSend', 'finishSend'];
const TARGET_CALLS: readonly LabCall[] = ['prepareIncoming', 'commitIncoming', 'abortIncoming'];
/** Commands whose answer is waited for only so long. */
const IMPATIENT_CALLS: readonly LabCall[] = [...TARGET_CALLS, 'cancelSend', 'finishSend'];

export class LabSide {
  readonly #automaton: LabAutomaton;
  readonly #rules: Rules;

  constructor(automaton: LabAutomaton, rules: Rules) {
    this.#automaton = automaton;
    this.#rules = rules;
  }

  /** Whether the migration has ended, or its lab has. */
  hasEnded({ lab }: State): boolean {
    return lab < 0 || this.outcome(lab) !== '';
  }

  /** Outcome in the record; empty while it runs. */
  outcome(lab: number): string {
    return this.#automaton.nodes[lab]?.outcome ?? '';
  }

  /** Everything that the lab may do next. */
  addSteps(state: State, steps: StepList): void {
    if (state.lab === LAB_AGAIN) return;
    if (state.lab === LAB_DEAD) {
      this.#addNewLab(state, steps);
      return;
    }
    this.#addAnswers(state, steps);
    this.#addSaving(state, steps);
    this.#addSupervision(state, steps);
    this.#addFaults(state, steps);
  }

  /** Does what the automaton does on an input; nothing when it has no effect. */
  feed(to: State, input: LabInput): void {
    const move = this.#automaton.nodes[to.lab]?.moves.get(input);
    if (!move) return;
    to.lab = move.to;
    this.perform(to, move.actions);
  }

  /** Carries calls of the lab out; one to a host that is not there is answered at once. */
  perform(to: State, actions: readonly LabAction[]): void {
    const answers: LabInput[] = [];
    for (const action of actions) {
      switch (action) {
        case 'saveRecord':
          if (this.#rules.savesRecord) this.#write(to, 'target');
          else answers.push('saveRecord ok');
          break;
        case 'takeRecordBack':
          if (this.#rules.takesRecordBack) this.#write(to, 'source');
          else answers.push('takeRecordBack ok');
          break;
        case 'endTarget':
          this.#endTarget(to);
          if (!this.#isAwaited(to.targetProcess)) answers.push('endTarget ok');
          break;
        case 'endSource':
          this.#endSource(to);
          if (!this.#isAwaited(to.sourceProcess)) answers.push('endSource ok');
          break;
        case 'stream':
          if (!to.sourceSeen) answers.push('stream unavailable');
          break;
        case 'leaveStream':
          tellSource(to, action);
          break;
        case 'sendVm':
        case 'cancelSend':
        case 'finishSend':
          if (to.sourceSeen) tellSource(to, action);
          else answers.push(`${action} unavailable`);
          break;
        default:
          if (to.targetSeen) tellTarget(to, action);
          else answers.push(`${action} unavailable`);
      }
    }
    for (const input of answers) this.feed(to, input);
  }

  #write(to: State, host: Side): void {
    to.memory = host;
    to.writing = host;
  }

  #endTarget(to: State): void {
    if (this.#rules.silentTarget === 'trust') return;
    if (to.targetProcess !== 'gone') to.targetProcess = 'killed';
    this.#loseTarget(to);
  }

  #endSource(to: State): void {
    if (this.#rules.silentSource === 'trust') return;
    if (to.sourceProcess !== 'gone') to.sourceProcess = 'killed';
    this.#loseSource(to);
  }

  #isAwaited(process: ProcessState): boolean {
    return process === 'killed' && this.#rules.waitsForEnd;
  }

  #addAnswers(state: State, steps: StepList): void {
    if (state.fromSource !== '') {
      const { first, rest } = pop(state.fromSource);
      steps.add(`lab hears ${first}`, (to) => {
        to.fromSource = rest;
        this.#feedText(to, first);
      });
    }
    if (state.fromTarget !== '') {
      const { first, rest } = pop(state.fromTarget);
      steps.add(`lab hears ${first}`, (to) => {
        to.fromTarget = rest;
        this.#feedText(to, first);
      });
    }
  }

  #feedText(to: State, text: string): void {
    if (!isLabInput(text)) throw new Error(`the lab cannot hear "${text}"`);
    this.feed(to, text);
  }

  #addSaving(state: State, steps: StepList): void {
    const { writing } = state;
    if (writing === '') return;
    const call = writing === 'target' ? 'saveRecord' : 'takeRecordBack';
    if (state.disk === writing) {
      steps.add(`lab has done ${call}`, (to) => {
        to.writing = '';
        this.feed(to, `${call} ok`);
      });
      return;
    }
    steps.add(`disk takes ${call}`, (to) => {
      to.disk = writing;
    });
    steps.fault(`disk refuses ${call}`, (to) => {
      to.writing = '';
      to.memory = to.disk;
      this.feed(to, `${call} refused`);
    });
  }

  #addSupervision(state: State, steps: StepList): void {
    const mayRestart = this.hasEnded(state) || !this.#rules.restartWaits;
    if (state.sourceProcess === 'gone') {
      if (state.sourceSeen)
        steps.add('lab sees the end of the source', (to) => this.#loseSource(to));
      else if (mayRestart)
        steps.add('lab starts the source again', (to) => this.#restart(to, 'source'));
    }
    if (state.targetProcess === 'gone') {
      if (state.targetSeen)
        steps.add('lab sees the end of the target', (to) => this.#loseTarget(to));
      else if (mayRestart)
        steps.add('lab starts the target again', (to) => this.#restart(to, 'target'));
    }
    this.#addKilled(state, steps);
  }

  #addKilled({ sourceProcess, targetProcess }: State, steps: StepList): void {
    if (sourceProcess === 'killed') {
      steps.add('the killed source ends', (to) => {
        endSource(to);
        this.feed(to, 'endSource ok');
      });
    }
    if (targetProcess === 'killed') {
      steps.add('the killed target ends', (to) => {
        endTarget(to);
        this.feed(to, 'endTarget ok');
      });
    }
  }

  #loseSource(to: State): void {
    const pending = SOURCE_CALLS.filter((call) => this.#isPending(to, call));
    to.sourceSeen = false;
    to.fromSource = '';
    for (const call of pending) this.feed(to, `${call} unavailable`);
  }

  #loseTarget(to: State): void {
    const pending = TARGET_CALLS.filter((call) => this.#isPending(to, call));
    to.targetSeen = false;
    to.fromTarget = '';
    this.feed(to, 'target-lost');
    for (const call of pending) this.feed(to, `${call} unavailable`);
  }

  #isPending({ lab }: State, call: LabCall): boolean {
    return this.#automaton.nodes[lab]?.moves.has(`${call} unavailable`) ?? false;
  }

  /** The host's VMs are started afresh, as the inventory has them. */
  #restart(to: State, host: Side): void {
    if (host === 'source') {
      to.sourceProcess = 'up';
      to.sourceSeen = true;
    } else {
      to.targetProcess = 'up';
      to.targetSeen = true;
    }
    if (to.memory !== host) return;
    if (host === 'target' && to.sourceCopy !== 'none' && !to.wasImpatient)
      to.alarm = 'the VM starts afresh at the target while the source has its memory';
    if (host === 'source') to.sourceCopy = 'running';
    else to.targetCopy = 'running';
  }

  /**
   * Hosts end within 3 s of their launcher (`serve-process.ts`); the lock of the data folder goes
   * stale after 5 s (`folder-lock.ts`): so a new lab meets none of the old hosts.
   */
  #addNewLab(state: State, steps: StepList): void {
    if (state.sourceProcess === 'up')
      steps.add('source loses its launcher', (to) => closeSource(to, this.#rules));
    if (state.targetProcess === 'up') steps.add('target loses its launcher', closeTarget);
    this.#addKilled(state, steps);
    if (state.sourceProcess !== 'gone' || state.targetProcess !== 'gone') return;
    steps.add('another lab starts', (to) => {
      to.lab = LAB_AGAIN;
      to.memory = to.disk;
      this.#restart(to, 'source');
      this.#restart(to, 'target');
    });
  }

  #addFaults(state: State, steps: StepList): void {
    const node = this.#automaton.nodes[state.lab];
    if (node?.moves.has('cancel')) steps.fault('somebody cancels', (to) => this.feed(to, 'cancel'));
    for (const call of IMPATIENT_CALLS) {
      const isSeen = TARGET_CALLS.includes(call) ? state.targetSeen : state.sourceSeen;
      if (!isSeen || !this.#isPending(state, call)) continue;
      steps.fault(`lab waits no longer for ${call}`, (to) => {
        to.wasImpatient = true;
        this.feed(to, `${call} unavailable`);
      });
    }
    steps.fault('lab dies', (to) => {
      to.lab = LAB_DEAD;
      to.writing = '';
      to.sourceSeen = false;
      to.targetSeen = false;
      to.fromSource = '';
      to.fromTarget = '';
    });
  }
}

/** Whatever is said to a process that has ended, or is about to, is lost. */
function tellSource(to: State, command: string): void {
  if (to.sourceProcess === 'up') to.toSource = push(to.toSource, command);
}

function tellTarget(to: State, command: string): void {
  if (to.targetProcess === 'up') to.toTarget = push(to.toTarget, command);
}
