/** Shared memory and host buffers against VMQ off, on one host that is switched over: rate, and CPU of the host's threads. */
import { isWanted, type Bench, type BenchContext } from '../bench';
import { compare, type Measurement, type Side } from '../comparison';
import { BenchHost, vmMac } from '../engine/bench-host';
import { ReceiveRate, sleep } from '../engine/receive-rate';
import type { AdapterConfig } from '../../../src/contract/model';

const VMS = 4;
const FRAME_SIZES = [64, 512, 1500] as const;
/** For CPU per frame: what every mode carries. */
const STEADY_FRAMES_PER_SECOND = 100_000;

type Mode = Pick<AdapterConfig, 'vmqEnabled' | 'bufferMode'>;
const OFF: Mode = { vmqEnabled: false, bufferMode: 'host-buffers' };
const MODES: Readonly<Record<string, Mode>> = {
  'shared memory': { vmqEnabled: true, bufferMode: 'shared-memory' },
  'host buffers': { vmqEnabled: true, bufferMode: 'host-buffers' },
  'VMQ off again': OFF,
};

export const modesBench: Bench = {
  name: 'modes',
  title: 'shared memory and host buffers against VMQ off: CPU of the host per frame, and rate',
  run: async function* (context: BenchContext) {
    const host = await BenchHost.open({ memoryMiB: 512 });
    try {
      const targets = Array.from({ length: VMS }, (_, i) => ({ mac: vmMac(i) }));
      for (const [i, { mac }] of targets.entries()) await host.addVm({ id: `vm-${i}`, mac });
      for (const frameBytes of FRAME_SIZES) {
        const framesPerSecond = STEADY_FRAMES_PER_SECOND;
        await host.addGenerator({ id: 'steady', targets, frameBytes, framesPerSecond });
        await host.addGenerator({ id: 'flood', targets, frameBytes });
        for (const [name, mode] of Object.entries(MODES)) {
          if (!isWanted(context, name)) continue;
          const common = { name: 'modes', frameBytes };
          yield await compare(
            {
              ...common,
              case: `${name}: CPU`,
              unit: 'ns of host CPU per frame',
              ours: new CpuPerFrame(name, host, mode),
              peer: new CpuPerFrame('VMQ off', host, OFF),
            },
            context,
          );
          yield await compare(
            {
              ...common,
              case: `${name}: rate`,
              unit: 'frames/s',
              ours: new ModeRate(name, host, mode),
              peer: new ModeRate('VMQ off', host, OFF),
            },
            context,
          );
        }
        await host.removeGenerator('steady');
        await host.removeGenerator('flood');
      }
    } finally {
      await host.close();
    }
  },
};

class ModeRate implements Side {
  readonly name: string;
  readonly #host: BenchHost;
  readonly #mode: Mode;

  constructor(name: string, host: BenchHost, mode: Mode) {
    this.name = name;
    this.#host = host;
    this.#mode = mode;
  }

  async measure(seconds: number): Promise<Measurement> {
    await this.#host.setMode(this.#mode);
    return new ReceiveRate(this.name, this.#host, 'flood').measure(seconds);
  }
}

/** Time of the threads of queues, by the system's account; adapter, links and guests stand for others. */
class CpuPerFrame implements Side {
  readonly name: string;
  readonly #host: BenchHost;
  readonly #mode: Mode;

  constructor(name: string, host: BenchHost, mode: Mode) {
    this.name = name;
    this.#host = host;
    this.#mode = mode;
  }

  async measure(seconds: number): Promise<Measurement> {
    const host = this.#host;
    await host.setMode(this.#mode);
    await host.startTraffic('steady');
    await sleep(50);
    const [cpuBefore, framesBefore] = [host.threadTimes('queue').cpuNs, await delivered(host)];
    await sleep(seconds * 1000);
    const [cpuAfter, framesAfter] = [host.threadTimes('queue').cpuNs, await delivered(host)];
    await host.stopTraffic('steady');
    const conserved = await host.drain();
    return { value: (cpuAfter - cpuBefore) / (framesAfter - framesBefore), conserved };
  }
}

async function delivered(host: BenchHost): Promise<number> {
  return (await host.report()).conservation.delivered.toVms;
}
