import { parse } from 'csv-parse/sync';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { push, startCompany, type TestCompany } from './company.js';

let company: TestCompany;
beforeAll(async () => {
  company = await startCompany();
});
afterAll(() => company.stop());

const header = 'worker_id,legal_given_name,legal_family_name,worker_type,status,hire_date,country';
const row = (number: string, name = 'Zoë', status = 'ACTIVE') =>
  `${number},${name},Müller,EMPLOYEE,${status},2020-01-01,DE`;
const csv = (...rows: string[]) => `${[header, ...rows].join('\n')}\n`;

const pageSchema = z.looseObject({
  workers: z.array(z.looseObject({ workerId: z.string(), state: z.string() })),
  cursor: z.string().nullable(),
});
const deliveriesSchema = z.looseObject({
  deliveries: z.array(z.looseObject({ id: z.string(), state: z.string() })),
  cursor: z.string().nullable(),
});

const ask = (path: string) => company.send('feed', 'GET', `/v1/feeds/${path}`);

/** A table as it is asked for by the Accept header. */
async function table(path: string): Promise<{ type: unknown; text: string; rows: Record<string, string>[] }> {
  const headers = { authorization: `Bearer ${await company.api.token('feed')}`, accept: 'text/csv' };
  const { statusCode, headers: answered, body } = await company.api.app.inject({ url: `/v1/feeds/${path}`, headers });
  expect(statusCode).toBe(200);
  return { type: answered['content-type'], text: body, rows: parse(body, { columns: true }) };
}

/** Pushes rows of which some may be rejected, and gives the delivery's id. */
async function deliver(source: string, feed: string, mode = 'full'): Promise<string> {
  const url = `${await company.api.app.getUrl()}/v1/feeds/${source}/deliveries?mode=${mode}`;
  const headers = { authorization: `Bearer ${await company.api.token('feed')}`, 'content-type': 'text/csv' };
  const response = await fetch(url, { method: 'POST', headers: { ...headers, prefer: 'wait=60' }, body: feed });
  return z.looseObject({ id: z.string() }).parse(await response.json()).id;
}

test('a worker whose record was taken in is not planned, and the delivery that brought it is named', async () => {
  const delivery = await deliver('plain', csv(row('W 1/ä')));
  expect(await ask(`plain/workers/${encodeURIComponent('W 1/ä')}`)).toMatchObject({
    status: 200,
    body: {
      workerId: 'W 1/ä',
      state: 'not_planned',
      reason: null,
      meaning: expect.stringContaining('no plan includes it yet'),
      sentence: expect.stringMatching(/^Cannot sign in: there is no account yet\./),
      address: null,
      accountExists: false,
      recordVersion: 1,
      provisionedVersion: null,
      deliveryId: delivery,
      rejected: null,
    },
  });
});

test('a worker of another source, or of none, is not found', async () => {
  await deliver('mine', csv(row('1')));
  for (const path of ['yours/workers/1', 'mine/workers/2']) {
    expect(await ask(path)).toMatchObject({ status: 404, body: { type: 'urn:bascule:problem:not-found' } });
  }
});

test('a newer row that was rejected is told beside the record before it, until a good one comes', async () => {
  await deliver('mending', csv(row('1'), row('2')));
  const broken = await deliver('mending', csv(row('1', 'Zoë', 'FIRED'), row('9', 'Zoë', 'FIRED')), 'delta');
  expect(await ask('mending/workers/1')).toMatchObject({
    status: 200,
    body: {
      recordVersion: 1,
      rejected: { deliveryId: broken, line: 2, problems: [{ field: 'status', reason: 'status_unknown' }] },
    },
  });
  expect(await ask('mending/workers/2')).toMatchObject({ body: { rejected: null } });
  expect(await ask('mending/workers/9')).toMatchObject({
    status: 404,
    body: { detail: expect.stringContaining('rejected'), rejected: { deliveryId: broken, line: 3 } },
  });
  await deliver('mending', csv(row('1', 'Zoé')), 'delta');
  expect(await ask('mending/workers/1')).toMatchObject({ body: { recordVersion: 2, rejected: null } });
});

test('the address is offered back once it is issued, in pages and as one table, formulas disarmed', async () => {
  await deliver('back', csv(row('=1+1'), row('@2'), row('3', 'Ada')));
  const id = await company.create(['3']);
  await company.plan(id);
  expect(await ask('back/workers/3')).toMatchObject({ body: { state: 'planned', address: null } });
  await company.send('admin', 'POST', `/v1/migrations/${id}/approve`);
  await company.send('operator', 'POST', `/v1/migrations/${id}/start`);
  const allocated = { state: 'pending', address: expect.stringMatching(/^ada\..*@/), addressState: 'allocated' };
  expect(await ask('back/workers/3')).toMatchObject({ body: allocated });
  const seen: unknown[] = [];
  for (let cursor = '', more = true; more;) {
    const page = pageSchema.parse((await ask(`back/workers?limit=1${cursor}`)).body);
    seen.push(...page.workers.map(({ workerId, state }) => [workerId, state]));
    more = page.cursor !== null;
    cursor = `&cursor=${page.cursor}`;
  }
  expect(seen).toHaveLength(3);
  expect(Object.fromEntries(z.array(z.tuple([z.string(), z.string()])).parse(seen))).toEqual({
    '=1+1': 'not_planned',
    '@2': 'not_planned',
    '3': 'pending',
  });
  const { type, rows, text } = await table('back/workers');
  expect(type).toBe('text/csv; charset=utf-8');
  expect(text.split('\n')[0]).toMatch(/^worker_id,work_email,address_state,state,reason,meaning,since,/);
  expect(new Set(rows.map(({ worker_id }) => worker_id))).toEqual(new Set(["'=1+1", "'@2", '3']));
  expect(rows.find(({ worker_id }) => worker_id === '3')).toMatchObject({
    work_email: expect.stringMatching(/^ada\./),
    address_state: 'allocated',
    state: 'pending',
    account_exists: 'false',
  });
  expect((await table('back/workers?state=pending')).rows).toHaveLength(1);
  expect(pageSchema.parse((await ask('back/workers?changedSince=2999-01-01T00:00:00Z')).body).workers).toEqual([]);
  expect(pageSchema.parse((await ask('back/workers?changedSince=2020-01-01T00:00:00Z')).body).workers).toHaveLength(3);
});

