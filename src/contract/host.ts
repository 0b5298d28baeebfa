/**
 * Contract of a host process and of the fabric process.
 *
 * `hostControl` is for the lab alone (over the process's parent channel); `hostView` is what a page
 * may ask a host directly. Commands are legal while the host is open unless their comment says
 * otherwise; a refused command changes nothing.
 */
import { eventIterator, oc } from '@orpc/contract';
import { z } from 'zod';
import { refusalErrors } from './errors';
import { engineEventSchema } from './events';
import { adapterMeterSchema } from './experiment';
import { queueLatencySchema } from './latency';
import {
  adapterConfigSchema,
  bufferModeSchema,
  hostConfigSchema,
  idSchema,
  linkConfigSchema,
  macSchema,
  vlanModeSchema,
  vmConfigSchema,
} from './model';
import {
  migrationLimitsSchema,
  migrationOptionsSchema,
  migrationPhaseSchema,
  migrationProgressSchema,
  probeResultSchema,
  probeSampleSchema,
} from './migration';
import { fabricReportSchema, hostReportSchema, stampCheckSchema } from './report';
import {
  adapterEventSchema,
  adapterProfileSchema,
  adapterStateSchema,
  capabilitiesSnapshotSchema,
  noQueueReasonSchema,
  pendingRequestSchema,
  queueWeightSchema,
  requestLogEntrySchema,
} from './vmq';

const command = oc.errors(refusalErrors);
const nothing = z.object({});

/** The seven states of a receive queue (`docs/vmq-reference.md` §3.1). */
export const QUEUE_STATES = [
  'Undefined',
  'Allocated',
  'Set',
  'Running',
  'Paused',
  'StopDma',
  'Freeing',
] as const;
export const queueStateSchema = z.enum(QUEUE_STATES);
export type QueueState = z.infer<typeof queueStateSchema>;

export const filterSnapshotSchema = z.object({
  filterId: z.int(),
  mac: macSchema,
  /** Access VLAN that it tests, or null for the untagged-or-zero case. */
  vlan: z.int().nullable(),
});

export const queueSnapshotSchema = z.object({
  adapterId: idSchema,
  adapterIndex: z.int(),
  /** 0 is the default queue. */
  queueId: z.int(),
  state: queueStateSchema,
  /** Logical processor that its thread is pinned to; -1 where the platform cannot pin. */
  processor: z.int(),
  /** Thread index, as in telemetry. */
  thread: z.int(),
  vmId: z.string().nullable(),
  vmName: z.string().nullable(),
  nicId: z.string().nullable(),
  vlan: vlanModeSchema.nullable(),
  bufferMode: bufferModeSchema,
  /** Why its buffers are where they are; empty when it is the adapter's setting. */
  bufferModeReason: z.string(),
  filters: z.array(filterSnapshotSchema),
  /** Processor group and mask, `0:0x10`. */
  affinity: z.string(),
  /** Interrupt vector that it was given at allocation. */
  msixTableEntry: z.int(),
  /** Queues of one domain share an interrupt; 0: it shares with nobody. */
  interruptCoalescingDomainId: z.int(),
});
export type QueueSnapshot = z.infer<typeof queueSnapshotSchema>;

export const adapterSnapshotSchema = z.object({
  id: idSchema,
  index: z.int(),
  name: z.string(),
  vmqEnabled: z.boolean(),
  bufferMode: bufferModeSchema,
  moderationMicroseconds: z.int(),
  /** VM queues that it offers. */
  queueCount: z.int(),
  queuesUsed: z.int(),
  uplink: z.enum(['connected', 'connecting', 'none']),
  state: adapterStateSchema,
  profile: adapterProfileSchema,
  capabilities: capabilitiesSnapshotSchema,
  /** The request that runs now, if any. */
  pendingRequest: pendingRequestSchema.nullable(),
});
export type AdapterSnapshot = z.infer<typeof adapterSnapshotSchema>;

