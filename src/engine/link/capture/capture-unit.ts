/**
 * What the formats have in common: a capture file is a row of units (a file header, a record, a
 * block), each of which says its own length near its start. `CaptureParser` cuts the row into whole
 * units; a reader per format understands them.
 */

/**
 * Takes one frame. `bytes` from `offset` on hold `capturedLength` bytes of it, and only until this
 * call returns; on the wire it had `originalLength`.
 */
export type CaptureFrameSink = (
  timestampNs: number,
  bytes: Uint8Array,
  offset: number,
  capturedLength: number,
  originalLength: number,
) => void;

/** Understands the units of one format. Both methods throw `CaptureError`. */
export interface CaptureUnitReader {
  /**
   * How many bytes the unit at `offset` takes, as far as `availableBytes` of it tell: the whole
   * unit, or just enough to learn its length. Above `availableBytes`, more input is needed.
   */
  unitBytes(bytes: Uint8Array, offset: number, availableBytes: number, fileOffset: number): number;

  /** Takes the whole unit at `offset`; frames in it go to the sink. */
  read(bytes: Uint8Array, offset: number, unitBytes: number, fileOffset: number): void;

  /** What the next unit is, for the message about a file that ends before it. */
  readonly nextUnit: string;
}
