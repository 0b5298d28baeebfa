/** Tells switches where a VM is: one RARP per NIC address, into its VLAN. Control thread. */
import { parseMacAddress } from '../../shared/mac-address';
import type { VirtualMachine } from '../vm/virtual-machine';
import { buildRarpAnnounce } from '../wire/rarp';
import type { FrameSender } from './frame-sender';
import { requireAdapter, type HostParts } from './host-parts';

/** Resolves when the announcements have been sent. */
export async function announce(
  parts: HostParts,
  sender: FrameSender,
  vm: VirtualMachine,
): Promise<void> {
  for (const port of vm.ports) {
    const { hardware } = requireAdapter(parts, port.config.adapter);
    for (const mac of port.config.macs) {
      await sender.send(port, hardware.defaultThread, (bytes) =>
        buildRarpAnnounce(bytes, 0, parseMacAddress(mac)),
      );
    }
  }
}
