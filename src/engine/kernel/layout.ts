/**
 * Layout of the host memory: one source for TypeScript and AssemblyScript (`docs/memory-layout.md`).
 *
 * Only untyped `export const` numbers stand here, so that both compilers read the file. All values
 * are byte offsets into a block, sizes in bytes, or small enumerations. Every block starts on a
 * 64-byte line; fields that different threads write are on different lines (no false sharing).
 *
 * Page 0 of the memory is never used: address 0 means "none".
 */

// ── Limits ──────────────────────────────────────────────────────────────────────────────────────
export const MAX_THREADS = 128;
export const MAX_NICS = 256;
export const MAX_QUEUES = 256; // queue ids: many more than queues, so that none is used again soon
export const MAX_WIRES = 8; // wire rings of one adapter, each direction
export const MAX_FABRIC_PORTS = 32;
export const BURST = 64; // frames that one step of a turn takes from one place
export const WIRE_BURST = 256; // frames that a turn of the adapter takes from one wire: some 10 µs
export const LINE = 64;

// ── Frames ──────────────────────────────────────────────────────────────────────────────────────
export const FRAME_MIN = 14; // Ethernet header
export const FRAME_MAX = 1514; // without tag
export const FRAME_MAX_TAGGED = 1518;
export const VIRTIO_NET_HEADER = 12; // virtio 1.x §5.1.6: always with num_buffers
export const RX_BUFFER_MIN = 1526; // VIRTIO_NET_HEADER + FRAME_MAX

// ── Thread block ────────────────────────────────────────────────────────────────────────────────
export const T_WAKE = 0; // i32, others add 1 and notify
export const T_DOORBELL = 4; // i32, counts control messages
export const T_SLEEPING = 64; // i32, 1 from before the last look for work until awake
export const T_PENDING = 128; // 2 × u64, bit p: ring from thread p has entries
export const T_INDEX = 192;
export const T_ROLE = 196;
export const T_ADAPTER = 200; // adapter block
export const T_QUEUE = 204; // queue block of the queue that it serves
export const T_NIC_LIST = 208; // u32[MAX_NICS], NIC blocks that it serves
export const T_NIC_COUNT = 212;
export const T_IN_RINGS = 216; // u32[MAX_THREADS], ring from thread i to this one, or 0
export const T_OUT_RINGS = 220; // u32[MAX_THREADS], ring from this thread to thread i, or 0
export const T_POOL_STACK = 224; // u32[T_POOL_SIZE], free buffers
export const T_POOL_FREE = 228; // free buffers on the stack
export const T_POOL_SIZE = 232;
export const T_THREADS = 236; // thread table: u32[MAX_THREADS]
export const T_NOTICES = 240; // u32, rises when the control thread should look (a fence was passed)
export const T_VM_LIST = 244; // u32[MAX_NICS], VM blocks that a vCPU thread runs
export const T_VM_COUNT = 248;
export const T_LEARN_HIGH = 252; // source MAC learned last, and when: spares the table
export const T_LEARN_LOW = 256;
export const T_LEARN_SECOND = 260;
export const T_STALLED = 268; // u32, 1: its queue waits for receive buffers of the guest
export const T_COUNTERS = 320; // u64[COUNTERS], written by this thread alone
export const THREAD_SIZE = 832;

// Counters of a thread, positions in T_COUNTERS.
export const CT_FROM_WIRE = 0;
export const CT_FROM_VMS = 1;
export const CT_COPIES = 2;
export const CT_TO_VMS = 3;
export const CT_TO_WIRE = 4;
export const CT_FORWARDED = 5;
export const CT_FLOODED = 6;
export const CT_BYTES_FROM_WIRE = 7;
export const CT_BYTES_TO_WIRE = 8;
export const CT_INDICATIONS = 9;
export const CT_ANNOUNCED = 10;
export const CT_WORK_NS = 11; // f64
export const CT_POLL_NS = 12; // f64
export const CT_SLEEP_NS = 13; // f64
export const CT_STALE = 14; // entries that reached a thread after it gave the NIC away, and were passed on
export const CT_QUEUED = 15; // frames of the queues that the thread served before; written by the control thread
export const CT_RECEIVE_COPIES = 16; // copies by the processor of frames, or parts of them, on their way into a VM
export const CT_DROPS = 17; // + drop reason
export const COUNTERS = 64;

