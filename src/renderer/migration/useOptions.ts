/** Options and fault as the reader fills them in: errors appear at a field once it was left or the form was sent. */
import { computed, reactive, shallowRef, type ComputedRef, type Reactive } from 'vue';
import type { MigrationFault } from '../../contract/lab';
import type { MigrationOptions } from '../../contract/migration';
import { NO_FAULT, parseFault, type FaultFields } from './fault-fields';
import {
  optionFields,
  parseOptions,
  type OptionErrors,
  type OptionFieldName,
  type OptionFields,
} from './option-fields';

export interface Options {
  readonly fields: Reactive<OptionFields>;
  readonly faultFields: Reactive<FaultFields>;
  readonly errors: ComputedRef<OptionErrors>;
  readonly faultError: ComputedRef<string | undefined>;
  /** Undefined while a field is wrong. */
  readonly options: ComputedRef<MigrationOptions | undefined>;
  readonly fault: ComputedRef<MigrationFault | undefined>;
  leave: (name: OptionFieldName) => void;
  /** Shows all errors; true when there is none. */
  submit: () => boolean;
}

export function useOptions(initial: Partial<MigrationOptions> | undefined): Options {
  const fields = reactive(optionFields(initial));
  const faultFields = reactive({ ...NO_FAULT });
  const touched = shallowRef<ReadonlySet<string>>(new Set());
  const isSubmitted = shallowRef(false);
  const parsed = computed(() => parseOptions(fields));
  const parsedFault = computed(() => parseFault(faultFields));

  return {
    fields,
    faultFields,
    errors: computed(() =>
      Object.fromEntries(
        Object.entries(parsed.value.errors).filter(
          ([name]) => isSubmitted.value || touched.value.has(name),
        ),
      ),
    ),
    faultError: computed(() => parsedFault.value.error),
    options: computed(() => parsed.value.options),
    fault: computed(() => parsedFault.value.fault),
    leave: (name) => (touched.value = new Set(touched.value).add(name)),
    submit: () => {
      isSubmitted.value = true;
      return parsed.value.options !== undefined && parsedFault.value.error === undefined;
    },
  };
}
