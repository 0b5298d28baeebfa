/** Causes of events: who asked. The lab hears of pages, command lines and lab files alike. */

/** Cause of whatever was asked for. */
export const ASKED = 'An administrator or a lab file asked for it.';
