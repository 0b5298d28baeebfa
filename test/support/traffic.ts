/** Stamped frames that flow while something is done to a host, and what each guest was given of them. */
import type { NicPort } from '../../src/engine/switch/nic-port';
import type { VirtualMachine } from '../../src/engine/vm/virtual-machine';
import { GuestTap } from './guest-tap';
import type { InlineHost } from './inline-host';
import { stampedFrame, stampOf } from './stamped-frames';

/** The first NIC of a VM. */
export function portOf(vm: VirtualMachine): NicPort {
  const [port] = vm.ports;
  if (!port) throw new Error('the VM has no NIC');
  return port;
}

export interface Traffic {
  /** Frames sent to each address. */
  readonly sent: number;
  /** Stamps that each guest was given, in order; of one address after the other when it has several. */
  readonly given: readonly (readonly number[])[];
}

/** One address that frames are sent to. */
export interface Target {
  readonly mac: string;
  readonly vlan: number;
}

/** All numbers below `count`: what a guest was given when nothing was lost or overtaken. */
export const everyNumber = (count: number): number[] =>
  Array.from({ length: count }, (_, index) => index);

/**
 * Runs `work` while frames flow to targets, in bursts now and then longer than a turn takes.
 * @param vms the guests behind the targets.
 */
export async function underTraffic(
  host: InlineHost,
  vms: readonly VirtualMachine[],
  work: () => Promise<unknown>,
  targets: readonly Target[] = vms.map((vm) => ({
    mac: portOf(vm).config.macs[0] ?? '',
    vlan: portOf(vm).vlanId,
  })),
): Promise<Traffic> {
  const taps = vms.map((vm) => new GuestTap(host.memory, portOf(vm)));
  const given: number[][] = targets.map(() => []);
  const state = { sent: 0, done: false };
  const collect = (): void => {
    for (const frame of taps.flatMap((tap) => tap.take())) {
      const to = [...frame.slice(0, 6)].map((octet) => octet.toString(16).padStart(2, '0'));
      given[targets.findIndex(({ mac }) => mac === to.join(':'))]?.push(stampOf(frame));
    }
  };
  const turn = (frames: number): void => {
    for (let i = 0; i < frames; i++, state.sent++)
      for (const target of targets) host.receive(stampedFrame(target, state.sent));
    host.threads.round((threads) => threads.filter(({ start }) => start.role !== 'vcpu'));
    collect();
    host.threads.round((threads) => threads.filter(({ start }) => start.role === 'vcpu'));
  };
  const watched = work().finally(() => {
    state.done = true;
  });
  for (let i = 0; i < 20_000 && !state.done; i++) {
    turn(i % 17 === 0 ? 70 : 2);
    await new Promise((resolve) => setImmediate(resolve));
  }
  await watched;
  for (let i = 0; i < 300; i++) turn(0);
  return { sent: state.sent, given };
}
