/** One run of the lab's migration code against hosts that are nothing but a list of inputs. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { AsyncIteratorClass } from '@orpc/contract';
import { migrationOptionsSchema, type MigrationProgress } from '../../src/contract/migration';
import { vmConfigSchema } from '../../src/contract/model';
import { EMPTY_LAB } from '../../src/lab/inventory/inventory-file';
import { Inventory } from '../../src/lab/inventory/inventory';
import { CommitRecord } from '../../src/lab/migration/commit-record';
import { MigrationRecord } from '../../src/lab/migration/migration-record';
import type { MigrationHost, MigrationPlan } from '../../src/lab/migration/migration-plan';
import { MigrationRun } from '../../src/lab/migration/migration-run';
import { hostUnavailable, refusal } from '../../src/lab/refusals';

/** Calls of the lab with an answer of their own; `stream` is the next report of the source. */
export const LAB_CALLS = [
  'prepareIncoming',
  'sendVm',
  'stream',
  'saveRecord',
  'takeRecordBack',
  'commitIncoming',
  'finishSend',
  'cancelSend',
  'abortIncoming',
  'endTarget',
  'endSource',
] as const;
export type LabCall = (typeof LAB_CALLS)[number];

/** `unavailable`: the process is gone or silent. `ready` and `ended` are of the source's stream. */
export type LabAnswer = 'ok' | 'ready' | 'ended' | 'refused' | 'unavailable';

/** What the lab may meet: an answer, the loss of the target, or somebody who cancels. */
export type LabInput = `${LabCall} ${LabAnswer}` | 'target-lost' | 'cancel';

/** What the lab does: makes a call, or lets go of the source's stream. */
export type LabAction = LabCall | 'leaveStream';

const ANSWERS: Readonly<Partial<Record<LabCall, readonly LabAnswer[]>>> = {
  stream: ['ready', 'ended', 'refused', 'unavailable'],
  saveRecord: ['ok', 'refused'],
  takeRecordBack: ['ok', 'refused'],
  endTarget: ['ok'],
  endSource: ['ok'],
};
const USUAL_ANSWERS: readonly LabAnswer[] = ['ok', 'refused', 'unavailable'];

const VM = vmConfigSchema.parse({
  id: 'vm',
  name: 'vm',
  hostId: 'source',
  memoryMiB: 16,
  power: 'running',
  workload: { kind: 'responder' },
  nics: [
    {
      id: 'nic',
      adapter: 'nic-a',
      macs: ['02:00:5e:10:00:01'],
      vlan: { mode: 'access', id: 10 },
      queue: { mode: 'automatic' },
    },
  ],
});

const REFUSED = refusal({
  code: 'migration-failed',
  what: 'No.',
  why: 'The model says so.',
  remedy: '',
});

const READY: MigrationProgress = {
  phase: 'committing',
  bytesPerSecond: 0,
  dirtyBytesPerSecond: 0,
  throttlePercent: 0,
  expectedDowntimeMs: 0,
  advice: '',
  roundList: [],
  round: 1,
  sentBytes: 0,
  remainingBytes: 0,
  totalBytes: 0,
  stoppedAtNs: 0,
  ready: true,
};

export class LabReplay {
  readonly #run: MigrationRun;
  readonly #record: MigrationRecord;
  /** Calls that wait for their answers; the same one may wait twice. */
  readonly #pending = new Map<LabCall, ((answer: LabAnswer) => void)[]>();
  #actions: LabAction[] = [];
  #onTargetLost: ((cause: string) => void) | undefined;
  #wasLastRefused = false;
  #isCancelled = false;
  #wasReady = false;
  #hasEnded = false;

  /** Runs a migration through these inputs, up to where it waits for the next one. */
  static async of(inputs: readonly LabInput[]): Promise<LabReplay> {
    const replay = new LabReplay();
    await nextTurn();
    for (const input of inputs) {
      replay.#actions = [];
      replay.#feed(input);
      await nextTurn();
    }
    return replay;
  }

