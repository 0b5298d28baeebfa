/** Entry of every engine thread: a worker gets its role once, runs it, and ends with it. */
import { workerData } from 'node:worker_threads';
import { setFilterTable } from '../adapter/filter-table';
import { runLinkThread } from '../link/link-thread';
import { runKernelLoop } from '../thread/kernel-loop';
import type { ThreadStart } from '../thread/protocol';
import { adapterRole, fabricRole, serveRole, vcpuRole } from '../thread/roles';

function run(start: ThreadStart): void {
  switch (start.role) {
    case 'adapter':
      runKernelLoop(start, (kernel, views) => adapterRole(start, kernel, views, setFilterTable));
      return;
    case 'queue':
      runKernelLoop(start, (kernel, views) => serveRole(start, kernel, views));
      return;
    case 'vcpu':
      runKernelLoop(start, (kernel, views) => vcpuRole(start, kernel, views));
      return;
    case 'fabric':
      runKernelLoop(start, (kernel) => fabricRole(start, kernel));
      return;
    case 'link':
      runLinkThread(start);
      return;
    case 'control':
      throw new Error('the control thread is no worker');
  }
}

run(workerData as ThreadStart);
