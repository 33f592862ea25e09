import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { dyingWithUs, endLeftover, onPath, ServicesError, startServer } from './processes.mjs';

const installed = () => onPath('valkey-server') ?? onPath('redis-server');

const run = (command, args, options = {}) =>
  spawnSync(command, args, {
    encoding: 'utf8',
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    ...options,
  }).status === 0;

/** How to call a Redis or Valkey server: from PATH, else by the system's packages. No npm package ships one. */
function findServer(downloads) {
  const found = installed();
  if (found !== undefined) return { command: [found, '-'], environment: {} };
  const unpacked = unpackedServer(downloads);
  if (unpacked !== undefined) return unpacked;
  const aptGet = onPath('apt-get');
  if (aptGet !== undefined && process.getuid?.() === 0) {
    run(aptGet, ['update']);
    run(aptGet, ['install', '-y', '--no-install-recommends', 'redis-server']);
  } else if (aptGet !== undefined) {
    download(aptGet, downloads);
  } else if (onPath('brew') !== undefined) {
    run('brew', ['install', 'redis']);
  }
  const afterwards = installed();
  if (afterwards !== undefined) return { command: [afterwards, '-'], environment: {} };
  const server = unpackedServer(downloads);
  if (server !== undefined) return server;
  throw new ServicesError('no Redis or Valkey server found: install one or set BASCULE_REDIS_URL');
}

/** Without root: Debian's packages unpacked into a folder of ours. */
function download(aptGet, folder) {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  if (!run(aptGet, ['download', 'redis-tools', 'libjemalloc2', 'liblzf1'], { cwd: folder })) return;
  for (const file of globSync('*.deb', { cwd: folder })) run('dpkg', ['-x', join(folder, file), folder]);
}

function unpackedServer(folder) {
  // Debian's server is the very file of redis-check-rdb, told apart by the name it is called by.
  const file = join(folder, 'usr', 'bin', 'redis-check-rdb');
  if (!existsSync(file)) return undefined;
  const libraries = globSync('usr/lib/*-linux-*', { cwd: folder }).map((name) => join(folder, name));
  return {
    command: ['bash', '-c', 'exec -a redis-server "$0" -', file],
    environment: { LD_LIBRARY_PATH: libraries.join(':') },
  };
}

function password(folder) {
  const file = join(folder, 'redis-password');
  if (!existsSync(file)) writeFileSync(file, randomBytes(24).toString('base64url'), { mode: 0o600 });
  return readFileSync(file, 'utf8').trim();
}

/** Starts a Redis or Valkey server whose data lives in `folder`/redis. */
export async function startRedis(folder, { ephemeral, downloads }) {
  const { command, environment } = findServer(downloads);
  const data = join(folder, 'redis');
  mkdirSync(data, { recursive: true, mode: 0o700 });
  const secret = password(folder);
  await endLeftover(join(data, 'process'), '-server');
  const server = await startServer({
    name: 'Redis',
    logFile: join(folder, 'redis.log'),
    ready: /ready to accept connections/i,
    stopSignal: 'SIGTERM',
    launch: (port) => ({
      command: [...dyingWithUs('TERM'), ...command],
      input: configuration({ port, data, secret, ephemeral }),
      options: { env: { ...process.env, ...environment } },
    }),
  });
  const url = `redis://:${secret}@127.0.0.1:${server.port}`;
  return { name: 'Redis', url, end: server.end, stop: server.stop };
}

/** Handed over on standard input: the password must not show in the list of processes. */
const configuration = ({ port, data, secret, ephemeral }) => `port ${port}
bind 127.0.0.1
dir "${data}"
pidfile "${join(data, 'process')}"
daemonize no
requirepass ${secret}
appendonly ${ephemeral ? 'no' : 'yes'}
appendfsync everysec
save ""
maxmemory-policy noeviction
`;