// Drop reasons: the order of `contract/drop-reasons.ts`.
export const DROP_NO_RECEIVE_BUFFER = 0;
export const DROP_PORT_FULL = 1;
export const DROP_DESTINATION_SHARE = 2;
export const DROP_MALFORMED = 3;
export const DROP_NO_PORT_IN_VLAN = 4;
export const DROP_PORT_DOWN = 5;
export const DROP_SOURCE_MAC_REFUSED = 6;
export const DROP_TAG_REFUSED = 7;
export const DROP_BAD_DESCRIPTOR = 8;
export const DROP_WIRE_FULL = 9;
export const DROP_WIRE_DOWN = 10;
export const DROP_HOLD_FULL = 11;
export const DROP_SAME_PORT = 12;
export const DROP_THREAD_LOST = 13;
export const DROP_ADAPTER_PAUSED = 14;
export const DROP_ADAPTER_RESET = 15;
export const DROP_ADAPTER_HALTED = 16;
export const DROP_ADAPTER_REMOVED = 17;
export const DROP_DHCP_GUARD = 18;
export const DROP_SENDER_DENIED = 19;
export const DROP_REASON_COUNT = 20;

// ── Ring between two threads: single producer, single consumer ──────────────────────────────────
// What one side keeps for itself is apart from what the other side polls.
export const R_TAIL = 0; // u32, free running, published by the producer
export const R_HEAD = 64; // u32, free running, published by the consumer
export const R_CAPACITY = 128; // u32, power of two
export const R_NEXT = 192; // u32, producer private: next slot, ahead of R_TAIL inside a turn
export const R_RECLAIMED = 196; // u32, producer private: entries whose buffers it took back
export const R_ENTRIES = 256;

// Entry of a thread ring: a frame in a buffer of the producer's pool.
export const E_ADDRESS = 0; // u32, first byte of the frame
export const E_LENGTH = 4; // u16
export const E_VLAN = 6; // u16, 0 = untagged; priority bits in 13..15
export const E_NIC = 8; // u16, destination NIC index; towards an adapter the id of the queue that it is sent on
export const ENTRY_SIZE = 16;

// Buffer of a pool: 2 KiB, aligned to its size.
export const BUFFER_SIZE = 2048;
export const BUFFER_REFERENCES = 0; // u32, private to the pool's thread
export const BUFFER_DATA = 64; // frame starts here

// ── Queue: free ring and completion ring are rings with these entries ───────────────────────────
export const FREE_ADDRESS = 0; // u32, where the frame goes
export const FREE_COOKIE = 4; // u32, buffer (host) or descriptor head (shared memory)
export const FREE_SIZE = 8;

export const C_ADDRESS = 0;
export const C_LENGTH = 4; // u16, without tag
export const C_VLAN = 6; // u16, TCI of a stripped tag, else 0
export const C_FLAGS = 8; // u16, C_TAGGED | C_FENCE
export const C_NIC = 10; // u16, NIC of a fence; of a split frame the bytes in its lookahead buffer
export const C_COOKIE = 12; // u32
export const C_TIME = 16; // f64, ns, when the link put it on the wire ring
export const C_SOURCE_HIGH = 24; // u16, source MAC
export const C_ETHER_TYPE = 26; // u16
export const C_SOURCE_LOW = 28; // u32
export const COMPLETION_SIZE = 32;
export const C_TAGGED = 1;
export const C_FENCE = 2;
export const C_SPLIT = 4;
export const LOOKAHEAD_BUFFER = 256; // bytes of a lookahead buffer
export const FENCE_MARK = 0xffff; // C_NIC of a fence that only says how far the queue was read

