import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, openSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';

const projectFolder = fileURLToPath(new URL('../../../', import.meta.url));
const checkout = createHash('sha256').update(projectFolder).digest('hex').slice(0, 8);
const folder = join(tmpdir(), `bascule-test-${userInfo().uid}-${checkout}`);
const addressFile = join(folder, 'addresses.json');
const lockFile = join(folder, 'starting');

const addressesSchema = z.object({ databaseUrl: z.string(), redisUrl: z.string() });
/** Where the servers for tests listen. */
export type ServiceAddresses = z.infer<typeof addressesSchema>;

let shared: Promise<ServiceAddresses> | undefined;

/**
 * The PostgreSQL and Redis servers for tests: those that BASCULE_TEST_DATABASE_URL (or BASCULE_DATABASE_URL) and
 * BASCULE_REDIS_URL name, else one private pair for all test processes of this checkout, started by whoever comes first,
 * which ends by itself some minutes after its last use.
 */
export async function testServices(): Promise<ServiceAddresses> {
  const databaseUrl = process.env['BASCULE_TEST_DATABASE_URL'] ?? process.env['BASCULE_DATABASE_URL'];
  const redisUrl = process.env['BASCULE_REDIS_URL'];
  if (databaseUrl !== undefined && redisUrl !== undefined) return { databaseUrl, redisUrl };
  shared ??= sharedServices();
  const addresses = await shared;
  return { databaseUrl: databaseUrl ?? addresses.databaseUrl, redisUrl: redisUrl ?? addresses.redisUrl };
}

async function sharedServices(): Promise<ServiceAddresses> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const deadline = performance.now() + 120_000;
  while (performance.now() < deadline) {
    const addresses = await runningServices();
    if (addresses !== undefined) {
      setInterval(renew, 20_000).unref();
      return addresses;
    }
    if (takeStartLock()) {
      try {
        if ((await runningServices()) === undefined) await startServices(deadline);
      } finally {
        rmSync(lockFile, { force: true });
      }
    } else {
      await sleep(100);
    }
  }
  throw new Error(`the servers for tests did not start; see ${join(folder, 'services.log')}`);
}

function renew(): boolean {
  try {
    const now = new Date();
    utimesSync(addressFile, now, now);
    return true;
  } catch {
    return false;
  }
}

async function runningServices(): Promise<ServiceAddresses | undefined> {
  if (!renew()) return undefined;
  const addresses = addressesSchema.parse(JSON.parse(readFileSync(addressFile, 'utf8')));
  const answers = await Promise.all([accepts(addresses.databaseUrl), accepts(addresses.redisUrl)]);
  return answers.every(Boolean) ? addresses : undefined;
}

function accepts(url: string): Promise<boolean> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve) => {
    const socket = createConnection({ host: hostname, port: Number(port) });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

function takeStartLock(): boolean {
  try {
    writeFileSync(lockFile, String(process.pid), { flag: 'wx' });
    return true;
  } catch {
    const age = existsSync(lockFile) ? Date.now() - statSync(lockFile).mtimeMs : 0;
    // Whoever held it was killed: a start takes seconds.
    if (age > 60_000) rmSync(lockFile, { force: true });
    return false;
  }
}

async function startServices(deadline: number): Promise<void> {
  rmSync(addressFile, { force: true });
  const log = openSync(join(folder, 'services.log'), 'w');
  const keeper = ['node', 'scripts/services/while-used.mjs', addressFile];
  const environment: NodeJS.ProcessEnv = { ...process.env };
  for (const name of Object.keys(environment)) if (name.startsWith('BASCULE_')) delete environment[name];
  const child = spawn(process.execPath, ['scripts/services.mjs', '--ephemeral', '--', ...keeper], {
    cwd: projectFolder,
    detached: true,
    stdio: ['ignore', log, log],
    env: environment,
  });
  child.unref();
  while (!existsSync(addressFile) && child.exitCode === null && performance.now() < deadline) await sleep(50);
}
