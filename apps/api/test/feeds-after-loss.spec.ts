import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { firstLine, launch, launchScript, testServices } from '#libs/testing';

const header = 'worker_id,legal_given_name,legal_family_name,worker_type,status,hire_date,country';
const people = (count: number) =>
  [
    header,
    ...Array.from({ length: count }, (_, index) => `${index},Zoë,Müller,EMPLOYEE,ACTIVE,2020-01-01,DE`),
    '',
  ].join('\n');

const deliverySchema = z.looseObject({ id: z.string(), state: z.string() });
const patienceMs = 150_000;

/** A whole Bascule's intake over a PostgreSQL server of its own that gives up none of its safety for speed. */
async function setup() {
  const folder = mkdtempSync(join(tmpdir(), 'bascule-loss-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const { redisUrl } = await testServices();
  const token = `bsc_${randomBytes(32).toString('base64url')}`;
  const tellAddress = 'console.log(process.env.BASCULE_DATABASE_URL); setInterval(() => undefined, 60_000);';
  const start = async () => {
    const command = ['--folder', folder, '--', process.execPath, '-e', tellAddress];
    const postgres = launchScript('scripts/services.mjs', command, { BASCULE_REDIS_URL: redisUrl });
    onTestFinished(() => postgres.stop());
    const databaseUrl = await firstLine(postgres);
    const api = launch('api', [], {
      BASCULE_DATABASE_URL: databaseUrl,
      BASCULE_REDIS_URL: redisUrl,
      BASCULE_REDIS_PREFIX: `test-${randomBytes(6).toString('hex')}`,
      BASCULE_PORT: '0',
      BASCULE_BOOTSTRAP_TOKEN: token,
    });
    onTestFinished(() => api.stop());
    const { port } = z.object({ port: z.number() }).parse(JSON.parse(await firstLine(api)));
    const headers = { authorization: `Bearer ${token}` };
    const url = `http://127.0.0.1:${port}/v1/feeds/hr/deliveries`;
    return {
      databaseUrl,
      push: async (body: string) => {
        const key = { 'content-type': 'text/csv', 'idempotency-key': 'night-1' };
        const response = await fetch(`${url}?mode=full`, { method: 'POST', headers: { ...headers, ...key }, body });
        expect(response.status).toBe(202);
        return deliverySchema.parse(await response.json());
      },
      read: async (id: string) => deliverySchema.parse(await (await fetch(`${url}/${id}`, { headers })).json()),
      /** Both at once, as when the machine's plug is pulled on them; nothing gets to say goodbye. */
      kill: async () => {
        process.kill(
          Number(readFileSync(join(folder, 'postgres', 'postmaster.pid'), 'utf8').split('\n')[0]),
          'SIGKILL',
        );
        api.kill('SIGKILL');
        await Promise.all([api.ended, postgres.ended]);
      },
    };
  };
  return { start };
}

type Running = Awaited<ReturnType<Awaited<ReturnType<typeof setup>>['start']>>;

async function until(running: Running, id: string, states: readonly string[]): Promise<z.infer<typeof deliverySchema>> {
  const deadline = performance.now() + patienceMs;
  for (;;) {
    const delivery = await running.read(id);
    if (states.includes(delivery.state) || performance.now() > deadline) return delivery;
    await sleep(20);
  }
}

async function query(databaseUrl: string, text: string): Promise<unknown> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    return (await client.query(text)).rows[0];
  } finally {
    await client.end();
  }
}

const held = `select (select count(*)::int from employee) as people, (select max(version) from employee) as versions,
  (select count(*)::int from employee_version) as records, (select sum(cardinality(rows))::int from feed_row_pack) as rows,
  (select count(*)::int from feed_delivery) as deliveries, (select count(*)::int from feed_payload) as pieces`;

async function expectAppliedOnce(running: Running, id: string, count: number): Promise<void> {
  expect(await until(running, id, ['done', 'refused', 'held'])).toMatchObject({
    id,
    state: 'done',
    rows: { total: count, new: count },
  });
  expect((await running.push(people(count))).id).toBe(id);
  expect(await query(running.databaseUrl, held)).toEqual({
    people: count,
    versions: 1,
    records: count,
    rows: count,
    deliveries: 1,
    pieces: 0,
  });
}

test('an accepted delivery survives the death of the API and of PostgreSQL right after the answer, and is applied whole', async () => {
  const { start } = await setup();
  const first = await start();
  const safety = `select current_setting('fsync') as fsync, current_setting('synchronous_commit') as commit,
    current_setting('full_page_writes') as pages`;
  expect(await query(first.databaseUrl, safety)).toEqual({ fsync: 'on', commit: 'on', pages: 'on' });
  const { id } = await first.push(people(5_000));
  await first.kill();
  await expectAppliedOnce(await start(), id, 5_000);
}, 360_000);

test('a delivery that is being applied when the API and PostgreSQL die is applied whole afterwards, and once', async () => {
  const { start } = await setup();
  const first = await start();
  const { id } = await first.push(people(20_000));
  await until(first, id, ['checking', 'applying', 'done']);
  await first.kill();
  const second = await start();
  // Once more, further on: what the first attempt wrote must not be there, whatever it had come to.
  const { state } = await until(second, id, ['applying', 'done']);
  if (state === 'applying') await second.kill();
  await expectAppliedOnce(state === 'applying' ? await start() : second, id, 20_000);
}, 480_000);
