/** Live migration between two host processes, measured by frames; against a plain copy, and against QEMU. */
import { isWanted, type Bench, type BenchContext } from '../bench';
import { absent } from '../peers/peer-cache';
import type { MigrationResult } from '../result';
import { provideFreshMemory } from './fresh-memory';
import { lostSince, MigrationLab } from './migration-lab';
import { Pinger } from './pinger';
import { plainCopySeconds } from './plain-copy';
import { calm, QemuPair, type MeasuredMove } from './qemu-pair';
import {
  migrationResult,
  sampleLine,
  sampleOf,
  type MigrationSample,
  type ProbeFigures,
} from './samples';

const MAC = '02:00:5e:10:00:01';
const IPV4 = '10.0.10.11';
const VLAN = 10;
const TRAFFIC_PER_SECOND = 100_000;
/** 50 MiB a second in pages of 4 KiB. */
const DIRTY_PAGES_PER_SECOND = 12_800;
const PINGS_PER_SECOND = 500;
/** What an engine takes beside the memory of its VM. */
const ENGINE_MIB = 160;
const GIB_MIB = 1024;
/** More than either end of a copy of 1 GiB takes afresh. */
const FRESH_MIB = 2560;

const CASES: Readonly<
  Record<string, (context: BenchContext) => Promise<MigrationResult | undefined>>
> = {
  'idle 256 MiB': idle,
  'traffic and 50 MB/s dirty, 256 MiB': busy,
  '1 GiB incompressible': incompressible,
  'against QEMU, 128 MiB': againstQemu,
};

export const migrationBench: Bench = {
  name: 'migration',
  title: 'live migration: downtime, loss, rate; against a plain copy and against QEMU',
  run: async function* (context) {
    for (const [name, run] of Object.entries(CASES)) {
      if (!isWanted(context, name)) continue;
      const result = await run(context);
      if (result !== undefined) yield result;
    }
  },
};

async function idle(context: BenchContext): Promise<MigrationResult> {
  return toAndFro('idle 256 MiB', context, { kind: 'responder' });
}

async function busy(context: BenchContext): Promise<MigrationResult> {
  const workload = { kind: 'page-writer', pagesPerSecond: DIRTY_PAGES_PER_SECOND } as const;
  return toAndFro('traffic and 50 MB/s dirty, 256 MiB', context, workload, async (lab) => {
    await lab.addLink({
      kind: 'generator',
      id: 'traffic',
      name: 'traffic',
      plug: { at: 'fabric' },
      targets: [{ mac: MAC, vlan: VLAN, ipv4: IPV4 }],
      sourceMac: '02:00:5e:fe:00:01',
      frameBytes: 64,
      rate: { mode: 'fixed', framesPerSecond: TRAFFIC_PER_SECOND },
      frames: 0,
    });
    await calm();
  });
}

type Workload = { kind: 'responder' } | { kind: 'page-writer'; pagesPerSecond: number };

/** Moves one VM to and fro. */
async function toAndFro(
  name: string,
  context: BenchContext,
  workload: Workload,
  prepare: (lab: MigrationLab) => Promise<void> = calm,
): Promise<MigrationResult> {
  const memoryMiB = 256;
  const lab = await MigrationLab.open({
    hostMemoryMiB: memoryMiB + ENGINE_MIB,
    entry: 'engine-host',
  });
  try {
    await lab.startVm({
      name: 'bench',
      memoryMiB,
      nics: [{ mac: MAC, vlan: { mode: 'access', id: VLAN }, ipv4: IPV4 }],
      workload,
    });
    await prepare(lab);
    await sayLossesAtRest(lab, context);
    const samples: MigrationSample[] = [];
    for (let i = 0; i < context.rounds; i++) {
      const sample = await measuredMove(lab, context);
      samples.push(sample);
      context.log(`  ${name}, ${i + 1} of ${context.rounds}: ${sampleLine(sample)}`);
    }
    return migrationResult(name, samples, await lab.isConserved());
  } finally {
    await lab.close();
  }
}

/** What is lost without a migration: a machine that cannot carry the traffic loses then as well. */
async function sayLossesAtRest(lab: MigrationLab, context: BenchContext): Promise<void> {
  const before = await lab.losses();
  await calm();
  await calm();
  const lost = lostSince(before, await lab.losses());
  if (lost.frames > 0) context.log(`  frames lost without a migration: ${lost.text}`);
}

