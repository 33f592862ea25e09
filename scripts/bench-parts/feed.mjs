// What taking in a feed costs: one delivery of a whole company over HTTP, the same again, and beside it a bare COPY of the
// same rows into a table of the same server. Stands alone: node scripts/bench-parts/feed.mjs [--rows 160000]
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  createReadStream,
  createWriteStream,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { pipeline } from 'node:stream/promises';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import pg from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import { freePort, stopProcess } from '../services/processes.mjs';
import { startServices } from '../services/index.mjs';

const project = join(import.meta.dirname, '../..');
const rowsOfCompany = 160_000;
const patienceMs = 600_000;

/** Of a process: its peak memory since the last call in megabytes, and its CPU seconds so far (Linux; else undefined). */
function account(pid) {
  try {
    const peak = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    const ticks = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1).split(' ').slice(11, 13);
    const measured = { peak: Math.round(Number(peak) / 1024), cpu: (Number(ticks[0]) + Number(ticks[1])) / 100 };
    // Starts a new peak (proc_pid_clear_refs(5)).
    writeFileSync(`/proc/${pid}/clear_refs`, '5');
    return measured;
  } catch {
    return undefined;
  }
}

async function writeFeed(folder, rows) {
  const file = join(folder, 'feed.csv');
  const generator = spawn(process.execPath, [join(project, 'scripts/generate-feed.mjs'), '--employees', String(rows)]);
  await pipeline(generator.stdout, createWriteStream(file));
  return file;
}

async function startApi(environment) {
  const token = `bsc_${randomBytes(32).toString('base64url')}`;
  const port = await freePort();
  const child = spawn(process.execPath, [join(project, 'dist/apps/api/src/main.js')], {
    cwd: project,
    stdio: ['ignore', 'ignore', 'inherit'],
    env: {
      ...process.env,
      ...environment,
      BASCULE_PORT: String(port),
      BASCULE_BOOTSTRAP_TOKEN: token,
      BASCULE_LOG_LEVEL: 'warn',
    },
  });
  const address = `http://127.0.0.1:${port}`;
  for (const since = performance.now(); performance.now() - since < 60_000; await sleep(50)) {
    const answer = await fetch(`${address}/readyz`).catch(() => undefined);
    if (answer?.ok) return { child, address, headers: { authorization: `Bearer ${token}` } };
    if (child.exitCode !== null) break;
  }
  await stopProcess(child, 'SIGTERM');
  throw new Error('the API did not start; run scripts/start once to see why');
}

/** Pushes the file as a full delivery; seconds until the bytes were safe, and until every row had its outcome. */
async function push(api, file, source = 'bench') {
  const since = performance.now();
  const seconds = () => (performance.now() - since) / 1000;
  const response = await fetch(`${api.address}/v1/feeds/${source}/deliveries?mode=full`, {
    method: 'POST',
    headers: { ...api.headers, 'content-type': 'text/csv' },
    body: createReadStream(file),
    duplex: 'half',
  });
  let delivery = await response.json();
  if (response.status !== 202) throw new Error(`the delivery was answered ${response.status}: ${delivery.detail}`);
  const safe = seconds();
  while (!['done', 'refused', 'held'].includes(delivery.state) && seconds() * 1000 < patienceMs) {
    await sleep(100);
    const answer = await fetch(`${api.address}/v1/feeds/${source}/deliveries/${delivery.id}`, { headers: api.headers });
    delivery = await answer.json();
  }
  if (delivery.state !== 'done') throw new Error(`the delivery ended as ${delivery.state}: ${delivery.cause}`);
  return { safe, done: seconds(), rows: delivery.rows };
}

async function firstLineOf(file) {
  for await (const line of createInterface({ input: createReadStream(file) })) return line;
  throw new Error('the feed is empty');
}

