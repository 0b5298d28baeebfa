/**
 * What the page saw of each migration: bytes sent and remaining from the lab's snapshots, the VM's frames on both
 * hosts from their telemetry, and what its queues did there. Kept apart from telemetry and snapshots, which forget.
 */
import { acceptHMRUpdate, defineStore } from 'pinia';
import { shallowRef } from 'vue';
import type { HostSnapshot, QueueTransition } from '../../contract/host';
import type { MigrationSnapshot } from '../../contract/lab';
import { NIC } from '../telemetry/columns';
import { nicKey } from '../telemetry/host-series';
import { seriesOf } from '../telemetry/telemetry';
import { useHostsStore } from './hosts';
import { useLabStore } from './lab';

/** Shown before the start and after the end of a migration. */
export const TRACE_MARGIN_MS = 2500;
const KEPT_TRACES = 50;

export interface ProgressPoint {
  readonly timeMs: number;
  readonly sentBytes: number;
  readonly remainingBytes: number;
  readonly round: number;
}

/** The VM's frames per second on one host, sample by sample. */
export interface TraceLine {
  readonly timesMs: Float64Array;
  readonly framesPerSecond: Float64Array;
}

export interface MigrationTrace {
  readonly progress: readonly ProgressPoint[];
  /** Set once, shortly after the end; while the migration runs, the lines are read from the telemetry. */
  readonly source: TraceLine | null;
  readonly target: TraceLine | null;
  /** Transitions of the VM's queues by host id, oldest first. */
  readonly queueSteps: ReadonlyMap<string, readonly QueueTransition[]>;
}

const EMPTY_TRACE: MigrationTrace = {
  progress: [],
  source: null,
  target: null,
  queueSteps: new Map(),
};

export const useTracesStore = defineStore('traces', () => {
  const traces = shallowRef<ReadonlyMap<string, MigrationTrace>>(new Map());
  const pending = new Set<string>();
  /** NIC ids of a VM when its migration was first seen: the VM may be gone later. */
  const nicIds = new Map<string, readonly string[]>();

  function follow(migrations: readonly MigrationSnapshot[]): void {
    for (const migration of migrations) {
      const trace = traces.value.get(migration.migrationId) ?? EMPTY_TRACE;
      if (migration.outcome === 'running') {
        if (migration.rounds > 0) addProgress(migration, trace);
      } else if (!trace.source && !pending.has(migration.migrationId)) captureLater(migration);
    }
  }

  /** Keeps what the queues of migrating VMs did on a host, from its snapshot. */
  function followQueues({ hostId, transitions }: HostSnapshot): void {
    for (const migration of useLabStore().migrations) {
      const { migrationId, vmId, fromHostId, toHostId } = migration;
      if (hostId !== fromHostId && hostId !== toHostId) continue;
      const untilMs = endOf(migration);
      const trace = traces.value.get(migrationId) ?? EMPTY_TRACE;
      const known = trace.queueSteps.get(hostId) ?? [];
      const newest = known[known.length - 1];
      const fresh = transitions.filter(
        (step) =>
          step.vmId === vmId &&
          step.atMs >= migration.startedAtMs &&
          step.atMs <= untilMs &&
          (!newest || isAfter(step, newest, known)),
      );
      if (fresh.length === 0) continue;
      const queueSteps = new Map(trace.queueSteps).set(hostId, [...known, ...fresh]);
      put(migrationId, { ...trace, queueSteps });
    }
  }

  /** Before the first round, nothing has been counted as remaining. */
  function addProgress(migration: MigrationSnapshot, trace: MigrationTrace): void {
    const point = {
      timeMs: migration.startedAtMs + migration.totalMs,
      sentBytes: migration.sentBytes,
      remainingBytes: migration.remainingBytes,
      round: migration.rounds,
    };
    put(migration.migrationId, { ...trace, progress: [...trace.progress, point] });
  }

  function captureLater(migration: MigrationSnapshot): void {
    pending.add(migration.migrationId);
    const endMs = migration.startedAtMs + migration.totalMs + TRACE_MARGIN_MS;
    setTimeout(
      () => {
        pending.delete(migration.migrationId);
        const trace = traces.value.get(migration.migrationId) ?? EMPTY_TRACE;
        const [source, target] = linesOf(migration, endMs);
        put(migration.migrationId, { ...trace, source, target });
      },
      Math.max(0, endMs - Date.now()) + 300,
    );
  }

  function put(id: string, trace: MigrationTrace): void {
    const next = new Map(traces.value).set(id, trace);
    for (const oldest of next.keys()) {
      if (next.size <= KEPT_TRACES) break;
      next.delete(oldest);
    }
    traces.value = next;
  }

  /** The VM's frames on source and target up to `toMs`, read from the telemetry now. */
  function linesOf(migration: MigrationSnapshot, toMs: number): [TraceLine, TraceLine] {
    const fromMs = migration.startedAtMs - TRACE_MARGIN_MS;
    const known =
      nicIds.get(migration.migrationId) ??
      useLabStore()
        .vmsById.get(migration.vmId)
        ?.nics.map((nic) => nic.id) ??
      [];
    nicIds.set(migration.migrationId, known);
    return [
      lineOn(migration.fromHostId, known, fromMs, toMs),
      lineOn(migration.toHostId, known, fromMs, toMs),
    ];
  }

  return { traces, follow, followQueues, linesOf };
});

/** Up to when a transition belongs to a migration: the target's queue may come shortly after its end. */
function endOf({ outcome, startedAtMs, totalMs }: MigrationSnapshot): number {
  return outcome === 'running' || outcome === 'queued'
    ? Number.POSITIVE_INFINITY
    : startedAtMs + totalMs + TRACE_MARGIN_MS;
}

/** Two transitions may have the same time; no two are equal. */
function isAfter(
  step: QueueTransition,
  newest: QueueTransition,
  known: readonly QueueTransition[],
): boolean {
  if (step.atMs !== newest.atMs) return step.atMs > newest.atMs;
  return !known.some(
    (old) =>
      old.atMs === step.atMs &&
      old.adapterId === step.adapterId &&
      old.queueId === step.queueId &&
      old.from === step.from &&
      old.to === step.to,
  );
}

function lineOn(
  hostId: string,
  nicIds: readonly string[],
  fromMs: number,
  toMs: number,
): TraceLine {
  const hosts = useHostsStore();
  const series = seriesOf(hostId);
  const axis = series.rawAxis(fromMs, toMs);
  const rows = nicIds.flatMap((nicId) => {
    const row = hosts.nicRowOn(hostId, nicId);
    return row === undefined ? [] : [series.row(nicKey(row))];
  });
  const framesPerSecond = Float64Array.from({ length: axis.endsMs.length }, (_, index) => {
    let sum = Number.NaN;
    for (const row of rows) {
      const rate = series.rateAt(row, NIC.rxFrames, axis, index);
      if (!Number.isNaN(rate)) sum = (Number.isNaN(sum) ? 0 : sum) + rate;
    }
    return sum;
  });
  return { timesMs: axis.endsMs, framesPerSecond };
}

if (import.meta.hot) import.meta.hot.accept(acceptHMRUpdate(useTracesStore, import.meta.hot));
