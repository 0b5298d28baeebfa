/** Ends a migration in each of its phases from each side: the VM must run on at the source, once. */
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { makeTemporaryFolder } from '../../support/temporary-folder';
import { Move, refusal, type MoveOptions } from './support/a-move';
import { FakeLateFrames } from './support/fake-vms';

let move: Move;

afterEach(() => move.dispose());

async function prepare(options?: MoveOptions): Promise<void> {
  move = await Move.prepare(options);
  move.source.fill();
}

type Act = () => unknown;

/** Starts the migration and lets `act` happen at some moment of it. */
const MOMENTS: Readonly<Record<string, (act: Act) => void>> = {
  'before the target has answered': (act) => {
    move.start();
    act();
  },
  'while filters are cleared': (act) => startWith(() => (move.source.during.clearFilters = act)),
  'while DMA is stopped': (act) => startWith(() => (move.source.during.stopDma = act)),
  'while the log is switched on': (act) =>
    startWith(() => (move.source.during.startDirtyLog = act)),
  'while pages are copied': (act) =>
    startWith(() => (move.source.during.startDirtyLog = () => void setImmediate(act))),
  'while the guest is stopped': (act) => startWith(() => (move.source.during.stopGuest = act)),
  'in the final copy': (act) => startWith(() => (move.source.during.deviceState = act)),
  'while the target restores': (act) =>
    startWith(() => (move.target.duringRestore = () => void act())),
};

const ENDS: Readonly<Record<string, { act: Act; code: string }>> = {
  'the source cancels': { act: () => void move.outgoing.cancel(), code: 'migration-cancelled' },
  'the target aborts': { act: () => move.incoming.abort('Enough.'), code: 'migration-failed' },
  'the connection is cut': { act: () => move.proxy?.cut(), code: 'migration-failed' },
};

function startWith(arrange: () => unknown): void {
  arrange();
  move.start();
}

const CASES = Object.entries(MOMENTS).flatMap(([moment, arrange]) =>
  Object.entries(ENDS).map(([end, { act, code }]) => ({ moment, arrange, end, act, code })),
);

describe('a migration that does not get through', () => {
  it.each(CASES)('is undone once when $end $moment', async ({ arrange, act, code }) => {
    await prepare({ withProxy: true });
    move.source.pagesPerTurn = 10;
    arrange(act);
    await expect(move.follow()).rejects.toEqual(refusal(code));
    // Cut off, a target that heard no Hello waits on, and one that is ready stays so: the lab ends both.
    if (['listening', 'ready'].includes(move.incoming.state)) move.incoming.abort('The lab.');
    await move.expectUndone();
  });

  it('is undone once when the source cancels after the target was ready', async () => {
    await prepare();
    move.start();
    await move.follow();
    await Promise.all([move.outgoing.cancel(), move.outgoing.cancel()]);
    await move.outgoing.cancel();
    await move.expectUndone();
  });

  it('is undone once when the target aborts after it was ready', async () => {
    await prepare();
    move.start();
    await move.follow();
    move.incoming.abort('The lab gave it up.');
    await expect.poll(() => move.outgoing.state).toBe('resumed');
    await move.outgoing.cancel();
    await move.expectUndone();
  });

  it.each([true, false])('is undone when its signal is aborted (before: %s)', async (before) => {
    await prepare();
    const controller = new AbortController();
    if (before) controller.abort();
    else move.source.during.stopGuest = () => controller.abort();
    move.start({ signal: controller.signal });
    await expect(move.follow()).rejects.toEqual(refusal('migration-cancelled'));
    await expect(move.incoming.whenReady()).rejects.toEqual(refusal('migration-failed', /gave up/));
    await move.expectUndone();
  });

  it('ignores its signal once the target is ready', async () => {
    await prepare();
    const controller = new AbortController();
    move.start({ signal: controller.signal });
    await move.follow();
    controller.abort();
    await new Promise(setImmediate);
    expect(move.outgoing.state).toBe('ready');
  });

  it('is undone when whoever reads its progress leaves', async () => {
    await prepare();
    const progress = move.start().progress();
    await progress.next();
    await progress.return();
    await move.expectUndone();
  });

  it.each(['clearFilters', 'stopDma', 'startDirtyLog', 'stopGuest', 'deviceState'] as const)(
    'is undone when %s fails, and says why',
    async (step) => {
      await prepare();
      const cause = new Error('the adapter said no');
      move.source.during[step] = () => {
        throw cause;
      };
      move.start();
      await expect(move.follow()).rejects.toMatchObject({
        ...{ cause, refusal: { code: 'migration-failed', why: 'the adapter said no' } },
      });
      await move.expectUndone();
    },
  );

  it('tells the other side why', async () => {
    await prepare();
    move.source.during.stopDma = () => move.incoming.abort('Host B is closed.');
    move.start();
    await expect(move.follow()).rejects.toEqual(refusal('migration-failed', /Host B is closed/));
    await expect(move.incoming.whenReady()).rejects.toEqual(refusal('migration-cancelled'));
  });

  it('is undone when somebody writes into the memory of the stopped guest', async () => {
    await prepare();
    move.source.during.deviceState = () => move.source.write(0, 7);
    move.start();
    await expect(move.follow()).rejects.toEqual(
      refusal('migration-failed', /written after the guest had been stopped: 1/),
    );
    await move.expectUndone();
  });

  it('says so when the VM cannot be resumed', async () => {
    await prepare();
    move.source.during.resume = () => {
      throw new Error('the thread is gone');
    };
    move.source.during.stopDma = () => move.incoming.abort('Enough.');
    move.start();
    await expect(move.follow()).rejects.toEqual(
      refusal('migration-failed', /thread is gone.*Enough/),
    );
    expect(move.outgoing.state).toBe('stranded');
    await expect(move.outgoing.cancel()).rejects.toEqual(refusal('migration-failed'));
  });

  it('is undone when the device state does not fit the target', async () => {
    await prepare();
    move.target.duringRestore = () => {
      throw new Error('expected 2 NICs, got 1');
    };
    move.start();
    await expect(move.follow()).rejects.toEqual(refusal('migration-failed', /expected 2 NICs/));
    await move.expectUndone();
  });
});

