export * from './config.js';
export * from './connections.js';
export * from './logging.js';
export * from './metrics.js';
export * from './access.js';
export * from './problem-details.js';
export * from './platform.module.js';
export * from './startup.js';
