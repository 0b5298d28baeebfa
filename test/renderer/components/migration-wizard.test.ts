// @vitest-environment happy-dom
import { flushPromises, mount, type VueWrapper } from '@vue/test-utils';
import { createPinia, setActivePinia } from 'pinia';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { Component } from 'vue';
import { createMemoryHistory, createRouter, type LocationQueryRaw } from 'vue-router';
import type { LabSnapshot, MigrationSnapshot, PreflightTarget } from '../../../src/contract/lab';
import { migrationOptionsSchema } from '../../../src/contract/migration';
import EvacuationWizard from '../../../src/renderer/migration/EvacuationWizard.vue';
import LimitsForm from '../../../src/renderer/migration/LimitsForm.vue';
import MigrationLive from '../../../src/renderer/migration/MigrationLive.vue';
import MigrationWizard from '../../../src/renderer/migration/MigrationWizard.vue';
import { ProblemError } from '../../../src/renderer/rpc';
import { useLabStore } from '../../../src/renderer/stores/lab';
import { aMigration } from '../support/a-migration';
import { sampleLab } from '../support/sample-lab';

const hook = (name: string): string => `[data-test="${name}"]`;
const memoryCheck = { check: 'memory', title: 'Memory', remedy: 'Stop a VM there.' } as const;

function aTarget(hostId: string, result: 'pass' | 'fail', reason: string): PreflightTarget {
  const version = {
    ...memoryCheck,
    check: 'version',
    title: 'Version',
    result: 'pass',
    reason: '',
  } as const;
  const checks = [{ ...memoryCheck, result, reason }, version];
  return { hostId, name: hostId, possible: result !== 'fail', checks };
}

/** The sample lab with a third host, on which nothing fits. */
function showLab(migrations: MigrationSnapshot[] = [], stoppedVmId?: string): void {
  const sample = sampleLab();
  const [first] = sample.hosts;
  if (!first) throw new Error('the sample lab has no host');
  const config = {
    ...sample,
    hosts: [...sample.hosts, { ...first, id: 'host-c', name: 'Host C' }],
  };
  const snapshot: LabSnapshot = {
    revision: 1,
    config,
    hosts: config.hosts.map(({ id }) => ({
      hostId: id,
      state: 'running',
      reason: '',
      restarts: 0,
      pid: 1,
    })),
    vms: config.vms.map(({ id }) => ({
      vmId: id,
      state: id === stoppedVmId ? 'stopped' : 'running',
      reason: '',
      migrationId: null,
    })),
    migrations,
    experiments: [],
    fabric: null,
    notices: [],
  };
  useLabStore().accept(snapshot);
  vi.spyOn(useLabStore(), 'preflight').mockResolvedValue([
    aTarget('host-b', 'pass', 'There is room.'),
    aTarget('host-c', 'fail', '12 MiB are free.'),
  ]);
}

async function show(
  component: Component,
  query: LocationQueryRaw,
  props: Record<string, unknown> = {},
): Promise<VueWrapper> {
  const router = createRouter({
    history: createMemoryHistory(),
    routes: [{ path: '/', name: 'migration', component }],
  });
  await router.push({ path: '/', query });
  const wrapper = mount(component, {
    props: { canClose: true, ...props },
    global: { plugins: [router] },
    attachTo: document.body,
  });
  await flushPromises();
  return wrapper;
}

beforeEach(() => {
  document.body.innerHTML = '';
  setActivePinia(createPinia());
});

