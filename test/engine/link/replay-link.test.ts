/** Replays on the test's own thread, with the real kernel and captures written for the purpose. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { pcapFileHeader, pcapRecord } from '../../../src/engine/link/capture/write-pcap';
import type { ReplayOrder } from '../../../src/engine/link/link-protocol';
import { ReplayLink } from '../../../src/engine/link/replay-link';
import { MIB } from '../../../src/shared/units';
import { makeTemporaryFolder, type TemporaryFolder } from '../../support/temporary-folder';
import { aLinkContext, takeAll, until, type LinkSurroundings } from './a-link-context';

const REGION_BYTES = 4 * MIB;
const MAXIMUM = { mode: 'maximum' } as const;

let folder: TemporaryFolder;
let link: LinkSurroundings;
let replay: ReplayLink;

beforeEach(async () => {
  folder = makeTemporaryFolder('replay');
  link = await aLinkContext();
});

afterEach(async () => {
  await replay.remove();
  folder.remove();
});

/** A capture of frames that carry their number, `gapMs` apart. */
function writeCapture(count: number, frameBytes: number, gapMs = 1): string {
  const path = join(folder.path, 'test.pcap');
  const records = Array.from({ length: count }, (_, number) => {
    const bytes = new Uint8Array(frameBytes);
    new DataView(bytes.buffer).setUint32(14, number);
    return pcapRecord({ timestampNs: 1e18 + number * gapMs * 1e6, bytes });
  });
  writeFileSync(path, Buffer.concat([pcapFileHeader(), ...records]));
  return path;
}

function aReplay(file: string, options: Partial<ReplayOrder> = {}): ReplayLink {
  const { linkId, block, inRing } = link.place;
  const region = link.memory.take(REGION_BYTES, 'A replay');
  replay = new ReplayLink(
    link.context,
    {
      ...{ linkId, block, inRing, file, region, regionBytes: REGION_BYTES },
      ...{ rate: MAXIMUM, loops: 1 },
      ...options,
    },
    link.link,
  );
  return replay;
}

function numbers(frames: readonly Uint8Array[]): number[] {
  return frames.map((frame) => new DataView(frame.buffer).getUint32(14));
}

/** Takes frames until the replay has come to an end. */
async function takeUntilEnd(): Promise<Uint8Array[]> {
  const frames: Uint8Array[] = [];
  await until(() => {
    frames.push(...takeAll(link));
    return /^(finished|failed)/.test(link.signs.at(-1) ?? '');
  });
  frames.push(...takeAll(link));
  return frames;
}

function countTo(count: number, times = 1): number[] {
  return Array.from({ length: count * times }, (_, i) => i % count);
}

