/** Capabilities of an adapter side by side: what the hardware can do, and what of it is on. */
import type { CapabilitiesSnapshot, CapabilityField } from '../../contract/vmq';

export interface CapabilityRow {
  readonly key: string;
  readonly hardware: string;
  readonly current: string;
  readonly meaning: string;
  /** The hardware can do more than is on. */
  readonly isReduced: boolean;
  readonly flags: readonly { readonly name: string; readonly isOn: boolean }[];
}

export function capabilityRows({ hardware, current }: CapabilitiesSnapshot): CapabilityRow[] {
  const on = new Map((current ?? []).map((field) => [field.field, field]));
  return hardware.map((field) => {
    const now = on.get(field.field);
    const isOn = new Set(now?.flags ?? []);
    return {
      key: field.field,
      hardware: valueText(field),
      current: now ? valueText(now) : 'off',
      meaning: field.meaning,
      isReduced: !now || now.value !== field.value,
      flags: field.flags.map((name) => ({ name, isOn: isOn.has(name) })),
    };
  });
}

/** Bits as hexadecimal, counts as they are. */
function valueText({ value, flags }: CapabilityField): string {
  return flags.length > 0 ? `0x${value.toString(16).toUpperCase()}` : String(value);
}
