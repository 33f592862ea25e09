// Runs the API and N workers, with private PostgreSQL and Redis servers where no URL is set, until a signal or until one
// of them ends. Called by scripts/start.
import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { availableParallelism, hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import pg from 'pg';
import { ServicesError, startServices } from './services/index.mjs';
import { dyingWithUs, freePort, stopProcess } from './services/processes.mjs';

/** A worker finishes its calls before it ends. */
const stopPatienceMs = 45_000;
const readyPatienceMs = 60_000;

const { values: options } = parseOptions();
/** Where the private servers' data, the logs and the first token are. */
const home = options.folder ?? '.bascule';
const logFolder = `${home}/log`;
const tokenFile = `${home}/admin-token`;

function parseOptions() {
  try {
    return parseArgs({ options: { workers: { type: 'string' }, folder: { type: 'string' } } });
  } catch (error) {
    console.error(`${error.message.split('. ')[0]}\nusage: scripts/start [--workers N] [--folder FOLDER]`);
    process.exit(2);
  }
}

/**
 * The number of workers asked for; by default one for each core beside the first, four at most. Without credentials there
 * is nothing that a worker could do.
 */
function workerCount() {
  const reachesGoogle = (process.env.BASCULE_GOOGLE_CREDENTIALS ?? '') !== '';
  if (options.workers === undefined) {
    return reachesGoogle ? Math.min(4, Math.max(1, availableParallelism() - 1)) : 0;
  }
  const count = Number(options.workers);
  if (count > 0 && !reachesGoogle) {
    throw new ServicesError('BASCULE_GOOGLE_CREDENTIALS is not set: a worker needs it to reach Google');
  }
  if (!Number.isInteger(count) || count < 0 || count > 100) {
    throw new ServicesError('--workers must be a whole number from 0 to 100');
  }
  return count;
}

const isFree = (port) =>
  new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });

/** The port of the environment; else 8080, or a free one where 8080 is taken. */
async function choosePort() {
  const given = process.env.BASCULE_PORT ?? '';
  if (given !== '' && given !== '0') return given;
  return String(given === '' && (await isFree(8080)) ? 8080 : await freePort());
}

