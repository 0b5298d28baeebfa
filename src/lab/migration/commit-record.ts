/** The commit record of a migration: the VM's host in the saved inventory. */
import type { VmConfig } from '../../contract/model';
import type { Inventory } from '../inventory/inventory';
import { PreparedEdit } from '../inventory/prepared-edit';

export class CommitRecord {
  readonly #inventory: Inventory;
  readonly #vm: VmConfig;
  readonly #prepared: PreparedEdit;

  /** @param vm as it is at the source. */
  constructor(inventory: Inventory, vm: VmConfig, toHostId: string) {
    this.#inventory = inventory;
    this.#vm = vm;
    this.#prepared = new PreparedEdit(inventory, {
      list: 'vms',
      id: vm.id,
      value: { ...vm, hostId: toHostId },
    });
  }

  /** Writes and syncs the record beside the inventory, unless the latest one is there. Never rejects. */
  prepare(): Promise<void> {
    return this.#prepared.write();
  }

  /** From here on the target owns the VM. @throws RefusalError `inventory-unwritable`; nothing has changed then. */
  save(): Promise<void> {
    return this.#prepared.apply();
  }

  /** The source owns the VM again. @throws RefusalError `inventory-unwritable` */
  takeBack(): Promise<void> {
    return this.#inventory.apply({ list: 'vms', id: this.#vm.id, value: this.#vm });
  }

  /** Resolves when the record survives a power cut. */
  synced(): Promise<void> {
    return this.#inventory.synced();
  }

  /** Removes what `prepare` wrote and `save` did not use. Never rejects. */
  discard(): Promise<void> {
    return this.#prepared.discard();
  }
}
