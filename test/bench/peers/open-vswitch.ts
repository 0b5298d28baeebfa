/** Open vSwitch with its userspace datapath, in a folder of its own beside any other instance; plain or with DPDK. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { hasProgram, runCommand, startChild, waitUntil, type RunningChild } from '../child';
import { onExit } from '../exit-hooks';
import { deviceName } from './network-devices';

const SCHEMA = '/usr/share/openvswitch/vswitch.ovsschema';
const SWITCH = 'ovs-vswitchd';
const DPDK_SWITCH = '/usr/lib/openvswitch-switch-dpdk/ovs-vswitchd-dpdk';

export function hasOpenVswitch(): boolean {
  return existsSync(SCHEMA) && hasProgram(SWITCH);
}

export function hasOpenVswitchDpdk(): boolean {
  return hasOpenVswitch() && existsSync(DPDK_SWITCH);
}

export class OpenVswitch {
  readonly #folder: string;
  readonly #removeFolder: () => void;
  readonly #children: RunningChild[] = [];
  readonly #bridge = deviceName('ovs');
  readonly #prefix = `vmq-bench-${process.pid}-ovs`;

  /** Starts it with an empty bridge. @param dpdk with DPDK, polling on this processor */
  static async start(dpdk?: { readonly processor: number }): Promise<OpenVswitch> {
    const ovs = new OpenVswitch();
    try {
      await ovs.#start(dpdk);
    } catch (error) {
      await ovs.end().catch(() => undefined);
      throw error;
    }
    return ovs;
  }

  private constructor() {
    this.#folder = mkdtempSync(join(tmpdir(), 'vmq-bench-ovs-'));
    this.#removeFolder = onExit(() => rmSync(this.#folder, { recursive: true, force: true }));
  }

  /** Adds a network device of this machine. */
  addDevice(device: string): void {
    this.#vsctl('add-port', this.#bridge, device);
  }

  /** Adds a vhost port whose other side listens at `socket`. */
  addVhost(name: string, socket: string): void {
    this.#vsctl(
      ...['add-port', this.#bridge, name, '--', 'set', 'Interface', name],
      ...['type=dpdkvhostuserclient', `options:vhost-server-path=${socket}`],
    );
  }

  /** Sends frames for a MAC address to a port, so that they need not be flooded: nobody learns from a receiver that is silent. */
  forward(mac: string, port: string): void {
    const management = join(this.#folder, `${this.#bridge}.mgmt`);
    runCommand('ovs-ofctl', [
      ...['add-flow', `unix:${management}`],
      `priority=100,dl_dst=${mac},actions=output:${this.#portNumber(port)}`,
    ]);
  }

  #portNumber(port: string): string {
    return this.#vsctl('get', 'Interface', port, 'ofport').trim();
  }

  /** Stops it where it is: with DPDK it polls even when nothing comes, on a processor that others need. */
  pause(): void {
    this.#signal('SIGSTOP');
  }

  resume(): void {
    this.#signal('SIGCONT');
  }

  #signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    for (const child of this.#children) child.process.kill(signal);
  }

  /** Ends it and its bridge. */
  async end(): Promise<void> {
    this.resume();
    if (existsSync(this.#socket)) this.#vsctl('--if-exists', 'del-br', this.#bridge);
    for (const child of [...this.#children].reverse()) await child.end();
    this.#removeFolder();
    // DPDK leaves its folder behind.
    rmSync(`/run/dpdk/${this.#prefix}`, { recursive: true, force: true });
  }

  async #start(dpdk: { readonly processor: number } | undefined): Promise<void> {
    const database = join(this.#folder, 'conf.db');
    runCommand('ovsdb-tool', ['create', database, SCHEMA]);
    this.#run('ovsdb-server', [database, `--remote=punix:${this.#socket}`]);
    await waitUntil('the database of Open vSwitch', () => existsSync(this.#socket));
    this.#vsctl('--no-wait', 'init');
    if (dpdk !== undefined)
      this.#vsctl(
        ...['--no-wait', 'set', 'Open_vSwitch', '.', 'other_config:dpdk-init=true'],
        `other_config:dpdk-extra=--no-huge --legacy-mem -m 2048 --no-pci --file-prefix=${this.#prefix}`,
        `other_config:pmd-cpu-mask=${(1 << dpdk.processor).toString(16)}`,
      );
    // A switch that is killed leaves the device of its bridge behind.
    onExit(() => {
      if (existsSync(`/sys/class/net/${this.#bridge}`))
        runCommand('ip', ['link', 'del', this.#bridge]);
    });
    this.#run(dpdk === undefined ? SWITCH : DPDK_SWITCH, [`unix:${this.#socket}`]);
    const datapath = ['--', 'set', 'bridge', this.#bridge, 'datapath_type=netdev'];
    this.#vsctl('add-br', this.#bridge, ...datapath);
  }

  get #socket(): string {
    return join(this.#folder, 'db.sock');
  }

  #run(program: string, args: readonly string[]): void {
    const places = ['OVS_RUNDIR', 'OVS_LOGDIR', 'OVS_DBDIR', 'OVS_SYSCONFDIR'].map(
      (name) => `${name}=${this.#folder}`,
    );
    const control = `--unixctl=${join(this.#folder, `${this.#children.length}.ctl`)}`;
    this.#children.push(startChild('env', [...places, program, ...args, control]));
  }

  /** Waits for the switch to do it, at most ten seconds. */
  #vsctl(...args: readonly string[]): string {
    try {
      return runCommand('ovs-vsctl', [`--db=unix:${this.#socket}`, '--timeout=10', ...args]);
    } catch (error) {
      const said = this.#children.map((child) => child.output()).join('\n');
      throw new Error(`Open vSwitch: ${String(error)}\n${said}`, { cause: error });
    }
  }
}
