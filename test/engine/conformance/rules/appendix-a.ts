/** Appendix A of the reference: invariants that an engine can be tested for. */
import { different, INFERENCE, notApplicable, type Rule, type Standing } from './rule';

const HOLDS: Standing = { kind: 'holds' };

const INVARIANTS: readonly (readonly [string, Standing?])[] = [
  ['Queue 0 exists from initialisation to halt; no allocation answers 0; it cannot be freed.'],
  ['Live queue ids and live filter ids are unique on the adapter.'],
  [
    'A queue’s state follows from completion, filters and freeing; only moves of §3.2 happen, and an illegal one changes nothing.',
  ],
  ['What is indicated on a VM queue matched one of its filters, in Running.'],
  ['Nothing is indicated on a queue after its last clear, or its free, has completed.'],
  ['A frame that no complete queue matches goes to queue 0; no frame goes to two queues.'],
  ['DMA-stopped is raised exactly once for each free, before it completes, and at no other time.'],
  [
    'A free ends only when nothing of the queue is outstanding; each buffer comes back once; buffers are conserved.',
  ],
  ['After DMA-stopped no byte of the queue’s buffers changes.'],
  ['Queues with per-queue indication share no call; a single-queue call has one id and says so.'],
  [
    'Out-of-band data has filter id 0 and the real queue id; a stale id on a return or a send counts as 0.',
  ],
  ['Order is kept in each queue, also when its affinity changes.'],
  [
    'The cases A, B and C match untagged, VLAN 0, V and W as §4.4 says; a stripped tag keeps its priority out of band.',
  ],
  ['Only parameters with change bits change, only by the owner; a refusal leaves the old values.'],
  [
    'Filters go before their queue, queues before their binding; what is left over NDIS frees at halt.',
  ],
  [
    'A guest never sees a byte of a frame that failed VLAN or MAC; decisions use a copy that it cannot write.',
    different(
      'In shared memory there is no private copy: the decision is taken from wire memory before the DMA. What a guest sees holds in both modes.',
    ),
  ],
  [
    'Current capabilities are within the hardware’s; 6.30 advertises no split; queues ≤ filters ≤ unicast addresses.',
  ],
  ['A failure in a batch of completions concerns its queue alone.'],
  ['In a migration, frames accepted are frames delivered plus counted discards.'],
  [
    'Members of a team have disjoint processor sets in sum mode and identical ones in min mode.',
    notApplicable('There is no teaming.'),
  ],
];

export const APPENDIX_A: readonly Rule[] = INVARIANTS.map(([text, standing = HOLDS], index) => ({
  id: `A.${index + 1}`,
  section: 'Appendix A',
  source: INFERENCE,
  text,
  standing,
}));
