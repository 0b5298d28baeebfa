/**
 * The virtual switch above one adapter: the overlying driver that issues the VMQ requests. It knows
 * the ports, keeps the assigned MAC addresses, and decides which NIC gets a queue. Control thread;
 * one operation at a time. The per-frame part is `kernel/switch.ts`.
 */
import type { BufferMode } from '../../contract/model';
import type { NoQueueReason } from '../../contract/vmq';
import { gracePeriod } from '../adapter/handover';
import type { SoftwareAdapter } from '../adapter/software-adapter';
import type { PortBinding, PortSource, SoftwareMiniport } from '../adapter/software-miniport';
import type { EngineThread } from '../thread/engine-thread';
import { N_OWNER, N_PHASE, NIC_DOWN, NIC_MOVING, PORT_STATIC } from '../kernel/layout';
import type { NdisAdapter } from '../ndis/ndis-adapter';
import { kernelMac } from '../thread/kernel-mac';
import { RefusalError } from '../../shared/refusal-error';
import { bufferPlace } from './buffer-place';
import type { NicPort } from './nic-port';
import { QueueAllocation, type PortQueue, type SwitchSettings } from './queue-allocation';
import { explainNoQueue, type QueueObstacle } from './queue-reason';

export type { PortQueue, SwitchSettings } from './queue-allocation';

interface PortState {
  readonly port: NicPort;
}

export class VirtualSwitch {
  readonly #adapter: SoftwareAdapter;
  readonly #ndis: NdisAdapter;
  readonly #queues: QueueAllocation;
  readonly #ports = new Map<number, PortState>();
  #last: Promise<unknown> = Promise.resolve();

  constructor(
    adapter: SoftwareAdapter,
    ndis: NdisAdapter,
    processors: readonly number[],
    settings: SwitchSettings,
  ) {
    this.#adapter = adapter;
    this.#ndis = ndis;
    this.#queues = new QueueAllocation(ndis.bind(bindingName(adapter)), processors, settings);
  }

  /** The miniport's view of the ports. */
  static portSource(switchOf: () => VirtualSwitch): PortSource {
    return {
      port: (portId) => switchOf().#portBinding(portId),
      bufferMode: (portId, filters) => {
        const owner = switchOf();
        return bufferPlace(owner.settings, owner.portById(portId), filters).mode;
      },
    };
  }

  get settings(): SwitchSettings {
    return this.#queues.settings;
  }

  queueOf(nicIndex: number): PortQueue | undefined {
    return this.#queues.queueOf(nicIndex);
  }

  portOfQueue(queueId: number): NicPort | undefined {
    return this.#queues.portOfQueue(queueId);
  }

  /** @param portId as in a queue's parameters. */
  portById(portId: number): NicPort | undefined {
    return this.#ports.get(portId - 1)?.port;
  }

  /** The queue that frames for a NIC take; 0: the default queue. */
  servingQueueOf(nicIndex: number): number {
    const queue = this.queueOf(nicIndex);
    return queue && queue.filterIds.length > 0 ? queue.queueId : 0;
  }

