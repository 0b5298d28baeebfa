/** What a wizard would do, as steps of a lab file: the same on the command line, to repeat it and to keep it. */
import type { MigrationFault } from '../../contract/lab';
import type { MigrationOptions } from '../../contract/migration';
import { DEFAULT_OPTIONS } from './option-fields';

export interface MoveRequest {
  readonly vmNames: readonly string[];
  readonly targetName: string;
  readonly options: MigrationOptions;
  readonly fault?: MigrationFault | undefined;
}

/** One VM is waited for; several are begun together, then waited for. */
export function migrateSteps({ vmNames, targetName, options, fault }: MoveRequest): string {
  const isOne = vmNames.length === 1;
  const steps = vmNames.map((vm) =>
    step('migrate', {
      vm,
      to: targetName,
      ...optionsPart(options),
      ...(fault ? { fault } : {}),
      ...(isOne ? {} : { wait: false }),
    }),
  );
  return [...steps, ...(isOne ? [] : [step('waitForMigrations', {})])].join('\n');
}

export function evacuateStep(hostName: string, options: MigrationOptions): string {
  return step('evacuate', { host: hostName, ...optionsPart(options) });
}

/** Only what differs from the defaults. */
function optionsPart(options: MigrationOptions): { options?: Record<string, unknown> } {
  const changed = Object.entries(options).filter(
    ([name, value]) => value !== DEFAULT_OPTIONS[name as keyof MigrationOptions],
  );
  return changed.length > 0 ? { options: Object.fromEntries(changed) } : {};
}

function step(name: string, values: Readonly<Record<string, unknown>>): string {
  return `- ${name}: ${flow(values)}`;
}

/** A value in YAML's flow style; names that YAML could take for something else are quoted. */
function flow(value: unknown): string {
  if (typeof value === 'string') return PLAIN.test(value) ? value : JSON.stringify(value);
  if (typeof value !== 'object' || value === null) return String(value);
  const members = Object.entries(value).map(([name, member]) => `${name}: ${flow(member)}`);
  return members.length === 0 ? '{}' : `{ ${members.join(', ')} }`;
}

/** Two words of letters, digits and hyphens at most, with a letter first; true, null and their like are quoted. */
const PLAIN = /^(?!(?:true|false|null|yes|no|on|off|y|n)$)[a-z][a-z0-9]*(?:[ -][a-z0-9]+)*$/i;
