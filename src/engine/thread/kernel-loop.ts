/**
 * The loop of a thread that runs a kernel: adapter, serving, vCPU and fabric threads. One turn moves
 * a bounded burst; with nothing to do the thread sleeps at once, so that more threads than
 * processors do no harm.
 */
import { receiveMessageOnPort } from 'node:worker_threads';
import {
  CT_POLL_NS,
  CT_SLEEP_NS,
  CT_WORK_NS,
  R_HEAD,
  T_COUNTERS,
  T_DOORBELL,
  T_NOTICES,
  T_SLEEPING,
  T_WAKE,
} from '../kernel/layout';
import { MemoryViews } from '../memory/host-memory';
import { loadAffinity } from './affinity';
import { monotonicClock } from './clock';
import { IdlePolling, OTHERS_RAN_NS } from './idle-polling';
import { instantiateKernel, type Kernel } from './kernel';
import type { FromThread, RingMark, ThreadRequest, ThreadStart, ToThread } from './protocol';

/** Longest sleep: a lost wake-up costs this much, nothing more. */
const LONGEST_SLEEP_MS = 500;
/** While a request waits for its condition. */
const WAITING_SLEEP_MS = 1;

/** Longest time in which a thread gives way: it yields its processor again and again, and sleeps then. */
const GIVE_WAY_POLL_NS = 30_000;
const GIVE_WAY_MS = 0.05;

/**
 * A thread that always has work yields so often: the system's own time slices are milliseconds, and whoever
 * waits for this thread's frames may share its processor.
 */
const STRETCH_NS = 30_000;

/** What differs between the roles. */
export interface KernelRole {
  /** @param now ns; after a turn that moved something, the time at which it had ended (latencies are booked by it). */
  turn(now: number): number;
  hasWork(): boolean;
  /** When there is work without anybody waking the thread, in ns; Infinity when never. */
  due(): number;
  /** Whether the thread must leave its processor to others before its next turn. */
  mustGiveWay(): boolean;
  /** Handles a request of this role; undefined: not one of its requests. A function: answered once it returns true. */
  handle(request: ThreadRequest): (() => boolean) | true | undefined;
}

interface Waiting {
  readonly id: number;
  readonly condition: () => boolean;
}

