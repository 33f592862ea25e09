export * from './open.js';
export * from './transitions.js';
export * from './counters.js';
export * from './batches.js';
export * from './accounts.js';
export * from './migrations.js';
export * from './starting.js';
