import { describe, expect, it } from 'vitest';
import type { MigrationPhase, MigrationProgress } from '../../../src/contract/migration';
import { ProgressFeed } from '../../../src/engine/migration/progress-feed';

function progress(phase: MigrationPhase, sentBytes = 0): MigrationProgress {
  const rest = { remainingBytes: 0, totalBytes: 0, stoppedAtNs: 0, ready: false };
  const rates = { bytesPerSecond: 0, dirtyBytesPerSecond: 0, throttlePercent: 0 };
  const outlook = { expectedDowntimeMs: 0, advice: '', roundList: [] };
  return { phase, round: 0, sentBytes, ...rest, ...rates, ...outlook };
}

describe('ProgressFeed', () => {
  it('keeps the latest report of each phase, in order', async () => {
    const feed = new ProgressFeed();
    feed.push(progress('preparing'));
    feed.push(progress('copying', 1));
    feed.push(progress('copying', 2));
    feed.end();
    await expect(feed.next()).resolves.toMatchObject({ phase: 'preparing' });
    await expect(feed.next()).resolves.toMatchObject({ phase: 'copying', sentBytes: 2 });
    await expect(feed.next()).resolves.toBeUndefined();
  });

  it('wakes a reader who waits', async () => {
    const feed = new ProgressFeed();
    const next = feed.next();
    feed.push(progress('copying', 7));
    await expect(next).resolves.toMatchObject({ sentBytes: 7 });
  });

  it('ends with an error behind what was reported', async () => {
    const feed = new ProgressFeed();
    const error = new Error('refused');
    feed.push(progress('copying'));
    feed.end(error);
    await expect(feed.next()).resolves.toMatchObject({ phase: 'copying' });
    await expect(feed.next()).rejects.toBe(error);
  });
});
