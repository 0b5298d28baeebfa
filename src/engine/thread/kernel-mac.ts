/** MAC addresses as the kernel compares them: little-endian loads of a frame's bytes. */
import { macAddressToBytes, parseMacAddress } from '../../shared/mac-address';

export interface KernelMac {
  /** Bytes 0 to 3. */
  readonly low: number;
  /** Bytes 4 and 5. */
  readonly high: number;
}

export function kernelMac(mac: string): KernelMac {
  const view = new DataView(macAddressToBytes(parseMacAddress(mac)).buffer);
  return { low: view.getUint32(0, true), high: view.getUint16(4, true) };
}