/** How many tokens the ledger knows, and whether the stored one is among the living. */
async function askLedger(url, stored) {
  const client = new pg.Client({ connectionString: url });
  try {
    await client.connect();
    const { rows } = await client.query("select to_regclass('access_token') is not null as exists");
    if (!rows[0].exists) return { isEmpty: true, knowsStored: false };
    const hash = createHash('sha256').update(stored).digest();
    const known = await client.query(
      `select count(*) = 0 as "isEmpty",
        coalesce(bool_or(token_hash = $1 and revoked_at is null), false) as "knowsStored" from access_token`,
      [hash],
    );
    return known.rows[0];
  } catch (error) {
    throw new ServicesError(`BASCULE_DATABASE_URL: the database cannot be used (${error.code ?? error.message})`);
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** The first admin token: the environment's, else one that is made here and kept in a file that only its owner reads. */
async function bootstrapToken(databaseUrl) {
  const given = process.env.BASCULE_BOOTSTRAP_TOKEN ?? '';
  if (given !== '') return { environment: {}, hint: '' };
  const stored = existsSync(tokenFile) ? readFileSync(tokenFile, 'utf8').trim() : '';
  const { isEmpty, knowsStored } = await askLedger(databaseUrl, stored);
  if (!isEmpty) return { environment: {}, hint: knowsStored ? `, admin token in ${tokenFile}` : '' };
  const secret = stored === '' ? `bsc_${randomBytes(32).toString('base64url')}` : stored;
  writeFileSync(tokenFile, `${secret}\n`, { mode: 0o600 });
  return { environment: { BASCULE_BOOTSTRAP_TOKEN: secret }, hint: `, admin token in ${tokenFile}` };
}

/** The processes that were started; the first that ends by itself ends them all. */
class Company {
  members = [];
  stopping = false;
  firstEnd = Promise.withResolvers();

  start(name, file, environment) {
    const log = openSync(`${logFolder}/${name}.log`, 'w', 0o600);
    const [command, ...args] = [...dyingWithUs('TERM'), process.execPath, '--enable-source-maps', file];
    const child = spawn(command, args, {
      // Of a process group of its own, so that Ctrl-C reaches this process alone and the order of the end is ours.
      detached: true,
      stdio: ['ignore', log, 'inherit'],
      env: { ...process.env, ...environment },
    });
    closeSync(log);
    this.members.push(child);
    child.once('error', (error) => this.firstEnd.resolve(`${name} cannot be started (${error.code})`));
    // With code 1 it has told its reason in a line of its own.
    child.once('exit', (code, signal) => {
      this.firstEnd.resolve(code === 1 ? '' : `${name} ended by itself (${code ?? signal})`);
    });
    return child.pid;
  }

  async stop() {
    this.stopping = true;
    await Promise.all(this.members.map((child) => stopProcess(child, 'SIGTERM', stopPatienceMs)));
  }

  kill() {
    for (const child of this.members) child.kill('SIGKILL');
  }
}

async function untilReady(address) {
  const deadline = performance.now() + readyPatienceMs;
  while (performance.now() < deadline) {
    const answer = await fetch(`${address}/readyz`).catch(() => undefined);
    if (answer?.ok) return;
    await sleep(50);
  }
  throw new ServicesError(`the API was not ready in time; see ${logFolder}/api.log`);
}

/** A worker enters itself in the ledger, under its host and process number, once it has reached Google. */
async function untilWorkersReady(databaseUrl, pids) {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    const deadline = performance.now() + readyPatienceMs;
    while (performance.now() < deadline) {
      const { rows } = await client.query(
        "select name from worker_process where seen_at > now() - interval '1 minute'",
      );
      const present = (pid) => rows.some(({ name }) => name.startsWith(`${hostname()}-${pid}-`));
      if (pids.every(present)) return;
      await sleep(100);
    }
  } finally {
    await client.end();
  }
  throw new ServicesError(`the workers were not ready in time; see ${logFolder}`);
}

const company = new Company();
const signalled = Promise.withResolvers();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    // Asked twice, somebody is in a hurry: the ledger survives that.
    if (company.stopping) company.kill();
    signalled.resolve(undefined);
  });
}

async function run(services, workers) {
  const databaseUrl = services.environment.BASCULE_DATABASE_URL ?? process.env.BASCULE_DATABASE_URL;
  const token = await bootstrapToken(databaseUrl);
  const port = await choosePort();
  const environment = { ...services.environment, BASCULE_PORT: port };
  const host = process.env.BASCULE_HOST || '127.0.0.1';
  const address = `http://${['0.0.0.0', '::'].includes(host) ? '127.0.0.1' : host}:${port}`;
  const trouble = Promise.race([
    company.firstEnd.promise,
    services.died.then((name) => `${name} ended by itself`),
    signalled.promise,
  ]);
  company.start('api', 'dist/apps/api/src/main.js', { ...environment, ...token.environment });
  const early = await Promise.race([trouble.then((line) => ({ line })), untilReady(address)]);
  if (early !== undefined) return early.line;
  const pids = Array.from({ length: workers }, (_, index) =>
    company.start(`worker-${index + 1}`, 'dist/apps/worker/src/main.js', environment),
  );
  const failed = await Promise.race([trouble.then((line) => ({ line })), untilWorkersReady(databaseUrl, pids)]);
  if (failed !== undefined) return failed.line;
  const reason = process.env.BASCULE_GOOGLE_CREDENTIALS ? '' : ': BASCULE_GOOGLE_CREDENTIALS is not set';
  const staff = workers === 0 ? `no workers${reason}` : workers === 1 ? '1 worker' : `${workers} workers`;
  console.log(`Bascule is ready at ${address} (${staff}, logs in ${logFolder}${token.hint})`);
  return trouble;
}

let services;
try {
  const workers = workerCount();
  mkdirSync(home, { recursive: true, mode: 0o711 });
  mkdirSync(logFolder, { recursive: true, mode: 0o700 });
  services = await startServices({ folder: home });
  const line = await run(services, workers);
  if (line !== undefined) throw new ServicesError(line);
} catch (error) {
  process.exitCode = 1;
  if (error.message !== '') console.error(error instanceof ServicesError ? error.message : error);
} finally {
  await company.stop();
  await services?.stop();
}
process.exit();
