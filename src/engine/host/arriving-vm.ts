/**
 * A VM on its way to this host, and its first moments here: what a migration's target does with its
 * memory, ports and guest. Everything that can fail for want of something is done before the commit;
 * after it the VM is made known, runs, and gets the frames of its old host before any other. Control
 * thread.
 *
 * ```
 *  prepare   memory, ports, hold lists reserved; nothing reaches the ports          (unknown here)
 *  restore   virtqueues where the source left them
 *  run       addresses assigned, guest runs and sends; frames for it are held       NIC_ARRIVING
 *  settle    announced, marker sent; late frames delivered; what was held follows   NIC_UP
 * ```
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { VmConfig } from '../../contract/model';
import { parseMacAddress } from '../../shared/mac-address';
import { drained, gracePeriod } from '../adapter/handover';
import { NIC_ARRIVING } from '../kernel/layout';
import type { DeviceState } from '../migration/device-state';
import type { IncomingVm, LateFrames } from '../migration/endpoints';
import { LATE_MAX_BYTES } from '../migration/protocol';
import type { NicPort } from '../switch/nic-port';
import type { VirtualMachine } from '../vm/virtual-machine';
import { buildMarker } from '../wire/marker';
import { announce } from './announce';
import type { FrameSender } from './frame-sender';
import { requireAdapter, type HostParts } from './host-parts';
import type { VmPower } from './vm-power';

/** The announcement is repeated, in case one is lost; so is the marker, until it has had its effect. */
const ANNOUNCE_AFTER_MS = [50, 150, 300, 550] as const;
const MARKER_INTERVAL_MS = 20;

export class ArrivingVm implements IncomingVm, LateFrames {
  readonly vm: VirtualMachine;
  /** Announcements of each address. */
  readonly announcements = 1 + ANNOUNCE_AFTER_MS.length;
  /** Resolves when everything is given back, after `discard`. */
  discarded: Promise<void> = Promise.resolve();
  readonly #parts: HostParts;
  readonly #power: VmPower;
  readonly #sender: FrameSender;
  /** Late frames on their way to the serving thread. */
  readonly #batch: number;
  readonly #timers = new Set<NodeJS.Timeout>();
  /** Where the marker of each NIC goes. */
  #markers: readonly (string | null)[] = [];
  /** Late frames that have arrived are delivered, in order. */
  #delivered: Promise<void> = Promise.resolve();
  readonly #ended: Promise<string | null>;
  #end!: (lost: string | null) => void;
  #hasEnded = false;

  /** Reserves everything that the VM needs here. @throws RefusalError `host-memory-exhausted`, `not-found` */
  static async prepare(
    parts: HostParts,
    power: VmPower,
    sender: FrameSender,
    config: VmConfig,
  ): Promise<ArrivingVm> {
    const vm = power.create(config);
    vm.state = 'incoming';
    try {
      power.makePorts(vm, []);
      const batch = parts.memory.take(LATE_MAX_BYTES, 'Late frames');
      const arriving = new ArrivingVm(parts, power, sender, vm, batch);
      for (const port of vm.ports) {
        port.widenHold();
        await power.switchOf(port).prepare(port);
      }
      return arriving;
    } catch (error) {
      await power.disconnect(vm);
      power.destroy(vm);
      throw error;
    }
  }

  private constructor(
    parts: HostParts,
    power: VmPower,
    sender: FrameSender,
    vm: VirtualMachine,
    batch: number,
  ) {
    this.#parts = parts;
    this.#power = power;
    this.#sender = sender;
    this.vm = vm;
    this.#batch = batch;
    this.#ended = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  get vmId(): string {
    return this.vm.vmId;
  }

  get memory(): number {
    return this.vm.memory;
  }

  get memoryBytes(): number {
    return this.vm.memoryBytes;
  }

