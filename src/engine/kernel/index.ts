/** Entry of the kernel module: what threads call. `docs/memory-layout.md` describes the blocks that they pass. */
export { adapterHasWork, adapterTurn, putFence } from './adapter';
export { adapterStarved } from './dma';
export { checksum, checksumOfTwo } from './checksum';
export { fabricHasWork, fabricTurn } from './fabric';
export { filterLookup, filterSlot } from './filter-table';
export { guestTurn, kick } from './guest';
export { inconsistentPages } from './guest-workload';
export { adopt, disown, passFence } from './handover';
export { latencyBucket } from './latency';
export {
  deframe,
  enframe,
  generate,
  lastBytes,
  lastFrames,
  replay,
  wirePut,
  wireTake,
} from './link';
export { macAge, macForget, macForgetPort, macKey, macLearn, macLookup } from './mac-table';
export {
  countDirty,
  lastCopiesEnd,
  lastRepeatedPages,
  lastScan,
  lastZeroPages,
  markAll,
  putPages,
  takeDirty,
} from './pages';
export { deliverLate, flushHold, heldCount, releaseHold } from './port';
export { serveHasWork, serveTurn } from './serve';
export { wake } from './thread';
export { announce } from './transmit';
export { vcpuDue, vcpuHasWork, vcpuTurn } from './vcpu';
export { wireEmpty } from './wire-ring';
