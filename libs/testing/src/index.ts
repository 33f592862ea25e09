export { testServices, type ServiceAddresses } from './services.js';
export { createTestDatabase, type TestDatabase } from './database.js';
