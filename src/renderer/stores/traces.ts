/**
 * What the page saw of each migration: bytes sent and remaining from the lab's snapshots, and the VM's frames
 * on both hosts from their telemetry. Kept apart from the telemetry ring, which forgets after some minutes.
 */
import { acceptHMRUpdate, defineStore } from 'pinia';
import { shallowRef } from 'vue';
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
}

const EMPTY_TRACE: MigrationTrace = { progress: [], source: null, target: null };

export const useTracesStore = defineStore('traces', () => {
  const traces = shallowRef<ReadonlyMap<string, MigrationTrace>>(new Map());
  const pending = new Set<string>();
  /** NIC ids of a VM when its migration was first seen: the VM may be gone later. */
  const nicIds = new Map<string, readonly string[]>();

  function follow(migrations: readonly MigrationSnapshot[]): void {
    for (const migration of migrations) {
      const trace = traces.value.get(migration.migrationId) ?? EMPTY_TRACE;
      if (migration.outcome === 'running') {
        if (migration.totalBytes > 0) addProgress(migration, trace);
      } else if (!trace.source && !pending.has(migration.migrationId)) captureLater(migration);
    }
  }

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

  return { traces, follow, linesOf };
});

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