describe('MigrationWizard', () => {
  it('cannot be sent without a VM, and says so', async () => {
    showLab();
    const wizard = await show(MigrationWizard, {});
    expect(wizard.get(hook('migrate-start')).attributes()).toHaveProperty('disabled');
    expect(wizard.text()).toContain('Choose a VM.');
  });

  it('lists impossible targets, disabled and with the reason', async () => {
    showLab();
    const wizard = await show(MigrationWizard, { vm: 'vm-1' });
    const target = wizard.get(`${hook('migrate-target')}[data-host="Host C"]`);
    expect(target.get('input').attributes()).toHaveProperty('disabled');
    expect(target.text()).toContain('12 MiB are free.');
    expect(target.text()).toContain('Stop a VM there.');
    expect(wizard.findAll(hook('migrate-target'))).toHaveLength(3);
  });

  it('lists VMs that cannot move, disabled and with the reason', async () => {
    showLab([], 'vm-2');
    const wizard = await show(MigrationWizard, {});
    const box = wizard.get(`${hook('migrate-vm')}[data-vm="web-02"]`);
    expect(box.attributes()).toHaveProperty('disabled');
    expect(wizard.text()).toContain('Only a running VM can be migrated. web-02 is stopped.');
  });

  it('takes the only possible target and sends what was chosen', async () => {
    showLab();
    const migrate = vi
      .spyOn(useLabStore(), 'migrate')
      .mockResolvedValue({ migrationId: 'migration-1' });
    const wizard = await show(MigrationWizard, { vm: 'vm-1,vm-2' });
    await wizard.get(hook('option-bandwidth')).setValue('25');
    await wizard.get(hook('fault-kind')).setValue('lose-to-vm');
    await wizard.get(hook('fault-amount')).setValue('7');
    expect(wizard.get(hook('migrate-start')).text()).toBe('Migrate 2 VMs to Host B');
    await wizard.get('form').trigger('submit');
    await flushPromises();
    const request = {
      targetHostId: 'host-b',
      options: { ...migrationOptionsSchema.parse({}), bandwidthMiBps: 25 },
      fault: { kind: 'lose-to-vm', phase: 'copying', amount: 7 },
    };
    expect(migrate.mock.calls).toEqual([
      [{ vmId: 'vm-1', ...request }],
      [{ vmId: 'vm-2', ...request }],
    ]);
  });

  it('keeps the VMs that were refused, with the reason', async () => {
    showLab();
    const problem = { code: 'wrong-state', what: 'It cannot move.', why: 'Because.', remedy: '' };
    const migrate = vi
      .spyOn(useLabStore(), 'migrate')
      .mockResolvedValueOnce({ migrationId: 'migration-1' })
      .mockRejectedValueOnce(new ProblemError(problem));
    const wizard = await show(MigrationWizard, { vm: 'vm-1,vm-2' });
    await wizard.get('form').trigger('submit');
    await flushPromises();
    expect(migrate).toHaveBeenCalledTimes(2);
    expect(wizard.get(hook('problem')).text()).toContain('It cannot move.');
    expect(wizard.get(hook('migrate-start')).text()).toBe('Migrate web-02 to Host B');
  });

  it('sends nothing while an option is wrong, and says which', async () => {
    showLab();
    const migrate = vi.spyOn(useLabStore(), 'migrate');
    const wizard = await show(MigrationWizard, { vm: 'vm-1' });
    await wizard.get(hook('option-downtime')).setValue('0');
    await wizard.get('form').trigger('submit');
    expect(wizard.get(hook('option-downtime-error')).text()).toContain('got 0');
    expect(migrate).not.toHaveBeenCalled();
  });

  it('shows why the targets could not be checked', async () => {
    showLab();
    const problem = { code: 'connection-closed', what: 'No answer.', why: '', remedy: '' };
    vi.spyOn(useLabStore(), 'preflight').mockRejectedValue(new ProblemError(problem));
    const wizard = await show(MigrationWizard, { vm: 'vm-1' });
    expect(wizard.get(hook('problem')).text()).toContain('No answer.');
    expect(wizard.text()).toContain('The targets could not be checked.');
  });

  it('takes over the options of the migration that it undoes', async () => {
    const options = { ...migrationOptionsSchema.parse({}), maxRounds: 3, downtimeLimitMs: 50 };
    showLab([aMigration({ options })]);
    const wizard = await show(MigrationWizard, { vm: 'vm-1', like: 'migration-1' });
    const valueOf = (name: string): string =>
      (wizard.get(hook(name)).element as HTMLInputElement).value;
    expect([valueOf('option-rounds'), valueOf('option-downtime')]).toEqual(['3', '50']);
  });
});