/** The least that any way in must cost: the file's own rows, unread, by COPY into a plain table. */
async function bareCopy(url, file) {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const header = await firstLineOf(file);
    await client.query(
      `create table bench_copy (${header
        .split(',')
        .map((name) => `${name} text`)
        .join(', ')})`,
    );
    const since = performance.now();
    await pipeline(
      createReadStream(file),
      client.query(copyFrom('copy bench_copy from stdin with (format csv, header true)')),
    );
    const seconds = (performance.now() - since) / 1000;
    await client.query('drop table bench_copy');
    return seconds;
  } finally {
    await client.end();
  }
}

/**
 * Measures the intake.
 *
 * @param {{ quick?: boolean, rows?: number }} options quick: an eighth of the company.
 * @returns {Promise<{ name: string, value: number, unit: string, note: string }[]>}
 */
export async function benchFeed({ quick = false, rows = quick ? rowsOfCompany / 8 : rowsOfCompany } = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'bascule-bench-feed-'));
  const services = await startServices({ ephemeral: true });
  const environment = { ...services.environment, BASCULE_REDIS_PREFIX: `bench-${randomBytes(4).toString('hex')}` };
  const databaseUrl = environment.BASCULE_DATABASE_URL ?? process.env.BASCULE_DATABASE_URL;
  const api = await startApi(environment);
  try {
    await push(api, await writeFeed(folder, 1_000), 'warm-up');
    const small = account(api.child.pid);
    const file = await writeFeed(folder, rows);
    const copySeconds = await bareCopy(databaseUrl, file);
    const first = await push(api, file);
    const firstAccount = account(api.child.pid);
    const again = await push(api, file);
    const againAccount = account(api.child.pid);
    const megabytes = Math.round(statSync(file).size / 1_000_000);
    const outcomes = ({ rows: counts }) =>
      ['new', 'updated', 'unchanged', 'rejected'].map((name) => `${name} ${counts[name]}`).join(', ');
    const perRow = (seconds) => `${((seconds / rows) * 1e6).toFixed(0)} µs`;
    const ratio = (seconds) => `${(seconds / copySeconds).toFixed(1)} times the bare COPY`;
    const timed = (name, seconds, note) => ({ name, value: Number(seconds.toFixed(2)), unit: 's', note });
    const peak = (name, measured, note) => ({ name, value: measured?.peak ?? Number.NaN, unit: 'MB', note });
    return [
      timed('feed: bare COPY', copySeconds, `${rows} rows, ${megabytes} MB of CSV, unread`),
      timed('feed: bytes safe', first.safe, 'until the 202'),
      timed('feed: first delivery', first.done, `${outcomes(first)}; ${ratio(first.done)}`),
      timed('feed: same again', again.done, `${outcomes(again)}; ${ratio(again.done)}`),
      timed(
        'feed: API, CPU of the first',
        firstAccount?.cpu - small?.cpu,
        `${perRow(firstAccount?.cpu - small?.cpu)} a row`,
      ),
      timed(
        'feed: API, CPU of the same again',
        againAccount?.cpu - firstAccount?.cpu,
        `${perRow(againAccount?.cpu - firstAccount?.cpu)} a row`,
      ),
      peak('feed: API, 1,000 rows', small, 'peak resident memory'),
      peak(`feed: API, ${rows} rows`, firstAccount, 'peak resident memory, all new'),
      peak(`feed: API, ${rows} rows again`, againAccount, 'peak resident memory, all unchanged'),
    ];
  } finally {
    await stopProcess(api.child, 'SIGTERM');
    await services.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const { values } = parseArgs({ options: { rows: { type: 'string' }, quick: { type: 'boolean' } } });
  const rows = values.rows === undefined ? {} : { rows: Number(values.rows) };
  for (const { name, value, unit, note } of await benchFeed({ quick: values.quick, ...rows })) {
    console.log(`${name.padEnd(34)} ${String(value).padStart(8)} ${unit.padEnd(3)} ${note}`);
  }
}
