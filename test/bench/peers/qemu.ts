/** A QEMU virtual machine (TCG, 128 MB) with its network at a stream socket, driven over QMP. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';

import { z } from 'zod';

import { hasProgram, startChild, waitUntil, type RunningChild } from '../child';
import { GUEST_MAC, type LinuxGuest } from './linux-guest';

const PROGRAM = 'qemu-system-x86_64';
const MIGRATION_LIMIT_MS = 60_000;

export function hasQemu(): boolean {
  return hasProgram(PROGRAM);
}

const answerSchema = z.union([
  z.object({ return: z.unknown() }),
  z.object({ error: z.object({ desc: z.string() }) }),
]);

const migrationSchema = z.object({
  status: z.string().default('none'),
  downtime: z.number().optional(),
  'total-time': z.number().optional(),
  ram: z.object({ transferred: z.number(), 'dirty-sync-count': z.number() }).optional(),
});

export interface QemuMigration {
  /** What QEMU itself says. */
  readonly downtimeMs: number;
  readonly totalMs: number;
  readonly bytes: number;
  readonly rounds: number;
}

export interface QemuPlace {
  readonly guest: LinuxGuest;
  /** The network: a socket in QEMU's stream framing. */
  readonly fabricSocket: string;
  /** Where its own sockets go. */
  readonly folder: string;
}

export class Qemu {
  readonly #child: RunningChild;
  readonly #qmp: Socket;
  #answers = '';

  /** Starts it; with `incoming` it waits for a migration at that socket. */
  static async start(place: QemuPlace, name: string, incoming?: string): Promise<Qemu> {
    const control = join(place.folder, `${name}.qmp`);
    const child = startChild(PROGRAM, [
      ...[
        '-nodefaults',
        '-nographic',
        '-machine',
        'q35',
        '-accel',
        'tcg',
        '-m',
        '128',
        '-smp',
        '1',
      ],
      ...['-kernel', place.guest.kernel, '-initrd', place.guest.initrd],
      ...['-append', 'quiet panic=-1'],
      ...['-netdev', `stream,id=n0,server=off,addr.type=unix,addr.path=${place.fabricSocket}`],
      ...['-device', `virtio-net-pci,netdev=n0,mac=${GUEST_MAC},romfile=`],
      ...['-qmp', `unix:${control},server=on,wait=off`],
      ...(incoming === undefined ? [] : ['-incoming', `unix:${incoming}`]),
    ]);
    try {
      const qmp = await connectWhenThere(control, child);
      const qemu = new Qemu(child, qmp);
      await qemu.#command('qmp_capabilities');
      return qemu;
    } catch (error) {
      await child.end();
      throw error;
    }
  }

  private constructor(child: RunningChild, qmp: Socket) {
    this.#child = child;
    this.#qmp = qmp;
    qmp.setEncoding('utf8');
    qmp.on('data', (text) => {
      this.#answers += String(text);
    });
    qmp.on('error', () => undefined);
  }

  /** Moves its guest to the QEMU that waits at `socket`, with default limits; resolves when it runs there. */
  async migrateTo(socket: string): Promise<QemuMigration> {
    await this.#command('migrate', { uri: `unix:${socket}` });
    let state = migrationSchema.parse({});
    await waitUntil(
      'the migration by QEMU',
      async () => {
        state = migrationSchema.parse(await this.#command('query-migrate'));
        if (state.status === 'failed' || state.status === 'cancelled')
          throw new Error(`the migration by QEMU: ${state.status}`);
        return state.status === 'completed';
      },
      MIGRATION_LIMIT_MS,
    );
    return {
      downtimeMs: state.downtime ?? Number.NaN,
      totalMs: state['total-time'] ?? Number.NaN,
      bytes: state.ram?.transferred ?? Number.NaN,
      rounds: state.ram?.['dirty-sync-count'] ?? Number.NaN,
    };
  }

  async end(): Promise<void> {
    this.#qmp.destroy();
    await this.#child.end();
  }

  /** One command at a time; events in between are passed over. */
  async #command(execute: string, args: Record<string, unknown> = {}): Promise<unknown> {
    this.#qmp.write(`${JSON.stringify({ execute, arguments: args })}\n`);
    let found: unknown;
    await waitUntil(`QEMU's answer to ${execute}`, () => {
      const lines = this.#answers.split('\n');
      this.#answers = lines.pop() ?? '';
      for (const line of lines) {
        const message: unknown = line.trim() === '' ? {} : JSON.parse(line);
        const answer = answerSchema.safeParse(message);
        if (!answer.success) continue;
        if ('error' in answer.data) throw new Error(`QEMU: ${execute}: ${answer.data.error.desc}`);
        found = { value: answer.data.return };
      }
      return found !== undefined;
    });
    return z.object({ value: z.unknown() }).parse(found).value;
  }
}

async function connectWhenThere(path: string, child: RunningChild): Promise<Socket> {
  for (let attempt = 0; ; attempt++) {
    const socket = connect(path);
    try {
      await once(socket, 'connect');
      return socket;
    } catch {
      socket.destroy();
      if (attempt > 300 || child.process.exitCode !== null)
        throw new Error(`QEMU did not start: ${child.output()}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}