describe('EvacuationWizard', () => {
  it('says what goes where before it is asked to, and what the lab then refused', async () => {
    showLab([], 'vm-3');
    vi.spyOn(useLabStore(), 'evacuateHost').mockResolvedValue({
      migrationIds: ['migration-1'],
      refused: [
        {
          vmId: 'vm-2',
          refusal: { code: 'wrong-state', what: 'web-02 stays.', why: 'It stopped.', remedy: '' },
        },
      ],
    });
    const wizard = await show(EvacuationWizard, { from: 'host-a' });
    expect(
      wizard
        .findAll(hook('evacuation-step'))
        .map((step) => [step.attributes('data-vm'), step.attributes('data-target')]),
    ).toEqual([
      ['web-01', 'Host B'],
      ['web-02', 'Host B'],
      ['db-01', ''],
    ]);
    expect(wizard.get(hook('evacuate-start')).text()).toBe('Move 2 VMs away from Host A');
    await wizard.get('form').trigger('submit');
    await flushPromises();
    expect(wizard.get(hook('problem')).text()).toContain('web-02 stays.');
  });
});

describe('LimitsForm', () => {
  it('sends both limits, once something has changed', async () => {
    showLab();
    const set = vi.spyOn(useLabStore(), 'setMigrationLimits').mockResolvedValue({});
    const migration = aMigration({ outcome: 'running', phase: 'copying' });
    const form = mount(LimitsForm, { props: { migration, whyNot: '' } });
    expect(form.get(hook('limits-apply')).attributes()).toHaveProperty('disabled');
    await form.get(hook('limit-bandwidth')).setValue('4');
    await form.get('form').trigger('submit');
    expect(set).toHaveBeenCalledWith('migration-1', { bandwidthMiBps: 4, downtimeLimitMs: 20 });
  });

  it('is locked with the reason after the commit', () => {
    showLab();
    const form = mount(LimitsForm, { props: { migration: aMigration(), whyNot: 'Committed.' } });
    expect(form.get(hook('limit-downtime')).attributes()).toHaveProperty('disabled');
    expect(form.text()).toContain('Committed.');
  });
});

describe('MigrationLive', () => {
  it('disables the way back with the reason while the VM does not run', async () => {
    showLab([aMigration()], 'vm-1');
    useLabStore().accept({
      ...(useLabStore().snapshot as LabSnapshot),
      config: {
        ...sampleLab(),
        vms: sampleLab().vms.map((vm) => (vm.id === 'vm-1' ? { ...vm, hostId: 'host-b' } : vm)),
      },
    });
    const live = await show(MigrationLive, {}, { migration: aMigration() });
    const back = live.get(hook('migrate-back'));
    expect(back.attributes()).toHaveProperty('disabled');
    expect(back.attributes('title')).toBe('Only a running VM can be migrated. web-01 is stopped.');
    expect(live.get(hook('migration-verdict')).text()).toBe('web-01 is stopped on Host B now.');
  });

  it('says where a waiting one stands, and offers to cancel it', async () => {
    const running = aMigration({ migrationId: 'migration-1', outcome: 'running' });
    const waiting = aMigration({ migrationId: 'migration-2', outcome: 'queued', phase: null });
    showLab([waiting, running]);
    const live = await show(MigrationLive, {}, { migration: waiting });
    expect(live.text()).toContain('Waiting: place 1 of 1 in the queue.');
    expect(live.get(hook('migrate-cancel')).attributes()).not.toHaveProperty('disabled');
  });
});
