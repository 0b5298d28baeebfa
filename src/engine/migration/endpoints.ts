/** The VM as a migration sees it, on either side. The host implements both. */
import type { DeviceState } from './device-state';

/** A running VM at its source. The calls come once each, in this order, up to a failure. */
export interface OutgoingVm {
  readonly vmId: string;
  /** Address of its memory in the host's memory. */
  readonly memory: number;
  readonly memoryBytes: number;

  /** Makes ready for the gap, in which frames for the VM are held. Nothing changes for the guest. */
  prepareGap(): Promise<void>;
  /** Clears the filters of its NICs by handover: from then on the default queue serves them. */
  clearFilters(): Promise<void>;
  /** Frees its queues. No DMA into its memory after it resolves. */
  stopDma(): Promise<void>;
  /**
   * Switches the dirty log on with all pages marked. Resolves with the bitmap's address once every
   * thread that writes into the VM's memory has acknowledged that it marks.
   */
  startDirtyLog(): Promise<number>;
  /** Takes `percent` of its time from the guest; 0: none. */
  throttle(percent: number): void;
  /**
   * Stops guest and ports; frames for it are held. Nobody writes into its memory after it resolves.
   * @returns monotonic time in nanoseconds at which the guest stopped.
   */
  stopGuest(): Promise<number>;
  /** Called after stopGuest. */
  deviceState(): DeviceState;
  /**
   * Undoes whatever of the above was done: guest on, log off, queue again. Called exactly once on
   * any failure, whatever had been done by then, and never while another call is under way.
   */
  resume(): Promise<void>;
}

/** A VM at its target: memory reserved, nothing running. */
export interface IncomingVm {
  readonly vmId: string;
  readonly memory: number;
  readonly memoryBytes: number;

  /** Takes over the device state, or throws when it does not fit. Starts nothing. */
  restore(state: DeviceState): void;
  /** Gives everything back. Called exactly once, unless the migration is finished. */
  discard(): void;
}

/** Who takes the frames that the old host of a VM sends on, once the VM runs on the new one. */
export interface LateFrames {
  /** One batch for the NIC at `nic` in the VM's configuration: checked, LF_* entries. The bytes are the taker's. */
  take(nic: number, entries: Uint8Array): void;
  /** No more comes; `lost` tells why when the source did not say so itself. Called exactly once. */
  end(lost: string | null): void;
}
