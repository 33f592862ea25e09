import { applySchema } from '#libs/ledger';
import { ConfigError } from './config.js';
import type { Foundation } from './platform.module.js';

/** Why something failed, short and without addresses, which may hold a password: a code, or the innermost message. */
export function shortReason(error: unknown): string {
  if (error instanceof AggregateError) return shortReason(error.errors[0]);
  if (!(error instanceof Error)) return 'unknown reason';
  if ('code' in error && typeof error.code === 'string') return error.code;
  return error.cause === undefined ? error.message : shortReason(error.cause);
}

/**
 * Brings the ledger's schema up to date and makes sure that both servers answer.
 *
 * @throws ConfigError naming the variable of the one that does not.
 */
export async function prepareServers({ config, redis }: Foundation): Promise<void> {
  try {
    await applySchema(config.databaseUrl);
  } catch (error) {
    throw new ConfigError([`BASCULE_DATABASE_URL: the database cannot be used (${shortReason(error)})`]);
  }
  let lastError: unknown;
  const remember = (error: unknown) => {
    lastError = error;
  };
  redis.on('error', remember);
  try {
    await redis.ping();
  } catch (error) {
    throw new ConfigError([`BASCULE_REDIS_URL: the server cannot be used (${shortReason(lastError ?? error)})`]);
  } finally {
    redis.off('error', remember);
  }
}

/** Runs a process's main function; a wrong configuration ends the process with one line for each wrong variable. */
export async function runProcess(main: () => Promise<void>): Promise<void> {
  try {
    await main();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exit(1);
  }
}