export const Q_ID = 0;
export const Q_THREAD = 4; // thread block
export const Q_FREE_RING = 8;
export const Q_COMPLETION_RING = 12;
export const Q_MODE = 16; // QUEUE_HOST_BUFFERS | QUEUE_SHARED_MEMORY
export const Q_NIC = 20; // NIC block of a shared-memory queue
export const Q_HOLD = 24; // u32, 1: completions wait until the default queue has passed on what came before them
export const Q_DOMAIN = 28; // u32, interrupt coalescing domain, 1 to 64; 0: its interrupt is its own
export const Q_LOOKAHEAD = 32; // lookahead buffers, one for each slot of the completion ring; 0: frames are not split
export const Q_LOOKAHEAD_SIZE = 36; // u32, a frame is not split before this many bytes
export const Q_SHORT = 56; // u32 atomic, 1: the adapter found no receive buffer and gives way until some are posted
export const Q_FENCES = 64; // u32, written by the adapter: fences put in
export const Q_UNSIGNALLED = 68; // u32, adapter private: completions since the last interrupt
export const Q_FIRST_NS = 72; // f64, adapter private: when the oldest of them was put in
export const Q_FRAMES = 80; // u64, written by the adapter
export const Q_BYTES = 88; // u64
export const Q_DROPPED = 96; // u64, no receive buffer
export const Q_INTERRUPTS = 104; // u64
export const Q_SENT = 112; // u64, frames sent on it
export const Q_SENT_BYTES = 120; // u64
export const Q_INDICATIONS = 128; // u64, written by the serving thread
export const Q_FENCES_PASSED = 136; // u32
export const Q_BACKLOG_TURNS = 140; // u32, serving thread private: turns with a backlog, up to BACKLOG_TURNS
export const Q_TURN_NS = 144; // f64, serving thread private: when its last turn began
export const Q_LAST_FRAMES = 152; // u32, frames of the last indication
export const Q_LAST_FLAGS = 156; // u32, its INDICATED_* flags
export const Q_LOW_RESOURCES = 160; // u64, indications with INDICATED_RESOURCES
export const Q_OLDEST_NS = 168; // f64, serving thread private: C_TIME of the frame whose latency is not booked yet, or 0
export const Q_LONGEST_NS = 176; // f64, longest latency
// adapter private
export const Q_WAITED_NS = 192; // f64, when frames on the wire last waited for its buffers
export const Q_BURST_FRAMES = 200; // u32, frames of the present burst that are for it
export const Q_BURST_ROOM = 204; // u32, how many it can take
export const Q_BURST_FIRST = 208; // u32, position of its first one in A_BURST, and of its last one
export const Q_BURST_LAST = 212;
// serving thread
export const Q_LATENCY = 256; // u64[LATENCY_BUCKETS], frames by the latency of the oldest one of their indication
export const QUEUE_SIZE = 1600;
export const INDICATED_SINGLE_QUEUE = 1; // all its frames are of one queue
export const INDICATED_SHARED_MEMORY = 2; // they lie in memory that was allocated for the queue
export const INDICATED_RESOURCES = 4; // buffers are short: they are the queue's again when the call returns
export const QUEUE_HOST_BUFFERS = 0;
export const QUEUE_SHARED_MEMORY = 1;

// Buckets of a latency: those of `contract/latency.ts`.
export const LATENCY_FROM_POWER = 10; // bucket 0: less than 2^10 ns
export const LATENCY_TO_POWER = 30; // last bucket: 2^30 ns and more
export const LATENCY_STEP_BITS = 3; // 8 buckets of equal width for each power of two between them
export const LATENCY_BUCKETS = 162;

// ── Adapter block ───────────────────────────────────────────────────────────────────────────────
export const A_INDEX = 0;
export const A_THREAD = 4; // thread block of the adapter thread
export const A_FILTERS = 8; // filter table; swapped by the adapter thread between two bursts
export const A_FILTER_MASK = 12;
export const A_MAC_ONLY = 16; // 1: the table has filters that test no VLAN (case C)
export const A_MODERATION_NS = 24; // f64
export const A_MAC_TABLE = 32;
export const A_NICS = 36; // u32[MAX_NICS], NIC blocks by index, or 0
export const A_NIC_LIMIT = 40; // indices below this may be used
export const A_UPLINK = 44; // wire ring towards the uplink, or 0
export const A_IN_WIRES = 48; // u32[MAX_WIRES], wire rings from links, or 0
export const A_LEARN_SECOND = 80; // u32, seconds, written by the control thread
export const A_REFUSES = 88; // u32 atomic, 0: it runs; else 1 + the reason for which every frame is dropped
export const A_RAISED = 128; // u64[4], private to the adapter: queues with completions since their last interrupt
export const A_INTERRUPTS = 160; // u64, interrupts raised, one for each coalescing domain
export const A_QUEUES = 192; // u32[MAX_QUEUES], queue blocks by id, or 0
export const A_BURST = 1216; // WIRE_BURST × { u32 entry of a wire ring, u32 position of the queue's next frame }, private
export const A_BURST_QUEUES = 3264; // u32[WIRE_BURST], queue blocks that the burst has frames for, private
export const ADAPTER_SIZE = 4288;

