/** A stream of the real source, recorded and said again to targets that never met it. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Move } from './support/a-move';
import { A_DEVICE_STATE } from './support/fake-vms';
import { RawSource, splitMessages } from './support/raw-source';
import { Targets } from './support/targets';

const PAGES = 70;
/** Every offset this close to the border of two messages is tried, and each STRIDE-th elsewhere. */
const NEAR = 40;
const STRIDE = 997;

let stream: Buffer;
let image: Buffer;
let targets: Targets;

beforeAll(async () => {
  targets = await Targets.open(PAGES);
  const move = await Move.prepare({ withProxy: true, pages: PAGES });
  move.source.fill((page) => page % 3 !== 0);
  move.start();
  await move.follow();
  stream = Buffer.concat(move.proxy?.recorded ?? []);
  image = Buffer.from(move.source.bytes);
  await move.dispose();
});

afterEach(() => targets.expectNothingLeft());

afterAll(() => targets.remove());

/** Offsets at which a message ends. */
function borders(): number[] {
  let at = 0;
  return splitMessages(stream).map((message) => (at += message.length));
}

/** Between two messages, an end is no fault of the stream. */
function codeAt(end: number): string {
  return borders().includes(end) ? 'migration-failed' : 'migration-stream-invalid';
}

/** Offsets behind the Hello that are tried. */
function offsets(): number[] {
  const near = borders();
  const [helloBytes = 0] = near;
  const all = Array.from({ length: stream.length }, (_, offset) => offset);
  return all.filter(
    (offset) =>
      offset >= helloBytes &&
      (offset % STRIDE === 0 || near.some((at) => Math.abs(at - offset) < NEAR)),
  );
}

describe('a recorded stream', () => {
  it('is taken whole', async () => {
    const { vm, incoming } = await targets.listen();
    new RawSource(incoming.socketPath).say(stream);
    await expect(incoming.whenReady()).resolves.toEqual(A_DEVICE_STATE);
    expect(Buffer.compare(Buffer.from(vm.bytes), image)).toBe(0);
  });

  it('is refused when it ends early', async () => {
    expect(offsets().length).toBeGreaterThan(300);
    for (const end of offsets()) await targets.refuse([stream.subarray(0, end)], codeAt(end));
  });

  it('is refused with a wrong byte', async () => {
    for (const at of offsets()) {
      const wrong = Buffer.from(stream);
      wrong.writeUInt8(wrong.readUInt8(at) ^ 0x40, at);
      await targets.refuse([wrong]);
    }
  });
});
