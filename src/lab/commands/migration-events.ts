/** What the event list says of a migration, in plain words. */
import type { MigrationFault } from '../../contract/lab';
import type { MigrationPhase } from '../../contract/migration';
import type { MigrationReport } from '../../contract/report';
import type { EventList } from '../events';

/** Names of who takes part. */
export interface MigrationNames {
  readonly migrationId: string;
  readonly vm: string;
  readonly source: string;
  readonly target: string;
}

export class MigrationEvents {
  readonly #events: EventList;
  readonly #names: MigrationNames;
  readonly #object: { kind: 'migration'; id: string; name: string };

  constructor(events: EventList, names: MigrationNames) {
    this.#events = events;
    this.#names = names;
    this.#object = { kind: 'migration', id: names.migrationId, name: names.vm };
  }

  queued(cause: string): void {
    const { vm, source, target } = this.#names;
    this.#record(
      'migration/queued',
      `${vm} waits to move from ${source} to ${target}: two others are moving.`,
      cause,
    );
  }

  started(cause: string): void {
    const { vm, source, target } = this.#names;
    this.#record('migration/started', `${vm} is moving from ${source} to ${target}.`, cause);
  }

  phase(phase: MigrationPhase): void {
    const cause =
      phase === 'preparing' ? 'The migration has begun.' : 'The phase before it has ended.';
    this.#record('migration/phase-entered', phaseText(phase, this.#names), cause);
  }

  fault(fault: MigrationFault): void {
    this.#events.record(
      'migration/fault-injected',
      this.#object,
      faultText(fault, this.#names),
      'It was asked for, to show what follows.',
      { severity: 'warning' },
    );
  }

  warned(text: string, cause: string): void {
    this.#events.record('migration/warned', this.#object, text, cause, { severity: 'warning' });
  }

  committed(): void {
    const { vm, target } = this.#names;
    this.#record(
      'migration/committed',
      `${vm} now belongs to ${target}.`,
      `${target} has confirmed that it holds the whole VM.`,
    );
  }

  /** @param hostName host that the saved inventory names now. */
  ended({ outcome, reason, downtimeMs }: MigrationReport, hostName: string): void {
    const { vm, target } = this.#names;
    if (outcome === 'completed') {
      const downtime = downtimeMs === null ? '' : `, stopped for ${downtimeMs.toFixed(1)} ms`;
      this.#record(
        'migration/completed',
        `${vm} has moved to ${target}${downtime}.`,
        `${target} runs it.`,
      );
      return;
    }
    const isCancelled = outcome === 'cancelled';
    this.#events.record(
      isCancelled ? 'migration/cancelled' : 'migration/failed',
      this.#object,
      `${vm} stays on ${hostName}.`,
      reason,
      { severity: isCancelled ? 'warning' : 'error' },
    );
  }

  #record(type: string, text: string, cause: string): void {
    this.#events.record(type, this.#object, text, cause);
  }
}

function phaseText(phase: MigrationPhase, { vm, source, target }: MigrationNames): string {
  switch (phase) {
    case 'preparing':
      return `${target} reserves memory for ${vm}.`;
    case 'clearing-filters':
      return `${source} clears the receive filters of ${vm}: its frames take the default queue.`;
    case 'stopping-dma':
      return `${source} stops DMA into the memory of ${vm} and frees its queues.`;
    case 'copying':
      return `The memory of ${vm} is being copied to ${target} while it runs.`;
    case 'stopping-vm':
      return `${source} stops ${vm} and holds its frames.`;
    case 'final-copy':
      return `The last pages and the device state of ${vm} are being copied to ${target}.`;
    case 'committing':
      return `The lab saves that ${vm} belongs to ${target}.`;
    case 'resuming':
      return `${target} is asked to run ${vm}.`;
    case 'cleaning-up':
      return `${source} sends the held frames on and forgets ${vm}.`;
  }
}

function faultText({ kind, amount }: MigrationFault, { source, target }: MigrationNames): string {
  switch (kind) {
    case 'cut-link':
      return `The link from ${source} to ${target} was cut.`;
    case 'slow-link':
      return `The link from ${source} to ${target} was slowed${amount === undefined ? '' : ` to ${amount} MiB/s`}.`;
    case 'corrupt-byte':
      return `A bit of the stream from ${source} to ${target} was flipped.`;
    case 'kill-source':
      return `The process of ${source} was killed.`;
    case 'kill-target':
      return `The process of ${target} was killed.`;
    case 'fill-target-memory':
      return `The memory of ${target} was filled.`;
    case 'lose-to-vm':
      return 'Probe frames on their way to the VM are being lost.';
    case 'lose-from-vm':
      return 'Probe frames on their way from the VM are being lost.';
  }
}
