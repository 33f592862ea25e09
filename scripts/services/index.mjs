import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { ServicesError } from './processes.mjs';

export { ServicesError } from './processes.mjs';

const projectFolder = resolve(import.meta.dirname, '../..');

/** When a process started, in the kernel's own unit: tells a process from a later one with the same number. */
function startOf(pid) {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1).split(' ')[19];
  } catch {
    return '';
  }
}

const isAlive = (pid) => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
};

/** Two servers on the same data would destroy it: one process at a time may use a folder. */
function lock(folder) {
  const file = join(folder, 'lock');
  for (;;) {
    try {
      writeFileSync(file, `${process.pid} ${startOf(process.pid)}`, { flag: 'wx' });
      return () => rmSync(file, { force: true });
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    const [pid, start] = readFileSync(file, 'utf8').split(' ');
    if (isAlive(Number(pid)) && startOf(pid) === start) {
      throw new ServicesError(`${folder} is in use by process ${pid}: stop that one first`);
    }
    rmSync(file, { force: true });
  }
}

/**
 * Brings up private PostgreSQL and Redis servers for whichever of BASCULE_DATABASE_URL and BASCULE_REDIS_URL is not set.
 *
 * @param {{ ephemeral?: boolean, folder?: string }} options `folder` holds the data (default: .bascule); ephemeral
 *   servers live in a folder of their own that is deleted afterwards, and are not safe against a power cut.
 * @returns the environment variables to add, a promise of the first server's unexpected end, and how to stop all.
 */
export async function startServices({ ephemeral = false, folder: wanted } = {}) {
  const home = join(projectFolder, '.bascule');
  const needed = [
    {
      variable: 'BASCULE_DATABASE_URL',
      start: async (...args) => (await import('./postgres.mjs')).startPostgres(...args),
    },
    { variable: 'BASCULE_REDIS_URL', start: async (...args) => (await import('./redis.mjs')).startRedis(...args) },
  ].filter(({ variable }) => (process.env[variable] ?? '') === '');
  if (needed.length === 0) return { environment: {}, died: new Promise(() => undefined), stop: async () => undefined };

  const folder = ephemeral ? mkdtempSync(join(tmpdir(), 'bascule-')) : resolve(wanted ?? home);
  // Another user may have to pass through it; whatever lies in it is closed to others.
  if (!existsSync(folder)) mkdirSync(folder, { recursive: true, mode: 0o711 });
  const unlock = lock(folder);
  const results = await Promise.allSettled(
    needed.map(async ({ variable, start }) => ({
      variable,
      server: await start(folder, { ephemeral, downloads: join(home, 'redis-server') }),
    })),
  );
  const running = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  let stopping = false;
  const stop = async () => {
    stopping = true;
    await Promise.all(running.map(({ server }) => server.stop()));
    unlock();
    if (ephemeral) rmSync(folder, { recursive: true, force: true });
  };
  const failed = results.find((result) => result.status === 'rejected');
  if (failed !== undefined) {
    // The log that the message names has to survive.
    await Promise.all(running.map(({ server }) => server.stop()));
    unlock();
    throw failed.reason;
  }
  return {
    environment: Object.fromEntries(running.map(({ variable, server }) => [variable, server.url])),
    died: new Promise((tell) => {
      for (const { server } of running) void server.end.then(() => stopping || tell(server.name));
    }),
    stop,
  };
}
