import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, expect, test, vi } from 'vitest';
import { createTestDatabase, testServices } from '#libs/testing';

beforeAll(() => void execFileSync(process.execPath, ['scripts/build-if-needed.mjs']), 120_000);

const endings: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const end of endings.splice(0).toReversed()) await end();
});

/** `scripts/start` over a database of its own, in a folder of its own. */
async function start(change: NodeJS.ProcessEnv = {}, ...args: string[]) {
  const folder = mkdtempSync(join(tmpdir(), 'bascule-start-'));
  const [database, { redisUrl }] = await Promise.all([createTestDatabase(), testServices()]);
  const child = spawn(process.execPath, ['scripts/start.mjs', '--folder', folder, ...args], {
    env: {
      ...process.env,
      BASCULE_DATABASE_URL: database.url,
      BASCULE_REDIS_URL: redisUrl,
      BASCULE_PORT: '0',
      ...change,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => void (stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => void (stderr += chunk.toString()));
  const exit = new Promise<number | null>((resolve) => child.once('exit', resolve));
  endings.push(async () => {
    child.kill('SIGKILL');
    await database.drop();
    rmSync(folder, { recursive: true, force: true });
  });
  return {
    folder,
    child,
    exit,
    stderr: () => stderr,
    address: () =>
      vi.waitFor(() => {
        const address = /^Bascule is ready at (http:\S+)/.exec(stdout)?.[1];
        if (address === undefined) throw new Error(`not ready: ${stderr}`);
        expect(stdout.trim().split('\n')).toHaveLength(1);
        return address;
      }, 30_000),
  };
}

test('it prints one line when ready, its admin token works, and SIGTERM stops it cleanly', async () => {
  const { folder, child, exit, address, stderr } = await start();
  const url = await address();
  expect((await fetch(`${url}/readyz`)).status).toBe(200);
  const file = join(folder, 'admin-token');
  expect(statSync(file).mode & 0o777).toBe(0o600);
  const headers = { authorization: `Bearer ${readFileSync(file, 'utf8').trim()}` };
  const who = await fetch(`${url}/v1/session`, { headers });
  expect(await who.json()).toEqual({ name: 'bootstrap', role: 'admin' });
  child.kill('SIGTERM');
  expect(`${await exit} ${stderr()}`).toBe('0 ');
  await expect(fetch(`${url}/healthz`)).rejects.toThrow();
});

test.each([
  ['BASCULE_DATABASE_URL', 'mysql://x'],
  ['BASCULE_DATABASE_URL', 'postgres://127.0.0.1:1/nowhere'],
  ['BASCULE_REDIS_URL', 'redis://127.0.0.1:1'],
  ['BASCULE_LOG_LEVEL', 'loud'],
  ['BASCULE_QUOTAS', '/nowhere.yaml'],
])('a wrong %s stops it with one line that names the variable', async (name, value) => {
  const { exit, stderr } = await start({ [name]: value });
  expect(await exit).toBe(1);
  const lines = stderr().trim().split('\n');
  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatch(new RegExp(`^${name}\\b`));
});

test.runIf(process.platform === 'linux')('when the API dies, all ends with an exit code that says so', async () => {
  const { child, exit, address, stderr } = await start();
  await address();
  const api = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim();
  process.kill(Number(api), 'SIGKILL');
  expect(await exit).toBe(1);
  expect(stderr()).toBe('api ended by itself (SIGKILL)\n');
});

test('workers without credentials are refused in one line', async () => {
  const { exit, stderr } = await start({ BASCULE_GOOGLE_CREDENTIALS: '' }, '--workers', '2');
  expect(await exit).toBe(1);
  expect(stderr()).toBe('BASCULE_GOOGLE_CREDENTIALS is not set: a worker needs it to reach Google\n');
});

test.runIf(process.platform === 'linux')('a worker that dies takes all down and leaves no process behind', async () => {
  const keys = mkdtempSync(join(tmpdir(), 'bascule-keys-'));
  const keyFile = join(keys, 'key.json');
  const simulator = spawn(
    process.execPath,
    ['dist/apps/simulator/src/main.js', '--profile', 'config/simulator/quiet.yaml', '--key-file', keyFile],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  endings.push(() => {
    simulator.kill();
    rmSync(keys, { recursive: true });
  });
  const apiRoot = await new Promise<string>((resolve) => {
    simulator.stdout.once('data', (line: Buffer) => resolve(/"apiRoot":"([^"]+)"/.exec(line.toString())?.[1] ?? ''));
  });
  const google = {
    BASCULE_GOOGLE_API_ROOT: apiRoot,
    BASCULE_GOOGLE_CREDENTIALS: keyFile,
    BASCULE_GOOGLE_ADMINS: 'admin1@bascule-retail.example',
  };
  const { folder, child, exit, address, stderr } = await start(google, '--workers', '2');
  const url = await address();
  const headers = { authorization: `Bearer ${readFileSync(join(folder, 'admin-token'), 'utf8').trim()}` };
  const metrics = await (await fetch(`${url}/metrics`, { headers })).text();
  expect(metrics).toMatch(/^bascule_worker_processes\{.*\} 2$/m);
  const pids = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim().split(' ').map(Number);
  expect(pids).toHaveLength(3);
  process.kill(pids[2] ?? 0, 'SIGKILL');
  expect(await exit).toBe(1);
  expect(stderr()).toBe('worker-2 ended by itself (SIGKILL)\n');
  for (const pid of pids) expect(() => process.kill(pid, 0)).toThrow('ESRCH');
});
