import { Queue } from 'bullmq';
import pg from 'pg';
import { z } from 'zod';
import { expect, test } from 'vitest';
import { formBatch, formErrand, openLedger } from '#libs/ledger';
import { startCompany, type TestCompany } from '#libs/testing';
import { migrationIdSchema } from '#libs/vocabulary';

/** What one worker may have open of one kind of step is 4; six hundred people are 12 batches. */
const queuedMax = 6;
/** Of all kinds together, second offers included. */
const jobsMax = 30;

async function withClient<T>(company: TestCompany, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: company.bascule.databaseUrl });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

test('the queues stay short whatever the size of the company', async () => {
  await using company = await startCompany({ profile: 'quiet', feed: 600 });
  const { admin, redis } = company;
  const peakOf = async (selection: Record<string, unknown>) => {
    let jobs = 0;
    const migrationId = await admin.launch({ selection });
    const { migration } = await admin.untilRest(migrationId, async () => {
      jobs = Math.max(jobs, await redis.jobs());
    });
    expect(migration.state).toBe('completed');
    expect(await company.faults(migrationId)).toEqual([]);
    return { jobs, queued: await mostQueued(company, migrationId) };
  };
  const few = await peakOf({ kind: 'condition', condition: 'employee.employeeNumber <= "000060"' });
  const many = await peakOf({ kind: 'everyone' });
  expect(few.queued).toBeGreaterThan(0);
  expect(many.queued).toBeLessThan(queuedMax);
  expect(many.jobs).toBeLessThan(jobsMax);
}, 300_000);

/** The most batches of one kind that were queued at one time: each one's begin, and how many others waited then. */
function mostQueued(company: TestCompany, migrationId: string): Promise<number> {
  return withClient(company, async (client) => {
    const { rows } = await client.query(
      `select max((select count(*) from batch as other
          where other.migration_id = batch.migration_id and other.kind = batch.kind
            and other.created_at <= batch.created_at and other.leased_at > batch.created_at)) as most
       from batch where migration_id = $1`,
      [migrationId],
    );
    return z.array(z.object({ most: z.coerce.number() })).parse(rows)[0]?.most ?? 0;
  });
}

test('hints that come twice, too late or for nothing end quietly', async () => {
  await using company = await startCompany({ profile: 'quiet', feed: 150, workers: 2 });
  const { admin, bascule } = company;
  const url = new URL(bascule.redisUrl);
  const connection = { host: url.hostname, port: Number(url.port), password: decodeURIComponent(url.password) };
  const lanes = ['directory', 'licensing', 'gmail', 'calendar'].map(
    (lane) => new Queue(`lane-${lane}`, { connection, prefix: `{${bascule.redisPrefix}:lanes}` }),
  );
  const migrationId = await admin.launch();
  let given = 0;
  const giveHints = async () => {
    const open = await withClient(company, async (client) => {
      const { rows } = await client.query('select id, lane, fence from batch order by id desc limit 8');
      return z.array(z.object({ id: z.coerce.number(), lane: z.string(), fence: z.number() })).parse(rows);
    });
    for (const { id, lane, fence } of open) {
      const queue = lanes.find(({ name }) => name === `lane-${lane}`);
      const hint = { name: 'batch', data: { batchId: id, lane, fence }, opts: { attempts: 1, removeOnComplete: true } };
      const nothing = { ...hint, data: { ...hint.data, batchId: 999_999_000 + id } };
      await queue?.addBulk([hint, hint, nothing]);
      given += 3;
    }
  };
  const { migration, failures } = await admin.untilRest(migrationId, giveHints);
  expect(given).toBeGreaterThan(50);
  expect({ state: migration.state, failures }).toEqual({ state: 'completed', failures: [] });
  expect(await company.faults(migrationId)).toEqual([]);
  const { calls } = await company.simulator.stats();
  // Each job that leased what another one had would have run its people again.
  expect(calls['POST /admin/directory/v1/users 200']).toBe(150);
  for (const lane of lanes) {
    expect(await lane.getFailedCount()).toBe(0);
    await lane.close();
  }
}, 300_000);

test('dispatchers that lose their lock in mid-run, and two that form batches at once, do no harm', async () => {
  await using company = await startCompany({ profile: 'quiet', feed: 300, workers: 0 });
  const { admin, bascule } = company;
  const id = migrationIdSchema.parse(await admin.launch());
  const ledger = openLedger(bascule.databaseUrl, { poolSize: 16 });
  try {
    const errands = await Promise.all(
      Array.from({ length: 16 }, () =>
        formErrand(ledger.db, { migrationId: id, kind: 'shared', lane: 'directory', pauseMs: 0, restMaxMs: 0 }),
      ),
    );
    expect(errands.filter((errand) => errand !== undefined)).toHaveLength(1);
    const due = ['direct', 'listed'] as const;
    const batches = await Promise.all(
      Array.from({ length: 16 }, () =>
        formBatch(ledger.db, { migrationId: id, step: 'account', lane: 'directory', sizeMax: 50, due }),
      ),
    );
    const formed = batches.flatMap((batch) => batch?.batchId ?? []);
    expect(new Set(formed).size).toBe(formed.length);
    const { rows } = await ledger.pool.query(
      `select batch.size, (select count(*) from step where batch_id = batch.id) as held from batch where kind = 'account'`,
    );
    const sizes = z.array(z.object({ size: z.number(), held: z.coerce.number() })).parse(rows);
    expect(sizes.length).toBeGreaterThan(1);
    for (const { size, held } of sizes) expect(held).toBe(size);
  } finally {
    await ledger.close();
  }
  bascule.addWorker();
  bascule.addWorker();
  let lost = 0;
  let nextAt = 0;
  const loseLock = async () => {
    // Each dispatcher gets some ticks: without any, nothing would ever be dispatched.
    if (performance.now() < nextAt) return;
    nextAt = performance.now() + 1_500;
    await withClient(company, async (client) => {
      const { rowCount } = await client.query(
        `select pg_terminate_backend(pid) from pg_locks
         where locktype = 'advisory' and objid = 7204615 and granted
           and database = (select oid from pg_database where datname = current_database())`,
      );
      lost += rowCount ?? 0;
    });
  };
  const { migration } = await admin.untilRest(id, loseLock);
  expect(lost).toBeGreaterThan(2);
  expect(migration).toMatchObject({ state: 'completed', cause: null });
  expect(await company.faults(id)).toEqual([]);
  expect(Number((await company.simulator.stats())['calendars'])).toBe(1);
}, 300_000);
