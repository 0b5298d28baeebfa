/** The sentences about a migration that has ended: where the VM runs now, and what its frames say. */
import type { MigrationSnapshot } from '../../contract/lab';
import { formatCount, plural } from '../format/format';
import { lookOf } from '../format/states';

/** Where the VM is when the card is shown; null once it is no longer in the lab. */
export interface VmPlace {
  readonly hostId: string;
  readonly state: string;
}

/** What a card needs to know beside the migration. */
export interface CardContext {
  readonly hostName: (hostId: string) => string;
  readonly place: VmPlace | null;
  readonly productVersion: string;
}

/** Where the VM runs now: the first question of everybody, whatever came of the migration. */
export function verdictWords(
  migration: MigrationSnapshot,
  { hostName, place }: CardContext,
): string {
  const { vmName, fromHostId, toHostId, outcome } = migration;
  const [from, to] = [hostName(fromHostId), hostName(toHostId)];
  const ending = outcome === 'cancelled' ? 'was cancelled' : 'failed';
  if (outcome === 'completed') {
    if (!place) return `${vmName} moved to ${to}. It is no longer in the lab.`;
    if (place.hostId !== toHostId)
      return `${vmName} moved to ${to}. It has moved on since: it ${stands(place)} on ${hostName(place.hostId)} now.`;
    return `${vmName} ${stands(place)} on ${to} now.`;
  }
  if (!place) return `The migration ${ending}. ${vmName} is no longer in the lab.`;
  if (place.hostId === fromHostId)
    return `The migration ${ending}: ${vmName} ${stands(place)} on ${from}, where it was.`;
  return `The migration ${ending}. ${vmName} ${stands(place)} on ${hostName(place.hostId)} now.`;
}

function stands({ state }: VmPlace): string {
  if (state === 'running') return 'runs';
  return state === 'failed' ? 'has failed' : `is ${lookOf(state).word}`;
}

/** Lost, duplicated and reordered frames, or why they are not known. */
export function measuredWords({ probe, options, outcome, warnings }: MigrationSnapshot): string {
  if (!probe) {
    if (options.probesPerSecond === 0)
      return 'Nothing was measured from frames: the meter was off (0 probes per second).';
    return outcome === 'completed' && warnings.length === 0
      ? 'Nothing was measured from frames: the VM has no IPv4 address to probe.'
      : 'Nothing was measured from frames.';
  }
  const { toVm, fromVm } = probe;
  const lost = toVm.lost + fromVm.lost;
  const duplicated = toVm.duplicated + fromVm.duplicated;
  const reordered = toVm.reordered + fromVm.reordered;
  const sent = plural(probe.sent, 'probe frame');
  if (probe.sent === 0) return 'Nothing was measured from frames: no probe was sent in time.';
  if (lost + duplicated + reordered === 0)
    return `Of ${sent}, none was lost, duplicated or put out of order.`;
  const parts = [
    lost > 0
      ? `${formatCount(lost)} lost (${formatCount(toVm.lost)} to the VM, ${formatCount(fromVm.lost)} from it)`
      : 'none lost',
    `${formatCount(duplicated)} duplicated`,
    `${formatCount(reordered)} out of order`,
  ];
  return `Of ${sent}: ${parts.join(', ')}.`;
}

const FAULT_WORDS: ReadonlyMap<string, string> = new Map([
  ['cut-link', 'the link was cut'],
  ['slow-link', 'the link was slowed'],
  ['corrupt-byte', 'a byte was corrupted'],
  ['kill-source', 'the source’s process was killed'],
  ['kill-target', 'the target’s process was killed'],
  ['fill-target-memory', 'the target’s memory was filled'],
  ['lose-to-vm', 'probe frames to the VM were dropped'],
  ['lose-from-vm', 'probe frames from the VM were dropped'],
]);

/** A fault as something that happened. */
export function faultWords(kind: string): string {
  return FAULT_WORDS.get(kind) ?? kind;
}
