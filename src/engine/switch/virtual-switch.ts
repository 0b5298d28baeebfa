/**
 * The virtual switch above one adapter: the overlying driver that issues the VMQ requests. It knows
 * the ports, keeps the assigned MAC addresses, and decides which NIC gets a queue. Control thread;
 * one operation at a time. The per-frame part is `kernel/switch.ts`.
 */
import type { BufferMode } from '../../contract/model';
import { gracePeriod } from '../adapter/handover';
import type { SoftwareAdapter } from '../adapter/software-adapter';
import type { PortBinding, PortSource, SoftwareMiniport } from '../adapter/software-miniport';
import type { EngineThread } from '../thread/engine-thread';
import { N_OWNER, N_PHASE, NIC_DOWN, NIC_MOVING, NIC_UP, PORT_STATIC } from '../kernel/layout';
import { macFilter } from '../ndis/filter-parameters';
import { affinityOf } from '../ndis/group-affinity';
import type { NdisAdapter } from '../ndis/ndis-adapter';
import type { ProtocolBinding } from '../ndis/protocol-binding';
import { receiveQueueParameters } from '../ndis/queue-parameters';
import type { ReceiveFilter } from '../ndis/receive-filter';
import { kernelMac } from '../thread/kernel-mac';
import { RefusalError } from '../../shared/refusal-error';
import type { NicPort } from './nic-port';
import { ProcessorChoice } from './processor-choice';
import { reasonText, type NoQueueReason } from './queue-reason';

/** A queue that a port has. */
export interface PortQueue {
  readonly queueId: number;
  readonly processor: number;
  filterIds: readonly number[];
}

interface PortState {
  readonly port: NicPort;
  queue: PortQueue | undefined;
  reason: NoQueueReason | undefined;
  /** Order of asking: freed queues go to whoever waited longest. */
  readonly asked: number;
}

export interface SwitchSettings {
  readonly vmqEnabled: boolean;
  readonly bufferMode: BufferMode;
  readonly queueCount: number;
}

export class VirtualSwitch {
  readonly #adapter: SoftwareAdapter;
  readonly #binding: ProtocolBinding;
  readonly #processors: ProcessorChoice;
  readonly #ports = new Map<number, PortState>();
  #settings: SwitchSettings;
  #asked = 0;
  #last: Promise<unknown> = Promise.resolve();

  constructor(
    adapter: SoftwareAdapter,
    ndis: NdisAdapter,
    processors: readonly number[],
    settings: SwitchSettings,
  ) {
    this.#adapter = adapter;
    this.#binding = ndis.bind(`switch of ${adapter.name}`);
    this.#processors = new ProcessorChoice(processors);
    this.#settings = settings;
  }

  /** The miniport's view of the ports. */
  static portSource(switchOf: () => VirtualSwitch): PortSource {
    return {
      port: (portId) => switchOf().#portBinding(portId),
      bufferMode: (portId, filters) => switchOf().#bufferMode(portId, filters),
    };
  }

  get settings(): SwitchSettings {
    return this.#settings;
  }

  queueOf(nicIndex: number): PortQueue | undefined {
    return this.#ports.get(nicIndex)?.queue;
  }

