// @vitest-environment happy-dom
import { enableAutoUnmount, flushPromises, mount, type VueWrapper } from '@vue/test-utils';
import { createPinia, setActivePinia } from 'pinia';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createMemoryHistory, createRouter } from 'vue-router';
import { adapterConfigSchema } from '../../../src/contract/model';
import type { ExperimentSnapshot } from '../../../src/contract/experiment';
import AdapterPanel from '../../../src/renderer/components/AdapterPanel.vue';
import { ProblemError } from '../../../src/renderer/rpc';
import { useLabStore } from '../../../src/renderer/stores/lab';
import { fakeAdapter } from '../../lab/support/fake-snapshots';
import { anExperiment, aRunningExperiment } from '../support/an-experiment';
import { sampleLab } from '../support/sample-lab';

enableAutoUnmount(afterEach);

/** The dialog is outside the component that opens it. */
function find(test: string): HTMLElement | null {
  return document.body.querySelector<HTMLElement>(`[data-test="${test}"]`);
}
function get(test: string): HTMLElement {
  const found = find(test);
  if (!found) throw new Error(`nothing has data-test="${test}"`);
  return found;
}
async function click(test: string): Promise<void> {
  get(test).click();
  await flushPromises();
}
async function type(test: string, text: string): Promise<void> {
  const input = get(test) as HTMLInputElement;
  input.value = text;
  input.dispatchEvent(new Event('input', { bubbles: true }));
  await flushPromises();
}

function showLab(...experiments: ExperimentSnapshot[]): void {
  useLabStore().accept({
    revision: 1,
    config: sampleLab(),
    hosts: [],
    vms: [],
    migrations: [],
    experiments,
    fabric: null,
    notices: [],
  });
}

async function showPanel(state: 'running' | 'paused' = 'running'): Promise<VueWrapper> {
  const router = createRouter({
    history: createMemoryHistory(),
    routes: [{ path: '/', name: 'overview', component: AdapterPanel }],
  });
  await router.push('/');
  const config = adapterConfigSchema.parse({ id: 'nic-a', name: 'nic-a' });
  const panel = mount(AdapterPanel, {
    props: { hostId: 'host-a', adapter: { ...fakeAdapter(config), state } },
    global: { plugins: [router] },
    attachTo: document.body,
  });
  await flushPromises();
  return panel;
}

beforeEach(() => {
  document.body.innerHTML = '';
  setActivePinia(createPinia());
});

describe('comparing the modes of an adapter', () => {
  it('starts with the defaults, and says how long it takes', async () => {
    showLab();
    await showPanel();
    await click('experiment-open');
    expect(get('experiment-dialog').textContent).toContain('Compare the modes of nic-a on Host A');
    expect(get('experiment-time').textContent).toContain('about 40 s');
    const start = vi
      .spyOn(useLabStore(), 'startExperiment')
      .mockResolvedValue({ experimentId: 'experiment-1' });
    await click('experiment-start');
    expect(start).toHaveBeenCalledWith('host-a', 'nic-a', {
      rounds: 10,
      secondsPerRound: 1,
      aa: false,
    });
  });

  it('takes other options, and cannot start while one is wrong', async () => {
    showLab();
    await showPanel();
    await click('experiment-open');
    await type('experiment-rounds', '2');
    expect(get('experiment-dialog').textContent).toContain('Expected 3 to 50 rounds, got 2.');
    expect((get('experiment-start') as HTMLButtonElement).disabled).toBe(true);
    await type('experiment-rounds', '20');
    await type('experiment-seconds', '0.5');
    (get('experiment-aa') as HTMLInputElement).click();
    const start = vi
      .spyOn(useLabStore(), 'startExperiment')
      .mockResolvedValue({ experimentId: 'experiment-1' });
    await click('experiment-start');
    expect(start).toHaveBeenCalledWith('host-a', 'nic-a', {
      rounds: 20,
      secondsPerRound: 0.5,
      aa: true,
    });
  });

  it('shows why the lab refuses it', async () => {
    showLab();
    await showPanel();
    await click('experiment-open');
    vi.spyOn(useLabStore(), 'startExperiment').mockRejectedValue(
      new ProblemError({
        code: 'wrong-state',
        what: 'The modes of nic-a of Host A cannot be compared.',
        why: 'No frame has reached a VM of this adapter for 2 s.',
        remedy: 'Start a link.',
      }),
    );
    await click('experiment-start');
    expect(get('experiment-dialog').textContent).toContain('No frame has reached a VM');
  });

  it('shows mode, round and time that is left, keeps other changes waiting, and can be cancelled', async () => {
    showLab(aRunningExperiment());
    const panel = await showPanel();
    expect(get('experiment-open').textContent).toBe('Comparing modes: 30 %');
    expect(panel.get('[data-test="vmq-toggle"]').attributes()).toHaveProperty('disabled');
    expect(panel.get('[data-test="buffer-mode"]').attributes()).toHaveProperty('disabled');
    await click('experiment-open');
    expect(get('experiment-progress').textContent).toContain(
      'Measuring VMQ with host buffers, round 3 of 10',
    );
    expect(get('experiment-progress').textContent).toContain('About 27 s left');
    const cancel = vi.spyOn(useLabStore(), 'cancelExperiment').mockResolvedValue({});
    await click('experiment-cancel');
    expect(cancel).toHaveBeenCalledWith('experiment-1');
  });

  it('shows verdicts with their sentences, and the figures with their spread', async () => {
    showLab(anExperiment());
    await showPanel();
    await click('experiment-open');
    const verdict = get('experiment-verdict');
    expect(verdict.dataset['verdict']).toBe('gain');
    expect(verdict.textContent).toContain('Gain');
    expect(verdict.textContent).toContain('38 % less processor time');
    expect(get('experiment-cpu').textContent).toMatch(/620\s*560 to 690\s*1,000\s*950 to 1,080/);
    expect(get('experiment-copies').textContent).toMatch(/counted\s*0\s*1\s*$/);
    expect(get('experiment-latency-p99').textContent).toContain('–');
  });

  it('keeps the result until another comparison is asked for', async () => {
    showLab(anExperiment());
    await showPanel();
    await click('experiment-open');
    await click('experiment-close');
    await click('experiment-open');
    expect(find('experiment-result')).not.toBeNull();
    await click('experiment-again');
    expect(find('experiment-result')).toBeNull();
    expect(find('experiment-start')).not.toBeNull();
  });

  it('says why there is no result', async () => {
    showLab(
      anExperiment({
        outcome: 'cancelled',
        reason: 'A migration of web-01 was asked for.',
        arms: [],
        comparisons: [],
      }),
    );
    await showPanel();
    await click('experiment-open');
    expect(get('experiment-reason').textContent).toContain('A migration of web-01');
    expect(find('experiment-json')).toBeNull();
  });

  it('is not offered by an adapter that does not run, and leaves those of others alone', async () => {
    showLab(anExperiment({ hostId: 'host-b' }));
    await showPanel('paused');
    const open = get('experiment-open') as HTMLButtonElement;
    expect(open.disabled).toBe(true);
    expect(open.title).toContain('paused');
  });
});
