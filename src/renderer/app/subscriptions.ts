/**
 * The one place that connects streams to stores. Hosts follow the lab's snapshot: while it says that a host
 * process runs, the page is connected to that very process; after a restart the process id differs and the page
 * connects anew. (Message ports of older Chromium do not say when the other side is gone.)
 */
import { watch } from 'vue';
import { connectHost, connectLab } from '../rpc';
import { useEventsStore } from '../stores/events';
import { useHostsStore } from '../stores/hosts';
import { useHuesStore } from '../stores/hues';
import { useLabStore, type HostProcess } from '../stores/lab';
import { useTracesStore } from '../stores/traces';
import { breakTelemetry, forgetTelemetry, takeTelemetry } from '../telemetry/telemetry';

interface HostLink {
  readonly pid: number | null;
  readonly stop: () => void;
}

/** Connects everything; the answer disconnects it. */
export function subscribeAll(): () => void {
  const lab = useLabStore();
  const events = useEventsStore();
  const hues = useHuesStore();
  const traces = useTracesStore();
  const links = new Map<string, HostLink>();

  const stopLab = connectLab({
    onSnapshot: (snapshot) => {
      hues.assign(snapshot.config.vms.flatMap((vm) => vm.nics.map((nic) => nic.id)));
      traces.follow(snapshot.migrations);
      lab.accept(snapshot);
    },
    onEvents: (batch, first) => events.accept(batch, first),
  });
  const stopWatch = watch(
    () => lab.snapshot?.hosts ?? [],
    (hosts) => followHosts(hosts, links),
  );

  return () => {
    stopWatch();
    stopLab();
    for (const link of links.values()) link.stop();
    links.clear();
  };
}

function followHosts(processes: readonly HostProcess[], links: Map<string, HostLink>): void {
  const hosts = useHostsStore();
  const traces = useTracesStore();
  const running = new Map(
    processes.filter((host) => host.state === 'running').map((host) => [host.hostId, host]),
  );
  const known = new Set(processes.map((host) => host.hostId));
  for (const [hostId, link] of links) {
    if (running.get(hostId)?.pid === link.pid) continue;
    link.stop();
    links.delete(hostId);
    hosts.forget(hostId);
    if (known.has(hostId)) breakTelemetry(hostId);
    else forgetTelemetry(hostId);
  }
  for (const [hostId, process] of running) {
    if (links.has(hostId)) continue;
    const stop = connectHost(hostId, {
      onSnapshot: (snapshot) => {
        hosts.accept(hostId, snapshot);
        traces.followQueues(snapshot);
      },
      onTelemetry: (samples) => takeTelemetry(hostId, samples),
      onStatus: (status) => hosts.acceptConnection(hostId, status),
    });
    links.set(hostId, { pid: process.pid, stop });
  }
}
