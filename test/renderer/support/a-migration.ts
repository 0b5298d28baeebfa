/** Migrations as the lab reports them, complete but for what a test says about them. */
import type { MigrationSnapshot } from '../../../src/contract/lab';
import {
  migrationOptionsSchema,
  type MigrationRound,
  type ProbeCount,
  type ProbeResult,
} from '../../../src/contract/migration';

const MIB = 1024 * 1024;

export function aProbeCount(part: Partial<ProbeCount> = {}): ProbeCount {
  return {
    sent: 400,
    received: 400,
    lost: 0,
    duplicated: 0,
    reordered: 0,
    silenceMs: 8.4,
    ...part,
  };
}

/** The round trip and both directions; all 400 frames came through unless told. */
export function aProbe(part: Partial<ProbeResult> = {}): ProbeResult {
  return { ...aProbeCount(), toVm: aProbeCount(), fromVm: aProbeCount(), ...part };
}

export function aRound(round: number, part: Partial<MigrationRound> = {}): MigrationRound {
  return {
    round,
    live: true,
    pages: 4096,
    zeroPages: 1000,
    repeatedPages: 96,
    bytes: 12 * MIB,
    durationMs: 100,
    dirtyPages: 256,
    ...part,
  };
}

/** web-01 has moved from Host A to Host B, without loss; 553 ms in all. */
export function aMigration(part: Partial<MigrationSnapshot> = {}): MigrationSnapshot {
  return {
    migrationId: 'migration-1',
    vmId: 'vm-1',
    vmName: 'web-01',
    fromHostId: 'host-a',
    toHostId: 'host-b',
    outcome: 'completed',
    reason: '',
    phases: [
      { phase: 'preparing', startMs: 0, durationMs: 100 },
      { phase: 'copying', startMs: 100, durationMs: 200 },
      { phase: 'stopping-vm', startMs: 300, durationMs: 1 },
      { phase: 'final-copy', startMs: 301, durationMs: 5 },
      { phase: 'cleaning-up', startMs: 306, durationMs: 247 },
    ],
    downtimeMs: 6.12,
    totalMs: 553,
    sentBytes: 13 * MIB,
    remainingBytes: 0,
    totalBytes: 64 * MIB,
    rounds: 2,
    options: migrationOptionsSchema.parse({}),
    roundList: [aRound(1), aRound(2, { live: false, pages: 256, bytes: MIB, durationMs: 5 })],
    bytesPerSecond: 200 * MIB,
    dirtyBytesPerSecond: 10 * MIB,
    throttlePercent: 0,
    expectedDowntimeMs: 5,
    advice: '',
    warnings: [],
    fault: null,
    probe: aProbe(),
    probeSeries: [],
    markerSeen: true,
    heldFrames: 285,
    phase: null,
    startedAtMs: Date.UTC(2026, 7, 1, 12, 0, 0),
    ...part,
  };
}
