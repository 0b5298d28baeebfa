/** A target whose peer is not the source that it expects: nothing but the right stream gets through. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { PAGE_REPEATED, PAGE_SIZE, PAGE_ZERO } from '../../../src/engine/kernel/layout';
import {
  H_LENGTH,
  H_MAGIC,
  H_SEQUENCE,
  H_TYPE,
  H_VERSION,
  MessageType,
} from '../../../src/engine/migration/protocol';
import { TOKEN, refusal } from './support/a-move';
import { A_DEVICE_STATE, FakeLateFrames, VM_ID } from './support/fake-vms';
import { RawSource, type StreamAuthor } from './support/raw-source';
import { Targets, type Target } from './support/targets';

const PAGES = 3;
const HELLO = { token: TOKEN, vmId: VM_ID, memoryBytes: PAGES * PAGE_SIZE, pageSize: PAGE_SIZE };
const ZERO = PAGE_ZERO;
const REPEATED = PAGE_REPEATED;
/** For what is tried at every offset of a stream. */
const PATIENCE_MS = 60_000;
const ALL_ZERO = [ZERO, ZERO + 1, ZERO + 2];

let targets: Targets;
let author: StreamAuthor;

beforeAll(async () => {
  targets = await Targets.open(PAGES);
});

beforeEach(() => {
  author = targets.newAuthor();
});

afterEach(() => targets.expectNothingLeft());

afterAll(() => targets.remove());

function refused(stream: readonly Uint8Array[], code?: string, why?: RegExp): Promise<RawSource> {
  return targets.refuse(stream, code, why);
}

function hello(changes: object = {}): Buffer {
  return author.text(MessageType.Hello, { ...HELLO, ...changes });
}

/** The messages of a stream that is right: three pages of zeros. */
function goodStream(): [Buffer, Buffer, Buffer, Buffer, Buffer, Buffer] {
  return [
    hello(),
    author.pages(ALL_ZERO),
    author.roundEnd(1, 3),
    author.roundEnd(2, 0),
    author.text(MessageType.State, A_SMALL_STATE),
    author.complete(3),
  ];
}
const A_SMALL_STATE = {
  nics: A_DEVICE_STATE.nics.map((nic) => ({
    receive: { ...nic.receive, size: 0 },
    transmit: { ...nic.transmit, size: 0 },
    receiveSpares: [],
    marker: null,
  })),
};

describe('the right stream', () => {
  it('makes the target ready, whatever pieces it comes in', async () => {
    const { vm, incoming } = await targets.listen();
    vm.bytes.fill(0xee);
    const source = new RawSource(incoming.socketPath);
    const stream = Buffer.concat(goodStream());
    for (let at = 0; at < stream.length; at += 7) {
      source.say(stream.subarray(at, at + 7));
      await new Promise(setImmediate);
    }
    await expect(incoming.whenReady()).resolves.toEqual(A_SMALL_STATE);
    expect(vm.bytes.every((byte) => byte === 0)).toBe(true);
    await expect.poll(() => source.answers).toEqual([MessageType.Accept, MessageType.Ready]);
  });
});

/** The messages of a stream that is right, with content, and where each of them ends. */
function streamOfAllKinds(): { first: Buffer; rest: Buffer; ends: Set<number> } {
  const [first, ...rest] = [
    hello(),
    author.pages([ZERO, REPEATED + 1], { words: 1 }),
    author.pages([ZERO + 2]),
    author.roundEnd(1, 3),
    author.pages([REPEATED + 2], { round: 2, words: 1 }),
    author.roundEnd(2, 1),
    author.text(MessageType.State, A_SMALL_STATE),
    author.complete(4),
  ];
  let end = 0;
  const ends = new Set(rest.map((message) => (end += message.length)));
  return { first, rest: Buffer.concat(rest), ends };
}

/** Says each of these to one listening target, a few at a time: it must turn all of them away. */
async function turnedAway(greetings: readonly Buffer[]): Promise<void> {
  const { incoming } = await targets.listen({ connectTimeoutMs: 60_000 });
  for (let from = 0; from < greetings.length; from += 4) {
    const strangers = greetings
      .slice(from, from + 4)
      .map((greeting) => new RawSource(incoming.socketPath).say(greeting).end());
    await Promise.all(strangers.map(({ closed }) => closed));
    expect(incoming.state).toBe('listening');
  }
  author = targets.newAuthor();
  const { first, rest } = streamOfAllKinds();
  new RawSource(incoming.socketPath).say(first, rest);
  await incoming.whenReady();
}

