/**
 * Why a frame was dropped. The position in this list is the position of the counter in every
 * thread's counter block (`engine/kernel/layout.ts` names the same numbers; a test compares them).
 * `isLoss` tells frames that somebody misses from those that were filtered because nobody here
 * wanted them, as switches do with flooded frames. Every reason has its sentence: no drop counter is shown without an explanation.
 */
export const DROP_REASONS = [
  {
    code: 'no-receive-buffer',
    isLoss: true,
    text: 'The queue had no free receive buffer: frames arrived faster than its VM took them.',
  },
  {
    code: 'port-full',
    isLoss: true,
    text: 'The VM had posted no receive buffer: its guest takes frames more slowly than they arrive.',
  },
  {
    code: 'destination-share',
    isLoss: true,
    text: 'The destination held its full share of the sender’s buffers.',
  },
  {
    code: 'malformed',
    isLoss: true,
    text: 'The frame was shorter than an Ethernet header or longer than 1518 bytes.',
  },
  {
    code: 'no-port-in-vlan',
    isLoss: false,
    text: 'No port of this switch wants the frame: none is in its VLAN.',
  },
  { code: 'port-down', isLoss: true, text: 'The destination VM was stopped.' },
  {
    code: 'source-mac-refused',
    isLoss: true,
    text: 'The VM sent from a MAC address that is not assigned to it.',
  },
  { code: 'tag-refused', isLoss: true, text: 'The VM sent a VLAN tag on an access port.' },
  {
    code: 'bad-descriptor',
    isLoss: true,
    text: 'The guest posted a descriptor outside its memory or of the wrong kind.',
  },
  {
    code: 'wire-full',
    isLoss: true,
    text: 'The wire took frames more slowly than they were sent.',
  },
  { code: 'wire-down', isLoss: true, text: 'The adapter is not connected to a wire.' },
  {
    code: 'hold-full',
    isLoss: true,
    text: 'More frames arrived during a handover or migration than can be held.',
  },
  {
    code: 'same-port',
    isLoss: false,
    text: 'The destination is where the frame came from: it was flooded here and is for somebody else.',
  },
  {
    code: 'thread-lost',
    isLoss: true,
    text: 'The thread that served the queue died with the frame in its hands.',
  },
  {
    code: 'adapter-paused',
    isLoss: true,
    text: 'The adapter was paused: it took no frame from the wire and sent none.',
  },
  {
    code: 'adapter-reset',
    isLoss: true,
    text: 'The adapter was being reset.',
  },
  {
    code: 'adapter-halted',
    isLoss: true,
    text: 'The adapter was halted.',
  },
  {
    code: 'adapter-removed',
    isLoss: true,
    text: 'The adapter had been removed by surprise.',
  },
  {
    code: 'dhcp-guard',
    isLoss: false,
    text: 'The VM sent a message of a DHCP server, which the policy of its port forbids.',
  },
  {
    code: 'sender-denied',
    isLoss: false,
    text: 'The policy of the port does not let frames of this sender in.',
  },
] as const;
export type DropReason = (typeof DROP_REASONS)[number]['code'];
