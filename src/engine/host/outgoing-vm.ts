/**
 * A running VM as its source host hands it to a migration: what each step means for filters,
 * queues, guest and ports. Control thread.
 */
import { gracePeriod } from '../adapter/handover';
import { NIC_HOLDING, NIC_UP } from '../kernel/layout';
import type { DeviceState, VirtqueueState } from '../migration/device-state';
import type { OutgoingVm } from '../migration/endpoints';
import type { VirtqueuePlace } from '../switch/nic-port';
import type { VirtualMachine } from '../vm/virtual-machine';
import { requireAdapter, type HostParts } from './host-parts';
import { LateFrameOutlet } from './late-frames';
import type { VmPower } from './vm-power';

/** How long frames that come to the old host are still sent on, after the VM runs on the new one. */
const LATE_FRAMES_MS = 60;

export class DepartingVm implements OutgoingVm {
  readonly #parts: HostParts;
  readonly #power: VmPower;
  readonly #vm: VirtualMachine;
  readonly #dropsBefore: number;
  #guestStopped = false;

  constructor(parts: HostParts, power: VmPower, vm: VirtualMachine) {
    this.#parts = parts;
    this.#power = power;
    this.#vm = vm;
    this.#dropsBefore = this.#drops();
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

  async clearFilters(): Promise<void> {
    for (const port of this.#vm.ports) {
      const portSwitch = this.#power.switchOf(port);
      if (portSwitch.queueOf(port.index)) await portSwitch.setFilters(port.index, false);
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

  async stopGuest(): Promise<number> {
    await this.#power.halt(this.#vm);
    this.#guestStopped = true;
    const stoppedAt = this.#parts.clock();
    for (const port of this.#vm.ports) port.setState(NIC_HOLDING);
    await gracePeriod(this.#parts.threads);
    this.#vm.state = 'paused';
    this.#parts.log.changed();
    return stoppedAt;
  }

  deviceState(): DeviceState {
    return {
      nics: this.#vm.ports.map((port) => {
        const { rx, tx } = port.places();
        const cursors = port.cursors();
        return {
          receive: queueState(rx, cursors.rxAvail, cursors.rxUsed),
          transmit: queueState(tx, cursors.txAvail, cursors.txUsed),
          receiveSpares: [...cursors.rxSpares],
        };
      }),
    };
  }

  async resume(): Promise<void> {
    const vm = this.#vm;
    for (const port of vm.ports) {
      if (port.state !== NIC_HOLDING) continue;
      port.setState(NIC_UP);
      await requireAdapter(this.#parts, port.config.adapter).hardware.defaultThread.request({
        kind: 'flush-hold',
        nic: port.block,
      });
    }
    if (this.#guestStopped) await this.#power.run(vm);
    this.#guestStopped = false;
    vm.state = 'running';
    vm.setDirtyLog(false);
    await this.#everyWriter();
    vm.freeRetiredLog();
    await this.#power.requestQueues(vm);
    this.#parts.log.changed();
  }

  /**
   * The VM runs on the target: what was held, and what still comes for a moment, goes there; then
   * the VM is forgotten here.
   */
  async leave(migration: {
    socket: string;
    token: string;
  }): Promise<{ heldFrames: number; droppedFrames: number }> {
    const vm = this.#vm;
    const outlets = vm.ports.map((port) => new LateFrameOutlet(this.#parts, port, migration));
    await Promise.allSettled(outlets.map((outlet) => outlet.run(LATE_FRAMES_MS)));
    const dropped = this.#drops() - this.#dropsBefore;
    await this.#power.disconnect(vm);
    vm.setDirtyLog(false);
    this.#power.destroy(vm);
    return {
      heldFrames: outlets.reduce((sum, outlet) => sum + outlet.frames, 0),
      droppedFrames: dropped,
    };
  }

  /** What its NICs have dropped so far. */
  #drops(): number {
    return this.#vm.ports.reduce((sum, port) => sum + port.counters().dropped, 0);
  }

  async #everyWriter(): Promise<void> {
    await gracePeriod(this.#parts.threads);
    await this.#vm.vcpu?.request({ kind: 'sync' });
  }
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
