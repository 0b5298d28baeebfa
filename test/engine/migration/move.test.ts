import { statSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
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

  it('stops copying rounds when the guest dirties pages as fast as they are sent', async () => {
    await prepare();
    move.source.fill();
    move.source.pagesPerTurn = 2000;
    move.start();
    const reports = await move.follow();
    expectEqualMemory();
    expect(reports.at(-1)?.round).toBeLessThanOrEqual(5);
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
      ...['clearFilters', 'stopDma', 'startDirtyLog', 'stopGuest', 'deviceState'],
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
    move.incoming.finish();
    move.outgoing.finish();
    await move.expectNothingLeft();
    expect(move.source.calls).not.toContain('resume');
    expect(move.target.discards).toBe(0);
  });

  it('finishes on the source when the target died after it was ready', async () => {
    await prepare({ withProxy: true });
    move.start();
    await move.follow();
    move.proxy?.cut();
    await move.outgoing.closed;
    expect(move.outgoing.state).toBe('ready');
    expect(move.incoming.state).toBe('ready');
    move.incoming.finish();
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
    expect(() => move.incoming.finish()).toThrow(refusal('wrong-state'));
    await move.follow();
    move.incoming.finish();
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