describe('a stream that ends early', () => {
  it(
    'is refused at every offset behind the Hello',
    async () => {
      const { first, rest, ends } = streamOfAllKinds();
      const cases = Array.from({ length: rest.length }, (_, end) => {
        const isBetween = end === 0 || ends.has(end);
        return {
          stream: [first, rest.subarray(0, end)],
          code: isBetween ? 'migration-failed' : 'migration-stream-invalid',
          why: isBetween ? /closed the connection/ : /ended \d+ bytes into a message/,
        };
      });
      await targets.refuseEach(cases);
    },
    PATIENCE_MS,
  );

  it(
    'is turned away at every offset of the Hello, and the right source still gets through',
    async () => {
      const first = hello();
      await turnedAway(Array.from({ length: first.length }, (_, end) => first.subarray(0, end)));
    },
    PATIENCE_MS,
  );
});

describe('a stream with a wrong byte', () => {
  it(
    'is refused at every offset behind the Hello',
    async () => {
      const { first, rest } = streamOfAllKinds();
      await targets.refuseEach(
        wrongBytes(rest).map((wrong) => ({
          stream: [first, wrong],
          code: 'migration-stream-invalid',
          why: /checksum|Header|length|ended|Pages:/,
        })),
      );
    },
    PATIENCE_MS,
  );

  it(
    'is turned away at every offset of the Hello',
    async () => {
      await turnedAway(wrongBytes(hello()));
    },
    PATIENCE_MS,
  );
});

/** The bytes with one wrong bit, at each offset. */
function wrongBytes(right: Buffer): Buffer[] {
  return Array.from({ length: right.length }, (_, at) => {
    const wrong = Buffer.from(right);
    wrong.writeUInt8(wrong.readUInt8(at) ^ (1 << (at % 8)), at);
    return wrong;
  });
}

describe('a header', () => {
  const u32 = (field: number, value: number) => (copy: Buffer) => copy.writeUInt32LE(value, field);
  const u16 = (field: number, value: number) => (copy: Buffer) => copy.writeUInt16LE(value, field);

  it.each([
    { field: 'magic', change: u32(H_MAGIC, 0x4d514d57), why: /magic/ },
    { field: 'version', change: u16(H_VERSION, 2), why: /format version: expected 3, got 2/ },
    { field: 'unknown type', change: u16(H_TYPE, 12), why: /type: expected .*, got type 12/ },
    { field: 'type 0', change: u16(H_TYPE, 0), why: /got type 0/ },
    { field: 'type of the other side', change: u16(H_TYPE, MessageType.Ready), why: /got Ready/ },
    { field: 'type out of turn', change: u16(H_TYPE, MessageType.Complete), why: /got Complete/ },
    { field: 'length beyond the limit', change: u32(H_LENGTH, 262_416), why: /length/ },
    { field: 'greatest length', change: u32(H_LENGTH, 0xffff_fff8), why: /length/ },
    { field: 'length below the limit', change: u32(H_LENGTH, 256), why: /length/ },
    { field: 'odd length', change: u32(H_LENGTH, 265), why: /length: expected a multiple of 8/ },
    { field: 'sequence number', change: u32(H_SEQUENCE, 2), why: /sequence/ },
  ])('with a wrong $field is refused although its checksum is right', async ({ change, why }) => {
    const [first, second] = goodStream();
    await refused([first, author.resealed(second, change)], 'migration-stream-invalid', why);
  });
});

