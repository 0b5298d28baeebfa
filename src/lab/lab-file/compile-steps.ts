/**
 * Resolves the steps of a lab file and follows them in order, as far as that can be known before
 * they run: where each VM is, and which links have been started.
 */
import type { LabFile, LabFileStep } from '../../contract/lab-file';
import type { MigrationOptions } from '../../contract/migration';
import type { HostConfig, LinkConfig, VmConfig } from '../../contract/model';
import { reportUnknown, type CompiledLab } from './compile';
import type { FieldPath, LabFileSource } from './source';
import type { AdapterPlace, LabStep } from './steps';

/** Every step that can be resolved; with a problem anywhere the result is not used. */
export function compileSteps(file: LabFile, lab: CompiledLab, source: LabFileSource): LabStep[] {
  const compiler = new StepCompiler(lab, source);
  const steps = file.steps.flatMap((step, index) => compiler.compile(step, ['steps', index]) ?? []);
  return [...steps, ...compiler.end()];
}

type MigrateStep = Extract<LabFileStep, { migrate: unknown }>['migrate'];

/** How long migrations may take that are under way at the end of the file. */
const LAST_WAIT_SECONDS = 300;

class StepCompiler {
  readonly #lab: CompiledLab;
  readonly #source: LabFileSource;
  /** Host id of each VM after the steps so far; undefined where only the run can tell. */
  readonly #places: Map<string, string | undefined>;
  readonly #notStarted: Set<string>;
  /** Whether migrations may be under way that no step has waited for. */
  #isMoving = false;

  constructor(lab: CompiledLab, source: LabFileSource) {
    this.#lab = lab;
    this.#source = source;
    this.#places = new Map(lab.config.vms.map((vm) => [vm.id, vm.hostId]));
    this.#notStarted = new Set(lab.deferred);
  }

  compile(step: LabFileStep, field: FieldPath): LabStep | undefined {
    if ('wait' in step) return { kind: 'wait', seconds: step.wait.seconds };
    if ('waitForLink' in step)
      return this.#waitForLink(step.waitForLink, [...field, 'waitForLink']);
    if ('startLink' in step) {
      const link = this.#link(step.startLink.link, [...field, 'startLink', 'link']);
      if (link === undefined) return undefined;
      this.#notStarted.delete(link.id);
      return { kind: 'start-link', linkId: link.id, name: link.name };
    }
    if ('stopLink' in step) {
      const link = this.#started(step.stopLink.link, [...field, 'stopLink', 'link']);
      return link && { kind: 'stop-link', linkId: link.id, name: link.name };
    }
    if ('startVm' in step) {
      const vm = this.#vm(step.startVm.vm, [...field, 'startVm', 'vm']);
      return vm && { kind: 'start-vm', vmId: vm.id, name: vm.name };
    }
    if ('stopVm' in step) {
      const vm = this.#vm(step.stopVm.vm, [...field, 'stopVm', 'vm']);
      return vm && { kind: 'stop-vm', vmId: vm.id, name: vm.name };
    }
    if ('migrate' in step) return this.#migrate(step.migrate, [...field, 'migrate']);
    if ('waitForMigrations' in step)
      return this.#waitForMigrations(step.waitForMigrations, [...field, 'waitForMigrations']);
    if ('evacuate' in step) return this.#evacuate(step.evacuate, [...field, 'evacuate']);
    if ('setFilter' in step) return this.#filters(step.setFilter, true, [...field, 'setFilter']);
    if ('clearFilter' in step)
      return this.#filters(step.clearFilter, false, [...field, 'clearFilter']);
    if ('setMode' in step) return this.#mode(step.setMode, [...field, 'setMode']);
    if ('experiment' in step) return this.#experiment(step.experiment, [...field, 'experiment']);
    return this.#adapterEvent(step.adapterEvent, [...field, 'adapterEvent']);
  }

