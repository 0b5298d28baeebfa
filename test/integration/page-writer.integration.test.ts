/**
 * A guest that stamps its pages, under traffic, moved there and back. When the target is ready, its
 * memory is the source's, byte by byte: pages that the guest wrote, and pages that hosts wrote behind
 * its back (receive buffers, used rings). Afterwards every page but the one being written carries a
 * consistent stamp.
 */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { migrationOptionsSchema } from '../../src/contract/migration';
import type { VmSnapshot } from '../../src/contract/host';
import type { Host } from '../../src/engine/host/host';
import { EngineLab, until, vmConfig } from '../support/engine-lab';

const MOVES = 10;
/** So many that some wait in the guest's receive ring whenever it is stopped. */
const FRAMES_PER_SECOND = 20_000;
const MEMORY_MIB = 16;
const WRITER = vmConfig(
  ...(['writer', 'host-a', '02:00:5e:10:00:01', 10, '10.0.10.11'] as const),
  { kind: 'page-writer', pagesPerSecond: 20_000 },
  MEMORY_MIB,
);
const SENDER = vmConfig(...(['sender', 'host-a', '02:00:5e:10:00:02', 10, '10.0.10.12'] as const), {
  kind: 'sender',
  destinationIpv4: '10.0.10.11',
  framesPerSecond: FRAMES_PER_SECOND,
  frameBytes: 128,
});

let lab: EngineLab;

beforeEach(async () => {
  lab = new EngineLab();
  await lab.open();
});

afterEach(() => lab.close());

function guestOf(host: Host): VmSnapshot['guest'] {
  const vm = host.snapshot().vms.find(({ vmId }) => vmId === WRITER.id);
  if (!vm) throw new Error('the writer is not there');
  return vm.guest;
}

/** Moves the writer, and answers which pages of the target differ from the source's when it is ready. */
async function move(migrationId: string, from: Host, to: Host): Promise<number[]> {
  const { socket, token } = await to.prepareIncoming(migrationId, WRITER);
  const options = migrationOptionsSchema.parse({ downtimeLimitMs: 5 });
  const request = { vmId: WRITER.id, socket, token, options, pauseAt: null };
  const { signal } = new AbortController();
  let isReady = false;
  for await (const { ready } of from.sendVm(migrationId, request, signal)) isReady = ready;
  expect(isReady).toBe(true);
  const sent = from.pageChecksums(WRITER.id);
  const arrived = to.pageChecksums(WRITER.id);
  expect(arrived).toHaveLength(MEMORY_MIB * 256);
  await to.commitIncoming(migrationId);
  await from.finishSend(migrationId);
  return sent.flatMap((checksum, page) => (checksum === arrived[page] ? [] : [page]));
}

it('arrives with every page as its guest and its hosts have left it', async () => {
  const { a, b } = lab.hosts;
  for (const vm of [WRITER, SENDER]) {
    await a.addVm(vm);
    await a.startVm(vm.id);
  }
  await until('every page to be written', () => guestOf(a).pagesWritten > MEMORY_MIB * 256);
  await until('traffic', () => guestOf(a).sunkFrames > 0);
  for (let number = 1; number <= MOVES; number++) {
    const [from, to] = number % 2 === 1 ? [a, b] : [b, a];
    expect(await move(`m-${number}`, from, to)).toEqual([]);
    const { sunkFrames, pagesWritten } = guestOf(to);
    await until('frames and pages after the move', () => {
      const guest = guestOf(to);
      return guest.sunkFrames > sunkFrames && guest.pagesWritten > pagesWritten;
    });
  }
  await a.stopVm(WRITER.id);
  expect(a.inconsistentPages(WRITER.id)).toBe(0);
});
