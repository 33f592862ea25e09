import 'reflect-metadata';
import { applySchema } from '#libs/ledger';
import { adoptBootstrapToken, ConfigError, layFoundation, loadConfig, type Foundation } from '#libs/platform';
import { createApi } from './application.js';

/** One line, without a stack: what the person who starts the process has to know. */
function refuse(line: string): never {
  process.stderr.write(`${line}\n`);
  process.exit(1);
}

/** Why a server cannot be used, without its address, which may hold a password. */
function reasonOf(error: unknown): string {
  if (error instanceof AggregateError) return reasonOf(error.errors[0]);
  if (!(error instanceof Error)) return 'unknown reason';
  if (error.cause !== undefined) return reasonOf(error.cause);
  return 'code' in error && typeof error.code === 'string' ? error.code : error.message;
}

async function prepare(foundation: Foundation): Promise<void> {
  const { config, ledger, redis } = foundation;
  try {
    await applySchema(config.databaseUrl);
    if (config.bootstrapToken !== undefined) await adoptBootstrapToken(ledger.db, config.bootstrapToken);
  } catch (error) {
    refuse(`BASCULE_DATABASE_URL: the database cannot be used (${reasonOf(error)})`);
  }
  try {
    await redis.ping();
  } catch (error) {
    refuse(`BASCULE_REDIS_URL: the server cannot be used (${reasonOf(error)})`);
  }
}

async function main(): Promise<void> {
  const foundation = layFoundation('api', loadConfig(), { poolSize: 20 });
  await prepare(foundation);
  const app = await createApi(foundation);
  const { host, port } = foundation.config;
  try {
    await app.listen({ host, port });
  } catch (error) {
    refuse(`BASCULE_PORT: cannot listen on ${host}:${port} (${reasonOf(error)})`);
  }
  const address = app.getHttpServer().address();
  foundation.log.info('listening', { port: typeof address === 'object' && address !== null ? address.port : port });
}

try {
  await main();
} catch (error) {
  if (error instanceof ConfigError) refuse(error.message);
  throw error;
}
