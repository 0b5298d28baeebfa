import { statSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { migrationOptionsSchema } from '../../../src/contract/migration';
import { PAGE_SIZE } from '../../../src/engine/kernel/layout';
import { A_DEVICE_STATE } from './support/fake-vms';
import { Move, refusal, type MoveOptions } from './support/a-move';

let move: Move;

afterEach(() => move.dispose());

async function prepare(options?: MoveOptions): Promise<void> {
  move = await Move.prepare(options);
}

function expectEqualMemory(): void {
  expect(Buffer.compare(Buffer.from(move.source.bytes), Buffer.from(move.target.bytes))).toBe(0);
}

describe('a migration', () => {
  it('moves the memory of an idle VM and its device state', async () => {
    await prepare();
    move.source.fill();
    move.start();
    const reports = await move.follow();
    await expect(move.incoming.whenReady()).resolves.toEqual(A_DEVICE_STATE);
    expectEqualMemory();
    expect(move.target.restored).toEqual(A_DEVICE_STATE);
    expect(reports.at(-1)).toMatchObject({
      ...{ phase: 'committing', ready: true, round: 2, remainingBytes: 0, stoppedAtNs: 123 },
      totalBytes: 1024 * PAGE_SIZE,
    });
  });

  it('moves pages that the guest writes meanwhile', async () => {
    await prepare({ pages: 2048 });
    move.source.fill();
    move.source.pagesPerTurn = 100;
    move.start();
    const reports = await move.follow();
    expectEqualMemory();
    expect(reports.at(-1)?.sentBytes).toBeGreaterThan(2048 * PAGE_SIZE);
  });

  describe('of a guest that dirties pages as fast as they are sent', () => {
    const options = migrationOptionsSchema.parse({ maxRounds: 3, downtimeLimitMs: 5 });

    beforeEach(async () => {
      await prepare({ pages: 1024 });
      move.source.fill();
      move.source.pagesPerTurn = 900;
    });

    it('stops it after the last round all the same, and says why it took longer', async () => {
      move.start({ options });
      const last = (await move.follow()).at(-1);
      expectEqualMemory();
      expect(last?.roundList.map(({ live }) => live)).toEqual([true, true, true, false]);
      expect(last?.advice).toMatch(/The guest writes .* more than the limit of 5 ms/);
      expect(move.source.throttles).toEqual([]);
    });

    it('leaves it where it is when that was asked for', async () => {
      move.start({ options: { ...options, whenNotConverging: 'give-up' } });
      await expect(move.follow()).rejects.toEqual(
        refusal('migration-failed', /did not converge in 3 rounds.*You can raise/),
      );
      await move.expectUndone();
    });

    it('slows it down, more each round, when that was asked for', async () => {
      move.start({ options: { ...options, maxRounds: 5, autoConverge: true } });
      const last = (await move.follow()).at(-1);
      expect(move.source.throttles.slice(0, 2)).toEqual([20, 35]);
      expect(last?.throttlePercent).toBe(move.source.throttles.at(-1));
    });
  });

  it('waits at the phase that was asked for until it may go on', async () => {
    await prepare();
    move.start({ pauseAt: 'stopping-vm' });
    const followed = move.follow();
    await expect.poll(() => move.source.calls).toContain('startDirtyLog');
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(move.source.calls).not.toContain('stopGuest');
    move.outgoing.goOn();
    await followed;
    expect(move.source.calls).toContain('stopGuest');
  });

  it('keeps to a bandwidth limit, and takes another one while it runs', async () => {
    await prepare({ pages: 2048 });
    move.source.fill();
    const limited = migrationOptionsSchema.parse({ bandwidthMiBps: 1 });
    move.start({ options: limited });
    const followed = move.follow();
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(move.outgoing.state).toBe('sending');
    move.outgoing.setLimits({ bandwidthMiBps: null, downtimeLimitMs: 20 });
    const last = (await followed).at(-1);
    expectEqualMemory();
    // At 1 MiB/s the 8 MiB would have taken 8 s.
    expect(last?.roundList[0]?.durationMs).toBeGreaterThan(150);
    expect(last?.roundList[0]?.durationMs).toBeLessThan(5000);
  });

  it('sends what was held after the commit, in order, and then ends', async () => {
    await prepare();
    const outgoing = move.start();
    await move.follow();
    move.incoming.finish(move.late);
    outgoing.finish();
    const frames = [1, 2, 3].map((fill) => ({ bytes: new Uint8Array(64).fill(fill), vlan: 10 }));
    expect(outgoing.sendLate(0, frames.slice(0, 1))).toBe(true);
    expect(outgoing.sendLate(0, frames.slice(1))).toBe(true);
    await outgoing.end();
    await move.incoming.closed;
    expect(move.late.batches.map(({ entries }) => entries[8])).toEqual([1, 2]);
    expect(move.late.batches.map(({ entries }) => entries.length)).toEqual([72, 144]);
    expect(move.late.ends).toEqual([null]);
  });

  it('tells the target what is missing when the stream breaks after the commit', async () => {
    await prepare({ withProxy: true });
    const outgoing = move.start();
    await move.follow();
    move.incoming.finish(move.late);
    outgoing.finish();
    move.proxy?.cut();
    await move.incoming.closed;
    expect(move.late.ends).toEqual(['The other side closed the connection.']);
    expect(move.incoming.state).toBe('settled');
    await outgoing.closed;
    expect(outgoing.sendLate(0, [{ bytes: new Uint8Array(64), vlan: 0 }])).toBe(false);
  });

  it('clears pages that are zero at the source, and sends no content for them', async () => {
    await prepare();
    move.source.fill((page) => page % 4 !== 0);
    move.target.bytes.fill(0xee);
    move.start();
    const reports = await move.follow();
    expectEqualMemory();
    expect(reports.at(-1)?.sentBytes).toBeLessThan(300 * PAGE_SIZE);
  });

  it('moves a memory that is no multiple of a batch', async () => {
    await prepare({ pages: 65 });
    move.source.fill((page) => page === 64);
    move.start();
    await move.follow();
    expectEqualMemory();
  });

  it('enters its phases in order, and calls the VM in order', async () => {
    await prepare();
    move.source.fill();
    move.start();
    const phases = (await move.follow()).map(({ phase }) => phase);
    expect(phases.filter((phase, i) => phase !== phases[i - 1])).toEqual([
      ...['preparing', 'clearing-filters', 'stopping-dma', 'copying'],
      ...['stopping-vm', 'final-copy', 'committing'],
    ]);
    expect(move.source.calls).toEqual([
      ...['prepareGap', 'clearFilters', 'stopDma', 'startDirtyLog', 'stopGuest', 'deviceState'],
    ]);
  });

  it('does not wait for whoever reads its progress', async () => {
    await prepare();
    move.source.fill();
    const outgoing = move.start();
    await move.incoming.whenReady();
    await expect.poll(() => outgoing.state).toBe('ready');
    const reports = await move.follow();
    expect(reports).toHaveLength(7);
  });

  it('leaves nothing behind when both sides finish', async () => {
    await prepare();
    move.start();
    await move.follow();
    move.incoming.finish(move.late);
    move.outgoing.finish();
    await move.outgoing.end();
    await move.expectNothingLeft();
    expect(move.source.calls).not.toContain('resume');
    expect(move.target.discards).toBe(0);
    expect(move.late.ends).toEqual([null]);
  });

  it('finishes on the source when the target died after it was ready', async () => {
    await prepare({ withProxy: true });
    move.start();
    await move.follow();
    move.proxy?.cut();
    await move.outgoing.closed;
    expect(move.outgoing.state).toBe('ready');
    expect(move.incoming.state).toBe('ready');
    move.incoming.finish(move.late);
    move.outgoing.finish();
    await move.expectNothingLeft();
    expect(move.source.calls).not.toContain('resume');
  });

  it('resumes on the source when the lab takes the commit back after the target died', async () => {
    await prepare({ withProxy: true });
    move.start();
    await move.follow();
    move.proxy?.cut();
    await move.outgoing.closed;
    await move.outgoing.cancel();
    move.incoming.abort('It is dead.');
    await move.expectUndone();
  });

  it('refuses to cancel or abort what is finished, and to finish what is not ready', async () => {
    await prepare();
    const outgoing = move.start();
    expect(() => outgoing.finish()).toThrow(refusal('wrong-state'));
    expect(() => move.incoming.finish(move.late)).toThrow(refusal('wrong-state'));
    await move.follow();
    move.incoming.finish(move.late);
    outgoing.finish();
    expect(() => move.incoming.abort('late')).toThrow(refusal('wrong-state'));
    await expect(outgoing.cancel()).rejects.toEqual(refusal('wrong-state'));
    expect(move.source.calls).not.toContain('resume');
  });

  it('listens on a socket for this user only, and removes it once the source is there', async () => {
    await prepare();
    expect(statSync(move.incoming.socketPath).mode & 0o777).toBe(0o600);
    let isThere = true;
    move.source.during.clearFilters = () => {
      isThere = statSync(move.incoming.socketPath, { throwIfNoEntry: false }) !== undefined;
    };
    move.start();
    await move.follow();
    expect(isThere).toBe(false);
  });
});
