/**
 * Rules of an inventory that a schema of single objects cannot state: unique ids, names and MAC
 * addresses, and references that lead somewhere.
 */
import type { LabConfig } from '../../contract/model';

/** Every broken rule as one sentence; empty when the inventory is consistent. */
export function inventoryProblems(config: LabConfig): string[] {
  const { hosts, vms, links } = config;
  const nics = vms.flatMap((vm) => vm.nics);
  return [
    ...repeated(
      'host id',
      hosts.map((host) => host.id),
    ),
    ...repeated(
      'host name',
      hosts.map((host) => host.name),
    ),
    ...repeated(
      'VM id',
      vms.map((vm) => vm.id),
    ),
    ...repeated(
      'VM name',
      vms.map((vm) => vm.name),
    ),
    ...repeated(
      'NIC id',
      nics.map((nic) => nic.id),
    ),
    ...repeated(
      'MAC address',
      nics.flatMap((nic) => nic.macs),
    ),
    ...repeated(
      'link id',
      links.map((link) => link.id),
    ),
    ...repeated(
      'link name',
      links.map((link) => link.name),
    ),
    ...hosts.flatMap((host) => [
      ...repeated(
        `adapter id on ${host.name}`,
        host.adapters.map((adapter) => adapter.id),
      ),
      ...repeated(
        `adapter name on ${host.name}`,
        host.adapters.map((adapter) => adapter.name),
      ),
    ]),
    ...vms.flatMap((vm) =>
      vm.nics.flatMap((nic) => missingAdapter(config, `VM ${vm.name}`, vm.hostId, nic.adapter)),
    ),
    ...links.flatMap((link) =>
      link.plug.at === 'fabric'
        ? []
        : missingAdapter(config, `Link ${link.name}`, link.plug.hostId, link.plug.adapter),
    ),
  ];
}

function missingAdapter(config: LabConfig, who: string, hostId: string, adapter: string): string[] {
  const host = config.hosts.find((candidate) => candidate.id === hostId);
  if (host === undefined) return [`${who} is on host "${hostId}", which does not exist.`];
  if (host.adapters.some((candidate) => candidate.name === adapter)) return [];
  return [`${who} uses adapter "${adapter}", which ${host.name} does not have.`];
}

function repeated(what: string, values: readonly string[]): string[] {
  const twice = values.filter((value, index) => values.indexOf(value) !== index);
  return [...new Set(twice)].map((value) => `The ${what} "${value}" is used more than once.`);
}
