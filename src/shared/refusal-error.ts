/**
 * The one error class for everything that is refused across a module or process border. Its data is
 * the contract's {@link Refusal}; routers turn it into the typed oRPC error `REFUSED`.
 */
import type { Refusal } from '../contract/errors';

export class RefusalError extends Error {
  readonly refusal: Refusal;

  constructor(refusal: Refusal, options?: ErrorOptions) {
    super(refusalText(refusal), options);
    this.name = 'RefusalError';
    this.refusal = refusal;
  }
}

/** One line for logs and terminals: what, why, and the remedy where there is one. */
export function refusalText(refusal: Refusal): string {
  return [refusal.what, refusal.why, refusal.remedy].filter((part) => part !== '').join(' ');
}
