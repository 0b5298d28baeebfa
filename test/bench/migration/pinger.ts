/** Echo requests to a guest over the fabric, from a process of their own: the measure for our VMs and for QEMU's alike. */
import { z } from 'zod';

import { forkProgram, type ForkedProgram } from '../programs';

export const pingOrderSchema = z.object({
  fabricSocket: z.string(),
  mac: z.string(),
  ipv4: z.string(),
  perSecond: z.int().min(1),
});
export type PingOrder = z.infer<typeof pingOrderSchema>;

export const pingScoreSchema = z.object({
  sent: z.int(),
  answered: z.int(),
  lost: z.int(),
  duplicated: z.int(),
  reordered: z.int(),
  /** Longest time from one answer to the next. */
  silenceMs: z.number(),
});
export type PingScore = z.infer<typeof pingScoreSchema>;

export const pingCommandSchema = z.enum(['restart', 'score', 'stop']);
export type PingCommand = z.infer<typeof pingCommandSchema>;

export class Pinger {
  readonly #program: ForkedProgram;

  /** Starts pinging. */
  constructor(order: PingOrder) {
    this.#program = forkProgram('pinger', [JSON.stringify(order)]);
  }

  /** Forgets what was measured so far. */
  restart(): Promise<PingScore> {
    return this.#ask('restart');
  }

  /** What was measured since the last `restart`; requests on their way count neither as lost nor as sent. */
  score(): Promise<PingScore> {
    return this.#ask('score');
  }

  /** Waits for late answers and ends. */
  async stop(): Promise<PingScore> {
    const score = await this.#ask('stop');
    this.#program.end();
    return score;
  }

  /** Ends without a score. */
  abandon(): void {
    this.#program.end();
  }

  async #ask(command: PingCommand): Promise<PingScore> {
    const answered = this.#program.nextMessage();
    this.#program.process.send(command);
    return pingScoreSchema.parse(await answered);
  }
}
