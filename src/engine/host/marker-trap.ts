/**
 * Where the marker frame of a migration arrives at the source: a port without a guest, with an
 * address of its own in the NIC's VLAN. The default queue's thread holds what comes for it, after
 * everything that came before it for the VM. Control thread.
 */
import { parseMacAddress } from '../../shared/mac-address';
import { CT_DROPS, DROP_NO_PORT_IN_VLAN, NIC_HOLDING } from '../kernel/layout';
import type { NicPort } from '../switch/nic-port';
import { buildRarpAnnounce } from '../wire/rarp';
import type { FrameSender } from './frame-sender';
import type { HostAdapter } from './host-adapter';
import { countOwn, type HostParts } from './host-parts';
import type { VmPower } from './vm-power';

export class MarkerTrap {
  /** Where the marker must go. */
  readonly mac: string;
  readonly #parts: HostParts;
  readonly #power: VmPower;
  readonly #port: NicPort;
  #seen = false;

  /** Opens a trap beside a NIC, and lets the switches on the way learn its address. @throws RefusalError */
  static async open(
    parts: HostParts,
    power: VmPower,
    sender: FrameSender,
    adapter: HostAdapter,
    nic: NicPort,
  ): Promise<MarkerTrap> {
    const mac = parts.trapAddresses.take();
    const port = power.makeBarePort(nic.config, mac);
    await adapter.switch.attach(port, NIC_HOLDING);
    const trap = new MarkerTrap(parts, power, port, mac);
    await sender.send(port, adapter.hardware.defaultThread, (bytes) =>
      buildRarpAnnounce(bytes, 0, parseMacAddress(mac)),
    );
    return trap;
  }

  private constructor(parts: HostParts, power: VmPower, port: NicPort, mac: string) {
    this.#parts = parts;
    this.#power = power;
    this.#port = port;
    this.mac = mac;
  }

  /** Whether the marker has come: nothing for the VM comes after it. */
  isSeen(): boolean {
    const frames = this.#port.takeHeld();
    // They end here: the marker, and broadcasts of the VLAN, which a port without a guest drops.
    countOwn(this.#parts, CT_DROPS + DROP_NO_PORT_IN_VLAN, frames.length);
    if (frames.some(({ bytes }) => isFor(bytes, this.mac))) this.#seen = true;
    return this.#seen;
  }

  async close(): Promise<void> {
    this.isSeen();
    await this.#power.removeBarePort(this.#port);
    this.#parts.trapAddresses.giveBack(this.mac);
  }
}

function isFor(frame: Uint8Array, mac: string): boolean {
  const destination = [...frame.subarray(0, 6)];
  return destination.map((octet) => octet.toString(16).padStart(2, '0')).join(':') === mac;
}
