/** Invents what host processes would report: snapshots and telemetry. */
import { DROP_REASONS } from '../../../src/contract/drop-reasons';
import { type HostSnapshot } from '../../../src/contract/host';
import { LATENCY_BUCKETS, type QueueLatencyReading } from '../../../src/contract/latency';
import type { VmConfig } from '../../../src/contract/model';
import { DEFAULT_ADAPTER_PROFILE } from '../../../src/contract/vmq';
import { latencyBucketOf } from '../../../src/shared/latency-histogram';
import { ROLE } from '../../../src/renderer/telemetry/columns';
import { aSample } from './a-sample';
import type { FakeLab } from './fake-lab';
import { fakeCapabilities } from './fake-ndis';

const PROCESSORS = 4;
const MIB = 1024 * 1024;

interface Counters {
  frames: number;
  bytes: number;
  dropped: number;
  interrupts: number;
  workNs: number;
  pollNs: number;
}

export class FakeEngine {
  readonly #lab: FakeLab;
  readonly #counters = new Map<string, Counters>();
  readonly #startMs = Date.now();
  #lastMs = Date.now();
  #busyMs = new Array<number>(PROCESSORS).fill(1000);
  #idleMs = new Array<number>(PROCESSORS).fill(1000);

  constructor(lab: FakeLab) {
    this.#lab = lab;
    setInterval(() => this.#step(), 50).unref();
  }

  /** VMs of a host that have a queue, with its id: in order, while VMQ is on. */
  #queued(hostId: string): { vm: VmConfig; queueId: number }[] {
    const host = this.#lab.config.hosts.find((candidate) => candidate.id === hostId);
    if (!host?.adapters[0]?.vmqEnabled) return [];
    return this.#vms(hostId)
      .filter(
        (vm) => vm.nics[0]?.queue.mode !== 'none' && this.#lab.states.get(vm.id) === 'running',
      )
      .map((vm, index) => ({ vm, queueId: index + 1 }));
  }

