import { describe, expect, it } from 'vitest';
import type { MigrationSnapshot } from '../../../src/contract/lab';
import { migrationOptionsSchema } from '../../../src/contract/migration';
import { cardText, resultCard, type ResultCard } from '../../../src/renderer/migration/result-card';
import type { VmPlace } from '../../../src/renderer/migration/result-words';
import { aMigration, aProbe, aProbeCount } from '../support/a-migration';

const names: Readonly<Record<string, string>> = {
  'host-a': 'Host A',
  'host-b': 'Host B',
  'host-c': 'Host C',
};

function aCard(
  part: Partial<MigrationSnapshot> = {},
  place: VmPlace | null = { hostId: 'host-b', state: 'running' },
): ResultCard {
  const hostName = (id: string): string => names[id] ?? id;
  return resultCard(aMigration(part), { hostName, place, productVersion: '0.1.0' });
}

describe('the verdict of a result card', () => {
  it.each([
    ['host-b', 'running', 'web-01 runs on Host B now.'],
    ['host-b', 'stopped', 'web-01 is stopped on Host B now.'],
    ['host-c', 'running', 'web-01 moved to Host B. It has moved on since: it runs on Host C now.'],
  ])('after a move, with the VM %s and %s', (hostId, state, verdict) => {
    expect(aCard({}, { hostId, state }).verdict).toBe(verdict);
  });

  it('says that a VM is no longer in the lab', () => {
    expect(aCard({}, null).verdict).toBe('web-01 moved to Host B. It is no longer in the lab.');
  });

  it.each([
    ['failed', 'running', 'The migration failed: web-01 runs on Host A, where it was.'],
    ['cancelled', 'running', 'The migration was cancelled: web-01 runs on Host A, where it was.'],
    ['failed', 'failed', 'The migration failed: web-01 has failed on Host A, where it was.'],
  ] as const)('after one that %s, with the VM %s at its source', (outcome, state, verdict) => {
    const card = aCard({ outcome, reason: 'The link was cut.' }, { hostId: 'host-a', state });
    expect(card.verdict).toBe(verdict);
    expect(card.reason).toBe('The link was cut.');
  });

  it('does not claim the source when a failed migration left the VM at the target', () => {
    expect(aCard({ outcome: 'failed' }).verdict).toBe(
      'The migration failed. web-01 runs on Host B now.',
    );
  });
});

describe('what a result card says about frames', () => {
  it('says that nothing was lost only when nothing was', () => {
    expect(aCard().measured).toBe(
      'Of 400 probe frames, none was lost, duplicated or put out of order.',
    );
  });

  it('sums both directions and names each', () => {
    const probe = aProbe({
      toVm: aProbeCount({ lost: 3, duplicated: 1 }),
      fromVm: aProbeCount({ lost: 2, reordered: 7 }),
    });
    const card = aCard({ probe });
    expect(card.measured).toBe(
      'Of 400 probe frames: 5 lost (3 to the VM, 2 from it), 1 duplicated, 7 out of order.',
    );
    expect(card.directions.filter(({ isBad }) => isBad).map(({ label }) => label)).toEqual([
      'Lost',
      'Duplicated',
      'Out of order',
    ]);
  });

  it.each([
    ['the meter was off', { options: migrationOptionsSchema.parse({ probesPerSecond: 0 }) }],
    ['no IPv4 address', {}],
  ])('says why nothing was measured: %s', (words, part) => {
    const card = aCard({ probe: null, ...part });
    expect(card.measured).toContain(words);
    expect(card.directions).toEqual([]);
  });

  it('does not guess why nothing was measured when there is a warning', () => {
    const card = aCard({ probe: null, warnings: ['The probe flow could not be read.'] });
    expect(card.measured).toBe('Nothing was measured from frames.');
  });
});

describe('figures of a result card', () => {
  it('puts what the engine claims beside what the frames say', () => {
    expect(
      aCard().bars.map(({ source, milliseconds }) => `${source}: ${String(milliseconds)}`),
    ).toEqual(['claimed by the engine: 6.12', 'measured from frames: 8.4']);
  });

  it('marks a marker frame that was not seen, and knows none before the end', () => {
    const marker = (markerSeen: boolean | null): string | undefined =>
      aCard({ markerSeen }).figures.find(({ label }) => label === 'Marker frame')?.value;
    expect([true, false, null].map(marker)).toEqual(['seen', 'not seen', '–']);
  });

  it('lists an injected fault, warnings and advice', () => {
    const card = aCard({
      fault: { kind: 'slow-link', phase: 'copying' },
      warnings: ['3 held frames were dropped.'],
      advice: 'The guest writes faster than the link sends.',
    });
    expect(card.warnings).toEqual([
      'A fault was injected on purpose: the link was slowed at “Copying memory”.',
      '3 held frames were dropped.',
      'While it copied: The guest writes faster than the link sends.',
    ]);
  });
});

describe('cardText', () => {
  it('has the verdict, both claims and the figures on lines of their own', () => {
    const lines = cardText(aCard()).split('\n');
    expect(lines.slice(0, 3)).toEqual([
      'web-01: Host A → Host B (completed)',
      'web-01 runs on Host B now.',
      'Of 400 probe frames, none was lost, duplicated or put out of order.',
    ]);
    expect(lines).toContain('Downtime:         6.12 ms, claimed by the engine');
    expect(lines).toContain('Silence:          8.40 ms, measured from frames');
    expect(lines).toContain('Lost:             0 to the VM, 0 from it');
    expect(lines).toContain('Sent:             13.0 of 64.0 MiB');
  });
});
