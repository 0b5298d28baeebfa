/**
 * Migration protocol: what crosses the socket between the source and the target of a VM.
 *
 * Pre-copy in rounds. One stream per migration; the source connects and presents the token
 * that the target gave to the lab. The lab is the arbiter (`docs/design.md` §7): it commits or
 * cancels by commands to both hosts, so nothing about the commit is on this wire. After it the same
 * socket carries what the source held for the VM.
 *
 * ```
 *   source                                                            target
 *     │ Hello(token, VM, memory bytes, page size, back)  ─────────────▶ │
 *     │ ◀────── a second socket, to `back`, for all that follows ────── │  (a socket that connects reads faster)
 *     │ ◀───────────────────────────────────────── Accept | Refuse(why) │
 *     │ Pages … RoundEnd(1), Pages … RoundEnd(2), …  ─────────────────▶ │  guest runs at the source
 *     │ Pages … RoundEnd(n)  ─────────────────────────────────────────▶ │  guest is stopped
 *     │ State, Complete(pages, digest)  ──────────────────────────────▶ │
 *     │ ◀──────────────────────────────────────────────────────── Ready │  verified and restored
 *     │ ◀──────────────── Abort(why), at any time before ─────────────▶ │
 *     │                         the lab commits                         │  guest runs at the target
 *     │ LateFrames …, LateEnd  ───────────────────────────────────────▶ │  held frames, in order
 * ```
 *
 * Source (`source-link.ts`, `source.ts`). Any other message is `migration-stream-invalid`.
 *
 * | state     | goes on by                  | to        | interrupted by                            |
 * |-----------|-----------------------------|-----------|-------------------------------------------|
 * | greeting  | Accept                      | streaming | Refuse, Abort, loss, time-out, cancel     |
 * | streaming | Complete sent               | awaiting  | Abort, loss, time-out, cancel             |
 * | awaiting  | Ready                       | ready     | Abort, loss, time-out, cancel             |
 * | ready     | the lab: finish → finished  | late      | the lab: cancel; Abort. *Not* by a loss   |
 * | late      | LateEnd sent                | –         | loss: what is left is dropped             |
 *
 * An interruption leads to `resuming` and then, once the guest runs here again, to `resumed`.
 * `finished` and `resumed` are final; a finished migration is never cancelled.
 *
 * Target (`target.ts`).
 *
 * | state     | goes on by                    | to        | discarded by                            |
 * |-----------|-------------------------------|-----------|-----------------------------------------|
 * | listening | Hello with the right token    | receiving | time-out, abort                         |
 * | receiving | State                         | restored  | Abort, loss, time-out, abort            |
 * | restored  | Complete; all of it verified  | ready     | Abort, loss, time-out, abort            |
 * | ready     | the lab: finish               | committed | the lab: abort; Abort. *Not* by a loss  |
 * | committed | LateEnd, loss or time-out     | settled   | –                                       |
 *
 * `settled` and `discarded` are final; from `committed` on the VM runs here whatever the stream does. A connection with a wrong Hello is turned away and leaves
 * a listening target as it was.
 *
 * Why a loss is ignored in `ready`: either side alone cannot know whether the lab has committed, and
 * two sides that guess could both run the VM. An *Abort* may be believed: the source sends one only
 * after the lab told it to resume, the target only after it has forgotten the VM.
 *
 * All numbers are little-endian, as in the host memory that messages are sent from and received into.
 */

export const MESSAGE_MAGIC = 0x4d514d56; // "VMQM"
/** Version of this format; not of the program. */
export const FORMAT_VERSION = 3;

export const MessageType = {
  Hello: 1,
  Accept: 2,
  Refuse: 3,
  Pages: 4,
  RoundEnd: 5,
  State: 6,
  Complete: 7,
  Ready: 8,
  Abort: 9,
  LateFrames: 10,
  LateEnd: 11,
} as const;
export type MessageType = (typeof MessageType)[keyof typeof MessageType];

// ── Header: 24 bytes, then a payload whose length is a multiple of 8 ────────────────────────────
export const H_MAGIC = 0; // u32
export const H_VERSION = 4; // u16
export const H_TYPE = 6; // u16
export const H_LENGTH = 8; // u32, payload only
export const H_SEQUENCE = 12; // u32, counts the messages of one direction from 0
export const H_CHECKSUM = 16; // u64, kernel.checksum of header and payload, with this field 0
export const HEADER_BYTES = 24;

