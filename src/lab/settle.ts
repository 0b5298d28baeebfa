/**
 * Brings a lab to rest, so that its reports are exact: stops what makes traffic (links, VMs that
 * send), then waits until every lost host is back and no host holds frames, or until what they hold
 * does not change any more.
 */
import { setTimeout as delay } from 'node:timers/promises';

import type { Lab } from './lab';

const POLL_MS = 200;
/** Equal reports in a row that count as rest. */
const CALM_POLLS = 3;
const LONGEST_MS = 10_000;

/** Never rejects: what cannot be stopped shows in the reports. */
export async function settle(lab: Lab, signal?: AbortSignal): Promise<void> {
  for (const link of lab.linkSnapshots()) {
    if (link.state === 'running')
      await lab.links.stop({ linkId: link.linkId }).catch(() => undefined);
  }
  const { config, vms } = lab.snapshot();
  for (const vm of config.vms) {
    const isRunning = vms.find(({ vmId }) => vmId === vm.id)?.state === 'running';
    if (vm.workload.kind === 'sender' && isRunning) {
      await lab.vms.stop({ vmId: vm.id }).catch(() => undefined);
    }
  }
  // An interrupted run gets a short time only.
  const deadline = performance.now() + (signal?.aborted === true ? LONGEST_MS / 5 : LONGEST_MS);
  let before = '';
  let calm = 0;
  while (calm < CALM_POLLS && performance.now() < deadline) {
    await delay(POLL_MS);
    const now = await stillness(lab);
    calm = now === before && !isComingBack(lab) ? calm + 1 : 0;
    before = now;
  }
}

/** Whether a host is on its way back: it has no report yet. */
function isComingBack(lab: Lab): boolean {
  return lab.snapshot().hosts.some(({ state }) => state === 'restarting' || state === 'starting');
}

/** Everything that changes while frames move, as one text; equal texts mean rest. */
async function stillness(lab: Lab): Promise<string> {
  const hosts = lab
    .snapshot()
    .config.hosts.map(({ id }) => lab.hostReport(id).then((report) => report.conservation));
  const fabric = lab
    .fabricReport()
    .then(({ entered, delivered, dropped, held }) => [entered, delivered, dropped, held]);
  return JSON.stringify(
    await Promise.all([...hosts, fabric].map((report) => report.catch(() => 'gone'))),
  );
}
