/**
 * Makes an inventory of a valid lab file: names become ids, defaults are filled in. References that
 * lead nowhere and rules between objects are reported at their field; with a problem anywhere the
 * result is not used.
 */
import { dirname, resolve } from 'node:path';

import type { LabFile } from '../../contract/lab-file';
import type {
  HostConfig,
  LabConfig,
  LinkConfig,
  NicConfig,
  Plug,
  VmConfig,
} from '../../contract/model';
import type { AdapterProfile } from '../../contract/vmq';
import { nicId, uniqueId } from '../ids';
import type { FieldPath, LabFileSource } from './source';

export interface CompiledLab {
  /** Hosts, VMs, and the links that start with the lab. */
  readonly config: LabConfig;
  /** Every link by name, with those that a step starts. */
  readonly links: ReadonlyMap<string, LinkConfig>;
  /** Ids of the links that a step starts. */
  readonly deferred: ReadonlySet<string>;
}

/**
 * @param path where the lab file is; captures are relative to its folder.
 * @param profiles adapter profiles that the file may name.
 */
export function compileLab(
  file: LabFile,
  path: string,
  source: LabFileSource,
  profiles: readonly AdapterProfile[],
): CompiledLab {
  const hosts = compileHosts(file, source, profiles);
  const vms = compileVms(file, hosts, source);
  const links = new Map<string, LinkConfig>();
  const deferred = new Set<string>();
  file.links.forEach((link, index) => {
    const field = ['links', index];
    reportRepeated(source, [...field, 'name'], 'a link name', link.name, [...links.keys()]);
    const config = compileLink(
      link,
      uniqueId(
        link.name,
        'link',
        [...links.values()].map(({ id }) => id),
      ),
      {
        plug: compilePlug(link.plug, hosts, source, [...field, 'plug']),
        folder: dirname(resolve(path)),
      },
    );
    links.set(link.name, config);
    if (!link.autostart) deferred.add(config.id);
  });
  const started = [...links.values()].filter(({ id }) => !deferred.has(id));
  return { config: { schema: 1, name: file.name, hosts, vms, links: started }, links, deferred };
}

function compileHosts(
  file: LabFile,
  source: LabFileSource,
  profiles: readonly AdapterProfile[],
): HostConfig[] {
  const hosts: HostConfig[] = [];
  file.hosts.forEach((host, index) => {
    reportRepeated(
      source,
      ['hosts', index, 'name'],
      'a host name',
      host.name,
      hosts.map(({ name }) => name),
    );
    const adapters: HostConfig['adapters'] = [];
    host.adapters.forEach((adapter, position) => {
      const names = adapters.map(({ name }) => name);
      reportRepeated(
        source,
        ['hosts', index, 'adapters', position, 'name'],
        'an adapter name',
        adapter.name,
        names,
      );
      const { profile: named, ...settings } = adapter;
      const profile =
        typeof named === 'string' ? profiles.find((candidate) => candidate.id === named) : named;
      if (typeof named === 'string' && profile === undefined)
        reportUnknown(
          source,
          ['hosts', index, 'adapters', position, 'profile'],
          profiles.map(({ id }) => id),
        );
      adapters.push({
        ...settings,
        ...(profile === undefined ? {} : { profile }),
        id: uniqueId(
          adapter.name,
          'nic',
          adapters.map(({ id }) => id),
        ),
      });
    });
    const id = uniqueId(
      host.name,
      'host',
      hosts.map((other) => other.id),
    );
    hosts.push({ id, name: host.name, memoryMiB: host.memoryMiB, adapters });
  });
  return hosts;
}

function compileVms(
  file: LabFile,
  hosts: readonly HostConfig[],
  source: LabFileSource,
): VmConfig[] {
  const vms: VmConfig[] = [];
  const macs: string[] = [];
  file.vms.forEach((vm, index) => {
    const field = ['vms', index];
    reportRepeated(
      source,
      [...field, 'name'],
      'a VM name',
      vm.name,
      vms.map(({ name }) => name),
    );
    const host = hosts.find(({ name }) => name === vm.host);
    if (host === undefined)
      reportUnknown(
        source,
        [...field, 'host'],
        hosts.map(({ name }) => name),
      );
    const id = uniqueId(
      vm.name,
      'vm',
      vms.map((other) => other.id),
    );
    const nics = vm.nics.map((nic, position): NicConfig => {
      const nicField = [...field, 'nics', position];
      nic.macs.forEach((mac, number) => {
        reportRepeated(source, [...nicField, 'macs', number], 'a MAC address', mac, macs);
        macs.push(mac);
      });
      const adapters = host?.adapters.map(({ name }) => name) ?? [];
      if (nic.adapter !== undefined && host !== undefined && !adapters.includes(nic.adapter)) {
        reportUnknown(source, [...nicField, 'adapter'], adapters);
      }
      return {
        id: nicId(id, position),
        adapter: nic.adapter ?? adapters[0] ?? 'nic-a',
        macs: nic.macs,
        vlan: nic.vlan === undefined ? { mode: 'untagged' } : { mode: 'access', id: nic.vlan },
        queue: nic.queue,
        ...(nic.policy === undefined ? {} : { policy: nic.policy }),
        ...(nic.ipv4 === undefined ? {} : { ipv4: nic.ipv4 }),
      };
    });
    const { name, memoryMiB, workload, power } = vm;
    vms.push({ id, name, hostId: host?.id ?? 'unknown', memoryMiB, nics, workload, power });
  });
  return vms;
}

function compileLink(
  link: LabFile['links'][number],
  id: string,
  { plug, folder }: { plug: Plug; folder: string },
): LinkConfig {
  const { name } = link;
  if (link.kind === 'generator') {
    const { kind, targets, sourceMac, frameBytes, rate, frames } = link;
    return { kind, id, name, plug, targets, sourceMac, frameBytes, rate, frames };
  }
  const { kind, rate, loops } = link;
  const file = link.file.startsWith('sample:') ? link.file : resolve(folder, link.file);
  return { kind, id, name, plug, file, rate, loops };
}

/** `fabric`, or `HOST/ADAPTER`; adapters' names may not be guessed at, so the last slash divides. */
function compilePlug(
  text: string,
  hosts: readonly HostConfig[],
  source: LabFileSource,
  field: FieldPath,
): Plug {
  if (text === 'fabric') return { at: 'fabric' };
  const slash = text.lastIndexOf('/');
  const host = hosts.find(({ name }) => name === text.slice(0, slash));
  const adapter = host?.adapters.find(({ name }) => name === text.slice(slash + 1));
  if (slash > 0 && host !== undefined && adapter !== undefined) {
    return { at: 'adapter', hostId: host.id, adapter: adapter.name };
  }
  const known = hosts.flatMap(({ name, adapters }) =>
    adapters.map((each) => `${name}/${each.name}`),
  );
  reportUnknown(source, field, ['fabric', ...known]);
  return { at: 'fabric' };
}

function reportRepeated(
  source: LabFileSource,
  field: FieldPath,
  what: string,
  value: string,
  before: readonly string[],
): void {
  if (before.includes(value))
    source.report(field, `${what} that is used once`, `"${value}" a second time`);
}

/** Reports a name that nothing has, with the names that would do. */
export function reportUnknown(
  source: LabFileSource,
  field: FieldPath,
  known: readonly string[],
): void {
  source.report(
    field,
    known.length === 0
      ? 'a name, but there is none to refer to'
      : `one of ${known.map((name) => `"${name}"`).join(', ')}`,
  );
}