describe('a payload', () => {
  const CASES: { name: string; stream: () => Buffer[]; why: RegExp }[] = [
    { name: 'a page beyond the memory', stream: () => [author.pages([ZERO + 3])], why: /got 3/ },
    {
      name: 'pages that do not rise',
      stream: () => [author.pages([ZERO + 1, ZERO + 1])],
      why: /from 2/,
    },
    {
      name: 'a page that came in the batch before',
      stream: () => [author.pages([ZERO + 1]), author.pages([ZERO])],
      why: /from 2/,
    },
    { name: 'no pages', stream: () => [author.pages([])], why: /1 to 64 page numbers, got 0/ },
    {
      name: 'too many pages',
      stream: () => [author.pages(ALL_ZERO, { count: 65 })],
      why: /got 65/,
    },
    {
      name: 'another round',
      stream: () => [author.pages(ALL_ZERO, { round: 2 })],
      why: /round 1, got 2/,
    },
    {
      name: 'content that is missing',
      stream: () => [author.pages([0, 1], { copies: 1 })],
      why: /bytes for its numbers/,
    },
    {
      name: 'content too much',
      stream: () => [author.pages([0], { copies: 2 })],
      why: /bytes for its numbers/,
    },
    {
      name: 'a page that is zero and repeated at once',
      stream: () => [author.pages([REPEATED + ZERO], { words: 1 })],
      why: /page 0 is marked as zero and as repeated/,
    },
    {
      name: 'a repeated page beyond the memory',
      stream: () => [author.pages([REPEATED + 3], { words: 1 })],
      why: /from 0 to 2, got 3/,
    },
    {
      name: 'a repeated page without its word',
      stream: () => [author.pages([REPEATED])],
      why: /expected 272 bytes for its numbers, got 264/,
    },
    {
      name: 'a repeated page with two words',
      stream: () => [author.pages([REPEATED], { words: 2 })],
      why: /expected 272 bytes for its numbers, got 280/,
    },
    {
      name: 'a repeated page with a whole content',
      stream: () => [author.pages([REPEATED], { copies: 1 })],
      why: /expected 272 bytes for its numbers/,
    },
    {
      name: 'a first round with a gap',
      stream: () => [author.pages([ZERO]), author.roundEnd(1, 1)],
      why: /all 3 pages/,
    },
    {
      name: 'a wrong count of a round',
      stream: () => [author.pages(ALL_ZERO), author.roundEnd(1, 2)],
      why: /expected 3 pages/,
    },
    {
      name: 'a wrong round end',
      stream: () => [author.pages(ALL_ZERO), author.roundEnd(2, 3)],
      why: /expected round 1/,
    },
    {
      name: 'a state before any round',
      stream: () => [author.text(MessageType.State, A_SMALL_STATE)],
      why: /inside a round/,
    },
    {
      name: 'a state inside a round',
      stream: () => [
        ...firstRound(),
        author.pages([ZERO], { round: 2 }),
        author.text(MessageType.State, A_SMALL_STATE),
      ],
      why: /inside a round/,
    },
    {
      name: 'a state that is none',
      stream: () => [...firstRound(), author.text(MessageType.State, { nics: 1 })],
      why: /device state is not valid/,
    },
    {
      name: 'a state with a ring outside the memory',
      stream: () => [...firstRound(), author.text(MessageType.State, A_DEVICE_STATE)],
      why: /inside 12288/,
    },
    {
      name: 'a text that is longer than its message',
      stream: () => [...firstRound(), author.message(MessageType.State, Buffer.alloc(8, 0xff))],
      why: /does not fill/,
    },
    {
      name: 'a text that is not JSON',
      stream: () => [
        ...firstRound(),
        author.message(MessageType.State, Buffer.from([4, 0, 0, 0, 0xff, 1, 2, 3])),
      ],
      why: /not JSON/,
    },
    {
      name: 'pages behind the state',
      stream: () => [
        ...firstRound(),
        author.text(MessageType.State, A_SMALL_STATE),
        author.pages([ZERO], { round: 2 }),
      ],
      why: /expected Complete, Abort, got Pages/,
    },
    {
      name: 'a wrong sum of pages',
      stream: () => [
        ...firstRound(),
        author.text(MessageType.State, A_SMALL_STATE),
        author.complete(4),
      ],
      why: /expected 3 pages, got 4/,
    },
    {
      name: 'a wrong digest',
      stream: () => [
        ...firstRound(),
        author.text(MessageType.State, A_SMALL_STATE),
        author.complete(3, 1n),
      ],
      why: /digest/,
    },
    {
      name: 'rounds without end',
      stream: () => [
        ...firstRound(),
        ...Array.from({ length: 64 }, (_, i) => author.roundEnd(i + 2, 0)),
      ],
      why: /at most 64 rounds/,
    },
    { name: 'a second Hello', stream: () => [hello()], why: /got Hello/ },
  ];

  function firstRound(): Buffer[] {
    return [author.pages(ALL_ZERO), author.roundEnd(1, 3)];
  }

  it.each(CASES)('is refused with $name', async ({ stream, why }) => {
    const source = await refused([hello(), ...stream()], 'migration-stream-invalid', why);
    expect(source.answers).toEqual([MessageType.Accept, MessageType.Abort]);
  });
});

