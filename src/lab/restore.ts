/**
 * Brings the inventory into engine processes that have just opened: VMs (started when their power
 * says so) and links. What cannot be restored is recorded and left out; the rest goes on.
 */
import type { LinkConfig, VmConfig } from '../contract/model';
import { refusalText } from '../shared/refusal-error';
import type { LabContext } from './context';
import type { FabricControl, HostControl } from './process/control-link';
import { asRefusal } from './refusals';

type LinkControl = Pick<HostControl, 'addLink' | 'stopLink'>;

/** Restores a host, once no migration needs what was in the process before. */
export async function restoreHost(
  context: LabContext,
  hostId: string,
  control: HostControl,
  isRestart: boolean,
): Promise<void> {
  await context.arbiter.settled(hostId);
  const { vms, links } = context.inventory.config;
  for (const vm of vms) {
    if (vm.hostId === hostId) await restoreVm(context, vm, control, isRestart);
  }
  for (const link of links) {
    if (link.plug.at === 'adapter' && link.plug.hostId === hostId)
      await restoreLink(context, link, control);
  }
}

/** Restores the links of the fabric. */
export async function restoreFabric(context: LabContext, control: FabricControl): Promise<void> {
  for (const link of context.inventory.config.links) {
    if (link.plug.at === 'fabric') await restoreLink(context, link, control);
  }
}

async function restoreVm(
  context: LabContext,
  vm: VmConfig,
  control: HostControl,
  isRestart: boolean,
): Promise<void> {
  const object = { kind: 'vm', id: vm.id, name: vm.name } as const;
  try {
    await control.addVm(vm);
    if (vm.power === 'running') await control.startVm({ vmId: vm.id, announce: isRestart });
    context.restoreFailures.delete(vm.id);
    if (!isRestart || vm.power !== 'running') return;
    context.events.record(
      'vm/started-afresh',
      object,
      `${vm.name} was started afresh.`,
      'Its memory was lost with the process of its host.',
      { severity: 'warning', hostId: vm.hostId },
    );
  } catch (error) {
    const reason = refusalText(asRefusal(error));
    context.restoreFailures.set(vm.id, reason);
    context.events.record(
      'vm/restore-failed',
      object,
      `${vm.name} could not be restored.`,
      reason,
      { severity: 'error', hostId: vm.hostId },
    );
  }
}

async function restoreLink(
  context: LabContext,
  link: LinkConfig,
  control: LinkControl,
): Promise<void> {
  try {
    await control.addLink(await context.captures.resolve(link));
    if (context.stoppedLinks.has(link.id)) await control.stopLink({ linkId: link.id });
  } catch (error) {
    const object = { kind: 'link', id: link.id, name: link.name } as const;
    context.events.record(
      'link/restore-failed',
      object,
      `Link ${link.name} could not be restored.`,
      refusalText(asRefusal(error)),
      { severity: 'error' },
    );
  }
}
