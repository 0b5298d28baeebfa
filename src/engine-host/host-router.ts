/**
 * The procedures of a host process: `hostControl` for the lab and `hostView` for pages. Thin: each
 * is one call of the engine; states are checked by the life cycle, values by the contract.
 */
import { implement } from '@orpc/server';
import { hostControlContract, hostViewContract } from '../contract/host';
import { CONTRACT_VERSION } from '../contract/version';
import { greet, type Connection } from './connection';
import type { HostEngine } from './engine-api';
import { done, type ProcessParts } from './process-parts';
import { watchSnapshots } from './streams';

/** What a page may ask. A page that comes early waits until the host is open. */
export function hostViewRouter({
  engine,
  life,
}: Pick<ProcessParts<HostEngine>, 'engine' | 'life'>) {
  const os = implement(hostViewContract).$context<Connection>();
  return os.router({
    hello: os.hello.handler(async ({ input, context, signal }) => {
      greet(context, input.contractVersion);
      await life.untilOpen('hello', signal);
      return { hostId: engine.snapshot().hostId, contractVersion: CONTRACT_VERSION };
    }),
    watch: os.watch.handler(async function* ({ signal }) {
      await life.untilOpen('watch', signal);
      yield* watchSnapshots(engine, signal);
    }),
    requestLog: os.requestLog.handler(({ input }) => {
      life.requireOpen('requestLog');
      return { entries: engine.requestLog(input.adapterId, input.after) };
    }),
    dumpQueue: os.dumpQueue.handler(({ input }) => {
      life.requireOpen('dumpQueue');
      return { text: engine.dumpQueue(input.adapterId, input.queueId) };
    }),
    queueLatency: os.queueLatency.handler(({ input }) => {
      life.requireOpen('queueLatency');
      return engine.queueLatency(input.adapterId, input.queueId);
    }),
  });
}

/** What the lab may ask. */
export function hostControlRouter({
  engine,
  life,
  events,
  close,
  onClosed,
}: ProcessParts<HostEngine>) {
  const os = implement(hostControlContract).$context<Connection>();
  const whenOpen = os.use(({ path, next }) => {
    life.requireOpen(path.join('.'));
    return next();
  });
  return os.router({
    hello: os.hello.handler(({ input, context }) => {
      greet(context, input.contractVersion);
      return { contractVersion: CONTRACT_VERSION, pid: process.pid };
    }),
    open: os.open.handler(async ({ input }) => {
      await life.open(() => engine.open(input.config, input.rendezvous));
      return {};
    }),
    close: os.close.handler(async () => {
      await close();
      onClosed();
      return {};
    }),
    watch: os.watch.handler(async function* ({ signal }) {
      await life.untilOpen('watch', signal);
      yield* watchSnapshots(engine, signal);
    }),
    events: os.events.handler(({ signal }) => events.stream(signal)),
    report: whenOpen.report.handler(() => engine.report()),

    addVm: whenOpen.addVm.handler(({ input }) => done(engine.addVm(input))),
    updateVm: whenOpen.updateVm.handler(({ input }) => done(engine.updateVm(input))),
    removeVm: whenOpen.removeVm.handler(({ input }) => done(engine.removeVm(input.vmId))),
    startVm: whenOpen.startVm.handler(({ input }) =>
      done(engine.startVm(input.vmId, input.announce)),
    ),
    stopVm: whenOpen.stopVm.handler(({ input }) => done(engine.stopVm(input.vmId))),

    setAdapter: whenOpen.setAdapter.handler(({ input: { cause, ...adapter } }) =>
      done(engine.setAdapter(adapter, cause)),
    ),
    meterAdapter: whenOpen.meterAdapter.handler(({ input }) =>
      engine.meterAdapter(input.adapterId),
    ),
    adapterEvent: whenOpen.adapterEvent.handler(({ input }) =>
      done(engine.adapterEvent(input.adapterId, input.event)),
    ),
    setNicFilters: whenOpen.setNicFilters.handler(({ input }) =>
      done(engine.setNicFilters(input.nicId, input.set)),
    ),

    addLink: whenOpen.addLink.handler(({ input }) => done(engine.addLink(input))),
    startLink: whenOpen.startLink.handler(({ input }) => done(engine.startLink(input.linkId))),
    stopLink: whenOpen.stopLink.handler(({ input }) => done(engine.stopLink(input.linkId))),
    removeLink: whenOpen.removeLink.handler(({ input }) => done(engine.removeLink(input.linkId))),

    prepareIncoming: whenOpen.prepareIncoming.handler(({ input }) =>
      engine.prepareIncoming(input.migrationId, input.vm),
    ),
    sendVm: whenOpen.sendVm.handler(async function* ({ input, signal = never() }) {
      const { migrationId, ...request } = input;
      yield* engine.sendVm(migrationId, request, signal);
    }),
    setSendLimits: whenOpen.setSendLimits.handler(({ input }) =>
      done(engine.setSendLimits(input.migrationId, input.limits)),
    ),
    continueSend: whenOpen.continueSend.handler(({ input }) =>
      done(engine.continueSend(input.migrationId)),
    ),
    breakStream: whenOpen.breakStream.handler(({ input }) =>
      done(engine.breakStream(input.migrationId, input.how)),
    ),
    fillMemory: whenOpen.fillMemory.handler(({ input }) =>
      done(engine.fillMemory(input.leaveBytes)),
    ),
    freeFilledMemory: whenOpen.freeFilledMemory.handler(() => done(engine.freeFilledMemory())),
    commitIncoming: whenOpen.commitIncoming.handler(({ input }) =>
      engine.commitIncoming(input.migrationId),
    ),
    abortIncoming: whenOpen.abortIncoming.handler(({ input }) =>
      done(engine.abortIncoming(input.migrationId)),
    ),
    finishSend: whenOpen.finishSend.handler(({ input }) => engine.finishSend(input.migrationId)),
    cancelSend: whenOpen.cancelSend.handler(({ input }) =>
      done(engine.cancelSend(input.migrationId)),
    ),
    killThread: whenOpen.killThread.handler(({ input }) => done(engine.killThread(input.thread))),
  });
}

/** For a call whose transport cannot be aborted. */
function never(): AbortSignal {
  return new AbortController().signal;
}
