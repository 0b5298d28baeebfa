/**
 * Correctness at full rate: guests check every frame of a generator at its maximum, in each mode and
 * while modes change. The baseline is the same with guests that do not look.
 */
import { isWanted, type Bench, type BenchContext } from '../bench';
import { compare, type Measurement, type Side } from '../comparison';
import { BenchHost, vmMac } from '../engine/bench-host';
import { ReceiveRate, sleep } from '../engine/receive-rate';
import type { AdapterConfig } from '../../../src/contract/model';

const VMS = 4;
const FRAME_SIZES = [64, 1500] as const;
/** Frames that are checked in each case, at least, by frame size. */
const LEAST_CHECKED: Readonly<Record<(typeof FRAME_SIZES)[number], number>> = {
  64: 10_000_000,
  1500: 1_000_000,
};
const CHANGE_EVERY_MS = 200;
/** For guests to take the last frames that were delivered to them. */
const SETTLE_MS = 2000;

type Mode = Pick<AdapterConfig, 'vmqEnabled' | 'bufferMode'>;
const MODES: Readonly<Record<string, Mode>> = {
  'shared memory': { vmqEnabled: true, bufferMode: 'shared-memory' },
  'host buffers': { vmqEnabled: true, bufferMode: 'host-buffers' },
  'VMQ off': { vmqEnabled: false, bufferMode: 'host-buffers' },
};
const CASES: Readonly<Record<string, readonly Mode[]>> = {
  ...Object.fromEntries(Object.entries(MODES).map(([name, mode]) => [name, [mode]])),
  'while modes change': Object.values(MODES),
};

export const stampedBench: Bench = {
  name: 'stamped',
  title: 'every frame checked by its guest at full rate: none corrupt, none twice, order kept',
  run: async function* (context: BenchContext) {
    for (const frameBytes of FRAME_SIZES) {
      const host = await openHost(frameBytes);
      try {
        for (const [name, modes] of Object.entries(CASES)) {
          if (!isWanted(context, name)) continue;
          const before = await ledgerOf(host);
          const ours = new RateInModes('checked', host, 'stamped', modes);
          const result = await compare(
            {
              name: 'stamped',
              case: name,
              frameBytes,
              unit: 'frames/s',
              ours,
              peer: new RateInModes('the same, not checked', host, 'plain', modes),
            },
            context,
          );
          let { conserved } = result;
          let after = await ledgerOf(host);
          while (conserved && after.checked - before.checked < LEAST_CHECKED[frameBytes]) {
            ({ conserved } = await ours.measure(1));
            after = await ledgerOf(host);
          }
          const corrupt = after.corrupt - before.corrupt;
          const outOfOrder = after.outOfOrder - before.outOfOrder;
          yield {
            ...result,
            conserved: conserved && after.areSumsEqual && corrupt === 0 && outOfOrder === 0,
            figures: {
              framesChecked: after.checked - before.checked,
              corrupt,
              outOfOrder,
              modeChanges: ours.modeChanges,
            },
          };
        }
      } finally {
        await host.close();
      }
    }
  },
};

/** VMs that check, VMs that do not, and a generator for each kind. */
async function openHost(frameBytes: number): Promise<BenchHost> {
  const host = await BenchHost.open({ memoryMiB: 512 });
  for (const [kind, stamps] of [
    ['stamped', true],
    ['plain', false],
  ] as const) {
    const targets = Array.from({ length: VMS }, (_, i) => ({ mac: vmMac(stamps ? i : VMS + i) }));
    for (const [i, { mac }] of targets.entries())
      await host.addVm({ id: `${kind}-${i}`, mac, workload: { kind: 'responder', stamps } });
    await host.addGenerator({ id: kind, targets, frameBytes });
  }
  return host;
}

class RateInModes implements Side {
  readonly name: string;
  modeChanges = 0;
  readonly #host: BenchHost;
  readonly #traffic: string;
  readonly #modes: readonly Mode[];

  constructor(name: string, host: BenchHost, traffic: string, modes: readonly Mode[]) {
    this.name = name;
    this.#host = host;
    this.#traffic = traffic;
    this.#modes = modes;
  }

  async measure(seconds: number): Promise<Measurement> {
    await this.#nextMode();
    const rate = new ReceiveRate(this.name, this.#host, this.#traffic);
    if (this.#modes.length === 1) return rate.measure(seconds);
    const run = { isOver: false };
    const measured = rate.measure(seconds).finally(() => {
      run.isOver = true;
    });
    const [measurement] = await Promise.all([measured, this.#changeModes(run)]);
    return measurement;
  }

  async #changeModes(run: { readonly isOver: boolean }): Promise<void> {
    for (;;) {
      await sleep(CHANGE_EVERY_MS);
      if (run.isOver) return;
      await this.#nextMode();
    }
  }

  async #nextMode(): Promise<void> {
    const mode = this.#modes[this.modeChanges % this.#modes.length];
    if (mode === undefined) return;
    await this.#host.setMode(mode);
    this.modeChanges++;
  }
}

interface Ledger {
  readonly checked: number;
  readonly corrupt: number;
  readonly outOfOrder: number;
  /** Each guest has checked as many frames as its NIC was given. */
  readonly areSumsEqual: boolean;
}

/** What the guests have found since their start, once nothing moves. */
async function ledgerOf(host: BenchHost): Promise<Ledger> {
  const deadline = performance.now() + SETTLE_MS;
  for (;;) {
    const ledger = await readLedger(host);
    if (ledger.areSumsEqual || performance.now() > deadline) return ledger;
    await sleep(20);
  }
}

async function readLedger(host: BenchHost): Promise<Ledger> {
  const ledger = { checked: 0, corrupt: 0, outOfOrder: 0, areSumsEqual: true };
  for (const { stamps, framesDelivered } of (await host.report()).vms) {
    if (stamps === undefined) continue;
    ledger.checked += stamps.checked;
    ledger.corrupt += stamps.corrupt;
    ledger.outOfOrder += stamps.outOfOrder;
    ledger.areSumsEqual &&= stamps.checked === framesDelivered;
  }
  return ledger;
}
