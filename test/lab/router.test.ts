import { createORPCClient, isDefinedError, ORPCError, safe } from '@orpc/client';
import { RPCLink } from '@orpc/client/message-port';
import type { ContractRouterClient } from '@orpc/contract';
import { RPCHandler } from '@orpc/server/message-port';
import { describe, expect, it } from 'vitest';

import type { labContract, LabSnapshot } from '../../src/contract/lab';
import { CONTRACT_VERSION } from '../../src/contract/version';
import { labRouter } from '../../src/lab/router';
import { parentChannelPort } from '../../src/shared/message-channel-port';
import { hangs } from './support/fake-engine-process';
import { aLab, aLabWithTwoHosts, until, type LabFixture } from './support/lab-fixture';

type LabClient = ContractRouterClient<typeof labContract>;

/** A page's connection to the lab. */
function aPage({ lab }: LabFixture): LabClient {
  const page = parentChannelPort((data) =>
    setImmediate(() => server.deliver(structuredClone(data))),
  );
  const server = parentChannelPort((data) =>
    setImmediate(() => page.deliver(structuredClone(data))),
  );
  new RPCHandler(labRouter(lab, { productVersion: '1.2.3' })).upgrade(server.port);
  return createORPCClient<LabClient>(new RPCLink({ port: page.port }));
}

describe('the lab over oRPC', () => {
  it('greets a page of the same contract version and refuses others with both numbers', async () => {
    const page = aPage(await aLab());
    expect(await page.hello({ contractVersion: CONTRACT_VERSION })).toEqual({
      contractVersion: CONTRACT_VERSION,
      productVersion: '1.2.3',
    });
    const { error } = await safe(page.hello({ contractVersion: 999 }));
    expect(isDefinedError(error) && error.data).toMatchObject({
      code: 'contract-version',
      why: expect.stringContaining('999') as string,
    });
  });

  it('sends refusals as typed errors', async () => {
    const page = aPage(await aLabWithTwoHosts());
    const { error } = await safe(page.createVm({ name: 'web-01', nics: [{}], hostId: 'host-b' }));
    expect(isDefinedError(error) && error.code).toBe('REFUSED');
    expect(isDefinedError(error) && error.data).toMatchObject({
      code: 'duplicate-name',
      field: 'name',
    });
  });

  it('sends broken input back as a refusal with the path of the field', async () => {
    const page = aPage(await aLabWithTwoHosts());
    const { error } = await safe(
      page.createVm({ name: 'b', nics: [{ vlan: { mode: 'access', id: 5000 } }] }),
    );
    expect(error instanceof ORPCError && error.data).toMatchObject({
      code: 'invalid-value',
      field: 'nics.0.vlan.id',
      why: 'expected a VLAN id from 1 to 4094',
    });
  });

  it('sends the whole snapshot now and after a change', async () => {
    const fixture = await aLabWithTwoHosts();
    const page = aPage(fixture);
    const seen: LabSnapshot[] = [];
    for await (const snapshot of await page.watch()) {
      seen.push(snapshot);
      if (seen.length === 1) await page.stopVm({ vmId: fixture.vmId });
      if (snapshot.vms[0]?.state === 'stopped') break;
    }
    expect(seen[0]?.config.hosts).toHaveLength(2);
    expect(seen.at(-1)?.revision).toBeGreaterThan(seen[0]?.revision ?? Infinity);
  });

  it('coalesces changes to ten snapshots a second at most', async () => {
    const fixture = await aLabWithTwoHosts();
    const end = new AbortController();
    let count = 0;
    const watching = (async () => {
      for await (const snapshot of fixture.lab.watch(end.signal))
        count += Math.sign(snapshot.vms.length);
    })();
    for (let flip = 0; flip < 10; flip += 1) {
      await fixture.lab.vms.stop({ vmId: fixture.vmId });
      await fixture.lab.vms.start({ vmId: fixture.vmId });
    }
    await new Promise((resolve) => setTimeout(resolve, 250));
    end.abort();
    await watching;
    expect(count).toBeGreaterThan(1);
    expect(count).toBeLessThan(12);
  });

  it('sends events in batches, from where the page left off', async () => {
    const fixture = await aLabWithTwoHosts();
    const page = aPage(fixture);
    for await (const batch of await page.events({ after: 2 })) {
      expect(batch[0]?.sequence).toBe(3);
      break;
    }
  });

  it('checks, steers and follows migrations', async () => {
    const fixture = await aLabWithTwoHosts();
    const { lab, spawner, vmId } = fixture;
    spawner.onCommand('Host A', 'sendVm:copying', hangs());
    const page = aPage(fixture);
    const { targets } = await page.preflight({ vmId });
    expect(targets).toMatchObject([{ hostId: 'host-b', possible: true }]);
    const { migrationId } = await page.migrate({
      vmId,
      targetHostId: 'host-b',
      options: { downtimeLimitMs: 50 },
    });
    await page.setMigrationLimits({ migrationId, bandwidthMiBps: 10 });
    const { error } = await safe(page.setMigrationLimits({ migrationId, downtimeLimitMs: 0 }));
    expect(error instanceof ORPCError && error.data).toMatchObject({
      code: 'invalid-value',
      field: 'downtimeLimitMs',
    });
    expect(lab.snapshot().migrations[0]?.options).toMatchObject({
      bandwidthMiBps: 10,
      downtimeLimitMs: 50,
      maxRounds: 12,
    });
    await page.injectFault({ migrationId, fault: { kind: 'kill-target', phase: 'resuming' } });
    expect(await page.evacuateHost({ hostId: 'host-a' })).toEqual({
      migrationIds: [],
      refused: [],
    });
    await page.cancelMigration({ migrationId });
    await until(() => lab.snapshot().migrations[0]?.outcome === 'cancelled');
  });

  it('migrates and shows the migration in the snapshot', async () => {
    const fixture = await aLabWithTwoHosts();
    const page = aPage(fixture);
    const { migrationId } = await page.migrate({ vmId: fixture.vmId, targetHostId: 'host-b' });
    await until(() => fixture.lab.snapshot().migrations[0]?.outcome === 'completed');
    expect(fixture.lab.snapshot().migrations[0]).toMatchObject({ migrationId, phase: null });
  });
});
