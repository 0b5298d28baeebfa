/**
 * Messages between the control thread and the link thread, carried by `thread/protocol.ts`: commands
 * as requests of kind `link`, answers as their results, signs as messages of kind `link-event`.
 *
 * ```
 *  control                              link thread
 *    open-stream, add-… {linkId} ──────▶  makes the link; streams and probes run at once
 *    ◀──────────────── done | refusal     a refused command has changed nothing
 *    ◀───────── state, connected, …       whenever they occur
 *    listen {listenerId} ──────────────▶
 *    ◀────────── connection {id}          a socket waits, paused
 *    accept | reject {connectionId} ───▶
 *    remove {linkId} ──────────────────▶  lets go of all rings and regions
 *    ◀───────────────────────── done      now they may be given back
 * ```
 */
import type { LinkSnapshot } from '../../contract/host';
import type { ProbeResult, ProbeSample } from '../../contract/migration';
import type { Refusal } from '../../contract/errors';
import type { LinkRate } from '../../contract/model';

export type LinkState = LinkSnapshot['state'];

/** What every link has. Addresses are in host memory. */
export interface LinkPlace {
  readonly linkId: string;
  /** Counters, `link-counters.ts`. */
  readonly block: number;
  /** Wire ring that the link fills. */
  readonly inRing: number;
}

/** A link that also takes frames. */
export interface DuplexPlace extends LinkPlace {
  /** Wire ring that the link empties. */
  readonly outRing: number;
  /** Staging of {@link SCRATCH_BYTES}, shared by all links of the thread; nothing stays in it. */
  readonly scratch: number;
}

/** Staging between sockets and rings: holds the longest frame of the framing, and many usual ones. */
export const SCRATCH_BYTES = 262_144;

export interface ReplayOrder extends LinkPlace {
  readonly file: string;
  readonly rate: LinkRate;
  /** 0: until it is stopped. */
  readonly loops: number;
  /** Where captured frames are kept, `capture-batches.ts`. */
  readonly region: number;
  readonly regionBytes: number;
}

export interface GeneratorOrder extends LinkPlace {
  /** Ready frames, one per buffer of `BUFFER_SIZE`. */
  readonly templates: number;
  readonly templateCount: number;
  readonly frameBytes: number;
  /** Infinity: as fast as the ring takes them. */
  readonly framesPerSecond: number;
  /** Frames to send in all; 0 = until it is stopped. */
  readonly frames: number;
}

/** A stamped UDP echo flow, with the addresses of both ends. */
export interface ProbeFlow {
  readonly flowId: number;
  readonly mac: string;
  readonly ipv4: string;
  readonly ownMac: string;
  readonly ownIpv4: string;
  /** 0 = untagged. */
  readonly vlanId: number;
  readonly perSecond: number;
}

export type ProbeDirection = 'to-vm' | 'from-vm';

export type LinkCommand =
  | { readonly kind: 'open-stream'; readonly place: DuplexPlace; readonly socketPath: string }
  | { readonly kind: 'listen'; readonly listenerId: string; readonly socketPath: string }
  | { readonly kind: 'unlisten'; readonly listenerId: string }
  | { readonly kind: 'accept'; readonly connectionId: number; readonly place: DuplexPlace }
  | { readonly kind: 'reject'; readonly connectionId: number }
  | { readonly kind: 'add-replay'; readonly order: ReplayOrder }
  | { readonly kind: 'add-generator'; readonly order: GeneratorOrder }
  | { readonly kind: 'add-probe'; readonly place: DuplexPlace; readonly flow: ProbeFlow }
  | { readonly kind: 'finish-probe' | 'sample-probe'; readonly linkId: string }
  | {
      readonly kind: 'lose-probes';
      readonly linkId: string;
      readonly direction: ProbeDirection;
      readonly frames: number;
    }
  | { readonly kind: 'start' | 'stop' | 'remove'; readonly linkId: string };

/** Result of a request: refusals are data, so that they keep their code across the threads. */
export type LinkAnswer =
  | { readonly ok: true; readonly probe?: ProbeResult; readonly sample?: ProbeSample }
  | { readonly ok: false; readonly refusal: Refusal };

/** What the link thread reports on its own. */
export type LinkSign =
  | {
      readonly kind: 'state';
      readonly linkId: string;
      readonly state: LinkState;
      readonly reason: string;
    }
  | { readonly kind: 'connected'; readonly linkId: string }
  | { readonly kind: 'disconnected'; readonly linkId: string; readonly reason: string }
  | { readonly kind: 'connection'; readonly listenerId: string; readonly connectionId: number };
