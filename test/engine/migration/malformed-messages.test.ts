/** Each message of a source with each of its fields wrong, and each message where it does not belong. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  LF_LENGTH,
  LF_VLAN,
  PAGE_REPEATED,
  PAGE_SIZE,
  PAGE_ZERO,
} from '../../../src/engine/kernel/layout';
import {
  CO_DIGEST,
  CO_PAGES,
  HEADER_BYTES,
  LA_ENTRIES,
  LA_FRAMES,
  LA_NIC,
  MessageType,
  P_COUNT,
  P_NUMBERS,
  P_ROUND,
  RE_PAGES,
  RE_ROUND,
  SOURCE_ACCEPTS,
  TARGET_ACCEPTS,
  messageName,
} from '../../../src/engine/migration/protocol';
import type { StreamAuthor } from './support/raw-source';
import {
  EXAMPLES,
  STAGES,
  STAGE_HELLO,
  STAGE_PAGES,
  STAGE_STATE,
  firstRound,
  hear,
  type Stage,
} from './support/stages';
import { Targets } from './support/targets';
import { wrongHeaders } from './support/wrong-headers';

let targets: Targets;

beforeAll(async () => {
  targets = await Targets.open(STAGE_PAGES);
});

afterEach(() => targets.expectNothingLeft());

afterAll(() => targets.remove());

/** What a target takes where, as pairs. */
const LEGAL = STAGES.flatMap((stage) =>
  TARGET_ACCEPTS[stage].map((type) => ({ stage, type, name: messageName(type) })),
);
const ILLEGAL = STAGES.flatMap((stage) => {
  const accepted: readonly MessageType[] = TARGET_ACCEPTS[stage];
  return Object.values(MessageType)
    .filter((type) => !accepted.includes(type))
    .map((type) => ({ stage, type, name: messageName(type) }));
});

describe('the tables of the protocol', () => {
  it('say what a target takes in each state', () => {
    const { Hello, Pages, RoundEnd, State, Complete, Abort, LateFrames, LateEnd } = MessageType;
    expect(TARGET_ACCEPTS).toEqual({
      listening: [Hello],
      receiving: [Pages, RoundEnd, State, Abort],
      restored: [Complete, Abort],
      ready: [Abort],
      committed: [LateFrames, LateEnd],
      settled: [],
      discarded: [],
    });
  });

  it('say what a source takes in each state', () => {
    const { Accept, Refuse, Ready, Abort } = MessageType;
    expect(SOURCE_ACCEPTS).toEqual({
      greeting: [Accept, Refuse, Abort],
      streaming: [Abort],
      awaiting: [Ready, Abort],
      ready: [Abort],
    });
  });
});

describe('the header of a message', () => {
  it.each(LEGAL)(
    'is refused with each field wrong: $name while $stage',
    async ({ stage, type }) => {
      for (const { field, spoil, why } of wrongHeaders(type, TARGET_ACCEPTS[stage])) {
        const reason = await hear(targets, stage, (author) => [
          spoil(author, EXAMPLES[type](author)),
        ]);
        if (stage !== 'ready') expect(reason, field).toMatch(why);
      }
    },
  );
});

describe('a message where it does not belong', () => {
  it.each(ILLEGAL)('is refused: $name while $stage', async ({ stage, type, name }) => {
    const reason = await hear(targets, stage, (author) => [EXAMPLES[type](author)]);
    if (stage !== 'ready')
      expect(reason).toMatch(new RegExp(`Header, type: expected .*, got ${name}\\.`));
  });
});

interface WrongPayload {
  readonly name: string;
  readonly stage: Stage;
  readonly says: (author: StreamAuthor) => readonly Uint8Array[];
  readonly why: RegExp;
}

/** A JSON payload with one field changed, or left out. */
function changed(right: object, path: readonly (string | number)[], value: unknown): unknown {
  const copy = structuredClone(right);
  let at = copy;
  for (const key of path.slice(0, -1)) {
    const next: unknown = Reflect.get(at, key);
    if (typeof next !== 'object' || next === null) throw new Error(`there is no ${key}`);
    at = next;
  }
  const last = path.at(-1) ?? '';
  if (value === undefined) Reflect.deleteProperty(at, last);
  else Reflect.set(at, last, value);
  return copy;
}