/** Runs until it is told to stop. Called by the thread's entry; blocks it for good. */
export function runKernelLoop(
  start: ThreadStart,
  makeRole: (kernel: Kernel, views: MemoryViews) => KernelRole,
): void {
  const views = new MemoryViews(start.memory);
  const kernel = instantiateKernel(start.module, start.memory);
  const role = makeRole(kernel, views);
  const affinity = loadAffinity();
  const pinned = start.processor >= 0 && affinity.pin(start.processor);
  const clock = monotonicClock();
  const post = (message: FromThread): void => start.control.postMessage(message);

  const { i32, f64 } = views;
  const wakeAt = (start.thread + T_WAKE) >>> 2;
  const sleepingAt = (start.thread + T_SLEEPING) >>> 2;
  const doorbellAt = (start.thread + T_DOORBELL) >>> 2;
  const noticesAt = (start.thread + T_NOTICES) >>> 2;
  const workAt = (start.thread + T_COUNTERS) / 8 + CT_WORK_NS;
  const pollAt = (start.thread + T_COUNTERS) / 8 + CT_POLL_NS;
  const sleepAt = (start.thread + T_COUNTERS) / 8 + CT_SLEEP_NS;
  const add = (at: number, amount: number): void => {
    f64[at] = (f64[at] ?? 0) + amount;
  };

  const polling = new IdlePolling();
  let now = clock();
  /** Since when it has not left its processor to others of its own accord. */
  let ranSince = now;
  let waiting: Waiting[] = [];
  let seenDoorbell = 0;
  let seenNotices = Atomics.load(i32, noticesAt);
  const life = { stopped: false };

  const receive = (): void => {
    for (;;) {
      const received = receiveMessageOnPort(start.control) as { message: ToThread } | undefined;
      if (!received) return;
      const { message } = received;
      if (message.kind === 'stop') {
        life.stopped = true;
        return;
      }
      if (message.request.kind === 'sync') {
        // Answered after the turn that comes now: whoever asks may be waiting for something that a turn does.
        waiting.push({ id: message.id, condition: () => true });
        continue;
      }
      const outcome = handle(message.request);
      if (outcome === undefined)
        post({
          kind: 'refused',
          id: message.id,
          message: `a ${start.role} thread does not answer ${message.request.kind}`,
        });
      else if (outcome === true || outcome())
        post({ kind: 'answer', id: message.id, result: true });
      else waiting.push({ id: message.id, condition: outcome });
    }
  };

  const handle = (request: ThreadRequest): (() => boolean) | true | undefined => {
    if (request.kind === 'drained') return () => areRead(views, request.rings);
    if (request.kind === 'pin') {
      affinity.pin(request.processor);
      return true;
    }
    return role.handle(request);
  };

  const settleWaiting = (): void => {
    const still: Waiting[] = [];
    for (const entry of waiting) {
      if (entry.condition()) post({ kind: 'answer', id: entry.id, result: true });
      else still.push(entry);
    }
    waiting = still;
  };

  /** Lets others run. Their time counts as sleep, a look at the clock as polling. */
  const yieldOnce = (): boolean => {
    if (!affinity.yieldProcessor()) return false;
    const before = now;
    now = clock();
    ranSince = now;
    polling.yielded(now - before);
    add(now - before > OTHERS_RAN_NS ? sleepAt : pollAt, now - before);
    return true;
  };

  /** Until the role need not give way any longer, or for {@link GIVE_WAY_MS}. */
  const giveWay = (since: number): void => {
    while (role.mustGiveWay() && now - since < GIVE_WAY_POLL_NS && yieldOnce());
    // Pairs with the kernel's endShortage: the word is read before the role looks again.
    const wake = Atomics.load(i32, wakeAt);
    if (!role.mustGiveWay()) return;
    Atomics.wait(i32, wakeAt, wake, GIVE_WAY_MS);
    const awake = clock();
    add(sleepAt, awake - now);
    now = awake;
  };

  post({ kind: 'ready', threadId: affinity.threadId(), pinned, affinityReason: affinity.reason });
  while (!life.stopped) {
    // Pairs with EngineThread.request: the counter is read before the port, so no message is missed.
    const doorbell = Atomics.load(i32, doorbellAt);
    if (doorbell !== seenDoorbell) {
      seenDoorbell = doorbell;
      receive();
    }
    const moved = role.turn(now);
    if (waiting.length > 0) settleWaiting();
    const notices = Atomics.load(i32, noticesAt);
    if (notices !== seenNotices) {
      seenNotices = notices;
      post({ kind: 'notice' });
    }
    const after = clock();
    add(moved > 0 ? workAt : pollAt, after - now);
    now = after;
    if (role.mustGiveWay()) {
      giveWay(now);
      continue;
    }
    if (moved > 0) {
      polling.worked();
      if (now - ranSince > STRETCH_NS) yieldOnce();
      continue;
    }
    if (waiting.length === 0 && polling.looksAgain(now) && yieldOnce()) continue;

    // Pairs with the kernel's wake: the word is read before the flag is set, so that a wake-up
    // in between ends the wait at once, and the flag is set before the last look for work.
    const wake = Atomics.load(i32, wakeAt);
    Atomics.store(i32, sleepingAt, 1);
    const dueMs = (role.due() - now) / 1e6;
    if (dueMs > 0 && !role.hasWork() && Atomics.load(i32, doorbellAt) === seenDoorbell) {
      Atomics.wait(
        i32,
        wakeAt,
        wake,
        Math.min(dueMs, waiting.length > 0 ? WAITING_SLEEP_MS : LONGEST_SLEEP_MS),
      );
      const awake = clock();
      add(sleepAt, awake - now);
      polling.slept(awake - now);
      now = awake;
      ranSince = now;
    }
    Atomics.store(i32, sleepingAt, 0);
  }
}

/** Whether each ring has been read up to its mark (free-running 32-bit indices). */
export function areRead(views: MemoryViews, marks: readonly RingMark[]): boolean {
  return marks.every(({ ring, index }) => {
    const head = Atomics.load(views.i32, (ring + R_HEAD) >>> 2);
    return ((head - index) | 0) >= 0;
  });
}