  portOfQueue(queueId: number): NicPort | undefined {
    return [...this.#ports.values()].find((state) => state.queue?.queueId === queueId)?.port;
  }

  /** Why a NIC has no queue with active filters; empty when it has. */
  reasonOf(nicIndex: number): string {
    const state = this.#ports.get(nicIndex);
    if (!state) return '';
    const name = `${state.port.vmName} (${state.port.config.macs[0] ?? ''})`;
    return reasonText(state.reason, name, this.#adapter.name);
  }

  /** Why a queue's buffers are not where the adapter's setting says; empty when they are. */
  bufferModeReason(queueId: number, mode: BufferMode | undefined): string {
    if (queueId === 0)
      return this.#settings.bufferMode === 'shared-memory'
        ? 'The default queue always uses host buffers: a frame there may be for any VM.'
        : '';
    return mode === undefined || mode === this.#settings.bufferMode
      ? ''
      : 'It changes when its filters are set again.';
  }

  /** Adds a port, up: its NIC is served by the default queue until it has a queue. */
  attach(port: NicPort, state: number): Promise<void> {
    return this.#serial(async () => {
      const { defaultThread, parts } = this.#adapter;
      this.#assignMacs(port);
      const { i32 } = parts.memory;
      Atomics.store(i32, (port.block + N_OWNER) >>> 2, defaultThread.index);
      Atomics.store(i32, (port.block + N_PHASE) >>> 2, NIC_MOVING);
      port.setState(state);
      this.#adapter.setNic(port.index, port.block);
      await defaultThread.request({ kind: 'adopt', nic: port.block, after: [] });
      this.#ports.set(port.index, {
        port,
        queue: undefined,
        reason: undefined,
        asked: this.#asked++,
      });
    });
  }

  /** Gives a port the queue that it asks for, if there is one. */
  requestQueue(nicIndex: number): Promise<void> {
    return this.#serial(async () => {
      const state = this.#require(nicIndex);
      if (!state.queue) await this.#allocate(state);
    });
  }

  /** Takes a port's queue away by the documented steps: clear filters, free. */
  releaseQueue(nicIndex: number, reason: NoQueueReason): Promise<void> {
    return this.#serial(async () => {
      const state = this.#require(nicIndex);
      state.reason = reason;
      await this.#free(state);
    });
  }

  /** Clears or sets the filters of a port's queue; the queue stays allocated. */
  setFilters(nicIndex: number, set: boolean): Promise<void> {
    return this.#serial(async () => {
      const state = this.#require(nicIndex);
      const { queue } = state;
      if (!queue) {
        throw new RefusalError({
          code: 'wrong-state',
          what: `The filters of ${state.port.config.id} cannot be ${set ? 'set' : 'cleared'}.`,
          why: this.reasonOf(nicIndex) || 'It has no queue.',
          remedy: '',
        });
      }
      if (set && queue.filterIds.length === 0) {
        await this.#setAll(state.port, queue);
        state.reason = undefined;
      } else if (!set) {
        await this.#clearAll(queue);
        state.reason = { rule: 'filter-cleared' };
      }
    });
  }

  /** Removes a port for good. Its VM is stopped, or has moved. */
  detach(nicIndex: number): Promise<void> {
    return this.#serial(async () => {
      const state = this.#require(nicIndex);
      await this.#free(state);
      this.#forgetMacs(state.port);
      state.port.setState(NIC_DOWN);
      await this.#adapter.defaultThread.request({ kind: 'flush-hold', nic: state.port.block });
      await this.#adapter.defaultThread.request({ kind: 'disown', nic: state.port.block });
      this.#adapter.setNic(nicIndex, 0);
      await gracePeriod(this.#adapter.parts.threads);
      this.#ports.delete(nicIndex);
      await this.#offerFreed();
    });
  }

  /** Removes the assigned MAC addresses of a port whose VM runs on another host now. */
  forgetMacs(nicIndex: number): void {
    this.#forgetMacs(this.#require(nicIndex).port);
  }

  /** VMQ on or off, buffer mode: by handover, while frames flow. */
  configure(settings: SwitchSettings): Promise<void> {
    return this.#serial(async () => {
      const before = this.#settings;
      const moves =
        settings.vmqEnabled !== before.vmqEnabled || settings.bufferMode !== before.bufferMode;
      if (!moves && settings.queueCount === before.queueCount) return;
      for (const state of this.#ports.values()) await this.#free(state);
      this.#settings = settings;
      const waiting = [...this.#ports.values()].sort((one, other) => one.asked - other.asked);
      for (const state of waiting) await this.#allocate(state);
    });
  }

  /** A queue's thread has died: its NIC takes the default queue until a new thread has the queue. */
  replaceThread(miniport: SoftwareMiniport, dead: EngineThread): Promise<number | undefined> {
    return this.#serial(() => miniport.replaceThread(dead));
  }

  // ── Queues ────────────────────────────────────────────────────────────────────────────────────

  async #allocate(state: PortState): Promise<void> {
    const { port } = state;
    const request = port.config.queue;
    if (port.state !== NIC_UP) return;
    state.reason = this.#obstacle(request.mode === 'none');
    if (state.reason) return;
    const processor =
      request.mode === 'processor' ? request.processor : this.#processors.leastUsed();
    try {
      const queueId = await this.#binding.allocateQueue(
        receiveQueueParameters({
          processorAffinity: affinityOf(processor),
          portId: port.portId,
          vmName: port.vmName,
          queueName: `${port.vmName} ${port.config.id}`,
        }),
      );
      this.#processors.use(processor);
      state.queue = { queueId, processor, filterIds: [] };
      await this.#setAll(port, state.queue);
      const [completion] = await this.#binding.queueAllocationComplete([queueId]);
      if (completion?.completionStatus !== 'NDIS_STATUS_SUCCESS')
        throw new Error(`its allocation ended with ${String(completion?.completionStatus)}.`);
    } catch (error) {
      await this.#free(state);
      state.reason = {
        rule: 'refused',
        message: error instanceof Error ? error.message : String(error),
      };
    }
  }

  #obstacle(asksForNone: boolean): NoQueueReason | undefined {
    if (asksForNone) return { rule: 'asked-for-none' };
    if (!this.#settings.vmqEnabled) return { rule: 'vmq-off' };
    const taken = [...this.#ports.values()].filter((state) => state.queue).length;
    if (taken >= this.#settings.queueCount)
      return { rule: 'all-taken', queueCount: this.#settings.queueCount };
    return undefined;
  }

  async #free(state: PortState): Promise<void> {
    const { queue } = state;
    if (!queue) return;
    await this.#clearAll(queue);
    await this.#binding.freeQueue(queue.queueId);
    this.#processors.release(queue.processor);
    state.queue = undefined;
  }

  /** A freed queue goes to the port that has waited longest. */
  async #offerFreed(): Promise<void> {
    const waiting = [...this.#ports.values()]
      .filter((state) => state.reason?.rule === 'all-taken')
      .sort((one, other) => one.asked - other.asked);
    for (const state of waiting) await this.#allocate(state);
  }

  /** Each filter is remembered as soon as it exists, so that whatever fails can be undone. */
  async #setAll(port: NicPort, queue: PortQueue): Promise<void> {
    const vlan = port.vlanId === 0 ? null : port.vlanId;
    for (const mac of port.config.macs) {
      const filterId = await this.#binding.setFilter(macFilter(queue.queueId, mac, vlan));
      queue.filterIds = [...queue.filterIds, filterId];
    }
  }

  async #clearAll(queue: PortQueue): Promise<void> {
    for (const filterId of queue.filterIds)
      await this.#binding.clearFilter(queue.queueId, filterId);
    queue.filterIds = [];
  }

  // ── Ports ─────────────────────────────────────────────────────────────────────────────────────

  /** Shared memory only where every drop decision falls before DMA: each filter tests MAC and VLAN. */
  #bufferMode(_portId: number, filters: readonly ReceiveFilter[]): BufferMode {
    const exact = filters.length > 0 && filters.every((filter) => filter.vlan !== 'any');
    return this.#settings.bufferMode === 'shared-memory' && exact
      ? 'shared-memory'
      : 'host-buffers';
  }

  #portBinding(portId: number): PortBinding | undefined {
    const state = this.#ports.get(portId - 1);
    return state && { nicIndex: state.port.index, nic: state.port.block };
  }

  #assignMacs(port: NicPort): void {
    const { kernel } = this.#adapter.parts;
    for (const mac of port.config.macs) {
      if (
        kernel.macLearn(
          this.#adapter.macTable,
          this.#key(port, mac),
          (port.index + 1) | PORT_STATIC,
          0,
        ) !== 0
      )
        continue;
      this.#forgetMacs(port);
      throw new RefusalError({
        code: 'invalid-value',
        what: `The address ${mac} cannot be assigned.`,
        why: 'The switch’s MAC table has no place left for it.',
        remedy: 'Use another address.',
      });
    }
  }

  #forgetMacs(port: NicPort): void {
    for (const mac of port.config.macs)
      this.#adapter.parts.kernel.macForget(this.#adapter.macTable, this.#key(port, mac));
  }

  #key(port: NicPort, mac: string): bigint {
    const { low, high } = kernelMac(mac);
    return BigInt.asUintN(64, this.#adapter.parts.kernel.macKey(low, high, port.vlanId));
  }

  #require(nicIndex: number): PortState {
    const state = this.#ports.get(nicIndex);
    if (!state)
      throw new Error(`the switch of ${this.#adapter.name} has no port for NIC ${nicIndex}`);
    return state;
  }

  #serial<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = this.#last.then(work, work);
    this.#last = result.catch(() => undefined);
    return result;
  }
}
