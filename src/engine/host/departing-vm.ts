/**
 * A running VM as its source host hands it to a migration: what each step means for filters,
 * queues, guest and ports. Control thread.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { RefusalError } from '../../shared/refusal-error';
import { drained, gracePeriod } from '../adapter/handover';
import {
  CT_DROPS,
  CT_TO_WIRE,
  DROP_PORT_DOWN,
  NIC_DEPARTED,
  NIC_DEPARTING,
  NIC_HOLDING,
  V_THROTTLE,
} from '../kernel/layout';
import type { DeviceState, VirtqueueState } from '../migration/device-state';
import type { OutgoingVm } from '../migration/endpoints';
import type { NicPort, VirtqueuePlace } from '../switch/nic-port';
import type { VirtualMachine } from '../vm/virtual-machine';
import type { LateFrame } from '../migration/late-batch';
import type { FrameSender } from './frame-sender';
import type { HostAdapter } from './host-adapter';
import { countOwn, requireAdapter, type HostParts } from './host-parts';
import { MarkerTrap } from './marker-trap';
import type { VmPower } from './vm-power';

/** The target repeats its marker every 20 ms; without one in this time the path is broken. */
const MARKER_WAIT_MS = 1000;
const LOOK_INTERVAL_MS = 1;
/** Longest wait for frames that the guest has sent; the guest stands still meanwhile. */
const UPLINK_WAIT_MS = 50;

/** Takes what was held for the NIC at a place of the VM's configuration; false: it can take nothing. */
export type SendLate = (nic: number, frames: readonly LateFrame[]) => boolean;

/** What was in the gap. */
export interface Gap {
  readonly heldFrames: number;
  readonly droppedFrames: number;
  /** Whether the marker proved that nothing was left on the old path. */
  readonly markerSeen: boolean;
}

export class DepartingVm implements OutgoingVm {
  readonly #parts: HostParts;
  readonly #power: VmPower;
  readonly #vm: VirtualMachine;
  readonly #sender: FrameSender;
  readonly #dropsBefore: number;
  /** By the NIC's place; none where no frame can take the old path. */
  readonly #traps = new Map<number, MarkerTrap>();
  /** Ports whose filters were cleared for this. */
  readonly #cleared = new Set<NicPort>();
  #guestStopped = false;

  constructor(parts: HostParts, power: VmPower, sender: FrameSender, vm: VirtualMachine) {
    this.#parts = parts;
    this.#power = power;
    this.#sender = sender;
    this.#vm = vm;
    this.#dropsBefore = droppedBy(vm);
  }

  get vmId(): string {
    return this.#vm.vmId;
  }

  get memory(): number {
    return this.#vm.memory;
  }

  get memoryBytes(): number {
    return this.#vm.memoryBytes;
  }

