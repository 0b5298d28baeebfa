/**
 * The source's end of the socket: what it says, what it waits for, and everything that can interrupt
 * it. Whatever goes wrong (Refuse, Abort, loss, time-out, cancellation) ends the present wait and
 * all later ones with one refusal; the first reason stays. Control thread.
 */
import { basename, dirname } from 'node:path';
import type { Socket } from 'node:net';
import { PAGE_SIZE } from '../kernel/layout';
import type { HostMemory } from '../memory/host-memory';
import type { Kernel } from '../thread/kernel';
import type { RefusalError } from '../../shared/refusal-error';
import { Condition } from './condition';
import { accepted, connecting, Connection, type OpenSocket } from './connection';
import type { OutgoingVm } from './endpoints';
import type { Message, MessageSlot } from './message-reader';
import { HEADER_BYTES, MessageType, SOURCE_ACCEPTS, type SourceStreamState } from './protocol';
import { migrationFailed, reasonOf, targetRefused } from './refusals';
import { SocketListener } from './socket-listener';
import { SourceStaging, type PageSlot } from './staging';
import { textPayload } from './text-payload';

export interface SourceLinkOptions {
  readonly vm: OutgoingVm;
  readonly kernel: Kernel;
  readonly memory: HostMemory;
  /** Path of the target's socket. */
  readonly socketPath: string;
  /** What the target gave to the lab for this migration. */
  readonly token: string;
  /** Time to connect and to be accepted. Default 5 s. */
  readonly connectTimeoutMs?: number;
  /** Longest silence of the target after that. Default 30 s. */
  readonly idleTimeoutMs?: number;
  /** Whether the target may open a second socket, from which it reads faster. Default: yes. */
  readonly secondSocket?: boolean;
  /** The target gave up after it had been ready. */
  readonly onLateAbort: (reason: RefusalError) => void;
}

export class SourceLink {
  /** Resolves when the socket is closed and the staging memory is given back. Never rejects. */
  readonly closed: Promise<void>;
  readonly #options: SourceLinkOptions;
  readonly #staging: SourceStaging;
  /** The one that the source opened, until the target has opened its own. */
  #connection: Connection;
  readonly #first: Connection;
  #back: SocketListener | undefined;
  readonly #condition = new Condition();
  #state: SourceStreamState = 'greeting';
  #slot = 0;
  #sentBytes = 0;
  #mayGoOn = false;
  #isCut = false;
  #isCorrupting = false;

  /** Connects and says Hello. @throws RefusalError `host-memory-exhausted` */
  constructor(options: SourceLinkOptions) {
    const { memory, connectTimeoutMs = 5000 } = options;
    this.#options = options;
    this.#staging = new SourceStaging(memory);
    this.#first = this.#connect(connecting(options.socketPath), this.#staging.inbound);
    this.#connection = this.#first;
    this.#connection.setIdleTimeout(connectTimeoutMs);
    this.closed = this.#cleanUp(this.#greet());
  }

  /** Bytes handed to the socket, headers included. */
  get sentBytes(): number {
    return this.#sentBytes;
  }

  /** @throws what interrupted the migration. */
  check(): void {
    this.#condition.check();
  }

  /** Waits for the target's Accept. */
  async accepted(): Promise<void> {
    await this.#condition.until(() => this.#state === 'streaming');
    this.#connection.setIdleTimeout(this.#options.idleTimeoutMs ?? 30_000);
  }

