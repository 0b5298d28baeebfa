/** What crosses a process border. See each file; this one only gathers them. */
export * from './connection';
export * from './drop-reasons';
export * from './errors';
export * from './events';
export * from './experiment';
export * from './host';
export * from './lab';
export * from './latency';
export * from './migration';
export * from './lab-file';
export * from './model';
export * from './report';
export * from './telemetry';
export * from './version';
export * from './vmq';
