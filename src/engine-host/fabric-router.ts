/** The procedures of the fabric process, for the lab. See `host-router.ts`. */
import { implement } from '@orpc/server';
import { fabricControlContract } from '../contract/host';
import { CONTRACT_VERSION } from '../contract/version';
import { greet, type Connection } from './connection';
import type { FabricEngine } from './engine-api';
import { done, type ProcessParts } from './process-parts';
import { watchSnapshots } from './streams';

/** What the lab may ask. */
export function fabricControlRouter({
  engine,
  life,
  events,
  close,
  onClosed,
}: ProcessParts<FabricEngine>) {
  const os = implement(fabricControlContract).$context<Connection>();
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
      await life.open(() => engine.open(input.rendezvous));
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

    addLink: whenOpen.addLink.handler(({ input }) => done(engine.addLink(input))),
    startLink: whenOpen.startLink.handler(({ input }) => done(engine.startLink(input.linkId))),
    stopLink: whenOpen.stopLink.handler(({ input }) => done(engine.stopLink(input.linkId))),
    removeLink: whenOpen.removeLink.handler(({ input }) => done(engine.removeLink(input.linkId))),

    startProbe: whenOpen.startProbe.handler(({ input }) => done(engine.startProbe(input))),
    stopProbe: whenOpen.stopProbe.handler(({ input }) => engine.stopProbe(input.probeId)),
    watchProbe: whenOpen.watchProbe.handler(({ input, signal }) =>
      engine.watchProbe(input.probeId, signal),
    ),
    loseProbes: whenOpen.loseProbes.handler(({ input }) =>
      done(engine.loseProbes(input.probeId, input.direction, input.frames)),
    ),
  });
}
