/**
 * Messages between the control thread and an engine thread. A busy engine thread has no event loop:
 * it looks at its doorbell (T_DOORBELL) once per turn and then reads its port.
 *
 * ```
 *  control                       engine thread
 *    start (workerData) ────────▶
 *    ◀──────────────── ready | failed
 *    request {id, …} ───────────▶   handled between two turns, in order
 *    ◀──────────── answer {id, …}   at once, or when its condition holds
 *    ◀──────────────────── notice   T_NOTICES has risen: a fence was passed
 *    stop ──────────────────────▶   the thread ends
 * ```
 */
import type { MessagePort } from 'node:worker_threads';
import type { ThreadRole } from '../../contract/telemetry';

/** Everything a thread gets, once. */
export interface ThreadStart {
  readonly role: ThreadRole;
  readonly name: string;
  readonly memory: WebAssembly.Memory;
  readonly module: WebAssembly.Module;
  /** Its thread block. */
  readonly thread: number;
  /** Adapter or fabric block, for those roles; else 0. */
  readonly block: number;
  /** Logical processor to pin to, or -1. */
  readonly processor: number;
  readonly control: MessagePort;
}

/** What a thread can be asked. Addresses are blocks of `kernel/layout.ts`. */
export type ThreadRequest =
  /** Answered after a whole turn that began later: everything decided before it has been published. */
  | { readonly kind: 'sync' }
  /** Answered when each of these rings has been read up to the given index. */
  | { readonly kind: 'drained'; readonly rings: readonly RingMark[] }
  /** Serving thread: takes a NIC once it has read what its previous owner passed on. */
  | { readonly kind: 'adopt'; readonly nic: number; readonly after: readonly RingMark[] }
  /** Serving thread: its queue's completions may be harvested once it has read what came before them. */
  | { readonly kind: 'release'; readonly queue: number; readonly after: readonly RingMark[] }
  | { readonly kind: 'disown'; readonly nic: number }
  | {
      readonly kind: 'announce';
      readonly nic: number;
      readonly source: number;
      readonly length: number;
    }
  /** Serving thread: what is held for the NIC goes into its guest, or is dropped. */
  | { readonly kind: 'flush-hold'; readonly nic: number }
  /** Serving thread: what is held goes into the guest as it posts buffers, then the port is up. */
  | { readonly kind: 'release-hold'; readonly nic: number }
  /** Serving thread: frames of the VM's old host, a batch at [at, end) of the host memory. */
  | {
      readonly kind: 'deliver-late';
      readonly nic: number;
      readonly at: number;
      readonly end: number;
    }
  /** Adapter thread: a new filter table, between two bursts, with the fences that belong to it. */
  | {
      readonly kind: 'filters';
      readonly table: number;
      readonly mask: number;
      readonly macOnly: boolean;
      readonly fences: readonly { readonly queue: number; readonly nicIndex: number }[];
    }
  | { readonly kind: 'pin'; readonly processor: number }
  | { readonly kind: 'add-vm'; readonly vm: number }
  | { readonly kind: 'remove-vm'; readonly vm: number }
  /** Link thread: see `link/link-thread.ts`. */
  | { readonly kind: 'link'; readonly command: unknown };

/** A ring and the free-running index up to which it must have been read. */
export interface RingMark {
  readonly ring: number;
  readonly index: number;
}

export type ToThread =
  | { readonly kind: 'request'; readonly id: number; readonly request: ThreadRequest }
  | { readonly kind: 'stop' };

export type FromThread =
  | {
      readonly kind: 'ready';
      readonly threadId: number;
      readonly pinned: boolean;
      readonly affinityReason: string;
    }
  | { readonly kind: 'answer'; readonly id: number; readonly result: unknown }
  | { readonly kind: 'refused'; readonly id: number; readonly message: string }
  | { readonly kind: 'notice' }
  /** Link thread: something happened on a link. */
  | { readonly kind: 'link-event'; readonly event: unknown };