  private constructor() {
    this.#record = new MigrationRecord(
      { migrationId: 'm', vmId: 'vm', vmName: 'vm', fromHostId: 'source', toHostId: 'target' },
      migrationOptionsSchema.parse({ probesPerSecond: 0 }),
    );
    this.#run = new MigrationRun(this.#plan());
    void this.#run.run().then(() => {
      this.#hasEnded = true;
    });
  }

  /** What it has done since the last input. */
  get actions(): readonly LabAction[] {
    return this.#actions;
  }

  /** Outcome in the record once it has ended, else empty. */
  get outcome(): string {
    return this.#hasEnded ? this.#record.outcome : '';
  }

  /** The last input was a cancel, and it was refused: nothing has happened. */
  get wasLastRefused(): boolean {
    return this.#wasLastRefused;
  }

  /** What may come next; nothing after the end. */
  get inputs(): readonly LabInput[] {
    if (this.#hasEnded) return [];
    const inputs: LabInput[] = this.#isCancelled ? [] : ['cancel'];
    if (this.#onTargetLost) inputs.push('target-lost');
    for (const call of this.#pending.keys()) {
      for (const answer of ANSWERS[call] ?? USUAL_ANSWERS) {
        if (answer !== 'ready' || !this.#wasReady) inputs.push(`${call} ${answer}`);
      }
    }
    return inputs;
  }

  #feed(input: LabInput): void {
    if (input === 'cancel') {
      this.#cancel();
    } else if (input === 'target-lost') {
      const listener = this.#onTargetLost;
      this.#onTargetLost = undefined;
      listener?.('The model says so.');
    } else {
      const { call, answer } = answerIn(input);
      if (answer === 'ready') this.#wasReady = true;
      const waiting = this.#pending.get(call) ?? [];
      this.#pending.delete(call);
      for (const settle of waiting) settle(answer);
    }
  }

  #cancel(): void {
    this.#isCancelled = true;
    try {
      this.#run.cancel();
    } catch {
      this.#wasLastRefused = true;
    }
  }

  #plan(): MigrationPlan {
    const unexpected = (): Promise<never> =>
      Promise.reject(new Error('the model has no such call'));
    return {
      record: this.#record,
      vm: VM,
      source: this.#host('endSource'),
      target: this.#host('endTarget'),
      fabric: {
        control: {
          startProbe: unexpected,
          watchProbe: unexpected,
          loseProbes: unexpected,
          stopProbe: unexpected,
        },
      },
      commitRecord: new ModelRecord((call) => this.#call(call, () => undefined)),
      removeSockets: () => Promise.resolve(),
      onPhase: () => undefined,
      onProgress: () => undefined,
      onWarning: () => undefined,
      onFault: () => undefined,
      onCommit: () => undefined,
    };
  }

  #host(end: LabCall): MigrationHost {
    const nothing = (): Promise<Record<string, never>> => Promise.resolve({});
    return {
      name: end,
      control: {
        prepareIncoming: () => this.#call('prepareIncoming', () => ({ socket: '', token: '' })),
        sendVm: () => this.#call('sendVm', () => this.#stream()),
        commitIncoming: () =>
          this.#call('commitIncoming', () => ({ resumedAtNs: 1, announcements: 1 })),
        abortIncoming: () => this.#call('abortIncoming', () => ({})),
        finishSend: () =>
          this.#call('finishSend', () => ({ heldFrames: 0, droppedFrames: 0, markerSeen: true })),
        cancelSend: () => this.#call('cancelSend', () => ({})),
        setSendLimits: nothing,
        continueSend: nothing,
        breakStream: nothing,
        fillMemory: nothing,
        freeFilledMemory: nothing,
      },
      onceLost: (listener) => {
        if (end === 'endTarget') this.#onTargetLost = listener;
        return () => {
          if (this.#onTargetLost === listener) this.#onTargetLost = undefined;
        };
      },
      terminate: () => this.#call(end, () => undefined),
    };
  }

  /** The source's reports; only the one that matters, `ready`, is one. */
  #stream(): AsyncIteratorClass<MigrationProgress, unknown, void> {
    return new AsyncIteratorClass<MigrationProgress, unknown, void>(
      async () => {
        const isReady = await this.#call('stream', (answer) => answer === 'ready');
        return isReady ? { done: false, value: READY } : { done: true, value: undefined };
      },
      (reason) => {
        if (reason === 'return') this.#actions.push('leaveStream');
        return Promise.resolve();
      },
    );
  }

  /** Resolves with what `read` makes of the answer, or rejects when it is a bad one. */
  #call<Value>(call: LabCall, read: (answer: LabAnswer) => Value): Promise<Value> {
    this.#actions.push(call);
    return new Promise((resolve, reject) => {
      const settle = (answer: LabAnswer): void => {
        if (answer === 'refused') reject(REFUSED);
        else if (answer === 'unavailable') reject(hostUnavailable('It', 'The model says so.'));
        else resolve(read(answer));
      };
      this.#pending.set(call, [...(this.#pending.get(call) ?? []), settle]);
    });
  }
}

/** A commit record that is written when the model says so. */
class ModelRecord extends CommitRecord {
  readonly #call: (call: LabCall) => Promise<void>;

  constructor(call: (call: LabCall) => Promise<void>) {
    super(new Inventory('', EMPTY_LAB, () => undefined), VM, 'target');
    this.#call = call;
  }

  override prepare(): Promise<void> {
    return Promise.resolve();
  }

  override save(): Promise<void> {
    return this.#call('saveRecord');
  }

  override takeBack(): Promise<void> {
    return this.#call('takeRecordBack');
  }

  override synced(): Promise<void> {
    return Promise.resolve();
  }

  override discard(): Promise<void> {
    return Promise.resolve();
  }
}

const ANSWERED_INPUTS = new Map(
  LAB_CALLS.flatMap((call) =>
    (ANSWERS[call] ?? USUAL_ANSWERS).map((answer) => [`${call} ${answer}`, { call, answer }]),
  ),
);

/** Whether a text is something that the lab may meet. */
export function isLabInput(text: string): text is LabInput {
  return text === 'cancel' || text === 'target-lost' || ANSWERED_INPUTS.has(text);
}

function answerIn(input: LabInput): { call: LabCall; answer: LabAnswer } {
  const found = ANSWERED_INPUTS.get(input);
  if (!found) throw new Error(`${input} is no answer`);
  return found;
}
