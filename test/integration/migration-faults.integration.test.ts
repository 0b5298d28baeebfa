/**
 * Everything that can go wrong with a migration, at each of its phases, with real processes. Whatever
 * happens, the VM runs on exactly one host afterwards, its queue and filters are there, traffic
 * reaches it, and no memory, thread, socket or file is left.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { MigrationFault } from '../../src/contract/lab';
import { MIGRATION_PHASES, type MigrationPhase } from '../../src/contract/migration';
import type { MigrationReport } from '../../src/contract/report';
import { StreamClient, until } from '../support/engine-lab';
import { Pinger } from '../support/pinger';
import { RealLab, type HostFootprint } from '../support/real-lab';

const MAC = '02:00:5e:10:00:01';
const VLAN = 10;
const IPV4 = '10.0.10.11';
const PATIENCE_MS = 30_000;
/** Announcements of a VM that has arrived end after 550 ms. */
const CELL_MS = 60_000;

const KINDS = [
  'cancel',
  'cut-link',
  'corrupt-byte',
  'kill-source',
  'kill-target',
  'fill-target-memory',
] as const;
type Kind = (typeof KINDS)[number];

interface Expected {
  readonly outcome: 'completed' | 'failed' | 'cancelled';
  /** Where the VM runs afterwards. */
  readonly at: 'source' | 'target';
  /** Its memory died, and an event says so. */
  readonly afresh: boolean;
}

const STAYS: Expected = { outcome: 'failed', at: 'source', afresh: false };
const ARRIVES: Expected = { outcome: 'completed', at: 'target', afresh: false };

/** Until the target is ready, a failure leads back to the source; from the record on, to the target. */
function expectedOf(kind: Kind, phase: MigrationPhase): Expected {
  const isSending = MIGRATION_PHASES.indexOf(phase) < MIGRATION_PHASES.indexOf('committing');
  switch (kind) {
    case 'cancel':
      return isSending ? { ...STAYS, outcome: 'cancelled' } : ARRIVES;
    case 'cut-link':
    case 'corrupt-byte':
      return isSending ? STAYS : ARRIVES;
    case 'kill-source':
      return isSending ? { ...STAYS, afresh: true } : ARRIVES;
    case 'kill-target':
      return phase === 'cleaning-up' ? { ...ARRIVES, afresh: true } : STAYS;
    case 'fill-target-memory':
      return phase === 'preparing' ? STAYS : ARRIVES;
  }
}

let real: RealLab;
let pinger: Pinger;
let client: StreamClient;
let files: string[];
/**
 * What a host may have with the VM, and without it: a thread that has served a queue is kept for the
 * next one, so a host that was started again has less than one that has served the VM before.
 */
let withVm: HostFootprint[];
let withoutVm: HostFootprint[];

beforeAll(async () => {
  real = await RealLab.open({
    name: 'vm',
    memoryMiB: 16,
    nics: [{ mac: MAC, vlan: { mode: 'access', id: VLAN }, ipv4: IPV4 }],
    workload: { kind: 'page-writer', pagesPerSecond: 2000 },
  });
  client = await StreamClient.connect(real.fabricSocket);
  pinger = new Pinger(client, { mac: MAC, ipv4: IPV4, vlan: VLAN }).start(5);
  await until('answers', () => pinger.answered.size > 0);
  const fresh = await restingFootprints();
  // There and back: whatever is made once is made by then.
  for (let move = 0; move < 2; move++) expect(await migrate()).toMatchObject({ reason: '' });
  const used = await restingFootprints();
  withVm = [fresh.withVm, used.withVm];
  withoutVm = [fresh.withoutVm, used.withoutVm];
  files = real.files();
}, CELL_MS);

afterAll(async () => {
  pinger.stop();
  client.close();
  await real.close();
});

/** Footprints that have not changed for a while. */
async function restingFootprints(): Promise<{ withVm: HostFootprint; withoutVm: HostFootprint }> {
  let before = '';
  let since = performance.now();
  await until(
    'both hosts to rest',
    () => {
      const now = JSON.stringify(real.hosts.map((host) => real.footprintOf(host)));
      if (now !== before) since = performance.now();
      before = now;
      return performance.now() - since > 1000;
    },
    PATIENCE_MS,
  );
  const { home, other } = real.place;
  const [there, elsewhere] = [real.footprintOf(home), real.footprintOf(other)];
  if (!there || !elsewhere) throw new Error('a host is not there');
  return { withVm: there, withoutVm: elsewhere };
}