// Filter table: open addressing, linear probing, power-of-two slots, never changed in place.
export const F_MAC_LOW = 0; // u32
export const F_MAC_HIGH = 4; // u16
export const F_VLAN = 6; // u16; 0 = untagged or zero; FILTER_ANY_VLAN = not tested
export const F_QUEUE = 8; // u32, queue id
export const F_USED = 12; // u32, 1 = slot in use
export const FILTER_SIZE = 16;
export const FILTER_ANY_VLAN = 0x1000;
export const FILTER_NONE = 0xffffffff; // instead of a queue id: no filter matches

// MAC table: buckets of 8 entries of 16 bytes; read and written by several threads.
export const M_KEY = 0; // u64: VLAN in the upper 16 bits, MAC below; 0 = free
export const M_VALUE = 8; // u64: port in the lower 32 bits, second last seen above; 0 = not valid
export const MAC_ENTRY_SIZE = 16;
export const MAC_BUCKET = 8;
export const MAC_BUCKETS = 1024;
export const MAC_TABLE_SIZE = 131072; // MAC_BUCKETS * MAC_BUCKET * MAC_ENTRY_SIZE
export const PORT_NONE = 0;
export const PORT_WIRE = 0xffff; // on a host: learned from the wire; a NIC is its index + 1
export const PORT_STATIC = 0x10000; // flag: assigned by an administrator, never evicted or aged

// ── NIC block: one port of the switch ───────────────────────────────────────────────────────────
export const N_INDEX = 0;
export const N_OWNER = 4; // u32 atomic, index of the one thread that touches its virtqueues
export const N_STATE = 8; // u32 atomic, NIC_*
export const N_VLAN = 12; // u32, 0 = untagged
export const N_MEMORY = 16; // host address of the VM's memory
export const N_MEMORY_SIZE = 20;
export const N_RX_DESC = 24; // guest addresses of the receive virtqueue
export const N_RX_AVAIL = 28;
export const N_RX_USED = 32;
export const N_RX_SIZE = 36;
export const N_TX_DESC = 40;
export const N_TX_AVAIL = 44;
export const N_TX_USED = 48;
export const N_TX_SIZE = 52;
export const N_MAC_COUNT = 56;
export const N_MACS = 64; // 4 × { low u32, high u32 }
export const N_VCPU = 96; // thread block of the vCPU thread
export const N_ADAPTER = 100;
export const N_HOLD_RING = 104; // ring of ENTRY_SIZE entries: frames that wait for a handover
export const N_DIRTY = 108; // dirty bitmap, or 0 while nobody logs
export const N_NEXT_OWNER = 112; // u32, index of the thread that gets it at the fence
export const N_VM = 116; // VM block
export const N_SPARES = 136; // address of u16[]: heads of receive descriptors taken and given back unfilled: used first
export const N_SPARE_COUNT = 216; // u32, written by the owner only
export const N_PHASE = 120; // u32 atomic, NIC_OWNED | NIC_LEAVING | NIC_MOVING
export const N_PREVIOUS_OWNER = 124; // u32, while NIC_MOVING: whose forwarded frames come first
export const N_KICK = 128; // u32 atomic, 1: the guest has new frames to send
export const N_STARVED = 132; // u32 atomic, 1: the owner waits for receive buffers of the guest
export const N_POLICY = 140; // policy block of the port, or 0
// written by the owner only
export const N_RX_LAST_AVAIL = 192; // u32, avail entries taken
export const N_RX_USED_NEXT = 196; // u32, used entries written
export const N_RX_USED_SHOWN = 200; // u32, used index published
export const N_TX_LAST_AVAIL = 204;
export const N_TX_USED_NEXT = 208;
export const N_TX_USED_SHOWN = 212;
export const N_RX_FRAMES = 256; // u64
export const N_RX_BYTES = 264;
export const N_TX_FRAMES = 272;
export const N_TX_BYTES = 280;
export const N_DROPPED = 288;
export const NIC_SIZE = 320;
export const NIC_DOWN = 0;
export const NIC_UP = 1;
export const NIC_HOLDING = 2; // frames for it are held: its VM is between two hosts
export const NIC_ARRIVING = 3; // its VM runs and sends here; frames for it are held until those of its old host are in
export const NIC_DEPARTING = 4; // its VM runs on another host: frames for it are held, to be sent on, but not those for all
export const NIC_DEPARTED = 5; // and the way there is known: what this host's VMs send to it takes the wire
export const NIC_OWNED = 0;
export const NIC_LEAVING = 2; // its queue's filters are being cleared: the next owner holds what already reaches it
export const NIC_MOVING = 1; // between two owners: the next one holds what reaches it directly

