export { testServices, type ServiceAddresses } from './services.js';
export { createTestDatabase, type TestDatabase } from './database.js';
export { startSimulator, type HeldAccount, type TestSimulator } from './simulator.js';
export { startDeployment, type TestDeployment } from './deployment.js';
export { launch, firstLine, type TestProcess } from './processes.js';
