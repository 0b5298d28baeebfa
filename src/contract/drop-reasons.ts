/**
 * Why a frame was dropped. The position in this list is the position of the counter in every
 * thread's counter block (`engine/kernel/layout.ts` names the same numbers; a test compares them).
 * Every reason has its sentence: no drop counter is shown without an explanation.
 */
export const DROP_REASONS = [
  { code: 'no-receive-buffer', text: 'The queue had no free receive buffer: frames arrived faster than its VM took them.' },
  { code: 'port-full', text: 'The VM had posted no receive buffer: its guest takes frames more slowly than they arrive.' },
  { code: 'destination-share', text: 'The destination held its full share of the sender’s buffers.' },
  { code: 'malformed', text: 'The frame was shorter than an Ethernet header or longer than 1518 bytes.' },
  { code: 'no-port-in-vlan', text: 'No port of this switch belongs to the frame’s VLAN.' },
  { code: 'port-down', text: 'The destination VM was stopped.' },
  { code: 'source-mac-refused', text: 'The VM sent from a MAC address that is not assigned to it.' },
  { code: 'tag-refused', text: 'The VM sent a VLAN tag on an access port.' },
  { code: 'bad-descriptor', text: 'The guest posted a descriptor outside its memory or of the wrong kind.' },
  { code: 'wire-full', text: 'The wire took frames more slowly than they were sent.' },
  { code: 'wire-down', text: 'The adapter is not connected to a wire.' },
  { code: 'hold-full', text: 'More frames arrived during a handover or migration than can be held.' },
  { code: 'same-port', text: 'The destination is the port that the frame came from.' },
  { code: 'thread-lost', text: 'The thread that served the queue died with the frame in its hands.' },
] as const;
export type DropReason = (typeof DROP_REASONS)[number]['code'];
