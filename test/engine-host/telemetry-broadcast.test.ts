import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { TelemetryBroadcast, type TelemetrySink } from '../../src/engine-host/telemetry-broadcast';

class Page implements TelemetrySink {
  isBusy = false;
  readonly received: (number | undefined)[] = [];

  send(sample: Float64Array): void {
    this.received.push(sample[0]);
  }
}

describe('TelemetryBroadcast', () => {
  let samples = 0;
  let fault: Error | undefined;
  const onFault = vi.fn();
  const shared = new Float64Array(1);
  const broadcast = new TelemetryBroadcast(() => {
    shared[0] = samples += 1;
    if (fault !== undefined) throw fault;
    return shared;
  }, onFault);

  beforeEach(() => {
    samples = 0;
    fault = undefined;
    onFault.mockClear();
    vi.useFakeTimers();
  });
  afterEach(() => {
    broadcast.stop();
    vi.useRealTimers();
  });

  it('samples only while somebody listens', () => {
    vi.advanceTimersByTime(1000);
    expect(samples).toBe(0);
    const stop = broadcast.add(new Page());
    vi.advanceTimersByTime(1000);
    expect(samples).toBe(10);
    stop();
    vi.advanceTimersByTime(1000);
    expect(samples).toBe(10);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('takes one sample for all pages', () => {
    const pages = [new Page(), new Page()];
    for (const page of pages) broadcast.add(page);
    vi.advanceTimersByTime(200);
    expect(pages.map((page) => page.received)).toEqual([
      [1, 2],
      [1, 2],
    ]);
  });

  it('skips a page that is busy, and gives it the newest sample afterwards', () => {
    const slow = new Page();
    const quick = new Page();
    broadcast.add(slow);
    broadcast.add(quick);
    slow.isBusy = true;
    vi.advanceTimersByTime(500);
    slow.isBusy = false;
    vi.advanceTimersByTime(100);
    expect(slow.received).toEqual([6]);
    expect(quick.received).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it('stops at a fault and says so once', () => {
    const page = new Page();
    broadcast.add(page);
    vi.advanceTimersByTime(100);
    fault = new Error('no such counter');
    vi.advanceTimersByTime(1000);
    expect(onFault.mock.calls).toEqual([[fault]]);
    expect(page.received).toEqual([1]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('does not sample when every page is busy', () => {
    const page = new Page();
    page.isBusy = true;
    broadcast.add(page);
    vi.advanceTimersByTime(1000);
    expect(samples).toBe(0);
  });
});
