/**
 * What a dead thread means for its host: a queue's thread is replaced; another one is more than one
 * queue's matter and ends the host. Control thread.
 */
import type { EngineThread } from '../thread/engine-thread';
import type { HostParts } from './host-parts';

/** Called when a thread has ended that nobody stopped. */
export function threadDied(parts: HostParts, thread: EngineThread, cause: string): void {
  const { index, name } = thread;
  const object = { kind: 'thread', id: String(index), name } as const;
  parts.log.emit('thread/died', object, `${name} ended.`, cause, 'error');
  void replace(parts, thread).then(
    (lost) => {
      if (lost === undefined) throw new Error(`${name} ended: ${cause}`);
      const text = `${name} was replaced. Its VM was served by the default queue meanwhile; ${lost} frames were lost.`;
      parts.log.emit('thread/replaced', object, text, cause, 'warning');
    },
    (error: unknown) => {
      throw error;
    },
  );
}

/** @returns frames that were lost; undefined when it was no queue's thread. */
async function replace(parts: HostParts, thread: EngineThread): Promise<number | undefined> {
  for (const adapter of parts.adapters) {
    const lost = await adapter.switch.replaceThread(adapter.miniport, thread);
    if (lost !== undefined) return lost;
  }
  return undefined;
}