// Policy block of a port, never changed while the port is known to a switch.
export const P_DHCP_GUARD = 0; // u32, 1: what it sends as a DHCP server is dropped
export const P_MAC_COUNT = 4;
export const P_IPV4_COUNT = 8;
export const P_MACS = 64; // 16 × { low u32, high u32 }, senders whose frames it does not get
export const P_IPV4S = 192; // u32[16], network order
export const POLICY_SIZE = 256;
export const POLICY_ENTRIES = 16;

// ── VM block ────────────────────────────────────────────────────────────────────────────────────
export const V_MEMORY = 0;
export const V_MEMORY_SIZE = 4;
export const V_DIRTY = 8; // dirty bitmap, or 0; one bit a page of 4 KiB, u32 words
export const V_NIC_COUNT = 12;
export const V_NICS = 16; // u32[4], NIC blocks
export const V_THROTTLE = 32; // u32, percent of its time that the guest does not run
export const V_PAUSED_NS = 40; // f64, vCPU thread: when the present pause of a throttled guest began, or 0
export const V_STOLEN_NS = 48; // f64, vCPU thread: time that throttling took; the guest's clock stands meanwhile
export const VM_SIZE = 64;
export const PAGE_SIZE = 4096;
export const PAGE_SHIFT = 12;
export const PAGE_ZERO = 0x80000000; // in a page number: a page of zeros, without content
export const PAGE_REPEATED = 0x40000000; // a page of one word of 8 bytes, which is its whole content
export const PAGE_NUMBER = 0x3fffffff;

// ── Late frames: a batch that the old host of a VM sends on ──────────────────────────────────────
export const LF_LENGTH = 0; // u32
export const LF_VLAN = 4; // u32
export const LF_FRAME = 8; // padded to a multiple of 8

// ── Wire ring: frames as they are on a wire, single producer, single consumer ────────────────────
export const W_TAIL = 0; // u32, free running byte offset
export const W_HEAD = 64;
export const W_CAPACITY = 128; // u32, bytes, power of two
export const W_WAKE = 132; // thread block of the consumer, or 0 (a link thread: W_LINK_WAKE)
export const W_LINK_SLEEPING = 192; // i32: the link thread waits on W_LINK_WAKE
export const W_LINK_WAKE = 196; // i32
export const W_NEXT = 256; // u32, producer private
export const W_DATA = 320;
export const WE_LENGTH = 0; // u32, bytes of the frame, tag included; WIRE_WRAP: go to the start
export const WE_TIME = 8; // f64, ns
export const WE_FRAME = 16;
export const WIRE_WRAP = 0x7fffffff;

