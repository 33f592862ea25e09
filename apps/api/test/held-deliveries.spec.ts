import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import type { Role } from '#libs/vocabulary';
import { startApi, type TestApi } from './setup.js';

let api: TestApi;
let url: string;

beforeAll(async () => {
  api = await startApi();
  await api.app.listen({ host: '127.0.0.1', port: 0 });
  url = await api.app.getUrl();
});
afterAll(() => api.stop());

const header = 'worker_id,legal_given_name,legal_family_name,worker_type,status,hire_date,country';
const people = (count: number, status = 'ACTIVE') =>
  [
    header,
    ...Array.from({ length: count }, (_, at) => `${at + 1},Zoë,Müller,EMPLOYEE,${status},2020-01-01,DE`),
    '',
  ].join('\n');

const deliverySchema = z.looseObject({
  id: z.string(),
  state: z.string(),
  cause: z.string().nullable(),
  waitsFor: z.string().nullable(),
  difference: z.looseObject({ fingerprint: z.string() }).nullable(),
});
const pageSchema = z.looseObject({
  measures: z.array(z.looseObject({})),
  changes: z.array(z.unknown()),
  cursor: z.string().nullable(),
});

async function call(role: Role, method: string, path: string, body?: string | object, headers = {}) {
  const response = await fetch(`${url}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${await api.token(role)}`,
      ...(typeof body === 'string' ? { 'content-type': 'text/csv', prefer: 'wait=60' } : {}),
      ...(typeof body === 'object' ? { 'content-type': 'application/json' } : {}),
      ...headers,
    },
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const answer: unknown = await response.json();
  return { status: response.status, body: answer };
}

async function push(source: string, feed: string, query = 'mode=full') {
  const { status, body } = await call('feed', 'POST', `/v1/feeds/${source}/deliveries?${query}`, feed);
  expect(status).toBe(202);
  return deliverySchema.parse(body);
}

async function untilState(source: string, id: string, state: string): Promise<void> {
  const read = async () => (await call('feed', 'GET', `/v1/feeds/${source}/deliveries/${id}`)).body;
  await expect.poll(read, { timeout: 20_000 }).toMatchObject({ state });
}

test('a held delivery is shown with its limits, approved by an admin for exactly what was shown, then applied', async () => {
  await push('approved', people(100));
  const held = await push('approved', people(60, 'TERMINATED'), 'mode=delta');
  expect(held).toMatchObject({ state: 'held', decision: null });
  expect(held.cause).toContain('60 people would leave, of 100 (limit 50)');
  const path = `/v1/feeds/approved/deliveries/${held.id}`;

  const first = await call('operator', 'GET', `${path}/difference?measure=leavers&limit=40`);
  const difference = pageSchema.parse(first.body);
  expect(difference).toMatchObject({ state: 'held', fingerprint: held.difference?.fingerprint });
  expect(difference.measures[0]).toMatchObject({ measure: 'leavers', count: 60, of: 100, limit: 50, isOver: true });
  expect(difference.changes).toHaveLength(40);
  const cursor = encodeURIComponent(difference.cursor ?? '');
  const second = await call('operator', 'GET', `${path}/difference?measure=leavers&limit=40&cursor=${cursor}`);
  const rest = pageSchema.parse(second.body);
  expect(rest.changes).toHaveLength(20);
  expect(rest.cursor).toBeNull();

  const decision = { fingerprint: held.difference?.fingerprint, note: 'The shop in Ulm closes.' };
  expect((await call('feed', 'POST', `${path}/approve`, decision)).status).toBe(403);
  expect((await call('operator', 'POST', `${path}/approve`, decision)).status).toBe(403);
  const wrong = await call('admin', 'POST', `${path}/approve`, { fingerprint: '0'.repeat(64) });
  expect(wrong).toMatchObject({ status: 409, body: { code: 'other_difference' } });
  expect((await call('admin', 'POST', `${path}/approve`, { fingerprint: 'yes' })).status).toBe(400);
  expect((await call('admin', 'POST', `${path}/approve`, decision)).status).toBe(200);
  await untilState('approved', held.id, 'done');
  const { body: done } = await call('feed', 'GET', path);
  expect(done).toMatchObject({ rows: { leaver: 60 }, decision: { verdict: 'approved', note: decision.note } });
  expect(await call('admin', 'POST', `${path}/approve`, decision)).toMatchObject({
    status: 409,
    body: { code: 'not_held' },
  });
});