describe('a source whose host ends', () => {
  it('leaves the guest stopped once the target is ready: the target may run it', async () => {
    await prepare();
    move.start();
    await move.follow();
    await move.outgoing.close();
    await move.outgoing.closed;
    expect(move.source.calls).not.toContain('resume');
    expect(move.incoming.state).toBe('ready');
    await expect(move.outgoing.cancel()).rejects.toEqual(refusal('wrong-state'));
    move.incoming.finish(new FakeLateFrames());
    await move.expectNothingLeft();
  });

  it('resumes the guest before that', async () => {
    await prepare();
    move.source.during.stopGuest = () => void move.outgoing.close();
    move.start();
    await expect(move.follow()).rejects.toEqual(refusal('migration-cancelled', /is closed/));
    await move.expectUndone();
  });
});

describe('a link that is broken on purpose', () => {
  it.each(['cut', 'corrupt'] as const)(
    'breaks also while the second socket is on its way: %s',
    async (how) => {
      for (let turns = 0; turns < 12; turns++) {
        await prepare();
        const outgoing = move.start({ pauseAt: 'preparing' });
        for (let turn = 0; turn < turns; turn++) await new Promise(setImmediate);
        outgoing.break(how);
        outgoing.goOn();
        await expect(move.follow()).rejects.toEqual(refusal('migration-failed'));
        if (move.incoming.state === 'listening') move.incoming.abort('Nobody came.');
        await move.expectUndone();
        if (turns < 11) await move.dispose();
      }
    },
  );
});

describe('a dead peer', () => {
  it('is noticed by both sides when nothing comes any more', async () => {
    const idleTimeoutMs = 100;
    await prepare({ withProxy: true, source: { idleTimeoutMs }, target: { idleTimeoutMs } });
    move.source.during.startDirtyLog = () => move.proxy?.stall();
    move.start();
    await expect(move.follow()).rejects.toEqual(refusal('migration-failed', /silent/));
    await expect(move.incoming.whenReady()).rejects.toEqual(refusal('migration-failed', /silent/));
    await move.expectUndone();
  });

  it('is noticed by the source when nobody listens', async () => {
    await prepare();
    move.start({ socketPath: `${move.incoming.socketPath}-not-there` });
    await expect(move.follow()).rejects.toEqual(refusal('migration-failed', /ENOENT/));
    move.incoming.abort('Nobody came.');
    await move.expectUndone();
  });

  it('is noticed by the source when the listener never answers', async () => {
    await prepare();
    const folder = makeTemporaryFolder('mute');
    const sockets: Socket[] = [];
    const mute = createServer((socket) => sockets.push(socket));
    await new Promise<void>((resolve) => mute.listen(join(folder.path, 'mute'), resolve));
    move.start({ socketPath: join(folder.path, 'mute'), connectTimeoutMs: 50 });
    await expect(move.follow()).rejects.toEqual(refusal('migration-failed', /silent for 0.05 s/));
    for (const socket of sockets) socket.destroy();
    mute.close();
    folder.remove();
    move.incoming.abort('Nobody came.');
    await move.expectUndone();
  });

  it('is noticed by the target when no source connects', async () => {
    await prepare({ target: { connectTimeoutMs: 30 } });
    await expect(move.incoming.whenReady()).rejects.toEqual(
      refusal('migration-failed', /No source connected within 0.03 s/),
    );
    await move.expectNothingLeft();
    expect(move.target.discards).toBe(1);
  });
});
