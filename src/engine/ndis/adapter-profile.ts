/** What a miniport advertises for an adapter profile (`docs/vmq-reference.md` §2.4). */
import type { AdapterProfile } from '../../contract/vmq';
import { vmqCapabilities } from './capabilities';
import type { AdvertisedCapabilities } from './capability-rules';

/** What is on at the adapter. */
export interface EnabledFeatures {
  /** VMQ on: else nothing of receive filtering is. */
  readonly vmq: boolean;
  /** VM queues to offer; no more than the hardware has. */
  readonly queueCount: number;
}

/**
 * Both copies for a profile. Hardware is all that the device can do; current is what is on, and null
 * when VMQ is off.
 */
export function advertisedBy(
  profile: AdapterProfile,
  enabled: EnabledFeatures,
): AdvertisedCapabilities {
  const { lookaheadSplit } = profile;
  const hardware = vmqCapabilities({
    ndisVersion: profile.ndisRevision,
    numQueues: profile.numQueues,
    maxMacHeaderFilters: profile.numReceiveFilters,
    vlanFiltering: profile.vlanFiltering,
    ...(lookaheadSplit === null
      ? {}
      : {
          lookaheadSplit: {
            minimumBytes: lookaheadSplit.minBytes,
            maximumBytes: lookaheadSplit.maxBytes,
          },
        }),
  });
  const numQueues = Math.min(enabled.queueCount, profile.numQueues);
  return { hardware, current: enabled.vmq ? { ...hardware, numQueues } : null };
}

/** `next`, with the copies of `before` where nothing in them has changed: a new object means a change. */
export function keepUnchanged(
  before: AdvertisedCapabilities,
  next: AdvertisedCapabilities,
): AdvertisedCapabilities {
  const keep = <Copy>(old: Copy, value: Copy): Copy =>
    JSON.stringify(old) === JSON.stringify(value) ? old : value;
  return {
    hardware: keep(before.hardware, next.hardware),
    current: keep(before.current, next.current),
  };
}
