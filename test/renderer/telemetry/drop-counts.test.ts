import { describe, expect, it } from 'vitest';
import { DROP_REASONS, type DropReason } from '../../../src/contract/drop-reasons';
import { dropCounts, lossRates } from '../../../src/renderer/telemetry/drop-counts';
import { HostSeries } from '../../../src/renderer/telemetry/host-series';
import { aSample } from '../support/a-sample';

const START_MS = 1_000_000;
type Drops = Partial<Record<DropReason, number>>;

/** One second apart, with the frames dropped until then. */
function aSeries(...seconds: readonly Drops[]): HostSeries {
  const series = new HostSeries();
  for (const [second, frames] of seconds.entries()) {
    const drops = DROP_REASONS.map(({ code }, reason) => ({ reason, frames: frames[code] ?? 0 }));
    series.push(aSample({ timeMs: START_MS + second * 1000, drops }));
  }
  return series;
}

describe('dropCounts', () => {
  it('names every reason that has dropped a frame, most frames first, with its sentence and rate', () => {
    const series = aSeries({ 'port-full': 5 }, { 'port-full': 35, 'no-receive-buffer': 90 });
    expect(dropCounts(series)).toEqual([
      { ...DROP_REASONS[0], frames: 90, rate: 90 },
      { ...DROP_REASONS[1], frames: 35, rate: 30 },
    ]);
  });

  it('tells losses from frames that nobody here wanted', () => {
    const counts = dropCounts(aSeries({ 'same-port': 7, 'no-port-in-vlan': 3, malformed: 1 }));
    expect(counts.map(({ code, isLoss }) => [code, isLoss])).toEqual([
      ['same-port', false],
      ['no-port-in-vlan', false],
      ['malformed', true],
    ]);
  });

  it('hides what another process of the host has counted', () => {
    const series = aSeries({ 'port-full': 5 });
    series.breakHere();
    expect(dropCounts(series)).toEqual([]);
  });
});

describe('lossRates', () => {
  it('gives losses per second by reason and leaves filtered frames out', () => {
    const series = aSeries(
      { 'same-port': 10 },
      { 'same-port': 20, 'port-full': 4 },
      { 'same-port': 30, 'port-full': 4 },
    );
    const losses = lossRates(series, series.axis(START_MS + 2000, 1000, 2));
    expect(losses.map(({ code, rates }) => [code, [...rates]])).toEqual([['port-full', [4, 0]]]);
  });
});