export const nicSnapshotSchema = z.object({
  /** Row key in telemetry. */
  index: z.int(),
  nicId: idSchema,
  vmId: idSchema,
  adapterId: idSchema,
  /** Queue that serves it; 0 = the default queue. */
  queueId: z.int(),
  /** Why it has no queue of its own, in words; empty when it has one. */
  queueReason: z.string(),
  /** 0 to 100; 0: it asks for none. */
  queueWeight: queueWeightSchema,
  /** The same with its rule and what to do; null when it has a queue. */
  noQueue: noQueueReasonSchema.nullable(),
});
export type NicSnapshot = z.infer<typeof nicSnapshotSchema>;

export const vmStateSchema = z.enum(['stopped', 'running', 'paused', 'incoming', 'failed']);
export type VmState = z.infer<typeof vmStateSchema>;
export const vmSnapshotSchema = z.object({
  vmId: idSchema,
  name: z.string(),
  state: vmStateSchema,
  /** Why, when it is failed; else empty. */
  reason: z.string(),
  /** Counters that the guest keeps in its own memory. */
  guest: z.object({
    arpReplies: z.number(),
    echoReplies: z.number(),
    udpEchoes: z.number(),
    sunkFrames: z.number(),
    sentFrames: z.number(),
    pagesWritten: z.number(),
    /** Digest over all frames received by each NIC, in order, as 16 hexadecimal digits. */
    digests: z.array(z.string()),
    /** Of a guest with `stamps`. */
    stamps: stampCheckSchema.optional(),
  }),
});
export type VmSnapshot = z.infer<typeof vmSnapshotSchema>;

export const linkStateSchema = z.enum(['running', 'finished', 'stopped', 'failed']);
export const linkSnapshotSchema = z.object({
  linkId: z.string(),
  name: z.string(),
  state: linkStateSchema,
  /** Why, when it failed; else what it does. */
  text: z.string(),
  frames: z.number(),
  bytes: z.number(),
  /** Loops completed, of a replay. */
  loops: z.number(),
});
export type LinkSnapshot = z.infer<typeof linkSnapshotSchema>;

export const threadSnapshotSchema = z.object({
  thread: z.int(),
  role: z.string(),
  name: z.string(),
  processor: z.int(),
});

/** A receive queue has changed its state (`docs/vmq-reference.md` §3.2). */
export const queueTransitionSchema = z.object({
  /** Unix time in milliseconds. */
  atMs: z.number(),
  adapterId: idSchema,
  queueId: z.int(),
  vmId: z.string().nullable(),
  vmName: z.string().nullable(),
  from: queueStateSchema,
  to: queueStateSchema,
  /** What led to it, as the state table names it. */
  cause: z.string(),
});
export type QueueTransition = z.infer<typeof queueTransitionSchema>;

/** Everything about a host that changes seldom. Sent whole after each change, at most ten times a second. */
export const hostSnapshotSchema = z.object({
  hostId: idSchema,
  name: z.string(),
  /** Rises with each snapshot. */
  revision: z.int(),
  /** Logical processors of the machine. */
  processors: z.int(),
  affinity: z.object({ available: z.boolean(), reason: z.string() }),
  memory: z.object({ totalBytes: z.number(), usedBytes: z.number() }),
  adapters: z.array(adapterSnapshotSchema),
  queues: z.array(queueSnapshotSchema),
  nics: z.array(nicSnapshotSchema),
  vms: z.array(vmSnapshotSchema),
  links: z.array(linkSnapshotSchema),
  threads: z.array(threadSnapshotSchema),
  /** The last 64 transitions of its queues, oldest first. */
  transitions: z.array(queueTransitionSchema),
});
export type HostSnapshot = z.infer<typeof hostSnapshotSchema>;

const migrationRef = z.object({ migrationId: idSchema });

/** Where the processes of a lab meet. Paths are absolute and at most 100 bytes long. */
export const rendezvousSchema = z.object({
  /** Unix socket of the fabric; hosts and clients connect to it with QEMU stream framing. */
  fabricSocket: z.string(),
  /** Folder for sockets of this lab. Those of a migration are `m-ID` and `m-ID-back`. */
  socketFolder: z.string(),
});

