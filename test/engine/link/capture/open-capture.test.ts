import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { CaptureError } from '../../../../src/engine/link/capture/capture-error';
import type { CaptureProgress } from '../../../../src/engine/link/capture/open-capture';
import { readCapture } from '../../../../src/engine/link/capture/open-capture';
import { makeTemporaryFolder } from '../../../support/temporary-folder';
import { aPcap, aPcapng } from './captured-frames';

const frames = Array.from({ length: 50 }, (_, n) => ({
  timestampNs: n,
  bytes: new Uint8Array(100).fill(n),
}));
const ignoreFrame = () => undefined;

const folder = makeTemporaryFolder('capture');
const capture = join(folder.path, 'capture.pcapng');
writeFileSync(capture, aPcapng(frames));
afterAll(() => {
  folder.remove();
});

describe('readCapture', () => {
  it('delivers every frame and says what the file was', async () => {
    const firstOctets: (number | undefined)[] = [];
    const summary = await readCapture(capture, (_, bytes, offset) =>
      firstOctets.push(bytes[offset]),
    );
    expect(firstOctets).toEqual(frames.map((_, n) => n));
    expect(summary).toEqual({
      format: 'pcapng',
      frameCount: 50,
      bytesRead: aPcapng(frames).length,
    });
  });

  it('reads the next chunk only when the caller is ready', async () => {
    let isBusy = false;
    const seen: CaptureProgress[] = [];
    await readCapture(
      capture,
      () => {
        expect(isBusy).toBe(false);
      },
      {
        chunkBytes: 1000,
        afterChunk: async (progress) => {
          isBusy = true;
          await new Promise((resolve) => setTimeout(resolve, 1));
          seen.push(progress);
          isBusy = false;
        },
      },
    );
    expect(seen.map(({ bytesRead }) => bytesRead).slice(0, 3)).toEqual([1000, 2000, 3000]);
    expect(seen.at(-1)?.frameCount).toBe(50);
  });

  it('delivers the frames before a cut', async () => {
    const path = join(folder.path, 'cut.pcap');
    writeFileSync(path, aPcap(frames).slice(0, -1));
    let count = 0;
    const reading = readCapture(path, () => (count += 1));
    await expect(reading).rejects.toMatchObject({
      code: 'capture-malformed',
      data: { fault: 'truncated' },
    });
    expect(count).toBe(49);
  });

  it('rejects with the reason of a signal', async () => {
    const stop = new AbortController();
    const reading = readCapture(capture, ignoreFrame, {
      chunkBytes: 1000,
      signal: stop.signal,
      afterChunk: () => {
        stop.abort(new Error('replay stopped'));
      },
    });
    await expect(reading).rejects.toThrow('replay stopped');
  });

  it('refuses a file that does not exist', async () => {
    const path = join(folder.path, 'missing.pcap');
    const reading = readCapture(path, ignoreFrame);
    await expect(reading).rejects.toBeInstanceOf(CaptureError);
    await expect(reading).rejects.toMatchObject({ code: 'capture-unreadable', data: { path } });
  });

  it('refuses a folder', async () => {
    await expect(readCapture(folder.path, ignoreFrame)).rejects.toThrow('it is not a regular file');
  });

  it('refuses an empty file', async () => {
    const path = join(folder.path, 'empty.pcap');
    writeFileSync(path, '');
    await expect(readCapture(path, ignoreFrame)).rejects.toMatchObject({
      data: { fault: 'truncated', byteOffset: 0 },
    });
  });
});
