// @vitest-environment happy-dom
import { mount, type VueWrapper } from '@vue/test-utils';
import { createPinia, setActivePinia } from 'pinia';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { createMemoryHistory, createRouter } from 'vue-router';
import type { LabSnapshot } from '../../../src/contract/lab';
import VmForm from '../../../src/renderer/forms/VmForm.vue';
import { ProblemError } from '../../../src/renderer/rpc';
import { useLabStore } from '../../../src/renderer/stores/lab';
import { sampleLab } from '../support/sample-lab';

function aSnapshot(): LabSnapshot {
  const config = sampleLab();
  return {
    revision: 1,
    config,
    hosts: config.hosts.map((host) => ({
      hostId: host.id,
      state: 'running',
      reason: '',
      restarts: 0,
      pid: 1,
    })),
    vms: config.vms.map((vm) => ({ vmId: vm.id, state: 'running', reason: '', migrationId: null })),
    migrations: [],
    experiments: [],
    fabric: null,
    notices: [],
  };
}

async function mountForm(vmId?: string): Promise<VueWrapper> {
  const router = createRouter({
    history: createMemoryHistory(),
    routes: [{ path: '/', component: VmForm }],
  });
  await router.push('/');
  const lab = useLabStore();
  const vm = vmId === undefined ? undefined : lab.vmsById.get(vmId);
  return mount(VmForm, {
    props: vm ? { vm } : {},
    global: { plugins: [router] },
    attachTo: document.body,
  });
}

const hook = (name: string): string => `[data-test="${name}"]`;

describe('VmForm', () => {
  beforeEach(() => {
    setActivePinia(createPinia());
    const lab = useLabStore();
    lab.accept(aSnapshot());
    vi.spyOn(lab, 'suggestMac').mockResolvedValue({ mac: '02:00:5e:10:00:77' });
  });

  it('shows defaults as placeholders and creates a VM from them', async () => {
    const create = vi.spyOn(useLabStore(), 'createVm').mockResolvedValue({ vmId: 'vm-9' });
    const form = await mountForm();
    await vi.waitFor(() =>
      expect(form.get(hook('vm-mac')).attributes('placeholder')).toBe('02:00:5e:10:00:77'),
    );
    expect(form.get(hook('vm-name')).attributes('placeholder')).toBe('vm-1');
    await form.get(hook('vm-form')).trigger('submit');
    expect(create).toHaveBeenCalledWith(
      expect.objectContaining({ name: 'vm-1', hostId: 'host-a', memoryMiB: 64, start: true }),
    );
  });

  it('shows an error at the field and sends nothing', async () => {
    const create = vi.spyOn(useLabStore(), 'createVm');
    const form = await mountForm();
    await form.get(hook('vm-mac')).setValue('02:00:5e:10:00:01');
    await form.get(hook('vm-form')).trigger('submit');
    expect(form.get(hook('vm-mac-error')).text()).toContain('belongs to web-01');
    expect(create).not.toHaveBeenCalled();
  });

  it('shows what the lab refused at the field that it names', async () => {
    const problem = {
      code: 'invalid-value',
      what: 'VLAN 30 is not here.',
      why: 'nic-a carries 10 and 20.',
      remedy: '',
      field: 'nics.0.vlan.id',
    };
    vi.spyOn(useLabStore(), 'createVm').mockRejectedValue(new ProblemError(problem));
    const form = await mountForm();
    await form.get(hook('vm-vlan')).setValue('30');
    await form.get(hook('vm-form')).trigger('submit');
    await vi.waitFor(() =>
      expect(form.get(hook('vm-vlan-error')).text()).toContain('VLAN 30 is not here.'),
    );
  });

  it('locks what cannot change while the VM runs, and says why', async () => {
    const form = await mountForm('vm-1');
    expect(form.get(hook('vm-memory')).attributes()).toHaveProperty('disabled');
    expect(form.get(hook('vm-name')).attributes()).not.toHaveProperty('disabled');
    expect(form.text()).toContain('Stop the VM to change this.');
  });
});