export const hostViewContract = {
  /** Whole state now, then after each change. */
  watch: command.output(eventIterator(hostSnapshotSchema)),
  hello: command
    .input(z.object({ contractVersion: z.int() }))
    .output(z.object({ hostId: z.string(), contractVersion: z.int() })),
  /** Requests to an adapter after number `after` (all that are kept when left out), oldest first. */
  requestLog: command
    .input(z.object({ adapterId: idSchema, after: z.int().optional() }))
    .output(z.object({ entries: z.array(requestLogEntrySchema) })),
  /** Everything about one queue as text, for a bug report. Also of one that was freed, while it is remembered. */
  dumpQueue: command
    .input(z.object({ adapterId: idSchema, queueId: z.int().min(0) }))
    .output(z.object({ text: z.string() })),
  /** How long frames of a queue take to their guest. Too much for telemetry, so a page asks for the queue that it shows. */
  queueLatency: command
    .input(z.object({ adapterId: idSchema, queueId: z.int().min(0) }))
    .output(queueLatencySchema),
};

export const hostControlContract = {
  hello: command
    .input(z.object({ contractVersion: z.int() }))
    .output(z.object({ contractVersion: z.int(), pid: z.int() })),
  /** First command after hello, once: builds memory, threads and adapters. Refused with `host-memory-exhausted` or `thread-failed`. */
  open: command
    .input(z.object({ config: hostConfigSchema, rendezvous: rendezvousSchema }))
    .output(nothing),
  watch: command.output(eventIterator(hostSnapshotSchema)),
  events: command.output(eventIterator(engineEventSchema)),
  report: command.output(hostReportSchema),
  /** Adds a VM, stopped. */
  addVm: command.input(vmConfigSchema).output(nothing),
  /** Changes a VM. Legal in: stopped for everything; running for name, queue request and workload. */
  updateVm: command.input(vmConfigSchema).output(nothing),
  /** Legal in: stopped. Gives its memory back. */
  removeVm: command.input(z.object({ vmId: idSchema })).output(nothing),
  /**
   * Legal in: stopped. Boots the guest afresh. `announce`: switches may know its addresses at another
   * place, as after the loss of a host; they are told.
   */
  startVm: command
    .input(z.object({ vmId: idSchema, announce: z.boolean().default(false) }))
    .output(nothing),
  /** Legal in: running, failed. */
  stopVm: command.input(z.object({ vmId: idSchema })).output(nothing),
  /** Changes VMQ on/off, buffer mode and moderation by handover, while frames flow. */
  setAdapter: command
    .input(
      adapterConfigSchema.extend({
        /** Why, for the event; left out: it was asked for. */
        cause: z.string().optional(),
      }),
    )
    .output(nothing),
  /** What an adapter's threads have moved and taken up to now. Changes nothing. */
  meterAdapter: command.input(z.object({ adapterId: idSchema })).output(adapterMeterSchema),
  /** Sets or clears the receive filters of a NIC's queue; cleared, its frames take the default queue. */
  setNicFilters: command.input(z.object({ nicId: idSchema, set: z.boolean() })).output(nothing),
  /** Adds and starts a link; `file` is an absolute path by now. */
  addLink: command.input(linkConfigSchema).output(nothing),
  startLink: command.input(z.object({ linkId: idSchema })).output(nothing),
  stopLink: command.input(z.object({ linkId: idSchema })).output(nothing),
  removeLink: command.input(z.object({ linkId: idSchema })).output(nothing),
  /** Target: reserves memory and listens; answers where the source must connect. */
  prepareIncoming: command
    .input(migrationRef.extend({ vm: vmConfigSchema }))
    .output(z.object({ socket: z.string(), token: z.string() })),
  /** Source: stops DMA, copies memory, stops the guest, copies the rest. On any failure the VM runs on here. */
  sendVm: command
    .input(
      migrationRef.extend({
        vmId: idSchema,
        socket: z.string(),
        token: z.string(),
        options: migrationOptionsSchema,
        /** The source waits on entering this phase until `continueSend`: for faults at a chosen phase. */
        pauseAt: migrationPhaseSchema.nullable(),
      }),
    )
    .output(eventIterator(migrationProgressSchema)),
  /** Source, until the guest is stopped: changes limits while it sends. */
  setSendLimits: command
    .input(migrationRef.extend({ limits: migrationLimitsSchema }))
    .output(nothing),
  /** Source, waiting at `pauseAt`: goes on. Harmless otherwise. */
  continueSend: command.input(migrationRef).output(nothing),
  /** Fault injection, source: cuts the stream, or flips one bit of the next message. */
  breakStream: command
    .input(migrationRef.extend({ how: z.enum(['cut', 'corrupt']) }))
    .output(nothing),
  /** Fault injection: takes all free memory of the host but `leaveBytes`. */
  fillMemory: command.input(z.object({ leaveBytes: z.int().min(0) })).output(nothing),
  /** Gives back what fillMemory took. Harmless when there is nothing. */
  freeFilledMemory: command.output(nothing),
  /** Target, after the commit record: runs the VM, announces its addresses, gives it a queue. */
  commitIncoming: command
    .input(migrationRef)
    .output(z.object({ resumedAtNs: z.number(), announcements: z.int() })),
  /** Target, before the commit: forgets the incoming VM. Harmless when there is none. */
  abortIncoming: command.input(migrationRef).output(nothing),
  /**
   * Source, after the target runs: sends held frames on until the marker has come through the
   * fabric, then removes the VM. `markerSeen` false: it did not come in time.
   */
  finishSend: command
    .input(migrationRef)
    .output(z.object({ heldFrames: z.int(), droppedFrames: z.int(), markerSeen: z.boolean() })),
  /** Source, before the commit: resumes the VM here. Harmless when there is none. */
  cancelSend: command.input(migrationRef).output(nothing),
  /** Lets something happen to an adapter (§6.5). Refused with `wrong-state` where its state does not allow it. */
  adapterEvent: command
    .input(z.object({ adapterId: idSchema, event: adapterEventSchema }))
    .output(nothing),
  /** Fault injection for demonstrations and tests: ends a thread at once, as a crash would. */
  killThread: command.input(z.object({ thread: z.int() })).output(nothing),
  /** Stops every thread and answers; the process may exit then. */
  close: command.output(nothing),
};

