/**
 * Queues for the NICs of one switch: asks the adapter for them, takes them back, and keeps the reason
 * of each NIC that has none. Who gets one is decided by `queue-policy.ts`. Control thread; the switch
 * calls one method at a time.
 */
import type { AdapterProfile } from '../../contract/vmq';
import { VMQ_LINK_SPEED_GBPS, queueWeight } from '../../contract/vmq';
import type { BufferMode } from '../../contract/model';
import { NIC_DOWN, NIC_UP } from '../kernel/layout';
import { macFilter, macOnlyFilter, type ReceiveFilterParameters } from '../ndis/filter-parameters';
import { affinityOf } from '../ndis/group-affinity';
import type { ProtocolBinding } from '../ndis/protocol-binding';
import {
  QUEUE_CHANGE_FLAGS,
  QUEUE_PARAMETER_FLAGS,
  receiveQueueParameters,
} from '../ndis/queue-parameters';
import type { NicPort } from './nic-port';
import { ProcessorChoice } from './processor-choice';
import { chooseHolders } from './queue-policy';
import type { QueueObstacle } from './queue-reason';

/** A queue that a NIC has. */
export interface PortQueue {
  readonly queueId: number;
  readonly processor: number;
  readonly filterIds: readonly number[];
}

/** What the administrator set on the adapter, as far as its switch is concerned. */
export interface SwitchSettings {
  readonly vmqEnabled: boolean;
  readonly bufferMode: BufferMode;
  /** VM queues that may be used. */
  readonly queueCount: number;
  readonly profile: AdapterProfile;
  /** Whether VMQ is used on a link slower than 10 Gbit/s. */
  readonly vmqBelow10Gbps: boolean;
}

/** What the switch knows about a NIC's wish for a queue. */
interface Claim {
  readonly port: NicPort;
  /** Order of coming. */
  readonly asked: number;
  queue: PortQueue | undefined;
  /** Why it takes no part at present, whatever is free. */
  withdrawn: QueueObstacle | undefined;
  /** Its queue was taken for a while (a migration); its place is kept. */
  isKept: boolean;
  /** Why it has no queue. */
  obstacle: QueueObstacle | undefined;
}

export class QueueAllocation {
  /** Undefined while the adapter is halted or gone. */
  #binding: ProtocolBinding | undefined;
  /** What the adapter is then. */
  #adapterState = '';
  readonly #processors: ProcessorChoice;
  readonly #claims = new Map<number, Claim>();
  #settings: SwitchSettings;
  #asked = 0;

  constructor(binding: ProtocolBinding, processors: readonly number[], settings: SwitchSettings) {
    this.#binding = binding;
    this.#processors = new ProcessorChoice(processors);
    this.#settings = settings;
  }

  get settings(): SwitchSettings {
    return this.#settings;
  }

  queueOf(nicIndex: number): PortQueue | undefined {
    return this.#claims.get(nicIndex)?.queue;
  }

