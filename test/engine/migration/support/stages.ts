/** Brings a target into each of its states and says one message to it there. */
import { expect } from 'vitest';
import { RefusalError } from '../../../../src/shared/refusal-error';
import { PAGE_SIZE, PAGE_ZERO } from '../../../../src/engine/kernel/layout';
import { lateBatches } from '../../../../src/engine/migration/late-batch';
import { MessageType, type IncomingState } from '../../../../src/engine/migration/protocol';
import { TOKEN } from './a-move';
import { FakeLateFrames, VM_ID } from './fake-vms';
import { RawSource, type StreamAuthor } from './raw-source';
import type { Targets } from './targets';

/** Pages of the VM that these streams are about. */
export const STAGE_PAGES = 3;
export const STAGE_HELLO = {
  token: TOKEN,
  vmId: VM_ID,
  memoryBytes: STAGE_PAGES * PAGE_SIZE,
  pageSize: PAGE_SIZE,
};
const NO_QUEUE = { size: 0, descriptors: 0, avail: 0, used: 0, lastAvail: 0, usedNext: 0 };
export const STAGE_STATE = {
  nics: [
    {
      receive: { ...NO_QUEUE, size: 4, descriptors: 0x1000, avail: 0x1100, used: 0x1200 },
      transmit: NO_QUEUE,
      receiveSpares: [1],
      marker: '06:4d:4b:00:00:01',
    },
  ],
};
const ALL_PAGES = [PAGE_ZERO, PAGE_ZERO + 1, PAGE_ZERO + 2];

/** The states in which a target reads. */
export type Stage = Exclude<IncomingState, 'settled' | 'discarded'>;
export const STAGES: readonly Stage[] = [
  'listening',
  'receiving',
  'restored',
  'ready',
  'committed',
];

/** A right message of each type, as it could stand where that type is legal. */
export const EXAMPLES: Readonly<Record<MessageType, (author: StreamAuthor) => Buffer>> = {
  [MessageType.Hello]: (author) => author.text(MessageType.Hello, STAGE_HELLO),
  [MessageType.Accept]: (author) => author.message(MessageType.Accept),
  [MessageType.Refuse]: (author) => author.text(MessageType.Refuse, { reason: 'No.' }),
  [MessageType.Pages]: (author) => author.pages(ALL_PAGES, { round: 1 }),
  [MessageType.RoundEnd]: (author) => author.roundEnd(1, 0),
  [MessageType.State]: (author) => author.text(MessageType.State, STAGE_STATE),
  [MessageType.Complete]: (author) => author.complete(STAGE_PAGES),
  [MessageType.Ready]: (author) => author.message(MessageType.Ready),
  [MessageType.Abort]: (author) => author.text(MessageType.Abort, { reason: 'Enough.' }),
  [MessageType.LateFrames]: (author) => author.message(MessageType.LateFrames, aLateBatch()),
  [MessageType.LateEnd]: (author) => author.message(MessageType.LateEnd),
};

/** Two frames for the first NIC. */
export function aLateBatch(): Buffer {
  const frames = [61, 64].map((length) => ({ bytes: new Uint8Array(length).fill(7), vlan: 10 }));
  return Buffer.concat(lateBatches(0, frames));
}

/** The whole first round. */
export function firstRound(author: StreamAuthor): Buffer[] {
  return [author.pages(ALL_PAGES), author.roundEnd(1, STAGE_PAGES)];
}

/** What a source has said before. */
function said(stage: Stage, author: StreamAuthor): Buffer[] {
  if (stage === 'listening') return [];
  const messages = [EXAMPLES[MessageType.Hello](author)];
  if (stage === 'receiving') return messages;
  messages.push(...firstRound(author), EXAMPLES[MessageType.State](author));
  if (stage === 'restored') return messages;
  return [...messages, EXAMPLES[MessageType.Complete](author)];
}

/**
 * Says to a target in this state what `malformed` composes, and checks that nothing of it had an
 * effect. Returns why it was refused; a target that is ready tells nobody.
 */
export async function hear(
  targets: Targets,
  stage: Stage,
  malformed: (author: StreamAuthor) => readonly Uint8Array[],
): Promise<string> {
  const author = targets.newAuthor();
  const { vm, incoming } = await targets.listen();
  const late = new FakeLateFrames();
  const source = new RawSource(incoming.socketPath).say(...said(stage, author));
  if (stage === 'ready' || stage === 'committed') await incoming.whenReady();
  if (stage === 'committed') incoming.finish(late);
  source.say(...malformed(author)).end();
  await source.closed;
  expect(vm.restored !== undefined).toBe(stage === 'ready' || stage === 'committed');
  let reason = '';
  switch (stage) {
    case 'listening':
      expect(incoming.state).toBe('listening');
      reason = source.reasons.join();
      break;
    case 'ready':
      expect(incoming.state).toBe('ready');
      break;
    case 'committed':
      await incoming.closed;
      expect(late.batches).toEqual([]);
      expect(late.ends).toHaveLength(1);
      reason = late.ends[0] ?? '';
      break;
    default:
      reason = await reasonOf(incoming.whenReady());
      await incoming.closed;
      expect(source.answers).toEqual([MessageType.Accept, MessageType.Abort]);
      expect(plain(source.reasons.join())).toContain(plain(reason).slice(0, 100));
  }
  expect(vm.discards).toBe(stage === 'receiving' || stage === 'restored' ? 1 : 0);
  await targets.expectNothingLeft();
  return reason;
}

async function reasonOf(refused: Promise<unknown>): Promise<string> {
  const error: unknown = await refused.then(
    () => new Error('it was not refused'),
    (reason: unknown) => reason,
  );
  if (!(error instanceof RefusalError)) throw error;
  expect(error.refusal.code).toBe('migration-stream-invalid');
  return error.refusal.why;
}

/** On its way, a reason loses its line ends. */
function plain(text: string): string {
  return text.replace(/\s+/gu, ' ');
}
