/** The page's one connection to the lab: its snapshot and event streams, and the client for commands. */
import { shallowRef, type ShallowRef } from 'vue';
import type { LabEvent } from '../../contract/events';
import type { LabSnapshot } from '../../contract/lab';
import { CONTRACT_VERSION } from '../../contract/version';
import { closeChannel, openChannel } from './bridge';
import { follow, labClientOver, untilFirstEnds, withDeadline, type LabClient } from './clients';
import { connectionClosed, ProblemError } from './problem';
import { supervise, type ConnectionStatus } from './supervise';

export interface LabListeners {
  readonly onSnapshot: (snapshot: LabSnapshot) => void;
  /** The first batch of each connection replaces the list: `first` is true. */
  readonly onEvents: (events: readonly LabEvent[], first: boolean) => void;
}

export const labStatus: ShallowRef<ConnectionStatus> = shallowRef({
  phase: 'connecting',
  failures: 0,
  problem: null,
  sinceMs: Date.now(),
});
export const productVersion: ShallowRef<string> = shallowRef('');

let client: LabClient | undefined;

/** Runs one command of the lab. Rejects at once when there is no connection. */
export function callLab<Value>(
  what: string,
  command: (lab: LabClient) => Promise<Value>,
): Promise<Value> {
  if (!client) return Promise.reject(new ProblemError(connectionClosed('the lab')));
  return withDeadline(command(client), what);
}

export function connectLab(listeners: LabListeners): () => void {
  return supervise({
    onStatus: (status) => (labStatus.value = status),
    run: async (signal, connected) => {
      const channel = await openChannel('lab', signal);
      try {
        const lab = labClientOver(channel);
        const hello = await withDeadline(
          lab.hello({ contractVersion: CONTRACT_VERSION }),
          'hello',
          10_000,
        );
        productVersion.value = hello.productVersion;
        client = lab;
        connected();
        let first = true;
        const streams = [
          follow(lab.watch(undefined, { signal }), signal, listeners.onSnapshot),
          follow(lab.events({}, { signal }), signal, (batch) => {
            listeners.onEvents(batch, first);
            first = false;
          }),
        ];
        await untilFirstEnds(streams, channel, signal, 'the lab');
      } finally {
        client = undefined;
        closeChannel(channel);
      }
    },
  });
}
