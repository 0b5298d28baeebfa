/**
 * What both formats demand of a frame before a byte of it is used. Checked as soon as the length is
 * known, so that a wrong one cannot make the parser wait for gigabytes.
 */
import { CaptureError } from './capture-error';

/** Longest captured part of a frame that is believed; the limit of libpcap's own tools. */
export const MAX_CAPTURED_BYTES = 262_144;

/** The one link type that is read here (LINKTYPE_ETHERNET). */
export const LINK_TYPE_ETHERNET = 1;

/** Refuses a frame without bytes and one that is longer than any capture tool writes. */
export function requireCapturedLength(capturedLength: number, byteOffset: number): void {
  if (capturedLength >= 1 && capturedLength <= MAX_CAPTURED_BYTES) return;
  throw CaptureError.at({
    fault: 'malformed',
    byteOffset,
    field: 'captured length',
    expected: `1 to ${MAX_CAPTURED_BYTES} bytes`,
    found: `${capturedLength}`,
  });
}

/** Refuses a frame of which more was captured than there was. */
export function requireOriginalLength(
  originalLength: number,
  capturedLength: number,
  byteOffset: number,
): void {
  if (originalLength >= capturedLength) return;
  throw CaptureError.at({
    fault: 'malformed',
    byteOffset,
    field: 'original length',
    expected: `at least the captured length ${capturedLength}`,
    found: `${originalLength}`,
  });
}

/** Refuses a capture of anything but Ethernet. */
export function requireEthernet(linkType: number, byteOffset: number): void {
  if (linkType === LINK_TYPE_ETHERNET) return;
  throw CaptureError.at({
    fault: 'unsupported',
    byteOffset,
    field: 'link type',
    expected: `${LINK_TYPE_ETHERNET} (Ethernet)`,
    found: `${linkType}`,
  });
}
