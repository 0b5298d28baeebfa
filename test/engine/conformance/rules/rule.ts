/**
 * What a rule of `docs/vmq-reference.md` is in the conformance table: an id, the page that it comes
 * from as the reference names it, the rule in one sentence, and where the engine stands.
 *
 * A rule that holds has a test with its id in the title, such as
 * `§3.8 rule 3: raises exactly one DMA-stopped indication` or `A.7: …`.
 */

/** Where the engine stands with a rule. */
export type Standing =
  | { readonly kind: 'holds' }
  /** On purpose not as documented; design.md §4, §5 and §11 say more. */
  | { readonly kind: 'different'; readonly why: string }
  /** The rule belongs to a feature that the engine does not have. */
  | { readonly kind: 'not-applicable'; readonly why: string };

export interface Rule {
  /** `§3.8 rule 3`, or `A.7`. */
  readonly id: string;
  /** `§3.8`, or `Appendix A`. */
  readonly section: string;
  /** Pages as the reference names them; empty where the reference infers. */
  readonly source: string;
  readonly text: string;
  readonly standing: Standing;
}

/** Number in the section, source, rule, and where the engine stands (default: it holds). */
export type RuleRow = readonly [number, string, string, Standing?];

const HOLDS: Standing = { kind: 'holds' };

/** The rules of one section. */
export function rulesOf(section: string, rows: readonly RuleRow[]): readonly Rule[] {
  return rows.map(([number, source, text, standing = HOLDS]) => ({
    id: `${section} rule ${number}`,
    section,
    source,
    text,
    standing,
  }));
}

export function different(why: string): Standing {
  return { kind: 'different', why };
}

export function notApplicable(why: string): Standing {
  return { kind: 'not-applicable', why };
}

/** Source of a rule that no page states: the reference infers it and says so. */
export const INFERENCE = '';

/** Features that are named in many rules and that the engine does not have. */
export const NO_SR_IOV = notApplicable('The adapter has no SR-IOV and no NIC switch of its own.');
export const NO_COALESCING = notApplicable('The adapter offers no packet coalescing.');
export const NO_ENCAPSULATION = notApplicable(
  'The adapter does not classify encapsulated frames (NVGRE, VXLAN).',
);
export const TYPED_DATA = different(
  'Structures are typed data inside one process: the lengths, offsets and element sizes that a caller claims are checked, and then an array is an array.',
);
