/** Every rule of §2 to §6 and §9 of `docs/vmq-reference.md`, and every invariant of its Appendix A. */
import { APPENDIX_A } from './appendix-a';
import type { Rule } from './rule';
import { SECTION_2 } from './section-2';
import { SECTION_3 } from './section-3';
import { SECTION_4 } from './section-4';
import { SECTION_5 } from './section-5';
import { SECTION_6 } from './section-6';
import { SECTION_9 } from './section-9';

export const RULES: readonly Rule[] = [
  ...SECTION_2,
  ...SECTION_3,
  ...SECTION_4,
  ...SECTION_5,
  ...SECTION_6,
  ...SECTION_9,
  ...APPENDIX_A,
];