  /** Why a NIC has no queue with active filters; null when it has. */
  noQueueReasonOf(nicIndex: number): NoQueueReason | null {
    const obstacle = this.#queues.obstacleOf(nicIndex);
    const port = this.#ports.get(nicIndex)?.port;
    if (!port || !obstacle) return null;
    const name = `${port.vmName} (${port.config.macs[0] ?? ''})`;
    return explainNoQueue(obstacle, name, this.#adapter.name);
  }

  /** Why a queue's buffers are not where the adapter's setting says; empty when they are. */
  bufferModeReason(queueId: number, mode: BufferMode | undefined): string {
    if (queueId === 0)
      return this.settings.bufferMode === 'shared-memory'
        ? 'The default queue always uses host buffers: a frame there may be for any VM.'
        : '';
    if (mode === undefined || mode === this.settings.bufferMode) return '';
    const filters = this.#ndis.filters(queueId);
    const place = bufferPlace(this.settings, this.portOfQueue(queueId), filters);
    return place.mode === mode ? place.reason : 'It changes when its filters are set again.';
  }

  /** Adds a port in a state: its NIC is served by the default queue until it has a queue. */
  async attach(port: NicPort, state: number): Promise<void> {
    await this.prepare(port);
    this.reveal(port.index, state);
  }

  /** Whether it knows a port: since `attach` or `prepare`, until `detach`. */
  has(nicIndex: number): boolean {
    return this.#ports.has(nicIndex);
  }

  /** Makes a port ready to be served, but no frame reaches it yet: it is down, and its addresses are not here. */
  prepare(port: NicPort): Promise<void> {
    return this.#serial(async () => {
      const { defaultThread, parts } = this.#adapter;
      const { i32 } = parts.memory;
      Atomics.store(i32, (port.block + N_OWNER) >>> 2, defaultThread.index);
      Atomics.store(i32, (port.block + N_PHASE) >>> 2, NIC_MOVING);
      port.setState(NIC_DOWN);
      await defaultThread.request({ kind: 'adopt', nic: port.block, after: [] });
      this.#ports.set(port.index, { port });
      this.#queues.add(port);
    });
  }

  /** Lets frames reach a prepared port, at once: its addresses are here now. */
  reveal(nicIndex: number, state: number): void {
    const { port } = this.#require(nicIndex);
    this.#assignMacs(port);
    port.setState(state);
    this.#adapter.setNic(port.index, port.block);
  }

  /**
   * Gives a port the queue that it asks for, if it comes to have one by the policy. Called again, its
   * request is read anew: another weight, or another processor for the queue that it has.
   */
  requestQueue(nicIndex: number): Promise<void> {
    return this.#serial(() => this.#queues.request(nicIndex));
  }

  /** Takes a port's queue away by the documented steps: clear filters, free. */
  releaseQueue(nicIndex: number, reason: QueueObstacle): Promise<void> {
    return this.#serial(() => this.#queues.withdraw(nicIndex, reason));
  }

  /** Clears or sets the filters of a port's queue; the queue stays allocated. */
  setFilters(nicIndex: number, set: boolean): Promise<void> {
    return this.#serial(async () => {
      if (!this.#queues.queueOf(nicIndex)) {
        const reason = this.noQueueReasonOf(nicIndex);
        throw new RefusalError({
          code: 'wrong-state',
          what: `The filters of ${this.#require(nicIndex).port.config.id} cannot be ${set ? 'set' : 'cleared'}.`,
          why: reason?.text ?? 'It has no queue.',
          remedy: reason?.remedy ?? '',
        });
      }
      if (set) await this.#queues.setFilters(nicIndex);
      else await this.#queues.clearFilters(nicIndex);
    });
  }

  /** Removes a port for good. Its VM is stopped, or has moved. */
  detach(nicIndex: number): Promise<void> {
    return this.#serial(async () => {
      const { port } = this.#require(nicIndex);
      await this.#queues.remove(nicIndex);
      this.#forgetMacs(port);
      port.setState(NIC_DOWN);
      await this.#adapter.defaultThread.request({ kind: 'flush-hold', nic: port.block });
      await this.#adapter.defaultThread.request({ kind: 'disown', nic: port.block });
      this.#adapter.setNic(nicIndex, 0);
      await gracePeriod(this.#adapter.parts.threads);
      this.#ports.delete(nicIndex);
      await this.#queues.offerFreed();
    });
  }

  /**
   * VMQ on or off, buffer mode, number of queues, profile: by handover, while frames flow.
   * @param change called when queues that must go are gone, and before others are asked for.
   */
  configure(settings: SwitchSettings, change: () => void = () => undefined): Promise<void> {
    return this.#serial(() => {
      const before = this.settings;
      const all =
        settings.vmqEnabled !== before.vmqEnabled ||
        settings.bufferMode !== before.bufferMode ||
        !isSameProfile(settings.profile, before.profile) ||
        // Without status indications capabilities change only while there is no queue (reference §2.1).
        (settings.profile.ndisRevision === '6.20' && settings.queueCount !== before.queueCount);
      return this.#queues.configure(settings, all, change);
    });
  }

  /** Gives all queues back and closes its binding: the adapter is about to be halted. */
  unbind(): Promise<void> {
    return this.#serial(() => this.#queues.unbind());
  }

  /** The adapter was removed by surprise; its queues are gone. */
  adapterGone(): Promise<void> {
    return this.#serial(() => this.#queues.adapterGone());
  }

  /** Binds to the adapter, which is there again, and asks for queues. */
  bind(): Promise<void> {
    return this.#serial(() => this.#queues.bind(this.#ndis.bind(bindingName(this.#adapter))));
  }

  /** A queue's thread has died: its NIC takes the default queue until a new thread has the queue. */
  replaceThread(miniport: SoftwareMiniport, dead: EngineThread): Promise<number | undefined> {
    return this.#serial(async () => {
      const served = [...this.#ports.keys()].find((nicIndex) => {
        const queue = this.#queues.queueOf(nicIndex);
        return queue !== undefined && miniport.threadOf(queue.queueId) === dead;
      });
      if (served === undefined) return undefined;
      const before = this.#queues.obstacleOf(served);
      this.#queues.note(served, { rule: 'thread-lost' });
      const lost = await miniport.replaceThread(dead);
      this.#queues.note(served, before);
      return lost;
    });
  }

  // ── Ports ─────────────────────────────────────────────────────────────────────────────────────

  #portBinding(portId: number): PortBinding | undefined {
    const port = this.#ports.get(portId - 1)?.port;
    return port && { nicIndex: port.index, nic: port.block };
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
    const { kernel } = this.#adapter.parts;
    const table = this.#adapter.macTable;
    for (const mac of port.config.macs) {
      const key = this.#key(port, mac);
      // Another port's, or the wire's by now.
      if (kernel.macLookup(table, key) >>> 0 !== ((port.index + 1) | PORT_STATIC)) continue;
      kernel.macForget(table, key);
    }
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

/** What the log of requests calls the switch. */
function bindingName({ name }: SoftwareAdapter): string {
  return `switch of ${name}`;
}

/** Whether two profiles say the same. */
export function isSameProfile(
  one: SwitchSettings['profile'],
  other: SwitchSettings['profile'],
): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