  #waitForLink(
    { link: name, timeoutSeconds }: { link: string; timeoutSeconds: number },
    field: FieldPath,
  ): LabStep | undefined {
    const link = this.#started(name, [...field, 'link']);
    if (link === undefined) return undefined;
    const isEndless = link.kind === 'replay' ? link.loops === 0 : link.frames === 0;
    if (isEndless) {
      this.#source.report(
        [...field, 'link'],
        'a link that ends by itself',
        `"${name}", which runs until it is stopped`,
      );
    }
    return { kind: 'wait-for-link', linkId: link.id, name, timeoutSeconds };
  }

  /** Steps that no file needs to write: what is under way at its end is waited for. */
  end(): LabStep[] {
    return this.#isMoving
      ? [{ kind: 'wait-for-migrations', timeoutSeconds: LAST_WAIT_SECONDS }]
      : [];
  }

  #waitForMigrations(
    { timeoutSeconds }: { timeoutSeconds: number },
    field: FieldPath,
  ): LabStep | undefined {
    if (!this.#isMoving) {
      this.#source.report(field, 'an earlier migrate with wait: false', 'none to wait for');
      return undefined;
    }
    this.#isMoving = false;
    return { kind: 'wait-for-migrations', timeoutSeconds };
  }

  #evacuate(
    { host: name, options }: { host: string; options: MigrationOptions },
    field: FieldPath,
  ): LabStep | undefined {
    const host = this.#host(name, [...field, 'host']);
    if (host === undefined) return undefined;
    if (this.#lab.config.hosts.length === 1)
      this.#source.report([...field, 'host'], 'another host that VMs can move to', 'none');
    for (const [vmId, place] of this.#places)
      if (place === host.id) this.#places.set(vmId, undefined);
    return { kind: 'evacuate', hostId: host.id, name, options };
  }

  #migrate(step: MigrateStep, field: FieldPath): LabStep | undefined {
    const { vm: name, to, options, fault, expect, wait } = step;
    const vm = this.#vm(name, [...field, 'vm']);
    const target = this.#host(to, [...field, 'to']);
    if (vm === undefined || target === undefined) return undefined;
    if (this.#places.get(vm.id) === target.id) {
      this.#source.report([...field, 'to'], 'another host', `"${to}", where ${name} is by then`);
    }
    const adapters = target.adapters.map((adapter) => adapter.name);
    for (const nic of vm.nics) {
      if (adapters.includes(nic.adapter)) continue;
      this.#source.report(
        [...field, 'to'],
        `a host with an adapter "${nic.adapter}", as ${name} uses it`,
        `"${to}", which has not`,
      );
    }
    // What must fail leaves the VM where it is.
    if (expect === 'completed') this.#places.set(vm.id, target.id);
    if (!wait) this.#isMoving = true;
    return {
      kind: 'migrate',
      vmId: vm.id,
      name,
      targetHostId: target.id,
      targetName: to,
      options,
      fault,
      expect,
      wait,
    };
  }

  #filters(
    { vm: name, nic }: { vm: string; nic: number },
    set: boolean,
    field: FieldPath,
  ): LabStep | undefined {
    const vm = this.#vm(name, [...field, 'vm']);
    if (vm === undefined) return undefined;
    if (nic >= vm.nics.length) {
      this.#source.report(
        [...field, 'nic'],
        `a NIC of ${name}, 0 to ${vm.nics.length - 1}`,
        String(nic),
      );
    }
    return { kind: 'set-filters', vmId: vm.id, name, nic, set };
  }

  #mode(
    mode: Extract<LabFileStep, { setMode: unknown }>['setMode'],
    field: FieldPath,
  ): LabStep | undefined {
    const { vmqEnabled, bufferMode, queueCount } = mode;
    if (vmqEnabled === undefined && bufferMode === undefined && queueCount === undefined) {
      this.#source.report(field, 'vmqEnabled, bufferMode, queueCount or several of them', 'none');
    }
    const place = this.#adapterOf(mode, field);
    return (
      place && {
        kind: 'set-mode',
        ...place,
        vmqEnabled,
        bufferMode,
        queueCount,
      }
    );
  }

  #adapterEvent(
    step: Extract<LabFileStep, { adapterEvent: unknown }>['adapterEvent'],
    field: FieldPath,
  ): LabStep | undefined {
    const place = this.#adapterOf(step, field);
    return place && { kind: 'adapter-event', ...place, event: step.event };
  }

  #experiment(
    step: Extract<LabFileStep, { experiment: unknown }>['experiment'],
    field: FieldPath,
  ): LabStep | undefined {
    if (this.#isMoving)
      this.#source.report(field, 'an earlier waitForMigrations', 'migrations under way');
    const { rounds, secondsPerRound, aa } = step;
    const place = this.#adapterOf(step, field);
    return place && { kind: 'experiment', ...place, options: { rounds, secondsPerRound, aa } };
  }

  #adapterOf(
    named: { readonly host: string; readonly adapter: string },
    field: FieldPath,
  ): AdapterPlace | undefined {
    const host = this.#host(named.host, [...field, 'host']);
    const adapter = host?.adapters.find(({ name }) => name === named.adapter);
    if (host === undefined) return undefined;
    if (adapter !== undefined) {
      const { id, name } = adapter;
      return { hostId: host.id, hostName: host.name, adapter: { id, name } };
    }
    reportUnknown(
      this.#source,
      [...field, 'adapter'],
      host.adapters.map((known) => known.name),
    );
    return undefined;
  }

  #link(name: string, field: FieldPath): LinkConfig | undefined {
    const link = this.#lab.links.get(name);
    if (link === undefined) reportUnknown(this.#source, field, [...this.#lab.links.keys()]);
    return link;
  }

  #started(name: string, field: FieldPath): LinkConfig | undefined {
    const link = this.#link(name, field);
    if (link !== undefined && this.#notStarted.has(link.id)) {
      this.#source.report(
        field,
        'a link that an earlier step has started',
        `"${name}", which has autostart: false`,
      );
    }
    return link;
  }

  #vm(name: string, field: FieldPath): VmConfig | undefined {
    const { vms } = this.#lab.config;
    const vm = vms.find((candidate) => candidate.name === name);
    if (vm === undefined)
      reportUnknown(
        this.#source,
        field,
        vms.map((each) => each.name),
      );
    return vm;
  }

  #host(name: string, field: FieldPath): HostConfig | undefined {
    const { hosts } = this.#lab.config;
    const host = hosts.find((candidate) => candidate.name === name);
    if (host === undefined)
      reportUnknown(
        this.#source,
        field,
        hosts.map((each) => each.name),
      );
    return host;
  }
}