// ── Embedded guest: everything below is at guest addresses ──────────────────────────────────────
export const G_BASE = 0x1000; // guest address of its state
export const G_MAGIC = 0; // u32
export const G_NIC_COUNT = 4;
export const G_WORKLOAD = 8; // WORKLOAD_*
export const G_FLAGS = 12; // GUEST_DIGEST, GUEST_STAMPS
export const G_ARP_REPLIES = 16; // u64
export const G_ECHO_REPLIES = 24;
export const G_UDP_ECHOES = 32;
export const G_SUNK = 40;
export const G_SENT = 48;
export const G_PAGES_WRITTEN = 56;
export const G_DUE_NS = 64; // f64, when the sender or page writer has work next
export const G_RATE = 72; // f64, frames or pages a second
export const G_TARGET_IP = 80; // u32, network order value
export const G_FRAME_BYTES = 84;
export const G_TARGET_MAC_LOW = 88;
export const G_TARGET_MAC_HIGH = 92;
export const G_TARGET_KNOWN = 96; // u32, 1: the address is resolved
export const G_ARP_DUE_NS = 104; // f64
export const G_WRITER_START = 112; // guest address of the page writer's first page
export const G_WRITER_PAGES = 116;
export const G_WRITER_NEXT = 120; // page to write next
export const G_WRITER_ROUND = 124;
export const G_BOOT_NS = 128; // f64
export const G_NICS = 256; // guest NIC states
export const G_FLOWS = 1024; // accounts of probe flows
export const GUEST_MAGIC = 0x51435056;
export const GUEST_DIGEST = 1;
export const GUEST_STAMPS = 2;
export const WORKLOAD_RESPONDER = 0;
export const WORKLOAD_SENDER = 1;
export const WORKLOAD_PAGE_WRITER = 2;

export const GN_MAC_LOW = 0;
export const GN_MAC_HIGH = 4;
export const GN_IP = 8; // u32, 0 = none
export const GN_RX_DESC = 12;
export const GN_RX_AVAIL = 16;
export const GN_RX_USED = 20;
export const GN_RX_SIZE = 24;
export const GN_TX_DESC = 28;
export const GN_TX_AVAIL = 32;
export const GN_TX_USED = 36;
export const GN_TX_SIZE = 40;
export const GN_RX_LAST_USED = 44; // u32, used entries taken
export const GN_RX_AVAIL_NEXT = 48; // u32, avail entries written
export const GN_TX_LAST_USED = 52;
export const GN_TX_AVAIL_NEXT = 56;
export const GN_TX_BUFFERS = 60; // guest address of buffer 0
export const GN_DIGEST = 64; // u64, over all frames received, in order
export const GN_RX_BUFFERS = 72;
export const GN_REFERENCE = 76; // guest address of the frame that others are compared with
export const GN_REFERENCE_BYTES = 80; // its length; 0: none yet
export const GN_LAST_STAMP = 88; // u64, greatest number so far
export const GN_STAMPS_CHECKED = 96; // u64
export const GN_STAMPS_CORRUPT = 104; // u64, frames unlike the reference
export const GN_STAMPS_OUT_OF_ORDER = 112; // u64, frames whose number is not above the last one
export const GUEST_NIC_SIZE = 128;
export const GUEST_BUFFER = 2048;

export const GF_ID = 0; // u32, as it is in the frame; 0: free
export const GF_ANSWERS = 4; // u32, probes answered
export const GF_SINCE_NS = 8; // f64, when the first was taken
export const GF_LAST_NS = 16; // f64, when the last was taken; 0: free
export const GF_LONGEST_GAP_NS = 24; // f64, between two of them
export const GUEST_FLOW_SIZE = 32;
export const GUEST_FLOWS = 8;

// Split virtqueue, virtio 1.x §2.7.
export const VRING_DESC_SIZE = 16;
export const VRING_DESC_NEXT = 1;
export const VRING_DESC_WRITE = 2;
export const VRING_NO_INTERRUPT = 1;

// ── Fabric ──────────────────────────────────────────────────────────────────────────────────────
export const FP_IN = 0; // wire ring from the port's link
export const FP_OUT = 4; // wire ring to it, or 0 for a source only
export const FP_FRAMES_IN = 64; // u64, all written by the fabric thread
export const FP_BYTES_IN = 72;
export const FP_FRAMES_OUT = 80;
export const FP_BYTES_OUT = 88;
export const FP_DROPPED = 96;
export const FABRIC_PORT_SIZE = 128;
export const FB_THREAD = 0;
export const FB_MAC_TABLE = 4;
export const FB_LEARN_SECOND = 8;
export const FB_PORTS = 64; // u32[MAX_FABRIC_PORTS], port blocks or 0
export const FABRIC_SIZE = 256;

// ── Batch of captured frames, for a replay ──────────────────────────────────────────────────────
export const B_TIME = 0; // f64, ns from the start of the capture
export const B_LENGTH = 8; // u32
export const B_FRAME = 16;
