import { spawn, spawnSync } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** A problem that the user can do something about: shown as one line, without a stack. */
export class ServicesError extends Error {}

export const onPath = (command) => spawnSync('which', [command], { encoding: 'utf8' }).stdout?.trim() || undefined;

const hasSetpriv = process.platform === 'linux' && onPath('setpriv') !== undefined;

/**
 * The words to put before a command so that it gets the signal when this process dies, however it dies. It must come last
 * before the command: a change of user clears the setting.
 */
export const dyingWithUs = (signal) => (hasSetpriv ? ['setpriv', '--pdeathsig', signal] : []);

/** A port of 127.0.0.1 that was free a moment ago. */
export function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

const ended = (child) => child.exitCode !== null || child.signalCode !== null;

/** Signals a child and waits for its end; SIGKILL when it takes longer than `patienceMs`. */
export async function stopProcess(child, signal, patienceMs = 10_000) {
  if (ended(child)) return;
  const exit = new Promise((resolve) => child.once('exit', resolve));
  child.kill(signal);
  const timer = setTimeout(() => child.kill('SIGKILL'), patienceMs);
  await exit;
  clearTimeout(timer);
}

function commandOf(pid) {
  if (process.platform !== 'linux') {
    return spawnSync('ps', ['-o', 'args=', '-p', String(pid)], { encoding: 'utf8' }).stdout ?? '';
  }
  const file = `/proc/${pid}/cmdline`;
  return existsSync(file) ? readFileSync(file, 'utf8') : '';
}

/**
 * Ends a server that an earlier start left behind, or waits for one that is just ending: a kill -9 where nothing passes the
 * end on. The process file names it; `name` must show in its command, or the number belongs to somebody else by now.
 */
export async function endLeftover(processFile, name) {
  const pid = Number(existsSync(processFile) ? readFileSync(processFile, 'utf8').split('\n')[0] : 0);
  const isRunning = () => commandOf(pid).includes(name);
  if (!(pid > 0)) return;
  for (let patience = 0; patience < 100 && isRunning(); patience += 1) {
    if (patience === 0) process.kill(pid, 'SIGINT');
    await sleep(100);
  }
}

/**
 * Starts a server on a free port and waits until its log says that it is ready.
 *
 * @param {{ name: string, logFile: string, ready: RegExp, stopSignal: string,
 *   launch: (port: number) => { command: string[], input?: string, options?: object } }} server
 * @returns the port, the end of the process as a promise, and how to stop it.
 */
export async function startServer(server) {
  const deadline = performance.now() + 60_000;
  for (let attempt = 1; ; attempt += 1) {
    const port = await freePort();
    const { command, input, options } = server.launch(port);
    const log = openSync(server.logFile, 'w', 0o600);
    const child = spawn(command[0], command.slice(1), {
      cwd: '/',
      // A process group of its own: Ctrl-C in the terminal must reach the command first, and the servers last.
      detached: true,
      stdio: ['pipe', log, log],
      ...options,
    });
    closeSync(log);
    const state = { failed: false };
    child.once('error', () => {
      state.failed = true;
    });
    child.stdin.on('error', () => undefined);
    child.stdin.end(input ?? '');
    const outcome = await waitUntilReady(child, server, state);
    if (outcome === 'ready') {
      const end = new Promise((resolve) => child.once('exit', resolve));
      return { port, end, stop: () => stopProcess(child, server.stopSignal) };
    }
    await stopProcess(child, 'SIGKILL');
    if (outcome === 'predecessor ends' && performance.now() < deadline) {
      await sleep(500);
      continue;
    }
    if (outcome !== 'port taken' || attempt >= 5) {
      throw new ServicesError(`${server.name} did not start; see ${server.logFile}`);
    }
  }
}

async function waitUntilReady(child, server, state) {
  const deadline = performance.now() + 60_000;
  while (performance.now() < deadline && !state.failed) {
    const over = ended(child);
    const text = readFileSync(server.logFile, 'utf8');
    if (server.ready.test(text)) return 'ready';
    if (over && /address already in use|could not bind/i.test(text)) return 'port taken';
    // After a kill -9 of PostgreSQL its children go on until they notice.
    if (over) return /pre-existing shared memory block/.test(text) ? 'predecessor ends' : 'failed';
    await sleep(20);
  }
  return 'failed';
}
