/**
 * Version of everything in `contract/`. It is the first thing that two processes exchange; a
 * difference closes the connection with code `contract-version`. Raise it with every change that an
 * older peer would misread.
 */
export const CONTRACT_VERSION = 1;
