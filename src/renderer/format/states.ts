/** Shape, word and tone of every state on the page: never colour alone. */
export type Tone = 'good' | 'busy' | 'bad' | 'idle';

export interface StateLook {
  readonly shape: string;
  readonly word: string;
  readonly tone: Tone;
}

const look = (shape: string, word: string, tone: Tone): StateLook => ({ shape, word, tone });

const LOOKS: ReadonlyMap<string, StateLook> = new Map([
  // VMs
  ['running', look('●', 'running', 'good')],
  ['paused', look('‖', 'paused', 'busy')],
  ['stopped', look('○', 'stopped', 'idle')],
  ['incoming', look('◐', 'incoming', 'busy')],
  ['failed', look('▲', 'failed', 'bad')],
  ['migrating', look('◐', 'migrating', 'busy')],
  ['waiting-to-move', look('◌', 'waits to move', 'busy')],
  // host processes
  ['starting', look('◐', 'starting', 'busy')],
  ['restarting', look('◐', 'restarting', 'busy')],
  // adapters
  ['resetting', look('◐', 'resetting', 'busy')],
  ['halted', look('○', 'halted', 'idle')],
  ['removed', look('▲', 'removed', 'bad')],
  // receive queues
  ['Undefined', look('○', 'undefined', 'idle')],
  ['Allocated', look('○', 'allocated', 'busy')],
  ['Set', look('○', 'set', 'busy')],
  ['Running', look('●', 'running', 'good')],
  ['Paused', look('‖', 'paused', 'busy')],
  ['StopDma', look('◐', 'stopping DMA', 'busy')],
  ['Freeing', look('◐', 'freeing', 'busy')],
  // uplinks
  ['connected', look('●', 'connected', 'good')],
  ['connecting', look('◐', 'connecting', 'busy')],
  ['waiting', look('◐', 'waiting to connect again', 'busy')],
  ['refused', look('▲', 'refused', 'bad')],
  ['none', look('○', 'not connected', 'idle')],
  // traffic and migrations
  ['finished', look('✓', 'finished', 'idle')],
  ['completed', look('✓', 'completed', 'good')],
  ['cancelled', look('○', 'cancelled', 'idle')],
  ['queued', look('◌', 'waiting', 'idle')],
]);

export function lookOf(state: string): StateLook {
  return LOOKS.get(state) ?? look('○', state, 'idle');
}

const PHASE_WORDS: Readonly<Record<string, string>> = {
  preparing: 'Preparing the target',
  'clearing-filters': 'Clearing filters',
  'stopping-dma': 'Stopping DMA',
  copying: 'Copying memory',
  'stopping-vm': 'Stopping the VM',
  'final-copy': 'Final copy',
  committing: 'Committing',
  resuming: 'Resuming on the target',
  'cleaning-up': 'Cleaning up',
};

export function phaseWords(phase: string): string {
  return PHASE_WORDS[phase] ?? phase;
}
