import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { z } from 'zod';
import {
  addEndpoint,
  listMessages,
  noteFinished,
  openDelivery,
  receiveDelivery,
  settle,
  takeDelivery,
  type StepChange,
} from '#libs/ledger';
import type { WebhookEvent } from '#libs/vocabulary';
import { change, openTestLedger, running, take, type TestLedger } from './fixture.js';

let opened: TestLedger;
beforeAll(async () => {
  opened = await openTestLedger();
});
beforeEach(async () => {
  await opened.ledger.pool.query('delete from webhook_endpoint');
});
afterAll(() => opened.close());

const listen = (events: readonly WebhookEvent[], source: string | null = null) =>
  addEndpoint(opened.ledger.db, { url: 'https://hr.example/', source, events, secret: 'whsec_', actor: 'test' });

const bodySchema = z.strictObject({
  type: z.string(),
  timestamp: z.iso.datetime(),
  data: z.looseObject({
    source: z.string(),
    count: z.number().optional(),
    workers: z.array(z.string()).optional(),
  }),
});
const dataOf = async (endpointId: string) =>
  (await listMessages(opened.ledger.db, endpointId, { limit: 1_000 })).map(({ event, body }) => {
    const { type, data } = bodySchema.parse(JSON.parse(body));
    expect(type).toBe(event);
    expect(Buffer.byteLength(body)).toBeLessThanOrEqual(20_000);
    return { event, ...data };
  });

async function deliver(source: string, end: { refused: string } | undefined): Promise<string> {
  const { db } = opened.ledger;
  const { id } = await openDelivery(db, {
    source,
    mode: 'full',
    mediaType: 'text/csv',
    contentEncoding: null,
    idempotencyKey: null,
    actor: 'test',
  });
  await receiveDelivery(db, id, { sha256: new Uint8Array(32), bytes: 0 });
  expect(await takeDelivery(opened.ledger, async () => end)).toBe(true);
  return id;
}

const finish = async (batch: Awaited<ReturnType<typeof take>>, outcome: (at: number) => Partial<StepChange>) =>
  settle(opened.ledger, {
    migrationId: batch.migrationId,
    slot: 1,
    actor: 'test',
    timeScale: 1,
    shares: [{ batch, changes: batch.items.map((item, at) => change(item, outcome(at))), accounts: [], last: true }],
  });

/**
 * Looks until everybody who is finished by now was told; gives how many messages that were. Whatever else runs on the server
 * may hold it up for a while.
 */
async function tellAll(): Promise<number> {
  const { ledger } = opened;
  let messages = 0;
  await vi.waitFor(
    async () => {
      messages += await noteFinished(ledger, 0);
      const { rows } = await ledger.pool.query<{ done: boolean }>(
        'select told >= (select last_value from enrolment_finished_seq where is_called) as done from webhook_cursor',
      );
      expect(rows[0]?.done).not.toBe(false);
    },
    { timeout: 60_000, interval: 20 },
  );
  return messages;
}

test('a delivery that is done or refused is told with its counts, to those who listen, in its own transaction', async () => {
  const all = await listen(['delivery.done', 'delivery.refused']);
  const done = await listen(['delivery.done'], 'hr-one');
  const other = await listen(['delivery.done'], 'hr-two');
  const id = await deliver('hr-one', undefined);
  const refused = await deliver('hr-one', { refused: 'empty_file: The file is empty: send it again.' });
  const told = { event: 'delivery.done', source: 'hr-one', delivery: id, mode: 'full', state: 'done', reason: null };
  expect(await dataOf(all)).toEqual([
    expect.objectContaining({ event: 'delivery.refused', delivery: refused, state: 'refused', reason: 'empty_file' }),
    expect.objectContaining({ ...told, rows: expect.objectContaining({ total: 0, rejected: 0 }) }),
  ]);
  expect(await dataOf(done)).toEqual([expect.objectContaining(told)]);
  expect(await dataOf(other)).toEqual([]);
});

