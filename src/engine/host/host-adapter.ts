/** One adapter of a host, put together: hardware, miniport, NDIS layer, switch, and its wires. */
import type { AdapterConfig, NicConfig } from '../../contract/model';
import type { AdapterParts } from '../adapter/software-adapter';
import { SoftwareAdapter } from '../adapter/software-adapter';
import { SoftwareMiniport, type RetiredQueue } from '../adapter/software-miniport';
import { NdisAdapter } from '../ndis/ndis-adapter';
import { vmqCapabilities } from '../ndis/capabilities';
import type { NdisVersion } from '../ndis/capabilities';
import { createWireRing } from '../thread/rings';
import { VirtualSwitch } from '../switch/virtual-switch';

/** Each wire ring holds about 8,000 frames of 64 bytes, or 650 of 1,500. */
export const WIRE_BYTES = 1 << 20;
const NDIS_VERSION: NdisVersion = '6.30';
const MAX_QUEUE_ID = 64;

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
  /** Counters of queues that were freed, newest last. */
  readonly retired: FormerQueue[] = [];
  uplink: 'connected' | 'connecting' | 'none';
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
    const capabilities = vmqCapabilities({
      ndisVersion: NDIS_VERSION,
      numQueues: config.queueCount,
      maxMacHeaderFilters: config.queueCount * 4,
    });
    this.miniport = new SoftwareMiniport(this.hardware, source, {
      hardware: capabilities,
      current: capabilities,
    });
    this.miniport.onRetired = (queue) => {
      const port = this.switch.portOfQueue(queue.queueId);
      this.retired.push({ ...queue, vmName: port?.vmName ?? null, nic: port?.config });
    };
    this.ndis = new NdisAdapter({
      name: config.name,
      miniport: this.miniport,
      now: () => performance.now(),
      processors,
      maxQueueId: MAX_QUEUE_ID,
    });
    this.switch = new VirtualSwitch(this.hardware, this.ndis, forQueues, {
      vmqEnabled: config.vmqEnabled,
      bufferMode: config.bufferMode,
      queueCount: config.queueCount,
    });
  }

  /** Changes what can be changed while frames flow. */
  async configure(config: AdapterConfig): Promise<void> {
    this.hardware.setModeration(config.moderationMicroseconds);
    await this.switch.configure({
      vmqEnabled: config.vmqEnabled,
      bufferMode: config.bufferMode,
      queueCount: config.queueCount,
    });
    this.config = config;
  }

  /** A wire from a link to this adapter. */
  createInWire(): number {
    return createWireRing(this.hardware.parts.memory, WIRE_BYTES, this.hardware.thread.thread);
  }

  /** A wire from this adapter to a link. */
  createOutWire(): number {
    return createWireRing(this.hardware.parts.memory, WIRE_BYTES, 0);
  }
}