describe('a Hello', () => {
  it.each([
    { name: 'another VM', changes: { vmId: 'vm-2' }, why: /expected VM vm-1, got vm-2/ },
    { name: 'another size', changes: { memoryBytes: 4096 }, why: /expected 12288 bytes/ },
    { name: 'other pages', changes: { pageSize: 8192 }, why: /pages of 4096/ },
  ])('with the token but $name ends the migration', async ({ changes, why }) => {
    const source = await refused([hello(changes)], 'migration-stream-invalid', why);
    expect(source.answers).toEqual([MessageType.Refuse]);
  });

  it.each([
    { name: 'a wrong token', message: () => hello({ token: 'guessed' }) },
    { name: 'no token', message: () => hello({ token: '' }) },
    { name: 'a field too many', message: () => hello({ more: 1 }) },
    { name: 'a size of no whole pages', message: () => hello({ memoryBytes: 4097 }) },
    { name: 'another message', message: () => author.pages(ALL_ZERO) },
  ])('with $name is turned away, and the right one still gets through', async ({ message }) => {
    const { incoming } = await targets.listen();
    const stranger = new RawSource(incoming.socketPath).say(message());
    await stranger.closed;
    expect(stranger.answers).toEqual([MessageType.Refuse]);
    author = targets.newAuthor();
    new RawSource(incoming.socketPath).say(...goodStream());
    await incoming.whenReady();
  });
});

describe('a second connection', () => {
  it('is turned away when the source is there, even one that connected before', async () => {
    const { incoming } = await targets.listen();
    const early = new RawSource(incoming.socketPath);
    new RawSource(incoming.socketPath).say(...goodStream());
    await incoming.whenReady();
    await early.closed;
    expect(early.answers).toEqual([MessageType.Refuse]);
    const late = new RawSource(incoming.socketPath).say(hello());
    await late.closed;
    expect(late.answers).toEqual([]);
    expect(incoming.state).toBe('ready');
  });

  it('is turned away when too many wait already', async () => {
    const { incoming } = await targets.listen();
    const waiting = Array.from({ length: 4 }, () => new RawSource(incoming.socketPath));
    const tooMany = new RawSource(incoming.socketPath);
    await tooMany.closed;
    expect(tooMany.answers).toEqual([]);
    incoming.abort('The test is over.');
    await Promise.all([...waiting.map(({ closed }) => closed), incoming.closed]);
  });
});

describe('a target that is ready', () => {
  async function ready(): Promise<Target & { source: RawSource }> {
    const target = await targets.listen();
    const source = new RawSource(target.incoming.socketPath).say(...goodStream());
    await target.incoming.whenReady();
    return { ...target, source };
  }

  it('stays ready when its source breaks the rules, and takes nothing more from it', async () => {
    const { vm, incoming, source } = await ready();
    source.say(author.pages(ALL_ZERO, { round: 3 }));
    await source.closed;
    expect(incoming.state).toBe('ready');
    expect(vm.discards).toBe(0);
    incoming.finish(new FakeLateFrames());
    await incoming.closed;
  });

  it('forgets the VM when its source says that it runs on there', async () => {
    const { vm, incoming, source } = await ready();
    source.say(author.text(MessageType.Abort, { reason: 'Cancelled.' }));
    await incoming.closed;
    expect(vm.discards).toBe(1);
    expect(() => incoming.finish(new FakeLateFrames())).toThrow(/legal in: ready/);
  });
});

describe('IncomingMigration.listen', () => {
  it.each([
    { name: 'a path that is too long', folder: 'x'.repeat(100), code: 'invalid-value' },
    { name: 'a folder that does not exist', folder: 'none', code: 'migration-failed' },
  ])('refuses $name and takes nothing', async ({ folder, code }) => {
    const socketFolder = join(targets.folder, folder);
    await expect(targets.listen({ socketFolder })).rejects.toEqual(refusal(code));
  });

  it('leaves no socket in the folder', () => {
    expect(readdirSync(targets.folder)).toEqual([]);
  });
});
