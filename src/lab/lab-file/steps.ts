/** The steps of a lab file with names resolved to ids, and one line of text for each. */
import type { ExperimentOptions } from '../../contract/experiment';
import type { MigrationFault } from '../../contract/lab';
import type { MigrationOptions } from '../../contract/migration';
import type { AdapterConfig, BufferMode } from '../../contract/model';
import type { AdapterEvent } from '../../contract/vmq';

export type LabStep =
  | { readonly kind: 'wait'; readonly seconds: number }
  | {
      readonly kind: 'wait-for-link';
      readonly linkId: string;
      readonly name: string;
      readonly timeoutSeconds: number;
    }
  | { readonly kind: 'start-link'; readonly linkId: string; readonly name: string }
  | { readonly kind: 'stop-link'; readonly linkId: string; readonly name: string }
  | { readonly kind: 'start-vm'; readonly vmId: string; readonly name: string }
  | { readonly kind: 'stop-vm'; readonly vmId: string; readonly name: string }
  | {
      readonly kind: 'migrate';
      readonly vmId: string;
      readonly name: string;
      readonly targetHostId: string;
      readonly targetName: string;
      readonly options: MigrationOptions;
      readonly fault: MigrationFault | undefined;
      readonly expect: 'completed' | 'failed';
      /** False: the step does not wait for its end. */
      readonly wait: boolean;
    }
  | { readonly kind: 'wait-for-migrations'; readonly timeoutSeconds: number }
  | {
      readonly kind: 'evacuate';
      readonly hostId: string;
      readonly name: string;
      readonly options: MigrationOptions;
    }
  | {
      readonly kind: 'set-filters';
      readonly vmId: string;
      readonly name: string;
      readonly nic: number;
      readonly set: boolean;
    }
  | ({
      readonly kind: 'set-mode';
      readonly vmqEnabled: boolean | undefined;
      readonly bufferMode: BufferMode | undefined;
      readonly queueCount: number | undefined;
    } & AdapterPlace)
  | ({ readonly kind: 'adapter-event'; readonly event: AdapterEvent } & AdapterPlace)
  | ({ readonly kind: 'experiment'; readonly options: ExperimentOptions } & AdapterPlace);

/** An adapter of a host that a step names. */
export interface AdapterPlace {
  readonly hostId: string;
  readonly hostName: string;
  readonly adapter: Pick<AdapterConfig, 'id' | 'name'>;
}

/** What a step does, for the terminal and the report. */
export function stepText(step: LabStep): string {
  switch (step.kind) {
    case 'wait':
      return `wait ${step.seconds} s`;
    case 'wait-for-link':
      return `wait for link ${step.name}`;
    case 'start-link':
      return `start link ${step.name}`;
    case 'stop-link':
      return `stop link ${step.name}`;
    case 'start-vm':
      return `start ${step.name}`;
    case 'stop-vm':
      return `stop ${step.name}`;
    case 'migrate':
      return migrateText(step);
    case 'wait-for-migrations':
      return 'wait for migrations';
    case 'evacuate':
      return `evacuate ${step.name}`;
    case 'set-filters':
      return `${step.set ? 'set' : 'clear'} the filters of NIC ${step.nic} of ${step.name}`;
    case 'set-mode':
      return `set ${step.adapter.name} of ${step.hostName} to ${modeText(step)}`;
    case 'adapter-event':
      return `${step.event} of ${step.adapter.name} of ${step.hostName}`;
    case 'experiment':
      return experimentText(step);
  }
}

function migrateText(step: Extract<LabStep, { kind: 'migrate' }>): string {
  const { name, targetName, fault, wait } = step;
  return [
    `migrate ${name} to ${targetName}`,
    ...(fault === undefined ? [] : [`with ${fault.kind} at ${fault.phase}`]),
    ...(step.expect === 'failed' ? ['which must fail'] : []),
    ...(wait ? [] : ['without waiting']),
  ].join(', ');
}

function experimentText({
  options: { rounds, secondsPerRound, aa },
  ...place
}: Extract<LabStep, { kind: 'experiment' }>): string {
  const what = aa ? 'the mode with itself' : 'the modes';
  return `compare ${what} of ${place.adapter.name} of ${place.hostName}, ${rounds} rounds of ${secondsPerRound} s`;
}

function modeText({
  vmqEnabled,
  bufferMode,
  queueCount,
}: Extract<LabStep, { kind: 'set-mode' }>): string {
  return [
    ...(vmqEnabled === undefined ? [] : [`VMQ ${vmqEnabled ? 'on' : 'off'}`]),
    ...(bufferMode === undefined ? [] : [bufferMode]),
    ...(queueCount === undefined ? [] : [`${queueCount} queues`]),
  ].join(', ');
}
