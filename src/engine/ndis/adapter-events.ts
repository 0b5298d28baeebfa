/**
 * What an adapter tells those who listen: status indications (`docs/vmq-reference.md` §3.6) and
 * warnings about things that are legal but unwise, or that a miniport did wrong.
 */
import type { ReceiveFilterCapabilities } from './capabilities';
import type { ReceiveQueueParameters } from './queue-parameters';
import type { FilterOverlap } from './receive-filter';

/** An upward status indication with its payload. */
export type StatusIndication =
  | {
      readonly status: 'NDIS_STATUS_RECEIVE_QUEUE_STATE';
      readonly queueId: number;
      /** The only state that is ever indicated: once per free. */
      readonly queueState: 'DmaStopped';
    }
  | {
      readonly status: 'NDIS_STATUS_RECEIVE_FILTER_QUEUE_PARAMETERS';
      /** With change bits in `flags`. */
      readonly parameters: ReceiveQueueParameters;
    }
  | {
      readonly status:
        | 'NDIS_STATUS_RECEIVE_FILTER_CURRENT_CAPABILITIES'
        | 'NDIS_STATUS_RECEIVE_FILTER_HARDWARE_CAPABILITIES';
      /** A complete structure; with everything off, one that has nothing enabled. */
      readonly capabilities: ReceiveFilterCapabilities;
    };

/** Something that somebody should look at. */
export type AdapterWarning =
  | { readonly kind: 'filter-overlap'; readonly text: string; readonly overlap: FilterOverlap }
  | { readonly kind: 'miniport-fault'; readonly text: string; readonly queueId: number | null };
