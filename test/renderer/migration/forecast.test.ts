import { describe, expect, it } from 'vitest';
import { migrationOptionsSchema } from '../../../src/contract/migration';
import { copyingLeftMs, sendingRate } from '../../../src/renderer/migration/forecast';
import { roundSpans } from '../../../src/renderer/migration/round-spans';
import { aMigration, aRound } from '../support/a-migration';

const MIB = 1024 * 1024;

function aCourse(part: Partial<Parameters<typeof copyingLeftMs>[0]>): number {
  return copyingLeftMs({
    bytesPerSecond: 100 * MIB,
    dirtyBytesPerSecond: 20 * MIB,
    remainingBytes: 100 * MIB,
    expectedDowntimeMs: 1000,
    options: migrationOptionsSchema.parse({ downtimeLimitMs: 200 }),
    ...part,
  });
}

describe('copyingLeftMs', () => {
  it('is what must still be sent before the rest fits the limit, at the rate by which it shrinks', () => {
    // 100 MiB take 1000 ms with the guest stopped, so 20 MiB fit into 200 ms; 80 MiB at 80 MiB/s.
    expect(aCourse({})).toBe(1000);
  });

  it('is nothing when the rest fits already', () => {
    expect(aCourse({ expectedDowntimeMs: 200 })).toBe(0);
  });

  it('never ends while memory becomes dirty as fast as it is sent', () => {
    expect(aCourse({ dirtyBytesPerSecond: 100 * MIB })).toBe(Number.POSITIVE_INFINITY);
  });

  it('is unknown before anything was sent', () => {
    expect(aCourse({ bytesPerSecond: 0 })).toBeNaN();
  });
});

describe('sendingRate', () => {
  const seen = (timeMs: number, sentBytes: number) => ({ timeMs, sentBytes });

  it('is taken over the last moments alone', () => {
    expect(sendingRate([seen(0, 0), seen(1000, 9000), seen(1600, 9600)])).toBe(1000);
  });

  it('is unknown before enough was seen', () => {
    expect(sendingRate([])).toBeNaN();
    expect(sendingRate([seen(0, 0), seen(400, 9000)])).toBeNaN();
  });
});

describe('roundSpans', () => {
  const migration = aMigration({
    startedAtMs: 1000,
    roundList: [
      aRound(1, { durationMs: 80, bytes: 8 * MIB, dirtyPages: 512 }),
      aRound(2, { durationMs: 20, bytes: 2 * MIB, dirtyPages: 64 }),
      aRound(3, { durationMs: 5, live: false, dirtyPages: 0 }),
    ],
  });

  it('puts live rounds one after the other from the begin of copying', () => {
    expect(roundSpans(migration).map(({ fromMs, toMs }) => [fromMs, toMs])).toEqual([
      [1100, 1180],
      [1180, 1200],
      [1301, 1306],
    ]);
  });

  it('begins with the whole memory, then with what the round before left dirty', () => {
    expect(roundSpans(migration).map(({ startBytes, endBytes }) => [startBytes, endBytes])).toEqual(
      [
        [64 * MIB, 2 * MIB],
        [2 * MIB, MIB / 4],
        [MIB / 4, 0],
      ],
    );
  });

  it('takes rates over each round alone', () => {
    const [first] = roundSpans(migration);
    expect(first?.bytesPerSecond).toBe(100 * MIB);
    expect(first?.dirtyBytesPerSecond).toBe(25 * MIB);
    const instant = aMigration({ roundList: [aRound(1, { durationMs: 0 })] });
    expect(roundSpans(instant)[0]?.bytesPerSecond).toBeNaN();
  });
});
