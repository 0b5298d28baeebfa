/** The kernel roles: which kernel calls make up a turn, and which requests they answer. */
import { Q_HOLD, T_VM_COUNT, T_VM_LIST } from '../kernel/layout';
import type { MemoryViews } from '../memory/host-memory';
import type { Kernel } from './kernel';
import { areRead, type KernelRole } from './kernel-loop';
import type { ThreadStart } from './protocol';

const NEVER = (): boolean => false;
/** A guest that has taken nothing for so long takes nothing. */
const PATIENCE_MS = 500;

/**
 * The adapter thread: the emulated hardware, which takes no processor time from queues. When it drops
 * because a queue has no buffer, it gives way until some are posted, for a while: otherwise it would keep
 * the very threads from running that post buffers (receive livelock).
 */
export function adapterRole(
  start: ThreadStart,
  kernel: Kernel,
  views: MemoryViews,
  setFilters: SetFilters,
): KernelRole {
  return {
    turn: (now) => kernel.adapterTurn(start.block, start.thread, now),
    hasWork: () => kernel.adapterHasWork(start.block, start.thread) !== 0,
    due: () => Infinity,
    mustGiveWay: () => kernel.adapterStarved() !== 0,
    handle: (request) => {
      if (request.kind !== 'filters') return undefined;
      setFilters(views, start.block, request.table, request.mask, request.macOnly);
      const left = [...request.fences];
      return () => {
        while (left.length > 0) {
          const fence = left[0];
          if (!fence || kernel.putFence(fence.queue, fence.nicIndex) === 0) return false;
          left.shift();
        }
        return true;
      };
    },
  };
}

/** Writes the table words of an adapter block. On the adapter's thread, between two bursts. */
export type SetFilters = (
  views: MemoryViews,
  adapter: number,
  table: number,
  mask: number,
  macOnly: boolean,
) => void;

/** A queue's thread, the default queue's thread, or a parked one. */
export function serveRole(start: ThreadStart, kernel: Kernel, views: MemoryViews): KernelRole {
  const { thread } = start;
  return {
    turn: (now) => kernel.serveTurn(thread, now),
    hasWork: () => kernel.serveHasWork(thread) !== 0,
    due: () => Infinity,
    mustGiveWay: NEVER,
    handle: (request) => {
      switch (request.kind) {
        case 'adopt': {
          const held = (): number => kernel.heldCount(request.nic);
          const step = patiently(
            held,
            (mayWait) => kernel.adopt(thread, request.nic, mayWait) !== 0,
          );
          return () => areRead(views, request.after) && step();
        }
        case 'release':
          return () => {
            if (!areRead(views, request.after)) return false;
            views.setU32(request.queue + Q_HOLD, 0);
            return true;
          };
        case 'disown':
          kernel.disown(thread, request.nic);
          return true;
        case 'announce':
          return () => kernel.announce(thread, request.nic, request.source, request.length) !== 0;
        case 'flush-hold':
          kernel.flushHold(thread, request.nic);
          return true;
        case 'release-hold':
          return patiently(
            () => kernel.heldCount(request.nic),
            (mayWait) => kernel.releaseHold(thread, request.nic, mayWait) !== 0,
          );
        case 'deliver-late':
          return lateDelivery(thread, kernel, request);
        default:
          return undefined;
      }
    },
  };
}

/** Late frames go into the guest; answered when all did. */
function lateDelivery(
  thread: number,
  kernel: Kernel,
  { nic, at, end }: { readonly nic: number; readonly at: number; readonly end: number },
): () => boolean {
  let next = at;
  return patiently(
    () => end - next,
    (mayWait) => {
      next = kernel.deliverLate(thread, nic, next, end, mayWait) >>> 0;
      return next === end;
    },
  );
}

/**
 * A step that is repeated each turn while the guest takes what is left; a guest that takes nothing for
 * {@link PATIENCE_MS} loses it. The time is the clock's, not the turn's: a thread that has slept is asked
 * before its first turn.
 * @param left what is left before the step. @param step done? With 0 it must not wait for the guest.
 */
function patiently(left: () => number, step: (mayWait: number) => boolean): () => boolean {
  let progressMs = performance.now();
  return () => {
    const before = left();
    const isDone = step(performance.now() - progressMs < PATIENCE_MS ? 1 : 0);
    if (left() < before) progressMs = performance.now();
    return isDone;
  };
}

/** A vCPU thread: embedded guests, round robin by burst. */
export function vcpuRole(start: ThreadStart, kernel: Kernel, views: MemoryViews): KernelRole {
  const { thread } = start;
  const list = views.getU32(thread + T_VM_LIST);
  return {
    turn: (now) => kernel.vcpuTurn(thread, now),
    hasWork: () => kernel.vcpuHasWork(thread) !== 0,
    due: () => kernel.vcpuDue(thread),
    mustGiveWay: NEVER,
    handle: (request) => {
      const count = views.getU32(thread + T_VM_COUNT);
      if (request.kind === 'add-vm') {
        views.setU32(list + count * 4, request.vm);
        views.setU32(thread + T_VM_COUNT, count + 1);
        return true;
      }
      if (request.kind === 'remove-vm') {
        const others = Array.from({ length: count }, (_, i) => views.getU32(list + i * 4)).filter(
          (vm) => vm !== request.vm,
        );
        others.forEach((vm, i) => {
          views.setU32(list + i * 4, vm);
        });
        views.setU32(thread + T_VM_COUNT, others.length);
        return true;
      }
      return undefined;
    },
  };
}

/** The fabric's switching thread. */
export function fabricRole(start: ThreadStart, kernel: Kernel): KernelRole {
  return {
    turn: (now) => kernel.fabricTurn(start.block, now),
    hasWork: () => kernel.fabricHasWork(start.block) !== 0,
    due: () => Infinity,
    mustGiveWay: NEVER,
    handle: () => undefined,
  };
}
