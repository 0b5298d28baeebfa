/** State of the VM form: fields, errors as the reader goes, and what happens on submit. */
import {
  computed,
  onMounted,
  reactive,
  shallowRef,
  type ComputedRef,
  type Reactive,
  type ShallowRef,
} from 'vue';
import type { VmConfig } from '../../contract/model';
import { useAddress } from '../composables/useAddress';
import { useCommand, type Command } from '../composables/useCommand';
import { useLabStore } from '../stores/lab';
import {
  checkVmFields,
  draftOf,
  editedVm,
  emptyVmFields,
  fieldOfPath,
  fieldsOfVm,
  isChangeableWhileRunning,
  nextVmName,
  type VmFieldErrors,
  type VmFieldName,
  type VmFields,
} from './vm-fields';

export interface VmForm {
  readonly fields: Reactive<VmFields>;
  /** Errors of fields that were left or submitted, and what the lab refused. */
  readonly errors: ComputedRef<VmFieldErrors>;
  readonly command: Command;
  readonly start: ShallowRef<boolean>;
  readonly defaultName: ComputedRef<string>;
  readonly suggestedMac: ShallowRef<string>;
  /** Why a field cannot be changed now; empty when it can. */
  whyLocked: (name: VmFieldName) => string;
  leave: (name: VmFieldName) => void;
  submit: () => Promise<void>;
}

export function useVmForm(editing: VmConfig | undefined): VmForm {
  const lab = useLabStore();
  const address = useAddress();
  const command = useCommand();
  const fields = reactive(editing ? fieldsOfVm(editing) : emptyVmFields(address.hostId.value));
  const touched = shallowRef<ReadonlySet<VmFieldName>>(new Set());
  const start = shallowRef(true);
  const suggestedMac = shallowRef('');
  const result = computed(() => checkVmFields(fields, { vms: lab.vms, editing }));
  const isSubmitted = shallowRef(false);
  const isRunning = computed(
    () => editing !== undefined && lab.statuses.get(editing.id)?.state !== 'stopped',
  );

  const errors = computed<VmFieldErrors>(() => {
    // The VM that is being created may be in the lab already.
    if (command.isBusy.value) return {};
    const shown = Object.entries(result.value.errors).filter(
      ([name]) => isSubmitted.value || touched.value.has(name as VmFieldName),
    );
    const refused = command.problem.value;
    const field = fieldOfPath(refused?.field);
    return {
      ...(refused && field ? { [field]: `${refused.what} ${refused.why}` } : {}),
      ...Object.fromEntries(shown),
    };
  });

  onMounted(async () => {
    if (editing) return;
    // Only a placeholder: without it the field says "automatic".
    suggestedMac.value = await lab.suggestMac().then(
      ({ mac }) => mac,
      () => '',
    );
  });

  function leave(name: VmFieldName): void {
    touched.value = new Set(touched.value).add(name);
  }

  async function submit(): Promise<void> {
    isSubmitted.value = true;
    const { values } = result.value;
    if (!values) return;
    const done = await command.run(async () => {
      if (editing) {
        await lab.updateVm(editedVm(lab.vmsById.get(editing.id) ?? editing, values));
        address.select('vm', editing.id);
      } else {
        const { vmId } = await lab.createVm(draftOf(values, start.value));
        address.select('vm', vmId);
      }
    });
    if (done) isSubmitted.value = false;
  }

  return {
    fields,
    errors,
    command,
    start,
    defaultName: computed(() => nextVmName(lab.vms)),
    suggestedMac,
    whyLocked: (name) => {
      if (editing && name === 'hostId') return 'A VM changes its host by migration.';
      return isRunning.value && !isChangeableWhileRunning(name)
        ? 'Stop the VM to change this.'
        : '';
    },
    leave,
    submit,
  };
}
