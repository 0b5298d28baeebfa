import { call } from '@orpc/server';
import { describe, expect, it } from 'vitest';
import type { Refusal } from '../../src/contract/errors';
import { absentHostRouter } from '../../src/main/absent-host';

describe('absentHostRouter', () => {
  it('refuses every call with the reason', async () => {
    const refusal: Refusal = {
      code: 'host-unavailable',
      what: 'Down.',
      why: 'Stopped.',
      remedy: '',
    };
    const router = absentHostRouter(refusal);
    const refused = { code: 'REFUSED', defined: true, data: refusal };
    await expect(call(router.hello, { contractVersion: 1 })).rejects.toMatchObject(refused);
    await expect(call(router.watch, undefined)).rejects.toMatchObject(refused);
    const adapterId = 'nic-a';
    await expect(call(router.requestLog, { adapterId })).rejects.toMatchObject(refused);
    const queue = { adapterId, queueId: 1 };
    await expect(call(router.dumpQueue, queue)).rejects.toMatchObject(refused);
    await expect(call(router.queueLatency, queue)).rejects.toMatchObject(refused);
  });
});
