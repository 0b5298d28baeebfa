/** What the events of a receive queue mean, for readers who do not know NDIS by heart (`docs/vmq-reference.md` §3). */
const MEANINGS: ReadonlyMap<string, string> = new Map([
  ['ALLOCATE_QUEUE', 'a queue was reserved and got its id'],
  ['SET_FILTER', 'frames for its MAC and VLAN go to it'],
  ['CLEAR_LAST_FILTER', 'no filter is left: its frames take the default queue'],
  ['ALLOCATION_COMPLETE', 'its buffers are there, so it may receive'],
  ['FREE_QUEUE', 'it is given up: DMA must stop first'],
  ['DMA_STOPPED', 'nothing is written any more, and this was indicated once'],
  ['RESOURCES_FREED', 'all receive buffers came back, its memory was released'],
]);

/** The meaning of an event by its name in the state table; empty for one that speaks for itself. */
export function queueEventMeaning(event: string): string {
  return MEANINGS.get(event) ?? '';
}
