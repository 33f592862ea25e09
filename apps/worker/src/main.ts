import 'reflect-metadata';
import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { BullRegistrar } from '@nestjs/bullmq';
import { NestFactory } from '@nestjs/core';
import { openWorkspace, readServiceAccountKey, type Workspace } from '#libs/google';
import { applySchema, bindCustomer, readGovernorState, registerProcess } from '#libs/ledger';
import { patiently } from '#libs/migration';
import { ConfigError, layFoundation, loadConfig, type Config, type Foundation } from '#libs/platform';
import type { QuotaGovernor } from '#libs/quota';
import { CallCounts } from './call-counts.js';
import { leaseTimes, WorkerModule } from './worker.module.js';

const poolSize = 24;

/** A process whose credentials reach another customer than the ledger's must not go on. */
async function checkCustomer(foundation: Foundation, workspace: Workspace): Promise<void> {
  const { id } = await patiently(() => workspace.directory.getCustomer({}));
  const bound = await bindCustomer(foundation.ledger.db, id);
  if (bound !== id) {
    throw new ConfigError([
      'BASCULE_GOOGLE_CREDENTIALS reaches another Workspace customer than the one that this ledger belongs to',
    ]);
  }
}

function reachGoogle(config: Config, governor: QuotaGovernor, calls: CallCounts): Workspace {
  if (config.google.credentialsFile === undefined) {
    throw new ConfigError(['BASCULE_GOOGLE_CREDENTIALS is not set: a worker needs it to reach Google']);
  }
  return openWorkspace({
    apiRoot: config.google.apiRoot,
    credentials: readServiceAccountKey(config.google.credentialsFile),
    admins: config.google.admins,
    customer: config.google.customer,
    canary: config.google.canary,
    permits: governor,
    callTimeoutMs: leaseTimes.callTimeoutMs,
    onCall: ({ method, migrationId }) => {
      if (migrationId !== undefined) calls.add(migrationId, method);
    },
  });
}

async function start(): Promise<void> {
  const config = loadConfig();
  await applySchema(config.databaseUrl);
  const foundation = layFoundation('worker', config, { poolSize });
  const { ledger, governor, log } = foundation;
  const calls = new CallCounts();
  await governor.importState(await readGovernorState(ledger.db));
  const workspace = reachGoogle(config, governor, calls);
  await checkCustomer(foundation, workspace);
  const name = `${hostname()}-${process.pid}-${randomBytes(3).toString('hex')}`;
  const slot = await registerProcess(ledger.db, name);
  const app = await NestFactory.createApplicationContext(
    WorkerModule.on(foundation, { name, slot }, workspace, calls),
    { logger: log.forNest },
  );
  app.enableShutdownHooks();
  await app.init();
  app.get(BullRegistrar).register();
  log.info('the worker is ready', { slot });
}

try {
  await start();
} catch (error) {
  const problem = error instanceof ConfigError ? error.message : 'the worker could not start';
  process.stderr.write(`bascule worker: ${problem}\n`);
  if (!(error instanceof ConfigError)) process.stderr.write(`${error instanceof Error ? error.stack : ''}\n`);
  process.exit(1);
}
