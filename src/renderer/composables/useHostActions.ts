/** What can be done to a host now, and why something cannot. */
import { useLabStore } from '../stores/lab';
import { useProblemsStore } from '../stores/problems';
import { plural } from '../format/format';
import { useAddress } from './useAddress';
import { useConfirm } from './useConfirm';
import { useMigrationAddress } from './useMigrationAddress';

export interface HostActions {
  /** Empty when the action is possible; otherwise why not. */
  whyNotRestart: (hostId: string) => string;
  whyNotDelete: (hostId: string) => string;
  whyNotEvacuate: (hostId: string) => string;
  restart: (hostId: string) => Promise<boolean>;
  remove: (hostId: string) => Promise<boolean>;
  /** Opens the list of what goes where. */
  evacuate: (hostId: string) => void;
}

export function useHostActions(): HostActions {
  const lab = useLabStore();
  const problems = useProblemsStore();
  const confirm = useConfirm();
  const address = useAddress();
  const migrations = useMigrationAddress();

  return {
    whyNotRestart: (hostId) => {
      const state = lab.processes.get(hostId)?.state;
      return state === 'failed' || state === 'stopped'
        ? ''
        : `${lab.hostName(hostId)} is ${state ?? 'unknown'}. Only a failed host can be started again.`;
    },
    whyNotDelete: (hostId) => {
      const count = lab.vms.filter((vm) => vm.hostId === hostId).length;
      return count === 0
        ? ''
        : `${plural(count, 'VM is', 'VMs are')} on it. Delete or migrate them first.`;
    },
    whyNotEvacuate: (hostId) => {
      if (lab.hosts.length < 2) return 'There is no other host.';
      const running = lab.vms.filter(
        ({ id, hostId: at }) => at === hostId && lab.statuses.get(id)?.state === 'running',
      );
      return running.length > 0 ? '' : 'No VM runs on it.';
    },
    evacuate: (hostId) => migrations.openEvacuate(hostId),
    restart: (hostId) => problems.attempt(() => lab.restartHost(hostId)),
    remove: async (hostId) => {
      const accepted = await confirm.ask({
        title: `Delete ${lab.hostName(hostId)}?`,
        goes: 'The host, its adapters and the traffic plugged in there are removed.',
        stays: 'The other hosts and the event list stay as they are.',
        accept: 'Delete',
      });
      if (!accepted) return false;
      const done = await problems.attempt(() => lab.deleteHost(hostId));
      if (done && address.selection.value?.id === hostId) address.closePanel();
      return done;
    },
  };
}
