export * from './scim-error.js';
export * from './schemas.js';
export * from './canonical.js';
export * from './filter.js';
export * from './patch.js';
export * from './representation.js';
export * from './feed-rows.js';
export * from './sort.js';
