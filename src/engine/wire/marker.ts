/**
 * The marker of a migration: a frame that follows the announcement of a VM's new place along the
 * same path. Where it arrives, nothing comes any more by the old path. It uses the first local
 * experimental EtherType (IEEE Std 802, 0x88b5) and goes to an address that only one host answers to.
 */
import type { MacAddress } from '../../shared/mac-address';
import { padFrame, writeEthernetHeader } from './ethernet';

const LOCAL_EXPERIMENTAL = 0x88b5;

/** Writes the whole frame, untagged, and returns its length. @throws WireError when it does not fit. */
export function buildMarker(
  bytes: Uint8Array,
  offset: number,
  destination: MacAddress,
  source: MacAddress,
): number {
  const headerBytes = writeEthernetHeader(
    bytes,
    offset,
    { destination, source },
    LOCAL_EXPERIMENTAL,
  );
  return padFrame(bytes, offset, headerBytes);
}
