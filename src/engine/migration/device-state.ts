/**
 * Device state of a VM: what the source's host knows about it besides its memory. An embedded guest
 * keeps everything else (registers, driver state, counters) in its memory.
 *
 * Plain data; the target reads it as if it were hostile. Whether it fits the VM's configuration
 * (number of NICs) is for `IncomingVm.restore` to say.
 */
import { z } from 'zod';
import { macSchema } from '../../contract/model';
import { isPowerOfTwo } from '../../shared/power-of-two';
import { reasonOf, streamInvalid } from './refusals';

const QUEUE_MAX = 32_768; // virtio 1.x §2.7
const NICS_MAX = 4; // room in the VM block

const guestAddress = z.int().min(0).max(0xffff_ffff);
/** A ring index of virtio: modulo 2^16. */
const ringIndex = z.int().min(0).max(0xffff);

/** Host side of one split virtqueue (virtio 1.x §2.7). */
const virtqueueStateSchema = z.strictObject({
  /** Entries; 0 while the guest's driver has not set the queue up. */
  size: z.int().min(0).max(QUEUE_MAX),
  /** Guest addresses of the three parts. */
  descriptors: guestAddress,
  avail: guestAddress,
  used: guestAddress,
  /** Avail entries that the host has taken. */
  lastAvail: ringIndex,
  /** Used entries that the host has written. */
  usedNext: ringIndex,
});
export type VirtqueueState = z.infer<typeof virtqueueStateSchema>;

const nicStateSchema = z.strictObject({
  receive: virtqueueStateSchema,
  transmit: virtqueueStateSchema,
  /** Heads of receive descriptors that the host took and did not fill: it uses them first. */
  receiveSpares: z
    .array(
      z
        .int()
        .min(0)
        .max(QUEUE_MAX - 1),
    )
    .max(QUEUE_MAX)
    .default([]),
  /**
   * Where the target sends its marker frame: an address that only the source's host answers to;
   * null where no frame can take the old path.
   */
  marker: macSchema.nullable().default(null),
});
export type NicState = z.infer<typeof nicStateSchema>;

export const deviceStateSchema = z.strictObject({
  /** In the order of the VM's configuration. */
  nics: z.array(nicStateSchema).max(NICS_MAX),
});
export type DeviceState = z.infer<typeof deviceStateSchema>;

/**
 * Reads a device state that came from elsewhere.
 * @param memoryBytes size of the VM's memory, in which every ring must lie.
 * @throws RefusalError `migration-stream-invalid`
 */
export function parseDeviceState(value: unknown, memoryBytes: number): DeviceState {
  const parsed = deviceStateSchema.safeParse(value);
  if (!parsed.success) {
    throw streamInvalid(`The device state is not valid: ${reasonOf(parsed.error)}`, parsed.error);
  }
  for (const [index, nic] of parsed.data.nics.entries()) {
    checkQueue(nic.receive, `NIC ${index}, receive`, memoryBytes);
    checkQueue(nic.transmit, `NIC ${index}, transmit`, memoryBytes);
    checkSpares(nic, `NIC ${index}, receive spares`);
  }
  return parsed.data;
}

function checkQueue(queue: VirtqueueState, name: string, memoryBytes: number): void {
  if (queue.size === 0) return;
  if (!isPowerOfTwo(queue.size)) {
    throw streamInvalid(`${name}: expected a power of two as queue size, got ${queue.size}.`);
  }
  const parts = [
    { part: 'descriptors', address: queue.descriptors, alignment: 16, bytes: 16 * queue.size },
    { part: 'avail ring', address: queue.avail, alignment: 2, bytes: 4 + 2 * queue.size },
    { part: 'used ring', address: queue.used, alignment: 4, bytes: 4 + 8 * queue.size },
  ];
  for (const { part, address, alignment, bytes } of parts) {
    if (address % alignment === 0 && address + bytes <= memoryBytes) continue;
    throw streamInvalid(
      `${name}, ${part}: expected ${bytes} bytes inside ${memoryBytes}, aligned to ${alignment}, got address ${address}.`,
    );
  }
}

/** A descriptor that is spare twice, or does not exist, would be filled behind the guest's back. */
function checkSpares({ receive, receiveSpares }: NicState, name: string): void {
  if (new Set(receiveSpares).size !== receiveSpares.length) {
    throw streamInvalid(`${name}: a descriptor stands there twice.`);
  }
  const wrong = receiveSpares.find((head) => head >= receive.size);
  if (wrong === undefined) return;
  throw streamInvalid(`${name}: expected descriptors below ${receive.size}, got ${wrong}.`);
}