const NO_NUMBERS = [undefined, null, 'x', true, [], {}, 0.5, -1];

/** Values of a field that must be named in the refusal. */
function wrongFields(
  stage: Stage,
  type: MessageType,
  right: object,
  fields: readonly { path: readonly (string | number)[]; values: readonly unknown[] }[],
  before: (author: StreamAuthor) => readonly Uint8Array[] = () => [],
): WrongPayload[] {
  return fields.flatMap(({ path, values }) =>
    values.map((value) => ({
      name: `${messageName(type)}: ${path.join('.')} is ${value === undefined ? 'missing' : JSON.stringify(value)}`.slice(
        0,
        80,
      ),
      stage,
      says: (author) => [...before(author), author.text(type, changed(right, path, value))],
      why: new RegExp(String(path.at(-1))),
    })),
  );
}

const WRONG_HELLOS = wrongFields('listening', MessageType.Hello, STAGE_HELLO, [
  { path: ['token'], values: ['', 'guessed', 'x'.repeat(201), 7, null, undefined] },
  { path: ['vmId'], values: ['', 'x'.repeat(101), 7, null, undefined] },
  {
    path: ['memoryBytes'],
    values: [...NO_NUMBERS, 0, PAGE_SIZE - 1, PAGE_SIZE + 1, 2 ** 32, 2 ** 53],
  },
  { path: ['pageSize'], values: [...NO_NUMBERS, 0] },
  { path: ['back'], values: [7, true, '', '..', '../x', '/x', 'a.b', 'X', 'x'.repeat(81)] },
  { path: ['more'], values: [1] },
]);

const QUEUE_FIELDS = ['size', 'descriptors', 'avail', 'used', 'lastAvail', 'usedNext'] as const;
/** Of a queue with 4 entries (virtio 1.x §2.7). */
const PARTS = [
  { field: 'descriptors', name: 'descriptors', bytes: 64, alignment: 16 },
  { field: 'avail', name: 'avail ring', bytes: 12, alignment: 2 },
  { field: 'used', name: 'used ring', bytes: 36, alignment: 4 },
] as const;
const MEMORY_BYTES = STAGE_PAGES * PAGE_SIZE;

const WRONG_STATES = [
  ...wrongFields(
    'receiving',
    MessageType.State,
    STAGE_STATE,
    [
      ...['receive', 'transmit'].flatMap((queue) =>
        QUEUE_FIELDS.map((field) => ({
          path: ['nics', 0, queue, field],
          values: [...NO_NUMBERS, 2 ** 32],
        })),
      ),
      ...['receive', 'transmit'].map((queue) => ({
        path: ['nics', 0, queue, 'more'],
        values: [1],
      })),
      { path: ['nics', 0, 'receive'], values: [undefined, null, 1, []] },
      { path: ['nics', 0, 'transmit'], values: [undefined, null, 1, []] },
      { path: ['nics', 0, 'receive', 'size'], values: [65_536] },
      { path: ['nics', 0, 'receive', 'lastAvail'], values: [65_536] },
      {
        path: ['nics', 0, 'receiveSpares'],
        values: [1, null, 'x', { 0: 1 }, [-1], [32_768], ['1']],
      },
      { path: ['nics', 0, 'marker'], values: [1, '', 'x', '02:00:5e', '02:00:5e:10:00:0g'] },
      { path: ['nics', 0, 'more'], values: [1] },
      { path: ['nics'], values: [undefined, null, 1, {}, Array(5).fill(STAGE_STATE.nics[0])] },
      { path: ['more'], values: [1] },
    ],
    firstRound,
  ),
  ...wrongQueues(),
];

