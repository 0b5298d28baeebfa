/** Requests that the contract accepts. */
import {
  hostConfigSchema,
  vmConfigSchema,
  type HostConfig,
  type VmConfig,
} from '../../../src/contract';

export const RENDEZVOUS = { fabricSocket: '/nowhere/fabric.sock', socketFolder: '/nowhere' };

export function aHost(): HostConfig {
  return hostConfigSchema.parse({
    id: 'host-a',
    name: 'Host A',
    adapters: [{ id: 'adapter-a', name: 'nic-a' }],
  });
}

export function aVm(id: string, name = id): VmConfig {
  return vmConfigSchema.parse({
    id,
    name,
    hostId: 'host-a',
    nics: [{ id: `nic-${id}`, adapter: 'nic-a', macs: ['02:00:5e:10:00:01'] }],
  });
}
