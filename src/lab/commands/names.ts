/** Names are unique within their kind: lab files and people refer by them. */
import { refusal } from '../refusals';

interface Named {
  readonly id: string;
  readonly name: string;
}

/**
 * Refuses a name that another object of the kind has.
 *
 * @throws RefusalError `duplicate-name`
 */
export function requireFreeName(
  kind: string,
  name: string,
  existing: readonly Named[],
  ownId?: string,
): void {
  const other = existing.find((object) => object.name === name && object.id !== ownId);
  if (other === undefined) return;
  throw refusal({
    code: 'duplicate-name',
    what: `There is a ${kind} "${name}" already.`,
    why: `A name may occur once among the ${kind}s of a lab.`,
    remedy: 'Choose another name.',
    field: 'name',
  });
}