export const fabricSnapshotSchema = z.object({
  revision: z.int(),
  ports: z.array(
    z.object({
      port: z.int(),
      name: z.string(),
      kind: z.enum(['host', 'client', 'link', 'probe']),
    }),
  ),
  learnedMacs: z.int(),
  links: z.array(linkSnapshotSchema),
});
export type FabricSnapshot = z.infer<typeof fabricSnapshotSchema>;

export const fabricControlContract = {
  hello: hostControlContract.hello,
  open: command.input(z.object({ rendezvous: rendezvousSchema })).output(nothing),
  watch: command.output(eventIterator(fabricSnapshotSchema)),
  events: command.output(eventIterator(engineEventSchema)),
  report: command.output(fabricReportSchema),
  addLink: hostControlContract.addLink,
  startLink: hostControlContract.startLink,
  stopLink: hostControlContract.stopLink,
  removeLink: hostControlContract.removeLink,
  /** Starts a stamped UDP echo flow to a NIC's guest (port 7) on its VLAN. */
  startProbe: command
    .input(
      z.object({
        probeId: idSchema,
        mac: macSchema,
        ipv4: z.ipv4(),
        vlan: vlanModeSchema,
        perSecond: z.int().min(1).max(5000),
      }),
    )
    .output(nothing),
  /** Stops it after waiting for late answers; answers what was measured from its frames. */
  stopProbe: command.input(z.object({ probeId: idSchema })).output(probeResultSchema),
  /** What it has measured so far, ten times a second until it is stopped. */
  watchProbe: command
    .input(z.object({ probeId: idSchema }))
    .output(eventIterator(probeSampleSchema)),
  /** Fault injection: drops exactly the next `frames` probe frames of one direction, at the fabric's port. */
  loseProbes: command
    .input(
      z.object({
        probeId: idSchema,
        direction: z.enum(['to-vm', 'from-vm']),
        frames: z.int().min(1).max(1_000_000),
      }),
    )
    .output(nothing),
  close: command.output(nothing),
};
