import { describe, expect, it } from 'vitest';

import type { VmConfig } from '../../../src/contract/model';
import { HostMemory } from '../../../src/engine/memory/host-memory';
import { VirtualMachine } from '../../../src/engine/vm/virtual-machine';

const CONFIG: VmConfig = {
  ...{ id: 'web', name: 'web', hostId: 'host', memoryMiB: 16, power: 'running' },
  ...{ nics: [], workload: { kind: 'responder' } },
};

describe('the memory of a VM', () => {
  it('is cleared before a boot once a guest was in it, also one that was booted elsewhere', () => {
    const memory = new HostMemory(64);
    const vm = new VirtualMachine(memory, CONFIG);
    memory.u8.fill(7, vm.memory, vm.memory + 4096);
    vm.markUsed();
    vm.clearMemory();
    expect(memory.u8.subarray(vm.memory, vm.memory + 4096).some((octet) => octet !== 0)).toBe(
      false,
    );
  });
});
