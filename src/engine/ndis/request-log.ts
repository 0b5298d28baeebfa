/**
 * What was asked of an adapter: who, which OID, with which arguments, what came of it and how long
 * it took. Queries are logged too.
 */
import { OID_FORMS, type OidHandler, type OidName, type RequestKind } from './oid';
import type { NdisFunction, NdisStatus } from './status';

/** Arguments as they are shown; plain and cloneable. */
export type RequestArguments = Readonly<Record<string, string | number | boolean | null>>;

/** One who asks: a bound protocol, or the layer itself. */
export interface Caller {
  /** Unique on the adapter; two bindings may have the same name. */
  readonly bindingId: number;
  readonly name: string;
}

/** The layer itself, which frees what is left at halt (§1.3). */
export const NDIS_CALLER: Caller = { bindingId: 0, name: 'NDIS' };

/** A request before it has an outcome. */
export interface RequestLabel {
  readonly caller: Caller;
  readonly oid: OidName | NdisFunction;
  readonly kind: RequestKind;
  readonly arguments: RequestArguments;
}

/** A request that has ended. */
export interface RequestLogEntry {
  /** Rises by one per request of the adapter. */
  readonly sequence: number;
  /** When it began, after waiting for its turn. */
  readonly timeMs: number;
  readonly caller: string;
  readonly oid: OidName | NdisFunction;
  readonly kind: RequestKind;
  readonly arguments: RequestArguments;
  readonly status: NdisStatus;
  /** Why it was refused; empty when it was not. */
  readonly reason: string;
  /** Time between submission and its turn. */
  readonly waitedMs: number;
  readonly durationMs: number;
}

/** Which layer answers a request; functions of the driver interface are the layer's own. */
export function handlerOf({ oid, kind }: Pick<RequestLabel, 'oid' | 'kind'>): OidHandler {
  return OID_FORMS.find((form) => form.oid === oid && form.kind === kind)?.handler ?? 'ndis';
}

/** The request that runs now; for a watchdog (§6.7). */
export interface PendingRequest {
  readonly caller: string;
  readonly oid: OidName | NdisFunction;
  readonly arguments: RequestArguments;
  readonly sinceMs: number;
  /** Requests that wait behind it. */
  readonly waiting: number;
}