  portOfQueue(queueId: number): NicPort | undefined {
    return [...this.#claims.values()].find((claim) => claim.queue?.queueId === queueId)?.port;
  }

  /** Why no frame of a NIC takes a queue of its own; undefined when they do. */
  obstacleOf(nicIndex: number): QueueObstacle | undefined {
    return this.#claims.get(nicIndex)?.obstacle;
  }

  /** A new NIC; it takes no part before {@link request}. */
  add(port: NicPort): void {
    this.#claims.set(port.index, {
      port,
      asked: this.#asked++,
      queue: undefined,
      withdrawn: { rule: 'port-down' },
      isKept: false,
      obstacle: { rule: 'port-down' },
    });
  }

  /** The NIC goes for good: its queue is free for others. */
  async remove(nicIndex: number): Promise<void> {
    await this.#free(this.#require(nicIndex));
    this.#claims.delete(nicIndex);
  }

  /** Something was given back: those that wait, or were refused for want of it, may have it. */
  async offerFreed(): Promise<void> {
    for (const claim of this.#claims.values())
      if (claim.withdrawn?.rule === 'refused') claim.withdrawn = undefined;
    await this.#settle();
  }

  /** The NIC asks, or asks for something else: weight and processor are read anew. */
  async request(nicIndex: number): Promise<void> {
    const claim = this.#require(nicIndex);
    claim.withdrawn = undefined;
    const { queue: wish } = claim.port.config;
    const { queue } = claim;
    if (queue && wish.mode === 'processor' && wish.processor !== queue.processor)
      await this.#move(claim, queue, wish.processor);
    await this.#settle();
  }

  /** Takes a NIC's queue away by the documented steps: clear filters, free. Its place is kept while its VM moves. */
  async withdraw(nicIndex: number, obstacle: QueueObstacle): Promise<void> {
    const claim = this.#require(nicIndex);
    claim.isKept = obstacle.rule === 'migrating' && claim.queue !== undefined;
    claim.withdrawn = obstacle;
    await this.#free(claim);
    await this.#settle();
  }

  /** Sets the filters of a NIC's queue; its queue must be there. */
  async setFilters(nicIndex: number): Promise<void> {
    const claim = this.#require(nicIndex);
    const { queue } = claim;
    if (queue?.filterIds.length !== 0) return;
    await this.#setAll(claim, queue.queueId);
    claim.obstacle = undefined;
  }

  /** Clears them; the queue stays allocated. */
  async clearFilters(nicIndex: number): Promise<void> {
    const claim = this.#require(nicIndex);
    if (!claim.queue) return;
    await this.#clearAll(claim, claim.queue);
    claim.obstacle = { rule: 'filter-cleared' };
  }

  /** Until the next change of its queue, this is why the NIC is on the default queue. */
  note(nicIndex: number, obstacle: QueueObstacle | undefined): void {
    const claim = this.#claims.get(nicIndex);
    if (claim) claim.obstacle = obstacle;
  }

  /**
   * New settings, while frames flow.
   * @param all every queue is given back first: what is set anew concerns each of them.
   * @param change called when queues that must go are gone, and before others are asked for.
   */
  async configure(settings: SwitchSettings, all: boolean, change: () => void): Promise<void> {
    if (all) for (const claim of this.#claims.values()) await this.#free(claim);
    this.#settings = settings;
    await this.#settle(change);
  }

  // ── Life of the adapter ───────────────────────────────────────────────────────────────────────

  /** Gives everything back and closes the binding, before the adapter is halted. */
  async unbind(): Promise<void> {
    for (const claim of this.#claims.values()) await this.#free(claim);
    await this.#binding?.close();
    await this.#leave('halted');
  }

  /** The adapter is gone, and with it every queue. */
  async adapterGone(): Promise<void> {
    for (const claim of this.#claims.values()) {
      if (claim.queue) this.#processors.release(claim.queue.processor);
      claim.queue = undefined;
    }
    await this.#leave('removed');
  }

  /** The adapter is there again: queues as anew. */
  async bind(binding: ProtocolBinding): Promise<void> {
    this.#binding = binding;
    await this.#settle();
  }

  async #leave(state: string): Promise<void> {
    this.#binding = undefined;
    this.#adapterState = state;
    await this.#settle();
  }

  // ── The choice ────────────────────────────────────────────────────────────────────────────────

  /** Gives queues to whom they belong by the policy. One that is refused makes room for the next. */
  async #settle(change: () => void = () => undefined): Promise<void> {
    let holders = this.#holders();
    for (const claim of this.#claims.values()) {
      if (!claim.queue || holders.has(claim.port.index)) continue;
      await this.#free(claim);
      claim.obstacle = this.#scarce('taken-by-heavier', claim, holders);
    }
    change();
    while (!(await this.#allocateAll(holders))) holders = this.#holders();
    for (const claim of this.#claims.values())
      if (!claim.queue) claim.obstacle = this.#whyNone(claim, holders);
  }

  /** Asks for the queues that are missing. False when one was refused: the choice is another one then. */
  async #allocateAll(holders: ReadonlySet<number>): Promise<boolean> {
    for (const claim of [...this.#claims.values()].sort((one, other) => one.asked - other.asked)) {
      if (claim.queue || claim.withdrawn || !holders.has(claim.port.index)) continue;
      if (!(await this.#allocate(claim))) return false;
    }
    return true;
  }

  #holders(): ReadonlySet<number> {
    const { queueCount, profile } = this.#settings;
    const candidates = [...this.#claims.values()]
      .filter((claim) => claim.isKept || this.#general(claim) === undefined)
      .map((claim) => ({
        nicIndex: claim.port.index,
        weight: queueWeight(claim.port.config.queue),
        hasQueue: claim.queue !== undefined || claim.isKept,
        asked: claim.asked,
        filters: claim.port.config.macs.length,
      }));
    return chooseHolders(candidates, {
      queues: Math.min(queueCount, profile.numQueues),
      filters: profile.numReceiveFilters,
    });
  }

  /** What stands in the way whatever is free. */
  #general({ port, queue, withdrawn }: Claim): QueueObstacle | undefined {
    const { vmqEnabled, vmqBelow10Gbps, profile } = this.#settings;
    const { linkSpeedGbps, vlanFiltering, ndisRevision } = profile;
    if (withdrawn) return withdrawn;
    if (!this.#binding) return { rule: 'adapter-down', state: this.#adapterState };
    if (queueWeight(port.config.queue) === 0) return { rule: 'asked-for-none' };
    if (!vmqEnabled) return { rule: 'vmq-off' };
    if (linkSpeedGbps < VMQ_LINK_SPEED_GBPS && !vmqBelow10Gbps)
      return { rule: 'slow-link', linkSpeedGbps };
    if (port.vlanId !== 0 && !vlanFiltering && ndisRevision === '6.20')
      return { rule: 'no-vlan-filtering', vlanId: port.vlanId };
    if (queue || port.state === NIC_UP) return undefined;
    return { rule: port.state === NIC_DOWN ? 'port-down' : 'migrating' };
  }

  #whyNone(claim: Claim, holders: ReadonlySet<number>): QueueObstacle {
    const general = this.#general(claim);
    if (general) return general;
    const { profile } = this.#settings;
    if (holders.size < this.#queueCount()) {
      const needed = claim.port.config.macs.length;
      return { rule: 'filters-taken', needed, filterCount: profile.numReceiveFilters };
    }
    const before = claim.obstacle?.rule === 'taken-by-heavier' ? claim.obstacle.rule : 'all-taken';
    return this.#scarce(before, claim, holders);
  }

  #scarce(
    rule: 'all-taken' | 'taken-by-heavier',
    claim: Claim,
    holders: ReadonlySet<number>,
  ): QueueObstacle {
    const [lightest] = [...this.#claims.values()]
      .filter(({ port }) => holders.has(port.index))
      .map(({ port }) => ({ name: port.vmName, weight: queueWeight(port.config.queue) }))
      .sort((one, other) => one.weight - other.weight);
    return {
      rule,
      queueCount: this.#queueCount(),
      weight: queueWeight(claim.port.config.queue),
      lightest: lightest ?? { name: 'nobody', weight: 0 },
    };
  }

  #queueCount(): number {
    return Math.min(this.#settings.queueCount, this.#settings.profile.numQueues);
  }

  // ── Requests to the adapter ───────────────────────────────────────────────────────────────────

  /** False when it was refused. */
  async #allocate(claim: Claim): Promise<boolean> {
    const { port } = claim;
    const wish = port.config.queue;
    const processor =
      wish.mode === 'processor'
        ? wish.processor
        : this.#processors.leastUsed(this.#settings.profile.msixVectors);
    claim.isKept = false;
    try {
      const binding = this.#requireBinding();
      const queueId = await binding.allocateQueue(
        receiveQueueParameters({
          ...this.#indication(),
          processorAffinity: affinityOf(processor),
          portId: port.portId,
          vmName: port.vmName,
          queueName: `${port.vmName} ${port.config.id}`,
        }),
      );
      this.#processors.use(processor);
      claim.queue = { queueId, processor, filterIds: [] };
      await this.#setAll(claim, queueId);
      const [completion] = await binding.queueAllocationComplete([queueId]);
      if (completion?.completionStatus !== 'NDIS_STATUS_SUCCESS')
        throw new Error(`its allocation ended with ${String(completion?.completionStatus)}.`);
      claim.obstacle = undefined;
      return true;
    } catch (error) {
      await this.#refused(claim, error);
      return false;
    }
  }

  /**
   * Each queue is indicated by itself. Where headers may not lie in the memory of the VM while the host
   * looks at them (NDIS 6.20), its frames are split.
   */
  #indication(): { readonly flags: number; readonly lookaheadSize: number } {
    const { bufferMode, profile } = this.#settings;
    const { PER_QUEUE_RECEIVE_INDICATION, LOOKAHEAD_SPLIT_REQUIRED } = QUEUE_PARAMETER_FLAGS;
    if (bufferMode === 'host-buffers' || profile.lookaheadSplit === null)
      return { flags: PER_QUEUE_RECEIVE_INDICATION, lookaheadSize: 0 };
    return {
      flags: PER_QUEUE_RECEIVE_INDICATION | LOOKAHEAD_SPLIT_REQUIRED,
      lookaheadSize: profile.lookaheadSplit.minBytes,
    };
  }

  /** Frames keep their order and none is lost; an adapter that cannot move a queue gives another one. */
  async #move(claim: Claim, queue: PortQueue, processor: number): Promise<void> {
    if (!this.#settings.profile.dynamicAffinity) {
      await this.#free(claim);
      return;
    }
    try {
      await this.#requireBinding().setQueueParameters(queue.queueId, {
        flags: QUEUE_CHANGE_FLAGS.PROCESSOR_AFFINITY_CHANGED,
        processorAffinity: affinityOf(processor),
      });
    } catch (error) {
      await this.#refused(claim, error);
      return;
    }
    this.#processors.release(queue.processor);
    this.#processors.use(processor);
    claim.queue = { ...queue, processor };
  }

  /** Undoes what was done for it; it waits until it asks again or something is freed. */
  async #refused(claim: Claim, error: unknown): Promise<void> {
    await this.#free(claim);
    const message = error instanceof Error ? error.message : String(error);
    claim.withdrawn = { rule: 'refused', message };
  }

  async #free(claim: Claim): Promise<void> {
    const { queue } = claim;
    if (!queue) return;
    await this.#clearAll(claim, queue);
    await this.#requireBinding().freeQueue(queue.queueId);
    this.#processors.release(queue.processor);
    claim.queue = undefined;
  }

  /** Each filter is remembered as soon as it exists, so that whatever fails can be undone. */
  async #setAll(claim: Claim, queueId: number): Promise<void> {
    for (const mac of claim.port.config.macs) {
      const filterId = await this.#requireBinding().setFilter(
        this.#filterOf(claim.port, queueId, mac),
      );
      if (claim.queue)
        claim.queue = { ...claim.queue, filterIds: [...claim.queue.filterIds, filterId] };
    }
  }

  /** The switch says what it means: a VLAN test, or UNTAGGED_OR_ZERO; MAC alone only where the adapter cannot. */
  #filterOf(port: NicPort, queueId: number, mac: string): ReceiveFilterParameters {
    if (port.vlanId === 0) return macFilter(queueId, mac, null);
    return this.#settings.profile.vlanFiltering
      ? macFilter(queueId, mac, port.vlanId)
      : macOnlyFilter(queueId, mac);
  }

  async #clearAll(claim: Claim, queue: PortQueue): Promise<void> {
    for (const [index, filterId] of queue.filterIds.entries()) {
      await this.#requireBinding().clearFilter(queue.queueId, filterId);
      claim.queue = { ...queue, filterIds: queue.filterIds.slice(index + 1) };
    }
  }

  #requireBinding(): ProtocolBinding {
    if (this.#binding) return this.#binding;
    throw new Error(`the adapter is ${this.#adapterState}`);
  }

  #require(nicIndex: number): Claim {
    const claim = this.#claims.get(nicIndex);
    if (!claim) throw new Error(`the switch has no port for NIC ${nicIndex}`);
    return claim;
  }
}
