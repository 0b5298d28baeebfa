/** What a migration is given: who takes part, what it may ask of them, and whom it tells. */
import type { MigrationFault } from '../../contract/lab';
import type { MigrationPhase } from '../../contract/migration';
import type { VmConfig } from '../../contract/model';
import type { FabricControl, HostControl } from '../process/control-link';
import type { CommitRecord } from './commit-record';
import type { MigrationRecord } from './migration-record';

/** What a migration needs of a host's process. */
export interface MigrationHost {
  readonly name: string;
  readonly control: Pick<
    HostControl,
    | 'prepareIncoming'
    | 'sendVm'
    | 'setSendLimits'
    | 'continueSend'
    | 'commitIncoming'
    | 'abortIncoming'
    | 'finishSend'
    | 'cancelSend'
    | 'breakStream'
    | 'fillMemory'
    | 'freeFilledMemory'
  >;
  onceLost(listener: (cause: string) => void): () => void;
  /** Ends the process. Resolves when it has ended. */
  terminate(cause: string): Promise<void>;
}

export interface MigrationPlan {
  readonly record: MigrationRecord;
  /** As it is at the source. */
  readonly vm: VmConfig;
  readonly source: MigrationHost;
  readonly target: MigrationHost;
  readonly fabric: {
    readonly control: Pick<FabricControl, 'startProbe' | 'watchProbe' | 'loseProbes' | 'stopProbe'>;
  };
  readonly commitRecord: CommitRecord;
  /** Removes what a killed process may have left of the sockets. */
  removeSockets(): Promise<void>;
  onPhase(phase: MigrationPhase): void;
  onProgress(): void;
  onWarning(text: string, cause: string): void;
  onFault(fault: MigrationFault): void;
  onCommit(): void;
}
