/**
 * The target of one migration: listens, receives the VM's memory and device state, and holds them,
 * silent, until the lab has decided. `protocol.ts` has its states. Control thread.
 *
 * ```
 * const incoming = await IncomingMigration.listen({ vm, kernel, memory, socketFolder, migrationId, token });
 * await incoming.whenReady();      // the device state is restored; the source has been told
 * incoming.finish(late);           // the lab has committed: run the VM; `late` takes what was held for it
 * incoming.abort('…');             // or not: the VM is discarded
 * ```
 */
import type { Socket } from 'node:net';
import { dirname, join } from 'node:path';
import { PAGE_SIZE } from '../kernel/layout';
import type { HostMemory } from '../memory/host-memory';
import type { Kernel } from '../thread/kernel';
import { RefusalError } from '../../shared/refusal-error';
import { accepted, connectingToRead, Connection, type OpenSocket } from './connection';
import type { DeviceState } from './device-state';
import type { IncomingVm, LateFrames } from './endpoints';
import { ImageReceiver } from './image-receiver';
import { readLateBatch } from './late-batch';
import { SocketListener } from './socket-listener';
import type { Message, MessageSlot } from './message-reader';
import { MessageType, TARGET_ACCEPTS, type IncomingState } from './protocol';
import {
  migrationCancelled,
  migrationFailed,
  reasonOf,
  streamInvalid,
  wrongState,
} from './refusals';
import { TargetStaging } from './staging';
import { parseHello } from './text-payload';
import { isSameToken } from './token';

/** After the commit, the source has said everything within this time, or is not waited for. */
const LATE_MS = 3000;
/** Connections that may say Hello at the same time. */
const MAX_CANDIDATES = 4;

export interface IncomingOptions {
  readonly vm: IncomingVm;
  readonly kernel: Kernel;
  readonly memory: HostMemory;
  readonly socketFolder: string;
  readonly migrationId: string;
  /** What the source must present. */
  readonly token: string;
  /** Time for the source to connect and to say Hello. Default 5 s. */
  readonly connectTimeoutMs?: number;
  /** Longest silence of the source after that. Default 30 s. */
  readonly idleTimeoutMs?: number;
}

export class IncomingMigration {
  /** Resolves when sockets are closed and staging memory is given back. Never rejects. */
  readonly closed: Promise<void>;
  readonly #options: IncomingOptions;
  readonly #listener: SocketListener;
  readonly #staging: TargetStaging;
  readonly #image: ImageReceiver;
  readonly #candidates = new Set<Connection>();
  readonly #connectTimer: NodeJS.Timeout;
  readonly #ready: Promise<DeviceState>;
  #source: Connection | undefined;
  /** What the source had opened, where this host opened its own socket for the rest. */
  #greeted: Connection | undefined;
  /** NICs of the VM, as its device state has them. */
  #nics = 0;
  #state: IncomingState = 'listening';
  #settle!: { resolve: (state: DeviceState) => void; reject: (reason: Error) => void };
  #release!: () => void;
  #late: LateFrames | undefined;
  #lateTimer: NodeJS.Timeout | undefined;

  /**
   * Listens for the source on a socket of its own in `socketFolder`.
   * @throws RefusalError `host-memory-exhausted`; `invalid-value` when the socket's path is too
   * long; `migration-failed` when it cannot listen. The VM is not discarded then.
   */
  static async listen(options: IncomingOptions): Promise<IncomingMigration> {
    const { vm, kernel, memory, socketFolder, migrationId } = options;
    const staging = new TargetStaging(memory, MAX_CANDIDATES);
    try {
      const listener = await SocketListener.open(socketFolder, `m-${migrationId}`, vm.vmId);
      return new IncomingMigration(
        options,
        listener,
        staging,
        new ImageReceiver(kernel, memory, vm),
      );
    } catch (error) {
      staging.give();
      throw error;
    }
  }