test('a rejected delivery is refused for good and lets those behind it through', async () => {
  await push('rejected', people(100));
  const held = await push('rejected', people(60, 'TERMINATED'), 'mode=delta');
  const behind = await call('feed', 'POST', '/v1/feeds/rejected/deliveries?mode=full', people(101), {
    prefer: 'wait=0',
  });
  const next = deliverySchema.parse(behind.body);
  expect(next).toMatchObject({ state: 'received', waitsFor: held.id });
  const metrics = await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${await api.token('viewer')}` } });
  expect(await metrics.text()).toMatch(/bascule_held_deliveries\{source="rejected"[^}]*\} 1/);
  const path = `/v1/feeds/rejected/deliveries/${held.id}`;
  const { status, body } = await call('operator', 'POST', `${path}/reject`, {
    fingerprint: held.difference?.fingerprint,
  });
  expect(status).toBe(200);
  expect(deliverySchema.parse(body).cause).toMatch(/^rejected_by_person: operator/);
  await untilState('rejected', next.id, 'done');
});

test('population and effective time are taken, and wrong ones named with the fix', async () => {
  const bad = async (query: string) =>
    (await call('feed', 'POST', `/v1/feeds/times/deliveries?${query}`, people(1))).body;
  expect(await bad('mode=delta&population=FR')).toMatchObject({ errors: [{ field: 'population' }] });
  expect(await bad('mode=full&population=a%20b')).toMatchObject({ errors: [{ field: 'population' }] });
  expect(await bad('mode=full&effectiveAt=yesterday')).toMatchObject({ errors: [{ field: 'effectiveAt' }] });
  expect(await bad('mode=full&effectiveAt=2999-01-01T00:00:00Z')).toMatchObject({
    errors: [{ field: 'effectiveAt', message: 'lies in the future' }],
  });
  const query = 'mode=full&population=FR&effectiveAt=2026-01-02T03:04:05%2B01:00';
  const first = await call('feed', 'POST', `/v1/feeds/times/deliveries?${query}`, people(1), {
    'idempotency-key': 'one',
  });
  expect(first.body).toMatchObject({ state: 'done', population: 'FR', effectiveAt: '2026-01-02T02:04:05.000Z' });
  const again = await call('feed', 'POST', `/v1/feeds/times/deliveries?${query}`, people(1), {
    'idempotency-key': 'one',
  });
  expect(again.body).toMatchObject({ id: deliverySchema.parse(first.body).id });
  const other = await call('feed', 'POST', '/v1/feeds/times/deliveries?mode=full', people(1), {
    'idempotency-key': 'one',
  });
  expect(other.status).toBe(422);
});

test('what waits for a person is listed over all sources, with counts by kind and country and nobody’s name', async () => {
  await push('listed', people(100));
  const before = Date.now();
  const held = await push('listed', people(60, 'TERMINATED'), 'mode=delta');
  await call('feed', 'POST', '/v1/feeds/listed/deliveries?mode=delta', people(1), { prefer: '' });
  const listSchema = z.array(z.looseObject({ id: z.string(), since: z.string() }));
  const list = async () => listSchema.parse((await call('viewer', 'GET', '/v1/held-deliveries')).body);
  const [one, ...others] = (await list()).filter(({ id }) => id === held.id);
  expect(others).toEqual([]);
  expect(one).toMatchObject({
    source: 'listed',
    mode: 'delta',
    fingerprint: held.difference?.fingerprint,
    counts: { leavers: { DE: 60 }, addressChanges: {} },
    waiting: 1,
  });
  expect(JSON.stringify(one)).toContain('"isOver":true,"sentence":"60 people would leave, of 100 (limit 50)"');
  expect(Date.parse(one?.since ?? '')).toBeGreaterThan(before - 60_000);
  expect(JSON.stringify(one)).not.toMatch(/Zoë|Müller/);
  const { status } = await call('feed', 'GET', '/v1/held-deliveries');
  expect(status).toBe(403);
  await call('operator', 'POST', `/v1/feeds/listed/deliveries/${held.id}/reject`, {
    fingerprint: held.difference?.fingerprint,
  });
  expect((await list()).map(({ id }) => id)).not.toContain(held.id);
});
