/**
 * DPDK's `testpmd` as one end of a path: it sends as fast as it can, or takes and counts. No
 * hugepages; one forwarding core, and the core of its prompt beside it.
 */
import { rmSync } from 'node:fs';

import { hasProgram, startChild, waitUntil, type RunningChild } from '../child';

const PROGRAM = 'dpdk-testpmd';
const PROMPT = 'testpmd> ';
const START_LIMIT_MS = 20_000;
const DESCRIPTORS = '1024';

/** Where a sender's frames go. */
export const TESTPMD_DESTINATION = '02:00:00:00:00:00';

export function hasTestpmd(): boolean {
  return hasProgram(PROGRAM);
}

export interface TestpmdOptions {
  /** Tells instances apart. */
  readonly name: string;
  /** A virtual device, as `--vdev` takes it. */
  readonly device: string;
  readonly role: 'txonly' | 'rxonly';
  readonly processor: number;
}

export interface PortCounts {
  readonly received: number;
  readonly sent: number;
}

export class Testpmd {
  readonly #child: RunningChild;
  readonly #prefix: string;
  /** Printed since the last command. */
  #printed = '';

  static async start(options: TestpmdOptions): Promise<Testpmd> {
    const { name, device, role, processor } = options;
    // Into a pipe it would keep its answers back, but not its prompts.
    const prefix = `vmq-bench-${process.pid}-${name}`;
    const child = startChild('stdbuf', [
      ...['-o0', PROGRAM],
      ...['--lcores', `0@${processor},1@${processor}`, '--no-huge', '-m', '256', '--no-pci'],
      ...['--no-telemetry', '--no-shconf', '--file-prefix', prefix, '--vdev', device],
      ...['--', '--interactive', `--forward-mode=${role}`, '--total-num-mbufs=16384'],
      ...[`--txd=${DESCRIPTORS}`, `--rxd=${DESCRIPTORS}`],
    ]);
    const testpmd = new Testpmd(child, prefix);
    try {
      await testpmd.#prompted(START_LIMIT_MS);
    } catch (error) {
      await child.end();
      throw new Error(`testpmd did not start: ${child.output()}`, { cause: error });
    }
    return testpmd;
  }

  private constructor(child: RunningChild, prefix: string) {
    this.#child = child;
    this.#prefix = prefix;
    child.process.stdout?.on('data', (text: string) => {
      this.#printed += text;
    });
  }

  async setFrameBytes(bytes: number): Promise<void> {
    await this.#command(`set txpkts ${bytes}`);
  }

  async startForwarding(): Promise<void> {
    await this.#command('start');
  }

  async stopForwarding(): Promise<void> {
    await this.#command('stop');
  }

  /** Frames since it was started. */
  async counts(): Promise<PortCounts> {
    const text = await this.#command('show port stats 0');
    const figure = (name: string): number => {
      const found = new RegExp(`${name}-packets:\\s*(\\d+)`).exec(text);
      if (found === null) throw new Error(`testpmd gave no statistics: ${text}`);
      return Number(found[1]);
    };
    return { received: figure('RX'), sent: figure('TX') };
  }

  async end(): Promise<void> {
    await this.#child.end();
    // It leaves its folder behind.
    rmSync(`/run/dpdk/${this.#prefix}`, { recursive: true, force: true });
  }

  async #command(command: string): Promise<string> {
    this.#printed = '';
    this.#child.process.stdin?.write(`${command}\n`);
    await this.#prompted(START_LIMIT_MS);
    return this.#printed;
  }

  #prompted(limitMs: number): Promise<void> {
    return waitUntil(
      'the prompt of testpmd',
      () => {
        if (this.#child.process.exitCode !== null) throw new Error(this.#child.output());
        return this.#printed.includes(PROMPT);
      },
      limitMs,
    );
  }
}
