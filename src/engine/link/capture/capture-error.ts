/**
 * What is wrong with a capture file, said so that a reader with a hex dump can find the place: the
 * byte offset in the file, the field, what was expected and what was found. The codes are those of
 * the contract's refusals.
 */
import { VmqError } from '../../../shared/vmq-error';

/** The file cannot be read at all, or what it holds is refused. */
export type CaptureErrorCode = 'capture-unreadable' | 'capture-malformed';

/**
 * Why a file's content is refused: it ends too early, contradicts its format, or uses a part of the
 * format that is not supported here.
 */
export type CaptureFault = 'truncated' | 'malformed' | 'unsupported';

/** Where and how a file departs from its format. */
export interface CaptureFaultPlace {
  readonly fault: CaptureFault;
  /** From the start of the file to the field, or to the record that is cut short. */
  readonly byteOffset: number;
  readonly field: string;
  readonly expected: string;
  readonly found: string;
}

/** A capture file was refused. Frames before the place have been delivered. */
export class CaptureError extends VmqError<CaptureErrorCode> {
  override readonly name: string = 'CaptureError';

  /** The error for a departure from the file's format. */
  static at(place: CaptureFaultPlace): CaptureError {
    const { fault, byteOffset, field, expected, found } = place;
    return new CaptureError(
      'capture-malformed',
      `capture file at byte ${byteOffset}, ${field}: expected ${expected}, got ${found}`,
      { data: { fault, byteOffset, field, expected, found } },
    );
  }
}
