/**
 * MAC addresses of the whole lab: no two NICs have the same one, on whatever host they are, because
 * a VM keeps its addresses when it moves.
 */
import type { LabConfig } from '../contract/model';
import { macAddressFromNumbers, macAddressToNumbers, parseMacAddress } from '../shared/mac-address';
import { refusal } from './refusals';

/** Addresses that are suggested: locally administered (second bit of the first octet set). */
export interface MacRange {
  readonly first: string;
  readonly count: number;
}

export const SUGGESTED_MACS: MacRange = { first: '02:00:5e:10:00:01', count: 0xffff };

export class MacRegistry {
  readonly #config: () => LabConfig;
  readonly #range: MacRange;

  constructor(config: () => LabConfig, range: MacRange = SUGGESTED_MACS) {
    this.#config = config;
    this.#range = range;
  }

  /**
   * Refuses addresses that another VM has, or that occur twice in the request itself.
   *
   * @throws RefusalError `duplicate-mac`
   */
  requireFree(
    macs: readonly { readonly mac: string; readonly field: string }[],
    vmId?: string,
  ): void {
    const seen = new Set<string>();
    for (const { mac, field } of macs) {
      const owner = this.#config().vms.find(
        (vm) => vm.id !== vmId && vm.nics.some((nic) => nic.macs.includes(mac)),
      );
      if (owner !== undefined || seen.has(mac)) {
        throw refusal({
          code: 'duplicate-mac',
          what: `The MAC address ${mac} is already in use.`,
          why: `A MAC address may occur once in a lab; found it ${owner === undefined ? 'twice in this request' : `on ${owner.name}`}.`,
          remedy: 'Choose another address, or leave it out to get a free one.',
          field,
        });
      }
      seen.add(mac);
    }
  }

  /**
   * The lowest address of the range that neither the lab nor `alsoTaken` uses.
   *
   * @throws RefusalError `mac-range-exhausted`
   */
  suggest(alsoTaken: Iterable<string> = []): string {
    const { first, count } = this.#range;
    const taken = new Set(alsoTaken);
    for (const vm of this.#config().vms)
      for (const nic of vm.nics) for (const mac of nic.macs) taken.add(mac);
    const { high, low } = macAddressToNumbers(parseMacAddress(first));
    for (let offset = 0; offset < count; offset += 1) {
      const mac = macAddressFromNumbers(high, low + offset);
      if (!taken.has(mac)) return mac;
    }
    throw refusal({
      code: 'mac-range-exhausted',
      what: 'No free MAC address is left to suggest.',
      why: `All ${count} addresses from ${first} on are in use.`,
      remedy: 'Enter an address of another range, or delete VMs that are no longer needed.',
    });
  }
}
