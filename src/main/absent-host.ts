/**
 * Stands in for a host that is not running. A page's port does not tell its page that nobody holds
 * the other end, so something has to answer: each call is refused with the reason.
 */
import { implement } from '@orpc/server';
import type { Refusal } from '../contract/errors';
import { hostViewContract } from '../contract/host';

export function absentHostRouter(refusal: Refusal) {
  const os = implement(hostViewContract);
  return os.router({
    hello: os.hello.handler(({ errors }) => {
      throw errors.REFUSED({ data: refusal });
    }),
    watch: os.watch.handler(({ errors }) => {
      throw errors.REFUSED({ data: refusal });
    }),
    requestLog: os.requestLog.handler(({ errors }) => {
      throw errors.REFUSED({ data: refusal });
    }),
    dumpQueue: os.dumpQueue.handler(({ errors }) => {
      throw errors.REFUSED({ data: refusal });
    }),
    queueLatency: os.queueLatency.handler(({ errors }) => {
      throw errors.REFUSED({ data: refusal });
    }),
  });
}
