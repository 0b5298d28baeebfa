import { describe, expect, it } from 'vitest';
import { migrationSnapshotSchema } from '../../src/contract/lab';
import { averageRate, migrationsToCsv, migrationsToJson } from '../../src/shared/migration-export';
import { aMigration, aProbe, aProbeCount } from '../renderer/support/a-migration';

const names: Readonly<Record<string, string>> = { 'host-a': 'Host A', 'host-b': 'Host B, rack 2' };
const context = { hostName: (id: string) => names[id] ?? id, exportedAtMs: 0 };

/** The CSV read back by the letter of RFC 4180: rows of fields. */
function readCsv(text: string): string[][] {
  const rows: string[][] = [[]];
  const pattern = /("(?:[^"]|"")*"|[^,\r\n"]*)(,|\r\n|$)/y;
  while (pattern.lastIndex < text.length) {
    const [, field = '', end = ''] = pattern.exec(text) ?? [];
    const value = field.startsWith('"') ? field.slice(1, -1).replaceAll('""', '"') : field;
    rows[rows.length - 1]?.push(value);
    if (end === '\r\n' && pattern.lastIndex < text.length) rows.push([]);
  }
  return rows;
}

/** One migration's row as heading → field. */
function rowOf(part: Parameters<typeof aMigration>[0]): Record<string, string> {
  const [headings = [], row = []] = readCsv(migrationsToCsv([aMigration(part)], context));
  expect(row).toHaveLength(headings.length);
  return Object.fromEntries(headings.map((heading, index) => [heading, row[index] ?? '']));
}

describe('migrationsToCsv', () => {
  it('puts claimed downtime beside measured silence and the losses of each direction', () => {
    const probe = aProbe({
      lost: 5,
      toVm: aProbeCount({ lost: 3, duplicated: 1 }),
      fromVm: aProbeCount({ lost: 2, reordered: 7, silenceMs: 9 }),
    });
    expect(rowOf({ probe })).toMatchObject({
      vm: 'web-01',
      from: 'Host A',
      to: 'Host B, rack 2',
      started: '2026-08-01T12:00:00.000Z',
      downtime_ms: '6.12',
      silence_ms: '8.4',
      silence_from_vm_ms: '9',
      lost_to_vm: '3',
      lost_from_vm: '2',
      duplicated_to_vm: '1',
      reordered_from_vm: '7',
      phase_copying_ms: '200',
      marker_seen: 'true',
    });
  });

  it('leaves empty what was not measured, and never writes a zero for it', () => {
    const row = rowOf({ probe: null, downtimeMs: null, roundList: [], markerSeen: null });
    for (const heading of [
      'silence_ms',
      'lost_to_vm',
      'downtime_ms',
      'bytes_per_second',
      'marker_seen',
      'bandwidth_limit_mib_per_second',
      'fault',
      'phase_committing_ms',
    ])
      expect(row[heading], heading).toBe('');
  });

  it('keeps commas, quotes and line breaks of reasons and names inside their fields', () => {
    const reason = 'The link was cut, "by hand".\nThe VM runs on.';
    const row = rowOf({ vmName: 'a,"b"', reason, warnings: ['one', 'two, three'] });
    expect(row).toMatchObject({ vm: 'a,"b"', reason, warnings: 'one; two, three' });
  });

  it('has one row per migration, in the given order', () => {
    const text = migrationsToCsv(
      [aMigration({ migrationId: 'b' }), aMigration({ migrationId: 'a' })],
      context,
    );
    expect(readCsv(text).map(([id]) => id)).toEqual(['id', 'b', 'a']);
  });
});

describe('migrationsToJson', () => {
  it('holds each migration whole, with names of hosts and start times added', () => {
    const migration = aMigration({ toHostId: 'host-gone' });
    const file = JSON.parse(migrationsToJson([migration], context)) as {
      schema: number;
      exportedAt: string;
      migrations: Record<string, unknown>[];
    };
    expect(file).toMatchObject({ schema: 1, exportedAt: '1970-01-01T00:00:00.000Z' });
    expect(migrationSnapshotSchema.parse(file.migrations[0])).toEqual(migration);
    expect(file.migrations[0]).toMatchObject({
      startedAt: '2026-08-01T12:00:00.000Z',
      fromHost: 'Host A',
      toHost: 'host-gone',
    });
  });
});

describe('averageRate', () => {
  it('is bytes over the time of all rounds', () => {
    expect(averageRate(aMigration())).toBeCloseTo((13 * 1024 * 1024) / 0.105, 3);
  });

  it('is unknown before a round has ended', () => {
    expect(averageRate({ roundList: [] })).toBeNaN();
  });
});