test.each([
  ['state=happy', 'state'],
  ['changedSince=yesterday', 'changedSince'],
  ['changedSince=2026-11-25T06:00:00', 'changedSince'],
  ['cursor=%25', 'cursor'],
  ['limit=0', 'limit'],
  ['colour=red', ''],
])('the question %j is refused with the field', async (query, field) => {
  expect(await ask(`hr/workers?${query}`)).toMatchObject({ status: 400, body: { errors: [{ field }] } });
});

test('a delivery’s rows as CSV are as many as were sent, in their order, each with all that is said of it', async () => {
  const numbers = Array.from({ length: 2_500 }, (_, index) => String(index + 1));
  const rows = numbers.map((number) => (Number(number) % 20 === 0 ? row(number, '', 'FIRED') : row(number)));
  const id = await deliver('fates', csv(...rows, row('-7')));
  const { rows: fates } = await table(`fates/deliveries/${id}/records`);
  expect(fates.map(({ row: at }) => Number(at))).toEqual(Array.from({ length: 2_501 }, (_, index) => index + 1));
  const counts = Object.groupBy(fates, ({ outcome = '' }) => outcome);
  expect([counts['new']?.length, counts['rejected']?.length]).toEqual([2_376, 125]);
  expect(fates[0]).toMatchObject({ worker_id: '1', outcome: 'new', fields: '', reasons: '', messages: '' });
  expect(fates[19]).toMatchObject({ line: '21', worker_id: '20', reasons: expect.stringContaining('status_unknown') });
  expect(fates.at(-1)).toMatchObject({ worker_id: "'-7", outcome: 'new', reasons: 'formula_like_text' });
  const rejected = await table(`fates/deliveries/${id}/records?outcome=rejected`);
  expect(rejected.rows).toHaveLength(125);
  expect((await table(`fates/deliveries/${id}/records?outcome=duplicate`)).text.trim().split('\n')).toHaveLength(1);
});

test('tables that nobody takes to their end keep no connection to the ledger', async () => {
  const feed = csv(...Array.from({ length: 6_000 }, (_, index) => row(String(index))));
  const id = await deliver('abandoned', feed);
  const url = `${await company.api.app.getUrl()}/v1/feeds/abandoned`;
  const headers = { authorization: `Bearer ${await company.api.token('feed')}`, accept: 'text/csv' };
  for (const path of [`deliveries/${id}/records`, 'workers']) {
    const taken = await Promise.all(Array.from({ length: 5 }, () => fetch(`${url}/${path}`, { headers })));
    expect(await ask('abandoned/workers/7')).toMatchObject({ status: 200 });
    for (const { body } of taken) await body?.cancel();
  }
  expect(await ask('abandoned/workers/7')).toMatchObject({ status: 200 });
});

test('deliveries are listed newest first, by state, page by page', async () => {
  const done = [await deliver('list', csv(row('1'))), await deliver('list', csv(row('2')))];
  const refused = await deliver('list', 'nonsense\n');
  await deliver('list-other', csv(row('1')));
  const idsOf = async (query: string) => {
    const { body } = await ask(`list/deliveries?${query}`);
    const { deliveries, cursor } = deliveriesSchema.parse(body);
    return { ids: deliveries.map(({ id }) => id), cursor };
  };
  expect(await idsOf('')).toEqual({ ids: [refused, ...done.toReversed()], cursor: null });
  expect((await idsOf('state=done')).ids).toEqual(done.toReversed());
  const first = await idsOf('limit=2');
  expect(first).toEqual({ ids: [refused, done[1]], cursor: done[1] });
  expect(await idsOf(`limit=2&cursor=${first.cursor}`)).toEqual({ ids: [done[0]], cursor: null });
});

test('viewers may ask, too', async () => {
  await push(company.api, 'seen', csv(row('1')));
  expect(await company.send('viewer', 'GET', '/v1/feeds/seen/workers/1')).toMatchObject({ status: 200 });
  expect(await company.send('viewer', 'GET', '/v1/feeds/seen/deliveries')).toMatchObject({ status: 200 });
});

test('a token that is bound to a source asks for that source’s workers only', async () => {
  await deliver('bound', csv(row('1')));
  const headers = { authorization: `Bearer ${await company.api.token('feed', 'bound')}` };
  const statusOf = async (path: string) =>
    (await company.api.app.inject({ url: `/v1/feeds/${path}`, headers })).statusCode;
  for (const path of ['workers', 'workers/1', 'deliveries']) {
    expect([await statusOf(`bound/${path}`), await statusOf(`mine/${path}`)]).toEqual([200, 403]);
  }
});