/** Queue states that are numbers, and wrong. */
function wrongQueues(): WrongPayload[] {
  const wrong = (field: string, value: unknown, why: RegExp): WrongPayload => ({
    name: `State: receive ${field} is ${JSON.stringify(value)}`,
    stage: 'receiving',
    says: (author) => [
      ...firstRound(author),
      author.text(
        MessageType.State,
        changed(
          STAGE_STATE,
          ['nics', 0, ...(field === 'spares' ? ['receiveSpares'] : ['receive', field])],
          value,
        ),
      ),
    ],
    why,
  });
  return [
    wrong('size', 3, /NIC 0, receive: expected a power of two as queue size, got 3/),
    wrong('size', 32_768, /NIC 0, receive, descriptors: expected 524288 bytes inside 12288/),
    ...PARTS.flatMap(({ field, name, bytes, alignment }) =>
      [MEMORY_BYTES, MEMORY_BYTES - bytes + alignment, 0x1001, 0xffff_fff0].map((address) =>
        wrong(field, address, new RegExp(`NIC 0, receive, ${name}: .* got address ${address}`)),
      ),
    ),
    wrong('spares', [1, 1], /receive spares: a descriptor stands there twice/),
    wrong('spares', [4], /receive spares: expected descriptors below 4, got 4/),
  ];
}

/** Payloads that should be a text and are none. */
const NO_TEXTS: readonly { name: string; payload: Buffer; why: RegExp }[] = [
  { name: 'a length beyond the message', payload: text(5, '{}  '), why: /does not fill/ },
  { name: 'the greatest length', payload: text(0xffff_ffff, '{}  '), why: /does not fill/ },
  { name: 'a length that is too short', payload: text(2, '{}'.padEnd(12)), why: /does not fill/ },
  { name: 'half a JSON', payload: text(4, '{"a"'), why: /the text is not JSON/ },
  { name: 'no UTF-8', payload: Buffer.from([4, 0, 0, 0, 0xff, 1, 2, 3]), why: /is not JSON/ },
  { name: 'no text', payload: text(0, ''.padEnd(4)), why: /the text is not JSON/ },
  { name: 'a number', payload: text(1, '7   '), why: /is not valid/ },
  { name: 'null', payload: text(4, 'null'), why: /is not valid/ },
];

function text(length: number, content: string): Buffer {
  const payload = Buffer.alloc(4 + content.length);
  payload.writeUInt32LE(length);
  payload.write(content, 4);
  return payload;
}

const WRONG_TEXTS: readonly WrongPayload[] = NO_TEXTS.flatMap(({ name, payload, why }) => {
  const cases = [
    { stage: 'listening', type: MessageType.Hello },
    { stage: 'receiving', type: MessageType.State },
    { stage: 'receiving', type: MessageType.Abort },
    { stage: 'restored', type: MessageType.Abort },
    { stage: 'ready', type: MessageType.Abort },
  ] as const;
  return cases.map(({ stage, type }) => ({
    name: `${messageName(type)} with ${name}`,
    stage,
    says: (author: StreamAuthor) => [
      ...(type === MessageType.State ? firstRound(author) : []),
      author.message(type, payload),
    ],
    why,
  }));
});

const WRONG_ABORTS = (['receiving', 'restored', 'ready'] as const).flatMap((stage) =>
  wrongFields(stage, MessageType.Abort, { reason: 'Enough.' }, [
    { path: ['reason'], values: [undefined, null, 7, ['x'], 'x'.repeat(401)] },
    { path: ['more'], values: [1] },
  ]),
);

/** Values of a field in a binary payload. */
function wrongWords(
  stage: Stage,
  type: MessageType,
  fields: readonly { field: string; at: number; values: readonly number[]; why: RegExp }[],
): WrongPayload[] {
  return fields.flatMap(({ field, at, values, why }) =>
    values.map((value) => ({
      name: `${messageName(type)}: ${field} is ${value}`,
      stage,
      says: (author) => {
        const before = type === MessageType.RoundEnd ? [EXAMPLES[MessageType.Pages](author)] : [];
        const right = EXAMPLES[type](author);
        return [
          ...before,
          author.resealed(right, (copy) => copy.writeUInt32LE(value, HEADER_BYTES + at)),
        ];
      },
      why,
    })),
  );
}