  #vms(hostId: string): VmConfig[] {
    return this.#lab.config.vms.filter((vm) => vm.hostId === hostId);
  }

  #of(key: string): Counters {
    const known = this.#counters.get(key) ?? {
      frames: 0,
      bytes: 0,
      dropped: 0,
      interrupts: 0,
      workNs: 0,
      pollNs: 0,
    };
    this.#counters.set(key, known);
    return known;
  }

  #step(): void {
    const now = Date.now();
    const seconds = (now - this.#lastMs) / 1000;
    this.#lastMs = now;
    const phase = (now - this.#startMs) / 1000;
    for (const host of this.#lab.config.hosts) {
      for (const [index, vm] of this.#vms(host.id).entries()) {
        if (this.#lab.states.get(vm.id) !== 'running' || this.#isStopped(vm.id)) continue;
        const rate =
          (index === 0 ? 90_000 : 30_000 / (index + 1)) *
          (1 + 0.35 * Math.sin(phase / (4 + index * 3)) + 0.06 * Math.random());
        const queueId = this.#queued(host.id).find((queue) => queue.vm.id === vm.id)?.queueId ?? 0;
        for (const key of [`${host.id}/q/${String(queueId)}`, `${host.id}/n/${vm.id}`]) {
          const counters = this.#of(key);
          counters.frames += Math.round(rate * seconds);
          counters.bytes += Math.round(rate * seconds * 420);
          counters.interrupts += Math.round((rate / 24) * seconds);
          if (queueId === 0 && Math.sin(phase / 9) > 0.97)
            counters.dropped += Math.round(rate * 0.02 * seconds);
          counters.workNs += rate * seconds * 2600;
          counters.pollNs += seconds * 4e7;
        }
      }
    }
    for (let cpu = 0; cpu < PROCESSORS; cpu += 1) {
      const busy = 0.42 + 0.2 * Math.sin(phase / 5 + cpu) + 0.08 * Math.random();
      this.#busyMs[cpu] = (this.#busyMs[cpu] ?? 0) + busy * seconds * 1000;
      this.#idleMs[cpu] = (this.#idleMs[cpu] ?? 0) + (1 - busy) * seconds * 1000;
    }
  }

  #isStopped(vmId: string): boolean {
    const phase = this.#lab.activeOf(vmId)?.phase ?? '';
    return ['stopping-vm', 'final-copy', 'committing', 'resuming'].includes(phase);
  }

  snapshot(hostId: string): HostSnapshot {
    const host = this.#lab.config.hosts.find((candidate) => candidate.id === hostId);
    const adapter = host?.adapters[0];
    const queued = this.#queued(hostId);
    return {
      hostId,
      name: host?.name ?? hostId,
      revision: 1,
      processors: PROCESSORS,
      affinity: { available: true, reason: '' },
      memory: {
        totalBytes: (host?.memoryMiB ?? 0) * MIB,
        usedBytes: (180 + this.#vms(hostId).length * 64) * MIB,
      },
      adapters: adapter
        ? [
            {
              id: adapter.id,
              index: 0,
              name: adapter.name,
              vmqEnabled: adapter.vmqEnabled,
              bufferMode: adapter.bufferMode,
              moderationMicroseconds: adapter.moderationMicroseconds,
              queueCount: adapter.queueCount,
              queuesUsed: queued.length,
              uplink: 'connected',
              state: 'running',
              profile: DEFAULT_ADAPTER_PROFILE,
              capabilities: fakeCapabilities(adapter.vmqEnabled),
              pendingRequest: null,
            },
          ]
        : [],
      queues: [
        this.#queue(0, undefined),
        ...queued.map(({ vm, queueId }) => this.#queue(queueId, vm)),
      ],
      nics: this.#vms(hostId)
        .filter((vm) => this.#lab.states.get(vm.id) === 'running')
        .map((vm) => {
          const queueId = queued.find((queue) => queue.vm.id === vm.id)?.queueId ?? 0;
          const why = adapter?.vmqEnabled
            ? `${vm.name} has no queue: it asks for none.`
            : `${vm.name} has no queue: VMQ is off at nic-a.`;
          return {
            index: this.#nicIndex(vm.id),
            nicId: vm.nics[0]?.id ?? '',
            vmId: vm.id,
            adapterId: 'nic-a',
            queueId,
            queueReason: queueId > 0 ? '' : why,
            queueWeight: queueId > 0 ? 100 : 0,
            noQueue:
              queueId > 0
                ? null
                : {
                    rule: adapter?.vmqEnabled ? 'asked-for-none' : 'vmq-off',
                    text: why,
                    remedy: 'Set its queue to automatic to give it one.',
                  },
          };
        }),
      vms: this.#vms(hostId).map((vm) => ({
        vmId: vm.id,
        name: vm.name,
        state: this.#lab.states.get(vm.id) ?? 'stopped',
        reason: '',
        guest: {
          arpReplies: 12,
          echoReplies: 340,
          udpEchoes: 100,
          sunkFrames: 120_331,
          sentFrames: 0,
          pagesWritten: 0,
          digests: [],
        },
      })),
      links: this.#lab.config.links.map((link) => ({
        linkId: link.id,
        name: link.name,
        state: 'running',
        text: 'Sends as recorded.',
        frames: 1_204_331,
        bytes: 400_123_000,
        loops: 3,
      })),
      threads: [
        { thread: 0, role: 'adapter', name: 'adapter nic-a', processor: 0 },
        ...queued.map(({ queueId }) => ({
          thread: queueId + 1,
          role: 'queue',
          name: `queue ${String(queueId)} of nic-a`,
          processor: queueId % PROCESSORS,
        })),
      ],
      transitions: this.#lab.moves.transitionsOf(hostId),
    };
  }

  #queue(queueId: number, vm: VmConfig | undefined): HostSnapshot['queues'][number] {
    const nic = vm?.nics[0];
    return {
      adapterId: 'nic-a',
      adapterIndex: 0,
      queueId,
      state: 'Running',
      processor: queueId % PROCESSORS,
      thread: queueId + 1,
      vmId: vm?.id ?? null,
      vmName: vm?.name ?? null,
      nicId: nic?.id ?? null,
      vlan: nic?.vlan ?? null,
      bufferMode: queueId === 0 ? 'host-buffers' : 'shared-memory',
      bufferModeReason:
        queueId === 0
          ? 'The default queue serves many VMs, so its buffers belong to the host.'
          : '',
      filters: nic
        ? [
            {
              filterId: queueId,
              mac: nic.macs[0] ?? '',
              vlan: nic.vlan.mode === 'access' ? nic.vlan.id : null,
            },
          ]
        : [],
      affinity: `0:0x${(1 << (queueId % PROCESSORS)).toString(16)}`,
      msixTableEntry: queueId,
      interruptCoalescingDomainId: 0,
    };
  }

  #nicIndex(vmId: string): number {
    return this.#lab.config.vms.findIndex((vm) => vm.id === vmId);
  }

  /** Most frames at 40 µs, one in fifty at 130 µs, one in five hundred at 2 ms. */
  queueLatency(hostId: string, queueId: number): QueueLatencyReading {
    const { frames, interrupts } = this.#of(`${hostId}/q/${String(queueId)}`);
    const buckets = new Array<number>(LATENCY_BUCKETS).fill(0);
    buckets[latencyBucketOf(2e6)] = Math.floor(frames / 500);
    buckets[latencyBucketOf(130e3)] = Math.floor(frames / 50);
    buckets[latencyBucketOf(40e3)] = frames;
    return {
      atMs: performance.now(),
      buckets,
      longestMicroseconds: interrupts > 0 ? 2100 : 0,
      frames,
      indications: interrupts,
      interrupts,
    };
  }

  telemetry(hostId: string): Float64Array {
    const ids = [0, ...this.#queued(hostId).map(({ queueId }) => queueId)];
    const all = ids.map((queueId) => ({ queueId, ...this.#of(`${hostId}/q/${String(queueId)}`) }));
    const total = all.reduce((sum, { frames }) => sum + frames, 0);
    const dropped = all.reduce((sum, counters) => sum + counters.dropped, 0);
    const filtered = Math.round((Date.now() - this.#startMs) / 300);
    const lost: Readonly<Record<string, number>> = {
      'no-receive-buffer': Math.ceil(dropped * 0.8),
      'port-full': Math.floor(dropped * 0.2),
      'same-port': filtered,
    };
    const vms = this.#vms(hostId).filter((vm) => this.#lab.states.get(vm.id) === 'running');
    return aSample({
      timeMs: Date.now(),
      header: {
        enteredFrames: total + filtered + 12,
        deliveredFrames: total - dropped,
        droppedFrames: dropped,
        filteredFrames: filtered,
        heldFrames: 12,
      },
      threads: [
        { thread: 0, role: ROLE.adapter, queueId: -1, workNs: total * 800, systemCpuNs: -1 },
        ...all.map(({ queueId, workNs, pollNs }) => ({
          thread: queueId + 1,
          role: ROLE.queue,
          queueId,
          processor: queueId % PROCESSORS,
          workNs,
          pollNs,
          systemCpuNs: -1,
        })),
      ],
      queues: all.map(({ interrupts, ...counters }) => ({
        ...counters,
        interrupts,
        indications: interrupts,
        pending: 3,
        postedBuffers: 509,
      })),
      nics: vms.map((vm) => {
        const { frames, bytes, dropped: lost } = this.#of(`${hostId}/n/${vm.id}`);
        const sent = { txFrames: Math.round(frames / 8), txBytes: Math.round(bytes / 9) };
        return {
          nic: this.#nicIndex(vm.id),
          rxFrames: frames,
          rxBytes: bytes,
          ...sent,
          dropped: lost,
        };
      }),
      drops: DROP_REASONS.map(({ code }, reason) => ({ reason, frames: lost[code] ?? 0 })),
      processors: this.#busyMs.map((busyMs, processor) => ({
        processor,
        busyMs,
        idleMs: this.#idleMs[processor] ?? 0,
      })),
    });
  }
}
