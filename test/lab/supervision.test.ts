import { describe, expect, it } from 'vitest';

import { crashes, hangs, refuses } from './support/fake-engine-process';
import {
  aDraft,
  aLab,
  aLabWithTwoHosts,
  eventsOf,
  eventTypes,
  refusalOf,
  until,
} from './support/lab-fixture';

describe('a lab supervises its processes', () => {
  it('starts the fabric before any host and greets each with the contract version', async () => {
    const { spawner } = await aLabWithTwoHosts();
    expect(spawner.all.map((process) => process.kind)).toEqual(['fabric', 'host', 'host']);
    for (const process of spawner.all) expect(process.calls.slice(0, 2)).toEqual(['hello', 'open']);
  });

  it('restarts a host that crashed and brings its VMs and links back', async () => {
    const { lab, spawner, vmId } = await aLabWithTwoHosts();
    const plug = { at: 'adapter', hostId: 'host-a', adapter: 'nic-a' } as const;
    await lab.links.add({
      kind: 'replay',
      id: 'office',
      name: 'office',
      plug,
      file: 'sample:sample-office.pcapng',
      rate: { mode: 'recorded' },
      loops: 0,
    });
    const before = spawner.latest('Host A');
    before.crash();
    await until(() => lab.snapshot().hosts[0]?.state === 'restarting');
    expect(lab.snapshot().vms[0]).toMatchObject({
      state: 'failed',
      reason: expect.stringContaining('the queue fell over') as string,
    });
    await until(() => lab.snapshot().hosts[0]?.state === 'running');
    const after = spawner.latest('Host A');
    expect(after).not.toBe(before);
    expect(after.vms.get(vmId)?.state).toBe('running');
    expect([...after.links.keys()]).toEqual(['office']);
    expect(lab.snapshot().hosts[0]).toMatchObject({
      state: 'running',
      restarts: 1,
      pid: after.pid,
    });
    const types = await eventTypes(lab);
    expect(types).toEqual(
      expect.arrayContaining(['process/crashed', 'vm/started-afresh', 'process/restarted']),
    );
  });

  it('says in the event why a host was lost', async () => {
    const { lab, spawner } = await aLabWithTwoHosts();
    spawner.latest('Host B').crash();
    await until(() => lab.snapshot().hosts[1]?.restarts === 1);
    const crash = (await eventsOf(lab)).find((event) => event.type === 'process/crashed');
    expect(crash).toMatchObject({
      hostId: 'host-b',
      cause: expect.stringContaining('exit code 70') as string,
    });
  });

  it('keeps a link stopped that was stopped before the crash', async () => {
    const { lab, spawner } = await aLabWithTwoHosts();
    const plug = { at: 'fabric' } as const;
    await lab.links.add({
      kind: 'replay',
      id: 'office',
      name: 'office',
      plug,
      file: 'sample:sample-office.pcapng',
      rate: { mode: 'recorded' },
      loops: 0,
    });
    await lab.links.stop({ linkId: 'office' });
    spawner.latest('The fabric').crash();
    await until(() => spawner.latest('The fabric').links.get('office')?.state === 'stopped');
  });

  it('rejects a pending command with host-unavailable when its host is lost', async () => {
    const { lab, spawner, vmId } = await aLabWithTwoHosts();
    spawner.onFirst('Host A', 'stopVm', crashes());
    expect(await refusalOf(lab.vms.stop({ vmId }))).toBe('host-unavailable');
    expect(lab.snapshot().config.vms[0]?.power).toBe('running');
  });

  it('rejects a command that is not answered in time', async () => {
    const { lab, spawner, vmId } = await aLabWithTwoHosts();
    spawner.onCommand('Host A', 'stopVm', hangs());
    expect(await refusalOf(lab.vms.stop({ vmId }))).toBe('host-unavailable');
  });

  it('gives a host up that crashes again and again, and starts it again by command', async () => {
    const { lab, spawner, vmId } = await aLabWithTwoHosts();
    spawner.onCommand('Host A', 'addVm', crashes());
    spawner.latest('Host A').crash();
    await until(() => lab.snapshot().hosts[0]?.state === 'failed');
    expect(spawner.all.filter((process) => process.name === 'Host A')).toHaveLength(4);
    spawner.onCommand('Host A', 'addVm');
    await lab.hosts.restart({ hostId: 'host-a' });
    await until(() => spawner.latest('Host A').vms.get(vmId)?.state === 'running');
  });

  it('does not try again what an engine refuses', async () => {
    const { lab, spawner } = await aLabWithTwoHosts();
    spawner.onCommand('Host A', 'open', refuses('host-memory-exhausted'));
    spawner.latest('Host A').crash();
    await until(() => lab.snapshot().hosts[0]?.state === 'failed');
    expect(spawner.all.filter((process) => process.name === 'Host A')).toHaveLength(2);
  });

  it('goes on with the others when one VM cannot be restored, and starts that one by command', async () => {
    const { lab, spawner, vmId } = await aLabWithTwoHosts();
    await lab.vms.create(aDraft({ name: 'web-02', hostId: 'host-a' }));
    spawner.onFirst('Host A', 'addVm', refuses('host-memory-exhausted'));
    spawner.latest('Host A').crash();
    await until(
      () =>
        lab.snapshot().hosts[0]?.state === 'running' && lab.snapshot().vms[1]?.state === 'running',
    );
    expect(lab.snapshot().vms[0]?.state).toBe('failed');
    await lab.vms.start({ vmId });
    await until(() => lab.snapshot().vms[0]?.state === 'running');
  });

  it('merges the events of all processes, numbered without gaps', async () => {
    const { lab, spawner } = await aLabWithTwoHosts();
    const object = { kind: 'queue', id: '3', name: 'queue 3 of nic-a' } as const;
    const event = {
      timeMs: 1,
      type: 'queue/state-changed',
      severity: 'info',
      object,
      text: 'It runs.',
      cause: 'By test.',
    } as const;
    spawner.latest('Host A').emit(event);
    spawner.latest('Host B').emit(event);
    await expect
      .poll(async () =>
        (await eventsOf(lab))
          .filter(({ type }) => type === event.type)
          .map(({ hostId }) => hostId)
          .sort(),
      )
      .toEqual(['host-a', 'host-b']);
    const events = await eventsOf(lab);
    expect(events.map(({ sequence }) => sequence)).toEqual(events.map((_event, index) => index));
  });

  it('closes every process when it is closed, and kills one that does not close', async () => {
    const { lab, spawner } = await aLabWithTwoHosts();
    spawner.onCommand('Host A', 'close', hangs());
    await lab.close();
    expect(spawner.living).toEqual([]);
    expect(spawner.latest('Host B').calls).toContain('close');
  });

  it('hands a page over to a running host only', async () => {
    const { lab, spawner } = await aLabWithTwoHosts();
    const port = {};
    lab.connectPage('host-a', 'telemetry', [port]);
    expect(spawner.latest('Host A').handedOver).toEqual([
      { message: { kind: 'connect', target: 'telemetry' }, transfer: [port] },
    ]);
    spawner.latest('Host A').crash();
    await until(() => lab.snapshot().hosts[0]?.state === 'restarting');
    expect(() => lab.connectPage('host-a', 'view', [port])).toThrow(/not running/);
  });

  it('comes back from the inventory with VMs running or stopped as they were', async () => {
    const first = await aLabWithTwoHosts();
    await first.lab.vms.create(aDraft({ name: 'web-02', hostId: 'host-b', start: false }));
    await first.lab.close();
    const { lab } = await aLab({ dataFolder: first.dataFolder });
    await until(() => lab.snapshot().vms[0]?.state === 'running');
    expect(lab.snapshot().vms.map(({ vmId, state }) => [vmId, state])).toEqual([
      ['web-01', 'running'],
      ['web-02', 'stopped'],
    ]);
  });
});