  private constructor(
    options: IncomingOptions,
    listener: SocketListener,
    staging: TargetStaging,
    image: ImageReceiver,
  ) {
    this.#options = options;
    this.#listener = listener;
    this.#staging = staging;
    this.#image = image;
    this.#ready = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
    // Whoever asks gets the failure; the host need not have asked by then.
    this.#ready.catch(reasonOf);
    this.closed = new Promise((resolve) => {
      this.#release = resolve;
    });
    const wait = options.connectTimeoutMs ?? 5000;
    this.#connectTimer = setTimeout(() => {
      this.#discard(this.#failed(`No source connected within ${wait / 1000} s.`));
    }, wait);
    listener.onConnection((socket) => this.#meet(socket));
  }

  /** Where the source must connect. */
  get socketPath(): string {
    return this.#listener.path;
  }

  get state(): IncomingState {
    return this.#state;
  }

  /** Resolves when everything has arrived and `vm.restore` took it; rejects when it is discarded. */
  whenReady(): Promise<DeviceState> {
    return this.#ready;
  }

  /**
   * The lab has committed: the VM belongs to this host. Legal in: ready.
   * @param late takes the frames that the source held for the VM.
   */
  finish(late: LateFrames): void {
    if (this.#state !== 'ready') throw wrongState('finish', this.#state, 'ready');
    this.#state = 'committed';
    this.#late = late;
    this.#lateTimer = setTimeout(() => {
      this.#settleLate(`It said nothing more for ${LATE_MS / 1000} s.`);
    }, LATE_MS);
    if (this.#source?.isOver !== false) this.#settleLate('The stream had ended before.');
  }

  #settleLate(lost: string | null): void {
    if (this.#state !== 'committed') return;
    this.#state = 'settled';
    clearTimeout(this.#lateTimer);
    this.#source?.close();
    void this.#cleanUp();
    this.#late?.end(lost);
  }

  /** Forgets the VM and tells the source why. Harmless once discarded; refused once committed. */
  abort(reason: string): void {
    if (this.#state === 'committed' || this.#state === 'settled') {
      throw wrongState('abort', this.#state, 'any other state');
    }
    this.#discard(migrationCancelled(this.#options.vm.vmId, reason));
  }

  /** A connection that has not said Hello yet. */
  #meet(socket: Socket): void {
    const inbound = this.#staging.takeNoticeSlot();
    if (!inbound) {
      socket.destroy();
      return;
    }
    const candidate = this.#connect(accepted(socket), inbound);
    this.#candidates.add(candidate);
    void candidate.closed.then(() => this.#staging.giveNoticeSlot(inbound));
  }

  #connect(open: OpenSocket, inbound: MessageSlot): Connection {
    const { kernel, memory } = this.#options;
    const connection: Connection = new Connection({
      ...{ open, kernel, memory, inbound, outbound: this.#staging.outbound },
      accepts: () =>
        connection === this.#greeted ? [MessageType.Abort] : TARGET_ACCEPTS[this.#state],
      places: this.#image,
      onMessage: (message, from) => this.#onMessage(message, from),
      onLost: (cause, lost) => this.#onLost(cause, lost),
    });
    return connection;
  }

  #onMessage(message: Message, connection: Connection): void {
    switch (message.type) {
      case MessageType.Hello:
        this.#onHello(message, connection);
        break;
      case MessageType.Pages:
        this.#image.takePages(message);
        break;
      case MessageType.RoundEnd:
        this.#image.endRound(message);
        break;
      case MessageType.State:
        this.#image.takeState(connection.view(message));
        this.#state = 'restored';
        break;
      case MessageType.Complete:
        this.#onComplete(this.#image.complete(message), connection);
        break;
      case MessageType.Abort:
        this.#discard(this.#failed(`The source gave up: ${connection.reasonIn(message)}`));
        break;
      case MessageType.LateFrames: {
        const { nic, entries } = readLateBatch(connection.view(message), this.#nics);
        this.#late?.take(nic, entries);
        break;
      }
      case MessageType.LateEnd:
        this.#settleLate(null);
        break;
      default:
        throw streamInvalid(`A target takes no message of type ${message.type}.`);
    }
  }

  #onHello(message: Message, connection: Connection): void {
    const { vm, token, idleTimeoutMs = 30_000 } = this.#options;
    const hello = parseHello(connection.view(message));
    if (!isSameToken(hello.token, token)) throw streamInvalid('The token is wrong.');
    this.#state = 'receiving';
    clearTimeout(this.#connectTimer);
    this.#listener.close();
    this.#candidates.delete(connection);
    this.#turnAwayCandidates('This migration has its source already.');
    this.#source = this.#streamOf(connection, hello.back);
    this.#source.setIdleTimeout(idleTimeoutMs);
    const difference = differenceOf(hello, vm);
    if (difference === undefined) this.#source.send(MessageType.Accept);
    else this.#discard(streamInvalid(difference), MessageType.Refuse);
  }

  /** What everything else comes on: this host's own socket where the source takes one. */
  #streamOf(greeted: Connection, back: string | null): Connection {
    if (back === null) {
      greeted.receiveInto(this.#staging.inbound);
      return greeted;
    }
    const path = join(dirname(this.#listener.path), back);
    // The source closes the first one when it has the second; until then it may give up there.
    this.#greeted = greeted;
    return this.#connect(connectingToRead(path), this.#staging.inbound);
  }

  #onComplete(state: DeviceState, connection: Connection): void {
    try {
      this.#options.vm.restore(state);
    } catch (cause) {
      this.#discard(this.#failed(`The device state does not fit: ${reasonOf(cause)}`, cause));
      return;
    }
    // The host may have given up inside `restore`.
    if (this.#state !== 'restored') return;
    this.#state = 'ready';
    this.#nics = state.nics.length;
    connection.setIdleTimeout(0);
    connection.send(MessageType.Ready);
    this.#settle.resolve(state);
  }

  #onLost(cause: unknown, connection: Connection): void {
    if (this.#candidates.delete(connection)) {
      connection.close(MessageType.Refuse, reasonOf(cause));
    } else if (connection !== this.#source) {
      // The first socket of a source that has a second one.
    } else if (this.#state === 'committed') {
      this.#settleLate(reasonOf(cause));
    } else if (this.#state !== 'ready') {
      const isRefusal = cause instanceof RefusalError;
      this.#discard(isRefusal ? cause : this.#failed(reasonOf(cause), cause));
    } else if (cause instanceof RefusalError) {
      // Ready stands: the lab decides. But nothing more is read from a source that breaks rules.
      connection.close();
    }
  }

  #failed(why: string, cause?: unknown): RefusalError {
    return migrationFailed(this.#options.vm.vmId, why, cause);
  }

  #discard(reason: RefusalError, farewell: Farewell = MessageType.Abort): void {
    if (FINAL.includes(this.#state)) return;
    this.#state = 'discarded';
    this.#source?.close(farewell, reasonOf(reason));
    this.#settle.reject(reason);
    void this.#cleanUp();
    this.#options.vm.discard();
  }

  #turnAwayCandidates(reason: string): void {
    for (const candidate of this.#candidates) candidate.close(MessageType.Refuse, reason);
    this.#candidates.clear();
  }

  async #cleanUp(): Promise<void> {
    clearTimeout(this.#connectTimer);
    this.#turnAwayCandidates('This migration is over.');
    this.#listener.close();
    this.#greeted?.close();
    await this.#listener.closed;
    await this.#source?.closed;
    this.#staging.give();
    this.#release();
  }
}

/** States in which the VM is this host's, or nobody's here. */
const FINAL: readonly IncomingState[] = ['committed', 'settled', 'discarded'];

type Farewell = typeof MessageType.Refuse | typeof MessageType.Abort;

/** What a Hello says that the reserved VM contradicts, or undefined. */
function differenceOf(hello: ReturnType<typeof parseHello>, vm: IncomingVm): string | undefined {
  if (hello.vmId !== vm.vmId) return `Hello: expected VM ${vm.vmId}, got ${hello.vmId}.`;
  if (hello.memoryBytes !== vm.memoryBytes) {
    return `Hello: expected ${vm.memoryBytes} bytes of memory, got ${hello.memoryBytes}.`;
  }
  if (hello.pageSize !== PAGE_SIZE) {
    return `Hello: expected pages of ${PAGE_SIZE} bytes, got ${hello.pageSize}.`;
  }
  return undefined;
}