// ── Pages: up to BATCH_PAGES page numbers, then their contents ──────────────────────────────────
export const P_COUNT = 0; // u32, page numbers in use
export const P_ROUND = 4; // u32
export const P_NUMBERS = 8; // u32[BATCH_PAGES], rising; PAGE_ZERO and PAGE_REPEATED of `kernel/layout.ts`
export const P_COPIES = 264; // 4 KiB each; 8 bytes for a PAGE_REPEATED, nothing for a PAGE_ZERO
export const BATCH_PAGES = 64;
export const PAGES_MAX_BYTES = 262_408; // P_COPIES + 64 pages

// ── RoundEnd and Complete ───────────────────────────────────────────────────────────────────────
export const RE_ROUND = 0; // u32
export const RE_PAGES = 4; // u32, page numbers sent in this round
export const ROUND_END_BYTES = 8;
export const CO_DIGEST = 0; // u64, over the checksums of all Pages messages
export const CO_PAGES = 8; // f64, page numbers sent in all rounds
export const COMPLETE_BYTES = 16;

// ── LateFrames: LF_* entries of `kernel/layout.ts`, one NIC's ────────────────────────────────────
export const LA_NIC = 0; // u32, place of the NIC in the VM's configuration
export const LA_FRAMES = 4; // u32, entries that follow
export const LA_ENTRIES = 8;
export const LATE_MAX_BYTES = 131_072;

// ── Hello, Refuse, State and Abort: u32 length in bytes, then JSON in UTF-8, padded with zeros ──
export const T_TEXT = 4;
export const NOTICE_MAX_BYTES = 2048;
export const STATE_MAX_BYTES = 262_144;
/** Longest reason in Refuse and Abort, in UTF-16 units; longer ones are cut. */
export const REASON_MAX_LENGTH = 400;

/** A source that sends more rounds than this is refused. */
export const MAX_ROUNDS = 64;

/** Least and greatest payload of a message. */
export interface PayloadLimits {
  readonly min: number;
  readonly max: number;
}

export const PAYLOAD_LIMITS: Readonly<Record<MessageType, PayloadLimits>> = {
  [MessageType.Hello]: { min: 8, max: NOTICE_MAX_BYTES },
  [MessageType.Accept]: { min: 0, max: 0 },
  [MessageType.Refuse]: { min: 8, max: NOTICE_MAX_BYTES },
  [MessageType.Pages]: { min: P_COPIES, max: PAGES_MAX_BYTES },
  [MessageType.RoundEnd]: { min: ROUND_END_BYTES, max: ROUND_END_BYTES },
  [MessageType.State]: { min: 8, max: STATE_MAX_BYTES },
  [MessageType.Complete]: { min: COMPLETE_BYTES, max: COMPLETE_BYTES },
  [MessageType.Ready]: { min: 0, max: 0 },
  [MessageType.Abort]: { min: 8, max: NOTICE_MAX_BYTES },
  [MessageType.LateFrames]: { min: LA_ENTRIES + 24, max: LATE_MAX_BYTES },
  [MessageType.LateEnd]: { min: 0, max: 0 },
};

/** What the source takes from the target, by its state. */
export const SOURCE_ACCEPTS = {
  greeting: [MessageType.Accept, MessageType.Refuse, MessageType.Abort],
  streaming: [MessageType.Abort],
  awaiting: [MessageType.Ready, MessageType.Abort],
  ready: [MessageType.Abort],
} as const satisfies Record<string, readonly MessageType[]>;
export type SourceStreamState = keyof typeof SOURCE_ACCEPTS;

/** What the target takes from the source, by its state. */
export const TARGET_ACCEPTS = {
  listening: [MessageType.Hello],
  receiving: [MessageType.Pages, MessageType.RoundEnd, MessageType.State, MessageType.Abort],
  restored: [MessageType.Complete, MessageType.Abort],
  ready: [MessageType.Abort],
  committed: [MessageType.LateFrames, MessageType.LateEnd],
  settled: [],
  discarded: [],
} as const satisfies Record<string, readonly MessageType[]>;
export type IncomingState = keyof typeof TARGET_ACCEPTS;

const NAMES = new Map<number, string>(
  Object.entries(MessageType).map(([name, type]) => [type, name]),
);

/** Name of a message type for texts; unknown numbers are written as they are. */
export function messageName(type: number): string {
  return NAMES.get(type) ?? `type ${type}`;
}

/** Whether a number from the wire is a message type. */
export function isMessageType(type: number): type is MessageType {
  return NAMES.has(type);
}

/** Extends the digest of a stream by the checksum of its next Pages message. */
export function extendDigest(digest: bigint, checksum: bigint): bigint {
  return BigInt.asUintN(64, digest * 0x9fb21c651e98df25n + checksum);
}
