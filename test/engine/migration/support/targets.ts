/** Targets for hand-made streams, all in one small host, each gone after its test. */
import { readdirSync } from 'node:fs';
import { expect } from 'vitest';
import { IncomingMigration, type IncomingOptions } from '../../../../src/engine/migration/target';
import { makeTemporaryFolder, type TemporaryFolder } from '../../../support/temporary-folder';
import { isCommitted, TOKEN, refusal } from './a-move';
import { makeHost, type FakeHost } from './fake-host';
import { FakeIncomingVm } from './fake-vms';
import { RawSource, StreamAuthor } from './raw-source';

const STREAM_BYTES = 1 << 20;

/** Each has staging memory of about 300 KiB. */
const AT_A_TIME = 24;

export interface Target {
  readonly vm: FakeIncomingVm;
  readonly incoming: IncomingMigration;
}

/** A stream that must be refused with this code, and with a reason that matches. */
export interface RefusedStream {
  readonly stream: readonly Uint8Array[];
  readonly code: string;
  readonly why?: RegExp;
}

export class Targets {
  readonly #host: FakeHost;
  readonly #folder: TemporaryFolder = makeTemporaryFolder('targets');
  readonly #pages: number;
  readonly #slot: number;
  readonly #usedBefore: number;
  readonly #open: Target[] = [];
  #migrations = 0;

  static async open(pages: number): Promise<Targets> {
    return new Targets(await makeHost(16), pages);
  }

  private constructor(host: FakeHost, pages: number) {
    this.#host = host;
    this.#pages = pages;
    this.#slot = host.memory.take(STREAM_BYTES, 'A stream');
    this.#usedBefore = host.memory.usedBytes;
  }

  get folder(): string {
    return this.#folder.path;
  }

  /** An author at the beginning of a stream. */
  newAuthor(): StreamAuthor {
    return new StreamAuthor(this.#host, this.#slot);
  }

  async listen(options: Partial<IncomingOptions> = {}): Promise<Target> {
    const { kernel, memory } = this.#host;
    const vm = new FakeIncomingVm(this.#host, this.#pages);
    const migrationId = `m${this.#migrations++}`;
    try {
      const incoming = await IncomingMigration.listen({
        ...{ vm, kernel, memory, migrationId, socketFolder: this.folder, token: TOKEN },
        ...options,
      });
      this.#open.push({ vm, incoming });
      return { vm, incoming };
    } catch (error) {
      memory.give(vm.memory);
      throw error;
    }
  }

  /** Says a stream to a new target; resolves when the target has forgotten everything. */
  async refuse(
    stream: readonly Uint8Array[],
    code = 'migration-stream-invalid',
    why?: RegExp,
  ): Promise<RawSource> {
    const source = await this.#refuseOne({ stream, code, ...(why && { why }) });
    await this.expectNothingLeft();
    return source;
  }

  /** Says each of many streams to a target of its own, some of them at the same time. */
  async refuseEach(cases: readonly RefusedStream[]): Promise<void> {
    for (let from = 0; from < cases.length; from += AT_A_TIME) {
      const group = cases.slice(from, from + AT_A_TIME);
      await Promise.all(group.map((each) => this.#refuseOne(each)));
      await this.expectNothingLeft();
    }
  }

  async #refuseOne({ stream, code, why }: RefusedStream): Promise<RawSource> {
    const { vm, incoming } = await this.listen();
    const source = new RawSource(incoming.socketPath).say(...stream).end();
    await expect(incoming.whenReady()).rejects.toEqual(refusal(code, why));
    await Promise.all([incoming.closed, source.closed]);
    expect(vm.discards).toBe(1);
    expect(vm.restored).toBeUndefined();
    return source;
  }

  /** Ends all targets; no staging memory and no socket may be left. */
  async expectNothingLeft(): Promise<void> {
    for (const { vm, incoming } of this.#open.splice(0)) {
      if (!isCommitted(incoming)) incoming.abort('The test is over.');
      await incoming.closed;
      this.#host.memory.give(vm.memory);
    }
    expect(this.#host.memory.usedBytes).toBe(this.#usedBefore);
    expect(readdirSync(this.folder)).toEqual([]);
  }

  remove(): void {
    this.#folder.remove();
  }
}