/** Each migration goes into a host process that was only just started, as the plain copy does. */
async function incompressible(context: BenchContext): Promise<MigrationResult> {
  const name = '1 GiB incompressible';
  const lab = await MigrationLab.open({
    hostMemoryMiB: GIB_MIB + ENGINE_MIB,
    entry: 'filled-engine-host',
  });
  try {
    await lab.startVm({
      name: 'bench',
      memoryMiB: GIB_MIB,
      nics: [{ mac: MAC, vlan: { mode: 'access', id: VLAN }, ipv4: IPV4 }],
      workload: { kind: 'responder' },
    });
    const samples: MigrationSample[] = [];
    const copies: number[] = [];
    const conserved: boolean[] = [];
    const copy = async (): Promise<void> => {
      await provideFreshMemory(FRESH_MIB);
      copies.push(GIB_MIB / (await plainCopySeconds(GIB_MIB)));
    };
    for (let i = 0; i < context.rounds; i++) {
      if (i % 2 === 1) await copy();
      if (i > 0) await lab.renewOtherHost();
      await provideFreshMemory(FRESH_MIB);
      const sample = await measuredMove(lab, context);
      samples.push(sample);
      conserved.push(await lab.isConserved());
      if (i % 2 === 0) await copy();
      const plain = copies.at(-1) ?? 0;
      context.log(
        `  ${name}, ${i + 1} of ${context.rounds}: ${sampleLine(sample)}; plain copy ${plain.toFixed(0)} MiB/s`,
      );
    }
    return migrationResult(name, samples, conserved.every(Boolean), {
      figure: 'MiB/s',
      peerName: 'plain copy over a unix socket',
      ours: samples.map(({ mibPerSecond }) => mibPerSecond),
      peer: copies,
    });
  } finally {
    await lab.close();
  }
}

/** Both on the same fabric, with the same pings: what each claims, and the silence between answers. */
async function againstQemu(context: BenchContext): Promise<MigrationResult | undefined> {
  const name = 'against QEMU, 128 MiB';
  const memoryMiB = 128;
  const lab = await MigrationLab.open({
    hostMemoryMiB: memoryMiB + ENGINE_MIB,
    entry: 'filled-engine-host',
  });
  let qemu: QemuPair | undefined;
  try {
    qemu = await QemuPair.boot(lab.fabricSocket, PINGS_PER_SECOND);
    if (qemu === undefined) {
      context.log(absent('migration', 'QEMU with its guest'));
      return undefined;
    }
    await lab.startVm({
      name: 'bench',
      memoryMiB,
      nics: [{ mac: MAC, ipv4: IPV4 }],
      workload: { kind: 'responder' },
    });
    const samples: MigrationSample[] = [];
    const peers: MeasuredMove[] = [];
    for (let i = 0; i < context.rounds; i++) {
      const ours = i % 2 === 0 ? await pingedMove(lab, context) : undefined;
      const theirs = await qemu.move(PINGS_PER_SECOND);
      const sample = ours ?? (await pingedMove(lab, context));
      samples.push(sample);
      peers.push(theirs);
      context.log(
        `  ${name}, ${i + 1} of ${context.rounds}: ${sampleLine(sample)}; QEMU: says ${theirs.downtimeMs} ms, ` +
          `silent for ${theirs.pings.silenceMs.toFixed(1)} ms, lost ${theirs.pings.lost} of ${theirs.pings.sent}, ` +
          `${theirs.totalMs} ms in all`,
      );
    }
    return migrationResult(name, samples, await lab.isConserved(), {
      figure: 'downtime in ms',
      peerName: 'QEMU (TCG)',
      ours: samples.map(({ downtimeMs }) => downtimeMs),
      peer: peers.map(({ downtimeMs }) => downtimeMs),
      peerSilencesMs: peers.map(({ pings }) => pings.silenceMs),
      peerLost: peers.map(({ pings }) => pings.lost),
    });
  } finally {
    await qemu?.close();
    await lab.close();
  }
}

/** One migration, with what was lost meanwhile. */
async function measuredMove(
  lab: MigrationLab,
  context: BenchContext,
  probe?: () => Promise<ProbeFigures>,
): Promise<MigrationSample> {
  const before = await lab.losses();
  const report = await lab.move();
  const lost = lostSince(before, await lab.losses());
  if (lost.frames > 0) context.log(`  frames lost: ${lost.text}`);
  return sampleOf(report, lost.frames, await probe?.());
}

/** One migration of ours under pings. */
async function pingedMove(lab: MigrationLab, context: BenchContext): Promise<MigrationSample> {
  const target = { mac: MAC, ipv4: IPV4 };
  const pinger = new Pinger({
    fabricSocket: lab.fabricSocket,
    ...target,
    perSecond: PINGS_PER_SECOND,
  });
  try {
    await calm();
    await pinger.restart();
    await calm();
    return await measuredMove(lab, context, () => pinger.stop());
  } catch (error) {
    pinger.abandon();
    throw error;
  }
}