test('a delivery whose applying fails is not told', async () => {
  const endpoint = await listen(['delivery.done', 'delivery.refused']);
  const { db } = opened.ledger;
  const wanted = { source: 'breaking', mode: 'full', mediaType: 'text/csv', contentEncoding: null } as const;
  const { id } = await openDelivery(db, { ...wanted, idempotencyKey: null, actor: 'test' });
  await receiveDelivery(db, id, { sha256: new Uint8Array(32), bytes: 0 });
  await expect(takeDelivery(opened.ledger, () => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
  expect(await dataOf(endpoint)).toEqual([]);
  await opened.ledger.pool.query('delete from feed_delivery where id = $1', [id]);
});

test('a start tells whom it gave addresses and who is finished by it, gathered into few messages', async () => {
  const endpoint = await listen(['workers.addresses_allocated', 'workers.failed', 'workers.provisioned']);
  const crowd = Array.from({ length: 1_200 }, (_, at) => ({ number: `s${10_000 + at}`, steps: ['account'] as const }));
  const conflict = { number: 'c1', steps: [], action: 'conflict', reason: 'address_reserved' } as const;
  const nothing = { number: 'n1', steps: [], action: 'nothing' } as const;
  await running(opened.ledger, [...crowd, conflict, nothing]);
  const told = await dataOf(endpoint);
  const allocated = told.filter(({ event }) => event === 'workers.addresses_allocated');
  expect(allocated.map((data) => data.count)).toEqual(expect.arrayContaining([500, 500, 200]));
  expect(allocated).toHaveLength(3);
  expect(new Set(allocated.flatMap((data) => data.workers ?? []))).toEqual(new Set(crowd.map(({ number }) => number)));
  expect(told.filter(({ event }) => event !== 'workers.addresses_allocated')).toEqual(
    expect.arrayContaining([
      { event: 'workers.failed', source: 'hr', count: 1, workers: ['c1'] },
      { event: 'workers.provisioned', source: 'hr', count: 1, workers: ['n1'] },
    ]),
  );
});

test('however long the ids are, no message is larger than 20 KB', async () => {
  const endpoint = await listen(['workers.addresses_allocated']);
  const crowd = Array.from({ length: 200 }, (_, at) => ({
    number: `${'鈴"'.repeat(30)}${at}`,
    address: `long${at}@shop.example`,
    steps: ['account'] as const,
  }));
  await running(opened.ledger, crowd);
  const told = await dataOf(endpoint);
  expect(told.length).toBeGreaterThan(1);
  expect(told.reduce((sum, { count }) => sum + (count ?? 0), 0)).toBe(200);
});

test('finished workers are told once, by what became of them', async () => {
  const { ledger } = opened;
  await tellAll();
  const events = ['workers.provisioned', 'workers.failed', 'workers.left'] as const;
  const endpoint = await listen(events);
  const people = ['f1', 'f2', 'f3', 'f4', 'f5'].map((number) => ({ number, steps: ['account'] as const }));
  const id = await running(ledger, people);
  const batch = await take(ledger, id, 'account', 4);
  const ends: Partial<StepChange>[] = [
    {},
    { state: 'failed', reason: 'invalid_field' },
    { state: 'failed', reason: 'account_turned_up' },
    { state: 'skipped', reason: 'left' },
  ];
  await finish(batch, (at) => ends[at] ?? {});
  expect(await tellAll()).toBe(3);
  const numbers = batch.items.map(({ desired }) => desired.employeeNumber);
  const message = (event: string, workers: string[]) => ({ event, source: 'hr', count: workers.length, workers });
  const told = await dataOf(endpoint);
  expect(told).toHaveLength(3);
  expect(told).toEqual(
    expect.arrayContaining([
      message('workers.provisioned', numbers.slice(0, 1)),
      message('workers.failed', numbers.slice(1, 3)),
      message('workers.left', numbers.slice(3, 4)),
    ]),
  );
  expect(await tellAll()).toBe(0);
  await finish(await take(ledger, id, 'account'), () => ({}));
  expect(await tellAll()).toBe(1);
});

test('whose last day is over is told as having left, whose last day is to come is not', async () => {
  const { ledger } = opened;
  await tellAll();
  const endpoint = await listen(['workers.provisioned', 'workers.left']);
  const day = (ahead: number) => new Date(Date.now() + ahead * 86_400_000).toISOString().slice(0, 10);
  const people = ['over', 'ahead'].map((number) => ({ number, steps: ['account'] as const, action: 'update' }));
  const id = await running(ledger, people);
  const batch = await take(ledger, id, 'account');
  for (const [number, ahead] of [
    ['over', -2],
    ['ahead', 2],
  ] as const) {
    await ledger.pool.query(
      `update employee_version set record = jsonb_build_object('endDate', $2::text) from employee
       where employee.id = employee_id and employee_number = $1`,
      [number, day(ahead)],
    );
  }
  await finish(batch, () => ({}));
  await tellAll();
  expect(await dataOf(endpoint)).toEqual(
    expect.arrayContaining([
      { event: 'workers.left', source: 'hr', count: 1, workers: ['over'] },
      { event: 'workers.provisioned', source: 'hr', count: 1, workers: ['ahead'] },
    ]),
  );
});

test('who is finished by a transaction that commits late is told when it has ended, not missed', async () => {
  const { ledger } = opened;
  await tellAll();
  const endpoint = await listen(['workers.provisioned']);
  const people = ['late', 'soon'].map((number) => ({ number, steps: ['account'] as const }));
  const id = await running(ledger, people);
  const client = await ledger.pool.connect();
  try {
    await client.query('begin');
    // Draws the lower number and commits after the higher one.
    await client.query(
      `update enrolment set state = 'done', live = false, finished_seq = nextval('enrolment_finished_seq')
       from employee where employee.id = employee_id and employee_number = 'late' and migration_id = $1`,
      [id],
    );
    await ledger.pool.query(
      `update enrolment set state = 'done', live = false, finished_seq = nextval('enrolment_finished_seq')
       from employee where employee.id = employee_id and employee_number = 'soon' and migration_id = $1`,
      [id],
    );
    for (let times = 0; times < 3; times += 1) expect(await noteFinished(ledger, 0)).toBe(0);
    await client.query('commit');
  } finally {
    client.release();
  }
  expect(await tellAll()).toBe(1);
  expect(await dataOf(endpoint)).toEqual([
    { event: 'workers.provisioned', source: 'hr', count: 2, workers: ['late', 'soon'] },
  ]);
});

test('a ledger that was restored into a younger cluster, where transactions count from lower on, goes on telling', async () => {
  const { ledger } = opened;
  await tellAll();
  const endpoint = await listen(['workers.provisioned']);
  const id = await running(ledger, [{ number: 'restored', steps: ['account'] }]);
  await ledger.pool.query(`update webhook_cursor set mark_xid = '9000000000'`);
  await finish(await take(ledger, id, 'account'), () => ({}));
  expect(await tellAll()).toBe(1);
  expect(await dataOf(endpoint)).toMatchObject([{ workers: ['restored'] }]);
});

test('an endpoint is told nothing of what happened before it was there', async () => {
  const { ledger } = opened;
  const id = await running(ledger, [{ number: 'before', steps: ['account'] }]);
  await finish(await take(ledger, id, 'account'), () => ({}));
  await tellAll();
  const endpoint = await listen(['workers.provisioned']);
  await tellAll();
  expect(await dataOf(endpoint)).toEqual([]);
});
