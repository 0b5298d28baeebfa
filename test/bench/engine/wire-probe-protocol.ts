/** What `WireProber` and its thread say to each other. */

/** Where the number of a frame stands: the first bytes of the UDP payload, aligned to 4 with the header before it. */
export const STAMP_OFFSET = 44;

export interface ProberStart {
  readonly memory: WebAssembly.Memory;
  readonly module: WebAssembly.Module;
  /** Wire ring; nobody else may put frames on it. */
  readonly wire: number;
  /** Block of the receiving NIC. */
  readonly nic: number;
  /** The frame to send. */
  readonly scratch: number;
  readonly frameBytes: number;
  readonly processor: number;
}

export interface ProbeOrder {
  readonly framesPerSecond: number;
  readonly seconds: number;
}

export interface ProbeTimes {
  readonly sent: number;
  /** Frames that reached the VM. */
  readonly arrived: number;
  /** Frames for which the wire had no room. */
  readonly refused: number;
  readonly seconds: number;
  readonly latenciesNs: Float64Array;
}
