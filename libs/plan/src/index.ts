export * from './step-graph.js';
export * from './plan-employee.js';
export * from './differences.js';
export * from './user-body.js';
export * from './settings.js';
export * from './summary.js';
export * from './canonical.js';
