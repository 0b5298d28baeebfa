/** The socket that a target opens to its source: as hostile as the first one. */
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { MessageType } from '../../../src/engine/migration/protocol';
import { refusal } from './support/a-move';
import { RawSource, type StreamAuthor } from './support/raw-source';
import { EXAMPLES, STAGE_HELLO, STAGE_PAGES, STAGE_STATE, firstRound } from './support/stages';
import { Targets, type Target } from './support/targets';

const BACK = 'b-1';
const STRIDE = 7;

let targets: Targets;
let server: Server;
let carrier: Promise<Socket>;

beforeAll(async () => {
  targets = await Targets.open(STAGE_PAGES);
});

beforeEach(async () => {
  server = createServer({ allowHalfOpen: true });
  await new Promise<void>((resolve) => server.listen(join(targets.folder, BACK), resolve));
  carrier = new Promise((resolve) => server.once('connection', resolve));
});

afterEach(async () => {
  const closed = new Promise((resolve) => server.close(resolve));
  await targets.expectNothingLeft();
  await closed;
});

afterAll(() => targets.remove());

function hello(author: StreamAuthor): Buffer {
  return author.text(MessageType.Hello, { ...STAGE_HELLO, back: BACK });
}

/** All that comes after the Hello, with a sequence of its own. */
function rest(author: StreamAuthor): Buffer[] {
  return [
    ...firstRound(author),
    author.text(MessageType.State, STAGE_STATE),
    author.complete(STAGE_PAGES),
  ];
}

/** Says a Hello to a target, and `bytes` on the socket that the target opens. */
async function say(bytes: Uint8Array): Promise<Target & { first: RawSource; second: Socket }> {
  const target = await targets.listen();
  carrier = new Promise((resolve) => server.once('connection', resolve));
  const first = new RawSource(target.incoming.socketPath).say(hello(targets.newAuthor()));
  const second = (await carrier).resume();
  second.on('error', () => second.destroy());
  second.end(bytes);
  return { ...target, first, second };
}

describe('the second socket', () => {
  it('carries everything that comes after the Hello', async () => {
    const { incoming } = await say(Buffer.concat(rest(targets.newAuthor())));
    await expect(incoming.whenReady()).resolves.toEqual(STAGE_STATE);
  });

  it('is refused at every few offsets when it breaks off or has a wrong byte', async () => {
    const right = Buffer.concat(rest(targets.newAuthor()));
    for (let at = 0; at < right.length; at += STRIDE) {
      const wrong = Buffer.from(right);
      wrong.writeUInt8(wrong.readUInt8(at) ^ 1, at);
      for (const bytes of [right.subarray(0, at), wrong]) {
        const { incoming, vm } = await say(bytes);
        await expect(incoming.whenReady()).rejects.toEqual(refusal(codeFor(right, bytes)));
        await incoming.closed;
        expect(vm.discards).toBe(1);
        expect(vm.restored).toBeUndefined();
      }
    }
  });

  it('is a failure when nobody takes it', async () => {
    const { incoming, vm } = await targets.listen();
    const author = targets.newAuthor();
    const source = new RawSource(incoming.socketPath).say(
      author.text(MessageType.Hello, { ...STAGE_HELLO, back: 'b-nobody' }),
    );
    await expect(incoming.whenReady()).rejects.toEqual(refusal('migration-failed', /ENOENT/));
    await Promise.all([incoming.closed, source.closed]);
    expect(vm.discards).toBe(1);
  });
});

/** Between two messages, an end is no fault of the stream. */
function codeFor(right: Buffer, said: Buffer): string {
  const ends = new Set([0]);
  let end = 0;
  for (const message of rest(targets.newAuthor())) ends.add((end += message.length));
  const isPart = said.length < right.length;
  return isPart && ends.has(said.length) ? 'migration-failed' : 'migration-stream-invalid';
}

describe('pages that are read to where they belong', () => {
  /** A target of which the first pages have come, but for the last bytes of the last one. */
  async function halfWay(): Promise<Target & { rest: () => Promise<void> }> {
    const target = await targets.listen();
    const author = targets.newAuthor();
    const first = new RawSource(target.incoming.socketPath).say(hello(author));
    const second = (await carrier).resume();
    second.on('error', () => second.destroy());
    const pages = targets.newAuthor().pages([0, 1, 2], { copies: STAGE_PAGES });
    const [most, last] = [pages.subarray(0, -LAST_BYTES), pages.subarray(-LAST_BYTES)];
    second.write(most);
    const arrived = target.vm.bytes.length - LAST_BYTES;
    await expect.poll(() => target.vm.bytes.indexOf(CONTENT, arrived - 1)).toBe(arrived - 1);
    const rest = async (): Promise<void> => {
      second.end(last);
      await Promise.all([first.closed, target.incoming.closed]);
    };
    return { ...target, rest };
  }
  const LAST_BYTES = 100;
  const CONTENT = 0xaa;

  it('lie there before their message is whole, in a VM that nothing runs of', async () => {
    const { vm, incoming, rest } = await halfWay();
    expect(incoming.state).toBe('receiving');
    expect(vm.restored).toBeUndefined();
    await rest();
    expect(vm.discards).toBe(1);
  });

  it('are not written any more once the VM is discarded', async () => {
    const { vm, incoming, rest } = await halfWay();
    incoming.abort('Enough.');
    expect(vm.discards).toBe(1);
    // Somebody else's by now.
    vm.bytes.fill(0x11);
    await rest();
    expect(vm.bytes.every((byte) => byte === 0x11)).toBe(true);
  });
});

describe('the first socket, once there is a second', () => {
  it('may still carry an Abort', async () => {
    const { incoming, vm, first } = await say(rest(targets.newAuthor())[0] ?? Buffer.alloc(0));
    const author = targets.newAuthor();
    hello(author);
    first.say(EXAMPLES[MessageType.Abort](author));
    await expect(incoming.whenReady()).rejects.toEqual(refusal('migration-failed'));
    await incoming.closed;
    expect(vm.discards).toBe(1);
  });

  it('carries nothing else', async () => {
    const target = await targets.listen();
    const author = targets.newAuthor();
    const first = new RawSource(target.incoming.socketPath).say(hello(author));
    const second = (await carrier).resume();
    first.say(...firstRound(author));
    await first.closed;
    second.end(Buffer.concat(rest(targets.newAuthor())));
    await expect(target.incoming.whenReady()).resolves.toEqual(STAGE_STATE);
  });
});
