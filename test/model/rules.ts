/**
 * Where the hosts' part of the protocol could be otherwise. `CODE` is what the code does; the other
 * values are mistakes, which the checker must find. What the tables of the code say (`SOURCE_ACCEPTS`,
 * `TARGET_ACCEPTS`, `OUTGOING_MOVES`) stands here so that a mistake in them can be tried too.
 */
import {
  SOURCE_ACCEPTS,
  TARGET_ACCEPTS,
  type IncomingState,
  type SourceStreamState,
} from '../../src/engine/migration/protocol';
import { OUTGOING_MOVES } from '../../src/engine/migration/source';

export interface Rules {
  readonly outgoingMoves: typeof OUTGOING_MOVES;
  readonly sourceAccepts: Readonly<Record<SourceStreamState, readonly number[]>>;
  readonly targetAccepts: Readonly<Record<IncomingState, readonly number[]>>;
  /** When the target runs the VM. */
  readonly targetRuns: 'on-commit' | 'on-ready';
  /** What a lost connection means to a side that is ready. */
  readonly sourceLossInReady: 'nothing' | 'resume';
  readonly targetLossInReady: 'nothing' | 'run' | 'discard';
  /** What a source that is told to end does with a migration that is ready. */
  readonly closingSource: 'drop' | 'resume';
  /** What finishSend does with a guest that was resumed meanwhile. */
  readonly finishAfterResume: 'forget' | 'refuse';
  /** Whether the target leaves `ready` before it runs the VM or after. */
  readonly commitOrder: 'commit-first' | 'run-first';
  /** What a target leaves of a VM that it could not run. */
  readonly failedCommit: 'discard' | 'leave';
  /** Whether a cancelSend stops a sendVm that has not begun yet. */
  readonly earlyCancel: 'stop' | 'miss';
  /** Whether the lab saves the record before it asks the target to run the VM. */
  readonly savesRecord: boolean;
  /** Whether the lab ends a target that does not answer its commit. */
  readonly silentTarget: 'end' | 'trust';
  /** Whether the lab ends a source that does not confirm that it has forgotten the VM. */
  readonly silentSource: 'end' | 'trust';
  /** Whether the lab waits for the end of a process that it kills: until then it may do something. */
  readonly waitsForEnd: boolean;
  /** Whether the lab takes the record back before the source resumes. */
  readonly takesRecordBack: boolean;
  /** Whether a host that is started again waits for its migrations to end. */
  readonly restartWaits: boolean;
}

export const CODE: Rules = {
  outgoingMoves: OUTGOING_MOVES,
  sourceAccepts: SOURCE_ACCEPTS,
  targetAccepts: TARGET_ACCEPTS,
  targetRuns: 'on-commit',
  sourceLossInReady: 'nothing',
  targetLossInReady: 'nothing',
  closingSource: 'drop',
  finishAfterResume: 'forget',
  commitOrder: 'commit-first',
  failedCommit: 'discard',
  earlyCancel: 'stop',
  savesRecord: true,
  silentTarget: 'end',
  silentSource: 'end',
  waitsForEnd: true,
  takesRecordBack: true,
  restartWaits: true,
};
