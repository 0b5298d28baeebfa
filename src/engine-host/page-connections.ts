/**
 * The pages' connections to a host: RPC of the view contract, or telemetry. They arrive one by one
 * through the parent channel and belong to the page from then on; the launcher relays nothing.
 */
import { RPCHandler as PortHandler } from '@orpc/server/message-port';
import { RPCHandler as SocketHandler } from '@orpc/server/ws';
import type { WebSocket } from 'ws';
import type { Connection } from './connection';
import type { HostEngine, Unsubscribe } from './engine-api';
import { hostViewRouter } from './host-router';
import type { LifeCycle } from './life-cycle';
import type { Logger } from './log';
import type { PageHandover, TransferredPort } from './parent-channel';
import { answerRefusals } from './refusals';
import { TelemetryBroadcast, type TelemetrySink } from './telemetry-broadcast';
import { completeUpgrade } from './web-socket-upgrade';

export class PageConnections {
  readonly #life: LifeCycle;
  readonly #telemetry: TelemetryBroadcast;
  readonly #portHandler: PortHandler<Connection>;
  readonly #socketHandler: SocketHandler<Connection>;
  readonly #log: Logger;

  constructor(engine: HostEngine, life: LifeCycle, log: Logger) {
    const router = hostViewRouter({ engine, life });
    const clientInterceptors = [answerRefusals(log)];
    this.#life = life;
    this.#telemetry = new TelemetryBroadcast(
      () => engine.sampleTelemetry(),
      (error) => log.error({ err: error }, 'telemetry stopped'),
    );
    this.#portHandler = new PortHandler(router, { clientInterceptors });
    this.#socketHandler = new SocketHandler(router, { clientInterceptors });
    this.#log = log;
  }

  /** Serves a connection until the page closes it. */
  accept(handover: PageHandover): void {
    if (handover.carrier === 'port') this.#acceptPort(handover.target, handover.port);
    else {
      const { target } = handover;
      completeUpgrade(handover.socket, handover.head, (socket) =>
        this.#acceptSocket(target, socket),
      );
    }
  }

  /** Ends telemetry, before the engine stops; the connections themselves end with the process. */
  stop(): void {
    this.#telemetry.stop();
  }

  #acceptPort(target: PageHandover['target'], port: TransferredPort): void {
    if (target === 'view') {
      this.#portHandler.upgrade(port, { context: { close: () => port.close() } });
    } else if (target === 'telemetry') {
      const stop = this.#listen({ isBusy: false, send: (sample) => port.postMessage(sample) });
      port.on('close', stop);
    } else {
      this.#log.warn({ target }, 'a connection to an unknown target was closed');
      port.close();
      return;
    }
    port.start();
  }

  #acceptSocket(target: PageHandover['target'], socket: WebSocket): void {
    socket.on('error', (error) => this.#log.debug({ err: error }, 'a page connection failed'));
    if (target === 'view') {
      const context = { close: () => socket.close() };
      this.#socketHandler.upgrade(socket, { context }).catch((error: unknown) => {
        this.#log.error({ err: error }, 'a page connection could not be served');
        socket.terminate();
      });
    } else if (target === 'telemetry') {
      const stop = this.#listen(new SocketSink(socket));
      socket.once('close', stop);
    } else {
      this.#log.warn({ target }, 'a connection to an unknown target was closed');
      socket.close();
    }
  }

  /** Sends telemetry to `sink` from when the host is open until stopped. */
  #listen(sink: TelemetrySink): Unsubscribe {
    const gone = new AbortController();
    this.#life.untilOpen('telemetry', gone.signal).then(
      () => {
        if (gone.signal.aborted) return;
        const unsubscribe = this.#telemetry.add(sink);
        gone.signal.addEventListener('abort', unsubscribe, { once: true });
      },
      (error: unknown) => this.#log.debug({ err: error }, 'no telemetry: the host is closed'),
    );
    return () => gone.abort();
  }
}

/** A page's WebSocket: busy while the system has not taken the previous array. */
class SocketSink implements TelemetrySink {
  readonly #socket: WebSocket;

  constructor(socket: WebSocket) {
    this.#socket = socket;
  }

  get isBusy(): boolean {
    return this.#socket.bufferedAmount > 0;
  }

  send(sample: Float64Array): void {
    this.#socket.send(sample);
  }
}
