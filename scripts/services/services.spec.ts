import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';

const folders: string[] = [];
const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function setup() {
  const folder = mkdtempSync(join(tmpdir(), 'bascule-spec-'));
  // Where root may not change users by a namespace, PostgreSQL runs as a user that has to pass through.
  chmodSync(folder, 0o711);
  folders.push(folder);
  const environment: NodeJS.ProcessEnv = { ...process.env, TMPDIR: folder };
  delete environment['BASCULE_DATABASE_URL'];
  delete environment['BASCULE_REDIS_URL'];
  return { folder, environment };
}

interface Result {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function services(environment: NodeJS.ProcessEnv, ...args: string[]): Promise<Result> {
  return new Promise((resolve) => {
    execFile(process.execPath, ['scripts/services.mjs', ...args], { env: environment }, (error, stdout, stderr) =>
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr }),
    );
  });
}

/** Starts a command that says where the servers are and then waits. */
async function waitingCommand(environment: NodeJS.ProcessEnv, ...args: string[]) {
  const script = `trap 'echo told; exit 9' TERM; echo $BASCULE_DATABASE_URL $BASCULE_REDIS_URL; while :; do sleep 0.05; done`;
  const child = spawn(process.execPath, ['scripts/services.mjs', ...args, '--', 'bash', '-c', script], {
    env: environment,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  await vi.waitFor(() => expect(output).toContain('\n'), 20_000);
  const ports = [...output.matchAll(/:(\d+)(?:\/|$)/gm)].map((match) => Number(match[1]));
  expect(ports).toHaveLength(2);
  return { child, ports, output: () => output };
}

const accepts = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = createConnection({ host: '127.0.0.1', port });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });

const allGone = (ports: readonly number[]) =>
  vi.waitFor(async () => expect(await Promise.all(ports.map(accepts))).toEqual(ports.map(() => false)), 10_000);

test('the command gets both URLs, its exit code comes back, and an ephemeral folder is deleted', async () => {
  const { folder, environment } = setup();
  const script = 'echo $BASCULE_DATABASE_URL $BASCULE_REDIS_URL; exit 7';
  const { code, stdout } = await services(environment, '--ephemeral', '--', 'bash', '-c', script);
  expect(code).toBe(7);
  expect(stdout).toMatch(/^postgres:\/\/bascule:\S+@127\.0\.0\.1:\d+\/bascule redis:\/\/:\S+@127\.0\.0\.1:\d+\n$/);
  expect(readdirSync(folder)).toEqual([]);
});

test('a URL that is set is used as it is', async () => {
  const { folder, environment } = setup();
  const given = { BASCULE_DATABASE_URL: 'postgres://elsewhere/db', BASCULE_REDIS_URL: 'redis://elsewhere' };
  const { stdout } = await services(
    { ...environment, ...given },
    '--folder',
    join(folder, 'data'),
    '--',
    'bash',
    '-c',
    'echo $BASCULE_DATABASE_URL $BASCULE_REDIS_URL',
  );
  expect(stdout).toBe('postgres://elsewhere/db redis://elsewhere\n');
  expect(existsSync(join(folder, 'data'))).toBe(false);
});

test('data stays from one start to the next, behind passwords that only the owner reads', async () => {
  const { folder, environment } = setup();
  const data = join(folder, 'data');
  const run = (sql: string) => {
    const script = `import pg from 'pg';
       const client = new pg.Client({ connectionString: process.env.BASCULE_DATABASE_URL });
       await client.connect();
       const { rows } = await client.query(${JSON.stringify(sql)});
       console.log(JSON.stringify(rows));
       await client.end();`;
    return services(environment, '--folder', data, '--', 'node', '--input-type=module', '-e', script);
  };
  expect((await run('create table kept as select 42 as answer')).code).toBe(0);
  const again = await run('select answer from kept');
  expect(again.stdout).toBe('[{"answer":42}]\n');
  expect(readFileSync(join(data, 'postgres.log'), 'utf8')).not.toMatch(/recovery|interrupted/);
  const { stdout } = await services(
    environment,
    '--folder',
    data,
    '--',
    'find',
    data,
    '-name',
    '*-password',
    '-perm',
    '600',
  );
  expect(stdout.trim().split('\n')).toHaveLength(2);
});

test('a signal reaches the command first; the servers end after it, and its exit code comes back', async () => {
  const { environment } = setup();
  const { child, ports, output } = await waitingCommand(environment, '--ephemeral');
  expect(await Promise.all(ports.map(accepts))).toEqual([true, true]);
  const exit = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  expect(await exit).toBe(9);
  expect(output()).toContain('told');
  await allGone(ports);
});

test.runIf(process.platform === 'linux')('nothing is left running after a kill -9', async () => {
  const { folder, environment } = setup();
  const data = join(folder, 'data');
  const { child, ports } = await waitingCommand(environment, '--folder', data);
  child.kill('SIGKILL');
  const { code, stderr } = await services(environment, '--folder', data, '--', 'true');
  expect(`${code} ${stderr}`).toBe('0 ');
  await allGone(ports);
});

test('a folder serves one process at a time', async () => {
  const { folder, environment } = setup();
  const data = join(folder, 'data');
  const { child } = await waitingCommand(environment, '--folder', data);
  const second = await services(environment, '--folder', data, '--', 'true');
  expect(second.code).toBe(1);
  expect(second.stderr).toBe(`${data} is in use by process ${child.pid}: stop that one first\n`);
  child.kill('SIGTERM');
  await new Promise((resolve) => child.once('exit', resolve));
});

test('a command that does not exist is told in one line', async () => {
  const { environment } = setup();
  const { code, stderr } = await services(environment, '--ephemeral', '--', 'no-such-command');
  expect(code).not.toBe(0);
  expect(stderr.trim().split('\n')).toHaveLength(1);
});
