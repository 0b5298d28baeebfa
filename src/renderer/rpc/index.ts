/** What the rest of the page may use of the connections. */
export { platform, type Platform } from './bridge';
export { callHost, connectHost } from './host-connection';
export { callLab, connectLab, labStatus, productVersion } from './lab-connection';
export { problemOf, ProblemError, type Problem } from './problem';
export type { ConnectionStatus } from './supervise';
