/** One migration between two small hosts, set up and looked after. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { migrationOptionsSchema, type MigrationProgress } from '../../../../src/contract/migration';
import { OutgoingMigration, type OutgoingOptions } from '../../../../src/engine/migration/source';
import { IncomingMigration, type IncomingOptions } from '../../../../src/engine/migration/target';
import { monotonicClock } from '../../../../src/engine/thread/clock';
import { makeTemporaryFolder } from '../../../support/temporary-folder';
import { makeHost, type FakeHost } from './fake-host';
import { FakeIncomingVm, FakeLateFrames, FakeOutgoingVm } from './fake-vms';
import { Proxy } from './proxy';

export const TOKEN = 'the token of this move';

export interface MoveOptions {
  readonly pages?: number;
  readonly withProxy?: boolean;
  readonly source?: Partial<OutgoingOptions>;
  readonly target?: Partial<IncomingOptions>;
}

/** Everything that a test of a move wants to touch. `start` begins it. */
export class Move {
  readonly late = new FakeLateFrames();
  readonly #used: readonly number[];
  readonly #removeFolder: () => void;
  #outgoing: OutgoingMigration | undefined;

  static async prepare(options: MoveOptions = {}): Promise<Move> {
    const { pages = 1024 } = options;
    const hosts = [await makeHost(), await makeHost()] as const;
    const vms = [new FakeOutgoingVm(hosts[0], pages), new FakeIncomingVm(hosts[1], pages)] as const;
    const used = hosts.map(({ memory }) => memory.usedBytes);
    const folder = makeTemporaryFolder('move');
    const incoming = await IncomingMigration.listen({
      ...{ vm: vms[1], kernel: hosts[1].kernel, memory: hosts[1].memory },
      ...{ socketFolder: folder.path, migrationId: 'move-1', token: TOKEN },
      ...options.target,
    });
    const path = join(folder.path, 'proxy');
    const proxy = options.withProxy ? await Proxy.open(path, incoming.socketPath) : undefined;
    return new Move(hosts, vms, incoming, proxy, options, used, folder.remove);
  }

  private constructor(
    readonly hosts: readonly [FakeHost, FakeHost],
    readonly vms: readonly [FakeOutgoingVm, FakeIncomingVm],
    readonly incoming: IncomingMigration,
    readonly proxy: Proxy | undefined,
    readonly options: MoveOptions,
    used: readonly number[],
    removeFolder: () => void,
  ) {
    this.#used = used;
    this.#removeFolder = removeFolder;
  }

  get source(): FakeOutgoingVm {
    return this.vms[0];
  }

  get target(): FakeIncomingVm {
    return this.vms[1];
  }

  get outgoing(): OutgoingMigration {
    if (!this.#outgoing) throw new Error('the move was not started');
    return this.#outgoing;
  }

  start(options: Partial<OutgoingOptions> = {}): OutgoingMigration {
    const { kernel, memory } = this.hosts[0];
    this.#outgoing = new OutgoingMigration({
      ...{ vm: this.source, kernel, memory, token: TOKEN, now: monotonicClock() },
      socketPath: this.proxy?.path ?? this.incoming.socketPath,
      // A proxy knows of one socket.
      secondSocket: this.proxy === undefined,
      options: migrationOptionsSchema.parse({}),
      ...this.options.source,
      ...options,
    });
    return this.#outgoing;
  }

  /** Follows the move to its end. */
  async follow(): Promise<MigrationProgress[]> {
    const reports: MigrationProgress[] = [];
    for await (const progress of this.outgoing.progress()) reports.push(progress);
    return reports;
  }

  /** The source runs on, the target has forgotten: each exactly once, and nothing is left over. */
  async expectUndone(): Promise<void> {
    await this.expectNothingLeft();
    expect(this.source.calls.filter((call) => call === 'resume')).toHaveLength(1);
    expect(this.source.calls.at(-1)).toBe('resume');
    expect(this.target.discards).toBe(1);
    expect(this.outgoing.state).toBe('resumed');
    expect(this.incoming.state).toBe('discarded');
  }

  async expectNothingLeft(): Promise<void> {
    this.source.stopWriting();
    await Promise.all([this.#outgoing?.closed, this.incoming.closed]);
    expect(this.hosts.map(({ memory }) => memory.usedBytes)).toEqual(this.#used);
    expect(existsSync(this.incoming.socketPath)).toBe(false);
    this.proxy?.cut();
    await expect.poll(openPipes).toBeLessThanOrEqual(PIPES_AT_START);
  }

  /** For afterEach: ends whatever a failed test left. */
  async dispose(): Promise<void> {
    this.source.stopWriting();
    this.proxy?.cut();
    if (!isCommitted(this.incoming)) this.incoming.abort('The test is over.');
    if (this.#outgoing && this.#outgoing.state !== 'finished') {
      await this.#outgoing.cancel().catch(() => undefined);
    }
    await Promise.all([this.#outgoing?.closed, this.incoming.closed]);
    this.#removeFolder();
  }
}

/** Whether the VM is the target's, whatever becomes of the stream. */
export function isCommitted({ state }: IncomingMigration): boolean {
  return state === 'committed' || state === 'settled';
}

/** Unix sockets that are open in this process. */
function openPipes(): number {
  return process.getActiveResourcesInfo().filter((name) => name.startsWith('Pipe')).length;
}

const PIPES_AT_START = openPipes();

/** Matches a RefusalError with this code. */
export function refusal(code: string, why?: RegExp): unknown {
  const text = why ? { why: expect.stringMatching(why) as unknown } : {};
  return expect.objectContaining({
    refusal: expect.objectContaining({ code, ...text }) as unknown,
  });
}
