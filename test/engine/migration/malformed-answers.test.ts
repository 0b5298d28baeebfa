/** A source whose peer is not the target that it expects: whatever it answers, the VM runs on here. */
import { readdirSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { migrationOptionsSchema } from '../../../src/contract/migration';
import {
  MessageType,
  SOURCE_ACCEPTS,
  messageName,
  type SourceStreamState,
} from '../../../src/engine/migration/protocol';
import { OutgoingMigration } from '../../../src/engine/migration/source';
import { monotonicClock } from '../../../src/engine/thread/clock';
import { makeTemporaryFolder, type TemporaryFolder } from '../../support/temporary-folder';
import { TOKEN, refusal } from './support/a-move';
import { AnsweringTarget } from './support/answering-target';
import { makeHost, type FakeHost } from './support/fake-host';
import { FakeOutgoingVm } from './support/fake-vms';
import { StreamAuthor } from './support/raw-source';
import { EXAMPLES } from './support/stages';
import { wrongHeaders } from './support/wrong-headers';

const STATES: readonly SourceStreamState[] = ['greeting', 'streaming', 'awaiting', 'ready'];

let host: FakeHost;
let folder: TemporaryFolder;
let vm: FakeOutgoingVm;
let slot: number;
let migrations = 0;

beforeAll(async () => {
  host = await makeHost();
  folder = makeTemporaryFolder('answers');
  vm = new FakeOutgoingVm(host, 4);
  vm.stopWriting();
  slot = host.memory.take(1 << 19, 'A stream');
});

afterAll(() => folder.remove());

type Compose = (author: StreamAuthor) => readonly Uint8Array[];

interface Answered {
  readonly outgoing: OutgoingMigration;
  readonly target: AnsweringTarget;
}

/** Starts a source and answers it up to this state, then with what `malformed` composes. */
async function answer(
  state: SourceStreamState,
  malformed: Compose,
  secondSocket: boolean,
): Promise<Answered> {
  vm.calls.length = 0;
  const { kernel, memory } = host;
  const author = new StreamAuthor(host, slot);
  const target = await AnsweringTarget.open(join(folder.path, `t-${migrations++}`));
  const outgoing = new OutgoingMigration({
    ...{ vm, kernel, memory, token: TOKEN, now: monotonicClock(), socketPath: target.path },
    ...{ options: migrationOptionsSchema.parse({}), secondSocket },
  });
  await target.meet();
  if (state === 'greeting') target.say(...malformed(author));
  else {
    const accept = author.message(MessageType.Accept);
    if (state === 'streaming') target.say(accept, ...malformed(author));
    else {
      target.say(accept);
      await target.heard(MessageType.Complete);
      if (state === 'awaiting') target.say(...malformed(author));
      else target.say(author.message(MessageType.Ready), ...malformed(author));
    }
  }
  target.end();
  return { outgoing, target };
}

/**
 * Answers a source with something malformed: the VM must run on here, once, and nothing may be left.
 * Returns why the source gave up; one that is ready waits for the lab and tells nobody.
 */
async function refusedBySource(
  state: SourceStreamState,
  malformed: Compose,
  secondSocket = false,
): Promise<string> {
  const used = host.memory.usedBytes;
  const { outgoing, target } = await answer(state, malformed, secondSocket);
  let reason = '';
  if (state === 'ready') {
    for await (const progress of outgoing.progress()) expect(progress.phase).not.toBe('resuming');
    await outgoing.closed;
    expect(outgoing.state).toBe('ready');
    expect(vm.calls).not.toContain('resume');
    await outgoing.cancel();
  } else {
    await expect(follow(outgoing)).rejects.toEqual(refusal('migration-failed'));
    reason = await target.reason();
    await outgoing.closed;
  }
  expect(outgoing.state).toBe('resumed');
  expect(vm.calls.filter((call) => call === 'resume')).toHaveLength(1);
  expect(vm.calls.at(-1)).toBe('resume');
  await target.close();
  expect(host.memory.usedBytes).toBe(used);
  expect(readdirSync(folder.path)).toEqual([]);
  return reason;
}

async function follow(outgoing: OutgoingMigration): Promise<void> {
  for await (const progress of outgoing.progress()) expect(progress.ready).toBe(false);
}

const LEGAL = STATES.flatMap((state) =>
  SOURCE_ACCEPTS[state].map((type) => ({ state, type, name: messageName(type) })),
);
const ILLEGAL = STATES.flatMap((state) => {
  const accepted: readonly MessageType[] = SOURCE_ACCEPTS[state];
  return Object.values(MessageType)
    .filter((type) => !accepted.includes(type))
    .map((type) => ({ state, type, name: messageName(type) }));
});

describe('the header of an answer', () => {
  it.each(LEGAL)(
    'is refused with each field wrong: $name while $state',
    async ({ state, type }) => {
      for (const { field, spoil, why } of wrongHeaders(type, SOURCE_ACCEPTS[state])) {
        const reason = await refusedBySource(state, (author) => [
          spoil(author, EXAMPLES[type](author)),
        ]);
        if (state !== 'ready') expect(reason, field).toMatch(why);
      }
    },
  );
});

describe('an answer where it does not belong', () => {
  it.each(ILLEGAL)('is refused: $name while $state', async ({ state, type, name }) => {
    for (const secondSocket of [false, true]) {
      const reason = await refusedBySource(
        state,
        (author) => [EXAMPLES[type](author)],
        secondSocket,
      );
      if (state !== 'ready')
        expect(reason).toMatch(new RegExp(`Header, type: expected .*, got ${name}\\.`));
    }
  });
});

describe('a reason that is none', () => {
  const REASONS: readonly unknown[] = [
    {},
    { reason: 7 },
    { reason: 'x'.repeat(401) },
    { more: 1 },
    7,
  ];
  const TYPES = [
    { state: 'greeting', type: MessageType.Refuse },
    { state: 'greeting', type: MessageType.Abort },
    { state: 'streaming', type: MessageType.Abort },
    { state: 'awaiting', type: MessageType.Abort },
    { state: 'ready', type: MessageType.Abort },
  ] as const;

  it.each(TYPES)('is refused while $state, in a message of type $type', async ({ state, type }) => {
    for (const value of REASONS) {
      const reason = await refusedBySource(state, (author) => [author.text(type, value)]);
      if (state !== 'ready') expect(reason).toMatch(/reason is not valid/);
    }
  });
});

describe('answers that break off', () => {
  it.each([
    { state: 'greeting', type: MessageType.Accept },
    { state: 'greeting', type: MessageType.Refuse },
    { state: 'awaiting', type: MessageType.Ready },
    { state: 'awaiting', type: MessageType.Abort },
  ] as const)('are refused at every offset while $state (type $type)', async ({ state, type }) => {
    const { length } = EXAMPLES[type](new StreamAuthor(host, slot));
    for (let end = 0; end < length; end++) {
      const reason = await refusedBySource(state, (author) => [
        EXAMPLES[type](author).subarray(0, end),
      ]);
      expect(reason).toMatch(
        end === 0 ? /closed the connection/ : /ended \d+ bytes into a message/,
      );
    }
  });

  it.each([
    { state: 'greeting', type: MessageType.Accept },
    { state: 'greeting', type: MessageType.Refuse },
    { state: 'awaiting', type: MessageType.Ready },
    { state: 'awaiting', type: MessageType.Abort },
  ] as const)(
    'are refused with a wrong byte while $state (type $type)',
    async ({ state, type }) => {
      const { length } = EXAMPLES[type](new StreamAuthor(host, slot));
      for (let at = 0; at < length; at++) {
        const reason = await refusedBySource(state, (author) => {
          const wrong = EXAMPLES[type](author);
          wrong.writeUInt8(wrong.readUInt8(at) ^ (1 << (at % 8)), at);
          return [wrong];
        });
        expect(reason).toMatch(/checksum|Header|length|ended/);
      }
    },
  );
});

describe('a second socket', () => {
  it('is taken from one target and no other', async () => {
    const { kernel, memory } = host;
    const target = await AnsweringTarget.open(join(folder.path, `t-${migrations++}`));
    const outgoing = new OutgoingMigration({
      ...{ vm, kernel, memory, token: TOKEN, now: monotonicClock(), socketPath: target.path },
      options: migrationOptionsSchema.parse({}),
    });
    await target.heard(MessageType.Hello);
    const [back = ''] = readdirSync(folder.path).filter((name) => name.endsWith('-back'));
    const sockets = [1, 2].map(() => connect(join(folder.path, back)));
    for (const socket of sockets) socket.on('error', () => socket.destroy());
    await Promise.race(
      sockets.map((socket) => new Promise((resolve) => socket.once('close', resolve))),
    );
    expect(sockets.filter((socket) => socket.destroyed)).toHaveLength(1);
    for (const socket of sockets) socket.destroy();
    await expect(follow(outgoing)).rejects.toEqual(refusal('migration-failed'));
    await outgoing.closed;
    await target.close();
    expect(readdirSync(folder.path)).toEqual([]);
  });
});