  restore({ nics }: DeviceState): void {
    if (nics.length !== this.vm.ports.length)
      throw new Error(`expected ${this.vm.ports.length} NICs, got ${nics.length}`);
    this.#markers = nics.map((nic) => nic.marker);
    for (const [index, port] of this.vm.ports.entries()) {
      const nic = nics[index];
      if (!nic) continue;
      const { receive, transmit } = nic;
      port.connect(
        { desc: receive.descriptors, avail: receive.avail, used: receive.used, size: receive.size },
        {
          desc: transmit.descriptors,
          avail: transmit.avail,
          used: transmit.used,
          size: transmit.size,
        },
        {
          rxAvail: receive.lastAvail,
          rxUsed: receive.usedNext,
          txAvail: transmit.lastAvail,
          txUsed: transmit.usedNext,
          rxSpares: nic.receiveSpares,
        },
      );
    }
  }

  discard(): void {
    this.discarded = this.#discard();
  }

  /** The commit: addresses move here, and the guest runs. Returns when, in ns of the monotonic clock. */
  async run(): Promise<number> {
    const { vm } = this;
    for (const port of vm.ports) this.#power.switchOf(port).reveal(port.index, NIC_ARRIVING);
    await this.#power.run(vm);
    const resumedAtNs = this.#parts.clock();
    for (const port of vm.ports) port.kick();
    return resumedAtNs;
  }

  take(nic: number, entries: Uint8Array): void {
    this.#delivered = this.#delivered.then(() => this.#deliver(nic, entries));
  }

  end(lost: string | null): void {
    this.#hasEnded = true;
    this.#end(lost);
  }

  /**
   * Announces the VM and brings its frames into order; then it may have queues.
   * @returns why late frames may be missing, or null.
   */
  async settle(): Promise<string | null> {
    await this.#localSendersSettled();
    await announce(this.#parts, this.#sender, this.vm);
    this.#announceLater();
    void this.#sendMarkers().catch(() => undefined);
    const lost = await this.#ended;
    await this.#delivered;
    for (const port of this.vm.ports) await this.#power.releaseHold(port);
    this.#parts.memory.give(this.#batch);
    await this.#power.requestQueues(this.vm);
    return lost;
  }

  /** The host ends. */
  stop(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.end('The host is closed.');
  }

  async #deliver(nic: number, entries: Uint8Array): Promise<void> {
    const port = this.vm.ports[nic];
    if (!port) return;
    this.#parts.memory.u8.set(entries, this.#batch);
    const request = {
      kind: 'deliver-late',
      nic: port.block,
      at: this.#batch,
      end: this.#batch + entries.length,
    } as const;
    await this.#threadOf(port).request(request);
  }

  /** What VMs of this host had sent by now is on the wire by now: the marker will not overtake it. */
  async #localSendersSettled(): Promise<void> {
    const { memory, threads } = this.#parts;
    await gracePeriod(threads);
    const adapters = this.vm.ports.map(({ config }) => requireAdapter(this.#parts, config.adapter));
    for (const { hardware } of new Set(adapters)) await drained(memory, threads, hardware.thread);
  }

  #announceLater(): void {
    const { vm } = this;
    for (const delay of ANNOUNCE_AFTER_MS) {
      const timer = setTimeout(() => {
        this.#timers.delete(timer);
        if (vm.state === 'running' && this.#parts.vms.get(vm.vmId) === vm)
          void announce(this.#parts, this.#sender, vm).catch(() => undefined);
      }, delay);
      this.#timers.add(timer);
    }
  }

  async #sendMarkers(): Promise<void> {
    while (!this.#hasEnded) {
      for (const [nic, port] of this.vm.ports.entries()) {
        const marker = this.#markers[nic];
        const [mac] = port.config.macs;
        if (typeof marker !== 'string' || mac === undefined) continue;
        const to = parseMacAddress(marker);
        await this.#sender.send(port, this.#threadOf(port), (bytes) =>
          buildMarker(bytes, 0, to, parseMacAddress(mac)),
        );
      }
      await Promise.race([sleep(MARKER_INTERVAL_MS), this.#ended]);
    }
  }

  /** Serves the port until it has a queue. */
  #threadOf(port: NicPort) {
    return requireAdapter(this.#parts, port.config.adapter).hardware.defaultThread;
  }

  async #discard(): Promise<void> {
    this.end('It was discarded.');
    await this.#power.halt(this.vm);
    await this.#power.disconnect(this.vm);
    this.#power.destroy(this.vm);
    this.#parts.memory.give(this.#batch);
    this.#parts.log.changed();
  }
}
