/** What happens on links, in the words of the event list. Control thread. */
import type { EngineEvent } from '../../contract/events';
import type { LinkState } from './link-protocol';

export type LinkKind = 'stream' | 'replay' | 'generator' | 'probe';

/** A change of one link. */
export interface LinkChange {
  readonly linkId: string;
  readonly name: string;
  readonly kind: LinkKind;
  readonly change: LinkState | 'connected' | 'disconnected';
  /** Why, where there is a reason; else empty. */
  readonly reason: string;
}

interface Wording {
  readonly type: string;
  readonly severity: EngineEvent['severity'];
  readonly text: string;
}

const WORDINGS: Readonly<Record<LinkChange['change'], Wording>> = {
  running: { type: 'link/started', severity: 'info', text: 'runs' },
  stopped: { type: 'link/stopped', severity: 'info', text: 'was stopped' },
  finished: { type: 'link/finished', severity: 'info', text: 'has sent everything' },
  failed: { type: 'link/failed', severity: 'error', text: 'failed' },
  connected: { type: 'link/connected', severity: 'info', text: 'is connected' },
  disconnected: { type: 'link/disconnected', severity: 'warning', text: 'lost its connection' },
};

/** The event of a change. */
export function linkEvent(change: LinkChange): EngineEvent {
  const { type, severity, text } = WORDINGS[change.change];
  return {
    timeMs: Date.now(),
    type,
    severity,
    object: { kind: 'link', id: change.linkId, name: change.name },
    text: `The link ${change.name} ${text}.`,
    cause: change.reason,
  };
}