  async prepareGap(): Promise<void> {
    for (const [nic, port] of this.#vm.ports.entries()) {
      const adapter = requireAdapter(this.#parts, port.config.adapter);
      if (adapter.config.uplink === 'none') continue;
      try {
        const trap = await MarkerTrap.open(this.#parts, this.#power, this.#sender, adapter, port);
        this.#traps.set(nic, trap);
      } catch (error) {
        // Without a trap the frames of the gap are sent on all the same, for a fixed time.
        if (!(error instanceof RefusalError)) throw error;
      }
    }
  }

  async clearFilters(): Promise<void> {
    for (const port of this.#vm.ports) {
      const portSwitch = this.#power.switchOf(port);
      const filters = portSwitch.queueOf(port.index)?.filterIds ?? [];
      if (filters.length === 0) continue;
      this.#cleared.add(port);
      await portSwitch.setFilters(port.index, false);
    }
  }

  async stopDma(): Promise<void> {
    for (const port of this.#vm.ports)
      await this.#power.switchOf(port).releaseQueue(port.index, { rule: 'migrating' });
  }

  async startDirtyLog(): Promise<number> {
    const bitmap = this.#vm.setDirtyLog(true);
    this.#parts.kernel.markAll(bitmap, this.#vm.pages);
    await this.#everyWriter();
    return bitmap;
  }

  throttle(percent: number): void {
    this.#parts.memory.setU32(this.#vm.block + V_THROTTLE, percent);
  }

  async stopGuest(): Promise<number> {
    for (const port of this.#vm.ports) {
      port.widenHold();
      // Before the guest stops: its buffers would soon be full, and what comes then be lost.
      port.setState(NIC_HOLDING);
    }
    await this.#power.halt(this.#vm);
    this.#guestStopped = true;
    const stoppedAt = this.#parts.clock();
    await gracePeriod(this.#parts.threads);
    // A frame of the guest that left after its first at the target would lead switches back here.
    for (const { hardware } of this.#adapters()) await hardware.uplinkSettled(UPLINK_WAIT_MS);
    this.#vm.state = 'paused';
    this.#parts.log.changed();
    return stoppedAt;
  }

  deviceState(): DeviceState {
    return {
      nics: this.#vm.ports.map((port, nic) => {
        const { rx, tx } = port.places();
        const cursors = port.cursors();
        return {
          receive: queueState(rx, cursors.rxAvail, cursors.rxUsed),
          transmit: queueState(tx, cursors.txAvail, cursors.txUsed),
          receiveSpares: [...cursors.rxSpares],
          marker: this.#traps.get(nic)?.mac ?? null,
        };
      }),
    };
  }

  async resume(): Promise<void> {
    const vm = this.#vm;
    this.throttle(0);
    if (this.#guestStopped) await this.#power.run(vm);
    this.#guestStopped = false;
    vm.state = 'running';
    for (const port of vm.ports) await this.#power.releaseHold(port);
    // What it had sent just before it stopped: nobody takes frames from a port that holds.
    for (const port of vm.ports) port.kick();
    vm.setDirtyLog(false);
    await this.#everyWriter();
    vm.freeRetiredLog();
    await this.#closeTraps();
    for (const port of this.#cleared) {
      // A queue that was not freed yet only lacks its filters.
      const portSwitch = this.#power.switchOf(port);
      if (portSwitch.queueOf(port.index)) await portSwitch.setFilters(port.index, true);
    }
    this.#cleared.clear();
    await this.#power.requestQueues(vm);
    this.#parts.log.changed();
  }

  /**
   * The VM runs on the target: what was held goes there, and what still comes, until the marker says
   * that nothing more can come; then the VM is forgotten here.
   */
  async leave(send: SendLate): Promise<Gap> {
    const vm = this.#vm;
    for (const port of vm.ports) port.setState(NIC_DEPARTING);
    const sum = { sent: 0, lost: 0 };
    const sendHeld = (): boolean =>
      vm.ports.every((port, nic) => {
        const frames = port.takeHeld();
        if (frames.length === 0) return true;
        const isSent = send(nic, frames);
        sum[isSent ? 'sent' : 'lost'] += frames.length;
        return isSent;
      });
    const deadline = performance.now() + MARKER_WAIT_MS;
    while (!this.#isMarkerSeen() && performance.now() < deadline && sendHeld())
      await sleep(LOOK_INTERVAL_MS);
    // The way to the new host is known by now: what VMs of this host send to it takes the wire.
    for (const port of vm.ports) port.setState(NIC_DEPARTED);
    await this.#localSendersSettled();
    sendHeld();
    // They leave this host as if by a wire; a stream that is broken takes none.
    countOwn(this.#parts, CT_TO_WIRE, sum.sent);
    countOwn(this.#parts, CT_DROPS + DROP_PORT_DOWN, sum.lost);
    const droppedFrames = this.#drops() + sum.lost;
    return { heldFrames: sum.sent, droppedFrames, markerSeen: this.#isMarkerSeen() };
  }

  /** The VM is another host's after all: its guest, which was resumed, ends here. */
  async end(): Promise<void> {
    await this.#power.halt(this.#vm);
    await this.forget();
  }

  /** After `leave`: gives everything back that the VM had here. */
  async forget(): Promise<void> {
    const vm = this.#vm;
    await this.#closeTraps();
    await this.#power.disconnect(vm);
    vm.setDirtyLog(false);
    this.#power.destroy(vm);
  }

  /** What other VMs of this host had sent to it by now is held by now. */
  async #localSendersSettled(): Promise<void> {
    const { memory, threads } = this.#parts;
    await gracePeriod(threads);
    for (const { hardware } of this.#adapters())
      await drained(memory, threads, hardware.defaultThread);
  }

  #adapters(): ReadonlySet<HostAdapter> {
    const { ports } = this.#vm;
    return new Set(ports.map(({ config }) => requireAdapter(this.#parts, config.adapter)));
  }

  #isMarkerSeen(): boolean {
    // Each of them: a trap must be looked at to be emptied.
    const seen = [...this.#traps.values()].map((trap) => trap.isSeen());
    const expected = this.#vm.ports.filter(
      ({ config }) => requireAdapter(this.#parts, config.adapter).config.uplink !== 'none',
    );
    return seen.length === expected.length && seen.every(Boolean);
  }

  async #closeTraps(): Promise<void> {
    for (const trap of this.#traps.values()) await trap.close();
    this.#traps.clear();
  }

  /** What its NICs have dropped since it was asked to move. */
  #drops(): number {
    return droppedBy(this.#vm) - this.#dropsBefore;
  }

  async #everyWriter(): Promise<void> {
    await gracePeriod(this.#parts.threads);
    await this.#vm.vcpu?.request({ kind: 'sync' });
  }
}

function droppedBy(vm: VirtualMachine): number {
  return vm.ports.reduce((sum, port) => sum + port.counters().dropped, 0);
}

function queueState(place: VirtqueuePlace, lastAvail: number, usedNext: number): VirtqueueState {
  return {
    size: place.size,
    descriptors: place.desc,
    avail: place.avail,
    used: place.used,
    lastAvail: lastAvail & 0xffff,
    usedNext: usedNext & 0xffff,
  };
}