const WRONG_WORDS = [
  ...wrongWords('receiving', MessageType.Pages, [
    { field: 'count', at: P_COUNT, values: [0, 65, 0xffff_ffff], why: /1 to 64 page numbers/ },
    { field: 'round', at: P_ROUND, values: [0, 2, 0xffff_ffff], why: /expected round 1, got/ },
    {
      field: 'first number',
      at: P_NUMBERS,
      values: [PAGE_ZERO + 3, PAGE_ZERO + 1, 3, PAGE_REPEATED + 3],
      why: /expected a page from|expected \d+ bytes/,
    },
    {
      field: 'first number',
      at: P_NUMBERS,
      values: [0, PAGE_REPEATED],
      why: /expected \d+ bytes for its numbers, got 264/,
    },
    {
      field: 'first number',
      at: P_NUMBERS,
      values: [PAGE_ZERO + PAGE_REPEATED],
      why: /page 0 is marked as zero and as repeated/,
    },
    {
      field: 'second number',
      at: P_NUMBERS + 4,
      values: [PAGE_ZERO, PAGE_ZERO + 2],
      why: /expected a page from/,
    },
  ]),
  ...wrongWords('receiving', MessageType.RoundEnd, [
    { field: 'round', at: RE_ROUND, values: [0, 2, 0xffff_ffff], why: /expected round 1, got/ },
    { field: 'pages', at: RE_PAGES, values: [0, 2, 4, 0xffff_ffff], why: /expected 3 pages, got/ },
  ]),
  ...wrongWords('restored', MessageType.Complete, [
    { field: 'digest', at: CO_DIGEST, values: [0, 1], why: /the digest of all pages is wrong/ },
    { field: 'digest', at: CO_DIGEST + 4, values: [0], why: /the digest of all pages is wrong/ },
    {
      field: 'high half of pages',
      at: CO_PAGES + 4,
      // 2 pages, -3, infinity, no number.
      values: [0x4000_0000, 0xc008_0000, 0x7ff0_0000, 0x7ff8_0000],
      why: /expected 3 pages, got (2|-3|Infinity|NaN)/,
    },
    { field: 'low half of pages', at: CO_PAGES, values: [1], why: /expected 3 pages, got 3\.0/ },
  ]),
  ...wrongWords('committed', MessageType.LateFrames, [
    { field: 'NIC', at: LA_NIC, values: [1, 0xffff_ffff], why: /expected a NIC below 1, got/ },
    { field: 'frames', at: LA_FRAMES, values: [0, 1, 3, 0xffff_ffff], why: /expected \d+ frames/ },
    {
      field: 'first length',
      at: LA_ENTRIES + LF_LENGTH,
      values: [0, 13, 1515, 0xffff_ffff],
      why: /a frame of 14 to 1514 bytes, got/,
    },
    {
      field: 'first length',
      at: LA_ENTRIES + LF_LENGTH,
      values: [14, 1514],
      why: /LateFrames: expected/,
    },
    {
      field: 'first tag',
      at: LA_ENTRIES + LF_VLAN,
      values: [0x1_0000, 0xffff_ffff],
      why: /a tag of 16 bits, got/,
    },
  ]),
];

const WRONG_PAYLOADS = [
  ...WRONG_HELLOS,
  ...WRONG_STATES,
  ...WRONG_TEXTS,
  ...WRONG_ABORTS,
  ...WRONG_WORDS,
];

describe('the payload of a message', () => {
  it.each(WRONG_PAYLOADS)('is refused: $name, while $stage', async ({ stage, says, why }) => {
    const reason = await hear(targets, stage, says);
    if (stage !== 'ready') expect(reason).toMatch(why);
  });
});

describe('late frames that break off', () => {
  it('are given up at every offset, and what came whole before is kept', async () => {
    const batch = EXAMPLES[MessageType.LateFrames](targets.newAuthor());
    for (let end = 0; end < batch.length; end += 1) {
      const reason = await hear(targets, 'committed', (author) => [
        EXAMPLES[MessageType.LateFrames](author).subarray(0, end),
      ]);
      expect(reason).toMatch(end === 0 ? /closed the connection/ : /ended \d+ bytes into/);
    }
  });

  it('are given up with a wrong byte at every offset', async () => {
    const { length } = EXAMPLES[MessageType.LateFrames](targets.newAuthor());
    for (let at = 0; at < length; at++) {
      const reason = await hear(targets, 'committed', (author) => {
        const wrong = EXAMPLES[MessageType.LateFrames](author);
        wrong.writeUInt8(wrong.readUInt8(at) ^ (1 << (at % 8)), at);
        return [wrong];
      });
      expect(reason).toMatch(/checksum|Header|length|ended/);
    }
  });
});
