/** All benchmarks, in the order in which they run. */
import type { Bench } from './bench';
import { heapGrowthBench } from './local/heap-growth';
import { latencyBench } from './local/latency';
import { modesBench } from './local/modes';
import { oversubscribedBench } from './local/oversubscribed';
import { scaleFiltersBench } from './local/scale-filters';
import { scaleVmsBench } from './local/scale-vms';
import { stampedBench } from './local/stamped';
import { startStopBench } from './local/start-stop';
import { broadcastBench, vmToVmBench } from './local/vm-to-vm';
import { migrationBench } from './migration/migration-bench';
import { vsDpdkBench } from './peers/vs-dpdk';
import { SWITCH_BENCHES } from './peers/vs-switches';

export const BENCHES: readonly Bench[] = [
  vsDpdkBench,
  ...SWITCH_BENCHES,
  scaleVmsBench,
  scaleFiltersBench,
  oversubscribedBench,
  latencyBench,
  modesBench,
  stampedBench,
  vmToVmBench,
  broadcastBench,
  startStopBench,
  heapGrowthBench,
  migrationBench,
];