describe('a replay', () => {
  it('plays a capture that fits into its region as often as asked', async () => {
    await aReplay(writeCapture(1000, 100), { loops: 5 }).prepare();
    await replay.start();
    expect(numbers(await takeUntilEnd())).toEqual(countTo(1000, 5));
    expect(link.counts()).toMatchObject({ framesIn: 5000, bytesIn: 500_000, loops: 5 });
    expect(link.signs).toEqual(['running', 'finished']);
  });

  it('plays a capture of several times its region, and again', async () => {
    await aReplay(writeCapture(12_000, 1200), { loops: 2 }).prepare();
    await replay.start();
    expect(numbers(await takeUntilEnd())).toEqual(countTo(12_000, 2));
    expect(link.counts()).toMatchObject({ framesIn: 24_000, loops: 2 });
    expect(link.signs).toEqual(['running', 'finished']);
  });

  it('plays frames of one byte, which take the most room for their size', async () => {
    const path = join(folder.path, 'tiny.pcap');
    const record = pcapRecord({ timestampNs: 0, bytes: Uint8Array.of(7) });
    const count = 300_000;
    writeFileSync(
      path,
      Buffer.concat([pcapFileHeader(), ...Array<Uint8Array>(count).fill(record)]),
    );
    await aReplay(path).prepare();
    await replay.start();
    expect(await takeUntilEnd()).toHaveLength(count);
  });

  it('cuts a frame that no ring carries, and counts it', async () => {
    const path = join(folder.path, 'long.pcap');
    const record = pcapRecord({ timestampNs: 0, bytes: new Uint8Array(262_144) });
    writeFileSync(path, Buffer.concat([pcapFileHeader(), record, record]));
    await aReplay(path).prepare();
    await replay.start();
    expect((await takeUntilEnd()).map((frame) => frame.length)).toEqual([65_535, 65_535]);
  });

  it('keeps the recorded times, and the rhythm between loops', async () => {
    await aReplay(writeCapture(11, 60, 10), { rate: { mode: 'recorded' }, loops: 2 }).prepare();
    const start = performance.now();
    await replay.start();
    await takeUntilEnd();
    const elapsed = performance.now() - start;
    expect(elapsed).toBeGreaterThan(205);
    expect(elapsed).toBeLessThan(400);
  });

  it('keeps a fixed rate', async () => {
    const rate = { mode: 'fixed', framesPerSecond: 5000 } as const;
    await aReplay(writeCapture(1000, 60, 0), { rate }).prepare();
    const start = performance.now();
    await replay.start();
    await takeUntilEnd();
    expect(performance.now() - start).toBeGreaterThan(195);
  });

  it('goes on at the recorded pace after a pause', async () => {
    await aReplay(writeCapture(21, 60, 10), { rate: { mode: 'recorded' } }).prepare();
    await replay.start();
    await until(() => link.counts().framesIn >= 5);
    replay.stop();
    const atPause = link.counts().framesIn;
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(link.counts().framesIn).toBe(atPause);
    await replay.start();
    expect(link.counts().framesIn).toBeLessThan(atPause + 5);
    await until(() => link.signs.at(-1) === 'finished');
    expect(numbers(takeAll(link))).toEqual(countTo(21));
  });

  it('starts over when it is started after its end', async () => {
    await aReplay(writeCapture(10, 60)).prepare();
    await replay.start();
    await replay.start();
    expect(numbers(takeAll(link))).toEqual(countTo(10, 2));
    expect(link.signs).toEqual(['running', 'finished', 'running', 'finished']);
  });

  it('is over at once when the capture has no frames, even if it should play for ever', async () => {
    await aReplay(writeCapture(0, 60), { loops: 0 }).prepare();
    await replay.start();
    expect(link.signs).toEqual(['running', 'finished: The capture has no frames.']);
  });

  it('waits while the ring is full and drops nothing', async () => {
    await aReplay(writeCapture(2000, 1000)).prepare();
    await replay.start();
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(link.counts().framesIn).toBeLessThan(300);
    expect(numbers(await takeUntilEnd())).toEqual(countTo(2000));
  });

  it('refuses a capture that is damaged near its start', async () => {
    const path = writeCapture(10, 60);
    writeFileSync(path, 'VMQC'.repeat(100));
    await expect(aReplay(path).prepare()).rejects.toMatchObject({ code: 'capture-malformed' });
    await expect(aReplay(join(folder.path, 'none')).prepare()).rejects.toMatchObject({
      code: 'capture-unreadable',
    });
  });

  it('plays everything before damage further behind, then fails with the place', async () => {
    const path = writeCapture(9000, 1200);
    writeFileSync(path, Buffer.alloc(40, 0xff), { flag: 'a' });
    await aReplay(path).prepare();
    await replay.start();
    expect(numbers(await takeUntilEnd())).toEqual(countTo(9000));
    expect(link.signs.at(-1)).toMatch(/^failed: capture file at byte 1094[0-9]{4}/);
  });

  it('can be removed while it reads', async () => {
    await aReplay(writeCapture(12_000, 1200)).prepare();
    await replay.start();
    await replay.remove();
    expect(link.signs).toEqual(['running']);
  });
});