  /** The slot to fill next; undefined while all are on their way. */
  tryPageSlot(): PageSlot | undefined {
    const { pages } = this.#staging;
    const slot = pages[this.#slot % pages.length];
    return slot?.isBusy === false ? slot : undefined;
  }

  /** The slot to fill next, when there is one: the back-pressure of the socket. */
  async pageSlot(): Promise<PageSlot> {
    for (;;) {
      const slot = this.tryPageSlot();
      if (slot) return slot;
      await this.#condition.until(() => this.tryPageSlot() !== undefined);
    }
  }

  /** Sends the pages in a slot. @returns checksum of the message. */
  sendPages(slot: PageSlot, length: number): bigint {
    slot.isBusy = true;
    this.#slot++;
    this.#sentBytes += HEADER_BYTES + length;
    return this.#connection.sendInPlace(slot.address, MessageType.Pages, length, () => {
      slot.isBusy = false;
      this.#condition.changed();
    });
  }

  send(type: MessageType, payload: Uint8Array): void {
    this.#sentBytes += HEADER_BYTES + payload.length;
    this.#connection.send(type, payload);
  }

  /** Sends the last message and waits for the target's Ready. */
  async complete(payload: Uint8Array): Promise<void> {
    this.#state = 'awaiting';
    this.send(MessageType.Complete, payload);
    await this.#condition.until(() => this.#state === 'ready');
    this.#condition.check();
    this.#connection.setIdleTimeout(0);
  }

  /** Waits until `goOn` is called, or was called before. */
  async pause(): Promise<void> {
    await this.#condition.until(() => this.#mayGoOn);
  }

  goOn(): void {
    this.#mayGoOn = true;
    this.#condition.changed();
  }

  /** Fault injection: the link breaks, its second socket included when that is on its way. */
  cut(): void {
    this.#isCut = true;
    this.#connection.cut();
  }

  /** Fault injection: one bit of the next message changes on its way. */
  corruptNext(): void {
    this.#isCorrupting = true;
    this.#connection.corruptNext();
  }

  /** Sends the last message of all, once the VM runs at the target. Resolves when the socket is closed. */
  async end(): Promise<void> {
    this.#connection.sendLast(MessageType.LateEnd);
    await this.closed;
  }

  /** Whether what is sent can still arrive. */
  get isOpen(): boolean {
    return !this.#connection.isOver;
  }

  /** Ends all waits; later calls keep the first reason. */
  interrupt(reason: RefusalError): void {
    this.#condition.interrupt(reason);
  }

  /** Closes; with a reason, it is told to the target. Harmless when it is closed. */
  close(reason?: string): void {
    if (reason === undefined) this.#connection.close();
    else this.#connection.close(MessageType.Abort, reason);
    this.#back?.close();
  }

  #connect(open: OpenSocket, inbound: MessageSlot): Connection {
    const { kernel, memory } = this.#options;
    return new Connection({
      ...{ open, kernel, memory, inbound, outbound: this.#staging.outbound },
      accepts: () => SOURCE_ACCEPTS[this.#state],
      onMessage: (message, connection) => this.#onMessage(message, connection),
      onLost: (cause, connection) => this.#onLost(cause, connection),
    });
  }

  /** Says Hello. Resolves when the socket for the target's own connection listens, or cannot. */
  async #greet(): Promise<void> {
    const { vm, socketPath, token, secondSocket = true } = this.#options;
    const { vmId, memoryBytes } = vm;
    const back = secondSocket ? `${basename(socketPath)}-back` : null;
    const listening = back && SocketListener.open(dirname(socketPath), back, vmId);
    const hello = textPayload({ token, vmId, memoryBytes, pageSize: PAGE_SIZE, back });
    this.#connection.send(MessageType.Hello, hello);
    if (!listening) return;
    try {
      this.#back = await listening;
    } catch (error) {
      this.#onLost(error, this.#first);
      return;
    }
    this.#back.onConnection((socket) => this.#takeBack(socket));
    if (this.#first.isOver) this.#back.close();
  }

  /** The target's own socket; what was opened first has done its part then. */
  #takeBack(socket: Socket): void {
    if (this.#connection !== this.#first || this.#first.isOver || this.#isCut) {
      socket.destroy();
      return;
    }
    this.#connection = this.#connect(accepted(socket), this.#staging.secondInbound);
    // Nothing more was to come on the first one.
    if (this.#isCorrupting) this.#connection.corruptNext();
    this.#connection.setIdleTimeout(this.#options.connectTimeoutMs ?? 5000);
    this.#back?.close();
    this.#first.close();
  }

  async #cleanUp(greeted: Promise<void>): Promise<void> {
    await this.#first.closed;
    await greeted;
    this.#back?.close();
    await this.#connection.closed;
    await this.#back?.closed;
    this.#staging.give();
  }

  #onMessage(message: Message, connection: Connection): void {
    const { vmId } = this.#options.vm;
    switch (message.type) {
      case MessageType.Accept:
        this.#state = 'streaming';
        this.#condition.changed();
        break;
      case MessageType.Ready:
        this.#state = 'ready';
        this.#condition.changed();
        break;
      case MessageType.Refuse:
        this.#giveUp(targetRefused(vmId, connection.reasonIn(message)));
        break;
      default: {
        const why = `The target gave up: ${connection.reasonIn(message)}`;
        this.#giveUp(migrationFailed(vmId, why));
      }
    }
  }

  /** The target has told the end: there is nothing to answer. */
  #giveUp(reason: RefusalError): void {
    const isLate = this.#state === 'ready';
    this.#connection.close();
    this.interrupt(reason);
    if (isLate) this.#options.onLateAbort(reason);
  }

  #onLost(cause: unknown, connection: Connection): void {
    if (connection !== this.#connection) return;
    // Whether the target runs the VM by then, only the lab knows.
    if (this.#state === 'ready') return;
    const reason = migrationFailed(this.#options.vm.vmId, reasonOf(cause), cause);
    this.#connection.close(MessageType.Abort, reasonOf(cause));
    this.interrupt(reason);
  }
}