async function migrate(fault?: MigrationFault): Promise<MigrationReport | undefined> {
  const { migrationId } = await real.lab.migrations.start({
    vmId: real.vmId,
    targetHostId: real.place.other,
    fault,
  });
  return await real.lab.migrationEnded(migrationId);
}

/** Cancels in this phase. A fault that does no harm holds the migration there for a moment. */
async function cancelAt(phase: MigrationPhase): Promise<MigrationReport | undefined> {
  const ended = migrate({ kind: 'slow-link', phase, amount: 100_000 });
  for (;;) {
    const [latest] = real.lab.snapshot().migrations;
    if (latest?.phase === phase) {
      try {
        real.lab.migrations.cancel({ migrationId: latest.migrationId });
      } catch (error) {
        expect(error).toMatchObject({ refusal: { code: 'wrong-state' } });
        expect(['committing', 'resuming', 'cleaning-up']).toContain(phase);
      }
      return await ended;
    }
    await nextTurn();
  }
}

/** Everything about the lab that must be as expected in the end, as one value to compare. */
function stateOfLab(): unknown {
  const { home, other } = real.place;
  const [there, elsewhere] = [real.snapshotOf(home), real.snapshotOf(other)];
  const queue = there?.queues.find(({ vmId }) => vmId === real.vmId);
  return {
    runningAt: real.runningAt(),
    vms: elsewhere?.vms.length,
    nics: elsewhere?.nics.length,
    queues: elsewhere?.queues.length,
    queue: queue?.state,
    nicHasQueue: queue !== undefined && there?.nics[0]?.queueId === queue.queueId,
    filters: queue?.filters.map(({ mac, vlan }) => ({ mac, vlan })),
    withVm: real.footprintOf(home),
    withoutVm: real.footprintOf(other),
    files: real.files(),
  };
}

function expectedState(home: string): unknown {
  return {
    runningAt: [home],
    vms: 0,
    nics: 0,
    queues: 1,
    queue: 'Running',
    nicHasQueue: true,
    filters: [{ mac: MAC, vlan: VLAN }],
    withVm: expect.toBeOneOf(withVm) as unknown,
    withoutVm: expect.toBeOneOf(withoutVm) as unknown,
    files,
  };
}

/** Numbers of pings up to now that were not answered once. */
async function wrongAnswers(from: number): Promise<number[]> {
  const to = pinger.sent;
  const wrong = (): number[] =>
    Array.from({ length: to - from }, (_, i) => from + i).filter(
      (number) => pinger.answered.get(number) !== 1,
    );
  await until('the last answers', () => wrong().length === 0, 3000).catch(() => undefined);
  return wrong();
}

const CELLS = KINDS.flatMap((kind) => MIGRATION_PHASES.map((phase) => ({ kind, phase })));

describe('a migration that meets a fault', () => {
  it.each(CELLS)(
    'leaves one running VM and nothing else behind: $kind in $phase',
    async ({ kind, phase }) => {
      const { home: source, other: target } = real.place;
      const expected = expectedOf(kind, phase);
      const [eventsBefore, pingsBefore] = [(await real.events()).length, pinger.sent];

      const report = kind === 'cancel' ? await cancelAt(phase) : await migrate({ kind, phase });

      // The source may be ready, or the lab may have committed, in the moment of a cancel.
      const isLate = kind === 'cancel' && phase === 'committing' && report?.outcome !== 'completed';
      const { outcome, at, afresh } = isLate ? expectedOf('cancel', 'final-copy') : expected;
      expect(report).toMatchObject({ outcome });
      expect(report?.reason === '').toBe(outcome === 'completed');
      if (kind !== 'cancel') expect(report?.fault).toEqual({ kind, phase });

      const home = at === 'source' ? source : target;
      expect(real.place.home).toBe(home);
      await expect
        .poll(stateOfLab, { timeout: PATIENCE_MS, interval: 50 })
        .toEqual(expectedState(home));
      const events = (await real.events()).slice(eventsBefore).map(({ type }) => type);
      expect(events.filter((type) => type === 'vm/started-afresh')).toHaveLength(afresh ? 1 : 0);

      const answered = pinger.answered.size;
      await until('answers', () => pinger.answered.size > answered + 3, PATIENCE_MS);
      if (at === 'source' && !afresh) expect(await wrongAnswers(pingsBefore)).toEqual([]);
    },
    CELL_MS,
  );
});
