/**
 * Puts an engine behind the parent channel: control RPC for the lab, connections for pages, and the
 * end of the process. The same for a utility process and for a child of plain Node; `index.ts` gives
 * it the real engines, tests give it others.
 *
 * The process ends by itself once `close` has been answered, and when the launcher goes away.
 */
import { RPCHandler } from '@orpc/server/message-port';
import type { Connection } from './connection';
import type { FabricEngine, HostEngine } from './engine-api';
import { fabricControlRouter } from './fabric-router';
import { hostControlRouter } from './host-router';
import { LifeCycle } from './life-cycle';
import { createLog, type Logger } from './log';
import { PageConnections } from './page-connections';
import { openParentChannel, type ParentChannel } from './parent-channel';
import { answerRefusals } from './refusals';
import { EventFeed } from './streams';

/** Time for the last answer to reach the launcher. */
const LAST_ANSWER_MS = 100;
/** Longest time that an engine may take to stop when nobody waits for its answer. */
const ORPHAN_CLOSE_MS = 3000;

const KINDS = ['host', 'fabric'] as const;
export type ProcessKind = (typeof KINDS)[number];

/** Makes the engine of either kind; only one of them is called. */
export interface EngineFactories {
  createHost(): HostEngine;
  createFabric(): FabricEngine;
}

/** The process's arguments: the kind, bare or as `--kind=KIND`, and the name in either order. */
export function readArguments(args: readonly string[]): { kind: ProcessKind; name: string } {
  const values = args.map((arg) => arg.replace(/^--kind=/, ''));
  const kind = KINDS.find((candidate) => values.includes(candidate));
  if (kind === undefined)
    throw new Error(`expected ${KINDS.join(' or ')}, got "${args.join(' ')}"`);
  const name = values.find((value) => value !== kind && !value.startsWith('-'));
  return { kind, name: name ?? kind };
}

/** Serves the engine that the process's arguments name until the process ends. */
export function serveProcess(factories: EngineFactories): void {
  const { kind, name } = readArguments(process.argv.slice(2));
  const log = createLog(name);
  exitOnFault(log);
  const channel = openParentChannel();
  if (kind === 'host') serveHost(factories.createHost(), channel, log);
  else serveFabric(factories.createFabric(), channel, log);
}

function serveHost(engine: HostEngine, channel: ParentChannel, log: Logger): void {
  const life = new LifeCycle('host');
  const pages = new PageConnections(engine, life, log);
  channel.onHandover((handover) => pages.accept(handover));
  const close = (): Promise<void> =>
    life.close(() => {
      pages.stop();
      return engine.close();
    });
  const events = eventsOf(engine);
  serveControl(hostControlRouter({ engine, life, events, close, onClosed: endSoon }), channel, log);
  endWithLauncher(close, channel, log);
}

function serveFabric(engine: FabricEngine, channel: ParentChannel, log: Logger): void {
  const life = new LifeCycle('fabric');
  channel.onHandover((handover) => {
    log.warn('the fabric has nothing to show to a page');
    if (handover.carrier === 'port') handover.port.close();
    else handover.socket.destroy();
  });
  const close = (): Promise<void> => life.close(() => engine.close());
  const events = eventsOf(engine);
  serveControl(
    fabricControlRouter({ engine, life, events, close, onClosed: endSoon }),
    channel,
    log,
  );
  endWithLauncher(close, channel, log);
}

function eventsOf(engine: HostEngine | FabricEngine): EventFeed {
  const events = new EventFeed();
  engine.onEvent((event) => events.push(event));
  return events;
}

type ControlRouter = ConstructorParameters<typeof RPCHandler<Connection>>[0];

function serveControl(router: ControlRouter, channel: ParentChannel, log: Logger): void {
  const handler = new RPCHandler<Connection>(router, { clientInterceptors: [answerRefusals(log)] });
  const close = (): void => channel.rpc.close();
  handler.upgrade(channel.rpc.port, { context: { close } });
}

function endSoon(): void {
  setTimeout(() => process.exit(0), LAST_ANSWER_MS);
}

/** Ctrl-C in a terminal reaches all processes of the group; only the launcher decides what it means. */
function endWithLauncher(close: () => Promise<void>, channel: ParentChannel, log: Logger): void {
  const end = (): void => {
    channel.rpc.close();
    setTimeout(() => process.exit(1), ORPHAN_CLOSE_MS).unref();
    close().then(
      () => process.exit(0),
      (error: unknown) => {
        log.error({ err: error }, 'the engine could not stop in order');
        process.exit(1);
      },
    );
  };
  channel.onClose(end);
  process.once('SIGTERM', end);
  process.on('SIGINT', () => undefined);
}

/** A fault outside of any command leaves the engine in an unknown state: the process ends, the lab starts another. */
function exitOnFault(log: Logger): void {
  const end = (error: unknown): void => {
    log.fatal({ err: error }, 'the process ends after an unexpected error');
    process.exit(70);
  };
  process.on('uncaughtException', end);
  process.on('unhandledRejection', end);
}
