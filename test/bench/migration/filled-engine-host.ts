/**
 * The engine's process with one difference: a VM that it starts has its memory, outside of its
 * guest's own pages, filled with random bytes. So a migration of it can neither leave out nor shorten
 * a page. Incoming VMs are left alone: their memory is fresh.
 */
import { randomFillSync } from 'node:crypto';

import { VmPower } from '../../../src/engine/host/vm-power';
import { G_BASE, G_WRITER_START } from '../../../src/engine/kernel/layout';
import { HostMemory } from '../../../src/engine/memory/host-memory';
import type { VirtualMachine } from '../../../src/engine/vm/virtual-machine';

const CHUNK_BYTES = 2 ** 20;

const memories: HostMemory[] = [];
const take = Reflect.get(HostMemory.prototype, 'take');
HostMemory.prototype.take = function (...request) {
  if (!memories.includes(this)) memories.push(this);
  return take.apply(this, request);
};

const start = Reflect.get(VmPower.prototype, 'start');
VmPower.prototype.start = async function (vm) {
  await start.call(this, vm);
  for (const memory of memories) await fill(memory, vm);
};

/** The host has one memory. The guest runs meanwhile, and has nothing to do with these pages. */
async function fill(memory: HostMemory, vm: VirtualMachine): Promise<void> {
  const chunk = new Uint8Array(CHUNK_BYTES);
  const end = vm.memory + vm.memoryBytes;
  let at = vm.memory + memory.getU32(vm.memory + G_BASE + G_WRITER_START);
  while (at < end) {
    const length = Math.min(CHUNK_BYTES, end - at);
    randomFillSync(chunk);
    memory.u8.set(chunk.subarray(0, length), at);
    at += length;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

// Last: it serves the parent at once.
void import('../../../src/engine-host/index');
