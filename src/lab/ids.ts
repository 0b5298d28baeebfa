/** Ids made from names: short, stable, and unique within their kind. */

/** Leaves room for prefixes and numbers within the 40 characters of an id. */
const SLUG_LENGTH = 28;

/** `name` in the letters of an id; `fallback` when nothing of it remains. */
export function slug(name: string, fallback: string): string {
  const letters = name
    .normalize('NFKD')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, SLUG_LENGTH)
    .replace(/-+$/, '');
  return letters === '' ? fallback : letters;
}

/** An id for `name` that is not in `taken`: `web-01`, then `web-01-2`, `web-01-3` … */
export function uniqueId(name: string, fallback: string, taken: Iterable<string>): string {
  const used = new Set(taken);
  const base = slug(name, fallback);
  if (!used.has(base)) return base;
  let number = 2;
  while (used.has(`${base}-${number}`)) number += 1;
  return `${base}-${number}`;
}

/** Id of a VM's NIC by its position. */
export function nicId(vmId: string, index: number): string {
  return `nic-${vmId}-${index}`;
}
