/** Snapshots and reports of engine processes that move no frames. */
import type {
  AdapterSnapshot,
  FabricSnapshot,
  HostSnapshot,
  LinkSnapshot,
  VmSnapshot,
  VmState,
} from '../../../src/contract/host';
import type { AdapterConfig, HostConfig, LinkConfig, VmConfig } from '../../../src/contract/model';
import type { Conservation, FabricReport, HostReport } from '../../../src/contract/report';
import { adapterProfileOf, offeredQueues } from '../../../src/contract/vmq';
import { MIB } from '../../../src/shared/units';

/** What a host takes for itself. */
export const OWN_BYTES = 16 * MIB;

export interface FakeVm {
  config: VmConfig;
  state: VmState;
}

export interface FakeLink {
  config: LinkConfig;
  state: 'running' | 'stopped' | 'finished';
}

export interface FakeHostParts {
  readonly config: HostConfig | undefined;
  readonly name: string;
  readonly revision: number;
  readonly vms: readonly FakeVm[];
  readonly incoming: readonly VmConfig[];
  readonly links: readonly FakeLink[];
  /** Taken by `fillMemory`. */
  readonly filledBytes: number;
}

/** Bytes that are free; a host that is not open has none. */
export function freeBytes({ config, vms, incoming, filledBytes }: FakeHostParts): number {
  if (config === undefined) return 0;
  const present = [...vms.map((vm) => vm.config), ...incoming];
  const used = present.reduce((sum, vm) => sum + vm.memoryMiB * MIB, OWN_BYTES);
  return config.memoryMiB * MIB - used - filledBytes;
}

export function fakeHostSnapshot(parts: FakeHostParts): HostSnapshot {
  const { config, name, revision, vms, incoming, links } = parts;
  const totalBytes = (config?.memoryMiB ?? 0) * MIB;
  const present = [...vms, ...incoming.map((vm): FakeVm => ({ config: vm, state: 'incoming' }))];
  return {
    hostId: config?.id ?? 'unknown',
    name,
    revision,
    processors: 2,
    affinity: { available: true, reason: '' },
    memory: { totalBytes, usedBytes: totalBytes - freeBytes(parts) },
    adapters: (config?.adapters ?? []).map(fakeAdapter),
    queues: [],
    nics: [],
    vms: present.map(fakeVm),
    links: fakeLinks(links),
    threads: [],
    transitions: [],
  };
}

export function fakeAdapter(adapter: AdapterConfig, index = 0): AdapterSnapshot {
  const { id, name, vmqEnabled, bufferMode, moderationMicroseconds, uplink } = adapter;
  const profile = adapterProfileOf(adapter);
  return {
    id,
    index,
    name,
    vmqEnabled,
    bufferMode,
    moderationMicroseconds,
    queueCount: offeredQueues(adapter),
    queuesUsed: 0,
    uplink: uplink === 'fabric' ? 'connected' : 'none',
    state: 'running',
    profile,
    capabilities: { ndisRevision: profile.ndisRevision, hardware: [], current: null },
    pendingRequest: null,
  };
}

export function fakeFabricSnapshot(revision: number, links: readonly FakeLink[]): FabricSnapshot {
  return { revision, ports: [], learnedMacs: 0, links: fakeLinks(links) };
}

export function fakeHostReport(
  hostId: string,
  name: string,
  conservation: Conservation,
): HostReport {
  return { hostId, name, queues: [], vms: [], switches: [], links: [], conservation };
}

export function fakeFabricReport(): FabricReport {
  return {
    ports: [],
    links: [],
    entered: 10,
    copiesMade: 0,
    delivered: 10,
    dropped: 0,
    held: 0,
    learnedMacs: 4,
    holds: true,
  };
}

function fakeVm({ config, state }: FakeVm): VmSnapshot {
  return {
    vmId: config.id,
    name: config.name,
    state,
    reason: '',
    guest: {
      arpReplies: 0,
      echoReplies: 0,
      udpEchoes: 0,
      sunkFrames: 0,
      sentFrames: 0,
      pagesWritten: 0,
      digests: [],
    },
  };
}

function fakeLinks(links: readonly FakeLink[]): LinkSnapshot[] {
  return links.map(({ config, state }) => ({
    linkId: config.id,
    name: config.name,
    state,
    text: '',
    frames: 10,
    bytes: 640,
    loops: 1,
  }));
}
