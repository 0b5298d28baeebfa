/** One adapter of a host, put together: hardware, miniport, NDIS layer, switch, and its wires. */
import type { AdapterConfig, NicConfig } from '../../contract/model';
import { adapterProfileOf, offeredQueues, type AdapterEvent } from '../../contract/vmq';
import { RefusalError } from '../../shared/refusal-error';
import { InterruptVectors } from '../adapter/interrupt-vectors';
import type { AdapterParts } from '../adapter/software-adapter';
import { SoftwareAdapter } from '../adapter/software-adapter';
import { SoftwareMiniport, type RetiredQueue } from '../adapter/software-miniport';
import { NdisAdapter } from '../ndis/ndis-adapter';
import { advertisedBy, keepUnchanged } from '../ndis/adapter-profile';
import { legalAdapterStates, nextAdapterState } from '../ndis/adapter-state';
import { BoundedLog } from '../ndis/bounded-log';
import { createWireRing } from '../thread/rings';
import { MAX_QUEUES } from '../kernel/layout';
import type { AdvertisedCapabilities } from '../ndis/capability-rules';
import { VirtualSwitch, isSameProfile, type SwitchSettings } from '../switch/virtual-switch';

/** Wire rings of an uplink hold about 10,000 frames of 64 bytes, or 690 of 1,500: what comes while a thread waits. */
export const UPLINK_BYTES = 1 << 20;

/** Freed queues whose counters are kept for reports. */
const FORMER_QUEUES = 256;

/** What remains of a queue that was freed: its counters, and whose it was. */
export interface FormerQueue extends RetiredQueue {
  readonly vmName: string | null;
  readonly nic: NicConfig | undefined;
}

export class HostAdapter {
  config: AdapterConfig;
  readonly index: number;
  readonly hardware: SoftwareAdapter;
  readonly miniport: SoftwareMiniport;
  readonly ndis: NdisAdapter;
  readonly switch: VirtualSwitch;
  readonly #formerQueues = new BoundedLog<FormerQueue>(FORMER_QUEUES);
  uplink: 'connected' | 'connecting' | 'none';
  /** The last event of its life. */
  #last: Promise<void> = Promise.resolve();
  /** Learned MAC addresses, as of the last ageing. */
  learnedMacs = 0;

  constructor(
    index: number,
    config: AdapterConfig,
    parts: AdapterParts,
    processors: readonly number[],
  ) {
    // Queues go to the adapter's own processor last.
    const first = index % processors.length;
    const forQueues = [...processors.slice(first + 1), ...processors.slice(0, first + 1)];
    this.index = index;
    this.config = config;
    this.uplink = config.uplink === 'fabric' ? 'connecting' : 'none';
    this.hardware = new SoftwareAdapter(index, config.name, parts);
    this.hardware.setModeration(config.moderationMicroseconds);
    const source = VirtualSwitch.portSource(() => this.switch);
    this.miniport = new SoftwareMiniport(this.hardware, source, advertised(config));
    this.miniport.vectors = vectorsOf(config);
    this.miniport.onCoalescingDomain = (queueId, domainId) => {
      if (this.ndis.capabilities.hardware.revision === 2)
        this.ndis.coalescingDomainChanged(queueId, domainId);
    };
    this.miniport.onRetired = (queue) => {
      const port = this.switch.portOfQueue(queue.queueId);
      this.#formerQueues.add({ ...queue, vmName: port?.vmName ?? null, nic: port?.config });
    };
    this.ndis = new NdisAdapter({
      name: config.name,
      miniport: this.miniport,
      now: () => this.now(),
      processors,
      maxQueueId: MAX_QUEUES - 1,
    });
    this.switch = new VirtualSwitch(this.hardware, this.ndis, forQueues, switchSettings(config));
  }

  /** Queues that were freed, oldest first: the latest ones. */
  formerQueues(): readonly FormerQueue[] {
    return this.#formerQueues.entries();
  }

  /** Unix time in milliseconds that never goes back; the clock of the adapter's requests. */
  now(): number {
    return performance.timeOrigin + performance.now();
  }

  /** Changes what can be changed while frames flow; NICs change over without loss. */
  async configure(config: AdapterConfig): Promise<void> {
    this.hardware.setModeration(config.moderationMicroseconds);
    await this.switch.configure(switchSettings(config), () => {
      const now = this.ndis.capabilities;
      const next = keepUnchanged(now, advertised(config));
      if (next.hardware !== now.hardware || next.current !== now.current)
        this.ndis.capabilitiesChanged(next);
      if (!isSameProfile(adapterProfileOf(config), adapterProfileOf(this.config)))
        this.miniport.vectors = vectorsOf(config);
    });
    this.config = config;
  }

  /**
   * Something happens to the adapter (reference §6.5), one thing at a time.
   * @throws RefusalError `wrong-state` where it cannot happen; nothing has changed then.
   */
  liveThrough(event: AdapterEvent): Promise<void> {
    const result = this.#last.then(() => this.#liveThrough(event));
    this.#last = result.catch(() => undefined);
    return result;
  }

  async #liveThrough(event: AdapterEvent): Promise<void> {
    const { name } = this.config;
    const { state } = this.ndis;
    if (nextAdapterState(state, event) === 'illegal')
      throw new RefusalError({
        code: 'wrong-state',
        what: `${name} cannot go through ${event}.`,
        why: `Expected an adapter that is ${legalAdapterStates(event).join(' or ')}, found one that is ${state}.`,
        remedy: '',
        field: 'event',
      });
    if (event === 'halt' && state !== 'removed') await this.switch.unbind();
    await this.ndis.liveThrough(event);
    if (event === 'surprise-removal') await this.switch.adapterGone();
    if (event === 'initialise') await this.switch.bind();
  }

  /** A wire from a link to this adapter. @param bytes a power of two */
  createInWire(bytes: number): number {
    return createWireRing(this.hardware.parts.memory, bytes, this.hardware.thread.thread);
  }

  /** A wire from this adapter to a link. */
  createOutWire(): number {
    return createWireRing(this.hardware.parts.memory, UPLINK_BYTES, 0);
  }
}

function advertised(config: AdapterConfig): AdvertisedCapabilities {
  const { vmqEnabled, queueCount } = config;
  return advertisedBy(adapterProfileOf(config), { vmq: vmqEnabled, queueCount });
}

function switchSettings(config: AdapterConfig): SwitchSettings {
  return {
    vmqEnabled: config.vmqEnabled,
    bufferMode: config.bufferMode,
    queueCount: offeredQueues(config),
    profile: adapterProfileOf(config),
    vmqBelow10Gbps: config.vmqBelow10Gbps ?? false,
  };
}

function vectorsOf(config: AdapterConfig): InterruptVectors {
  const { msixVectors, vectorCoalescing } = adapterProfileOf(config);
  return new InterruptVectors(msixVectors, vectorCoalescing);
}
