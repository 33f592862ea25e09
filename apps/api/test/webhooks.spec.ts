import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { z } from 'zod';
import { answerWith, startReceiver, verifyMessage, type TestReceiver } from '#libs/testing';
import type { Role } from '#libs/vocabulary';
import { expectDocumented, type Method } from './documented.js';
import { startApi, type TestApi } from './setup.js';

let api: TestApi;
let receiver: TestReceiver;
beforeAll(async () => {
  api = await startApi({ BASCULE_WEBHOOK_TARGETS: 'private' });
  await api.app.listen({ host: '127.0.0.1', port: 0 });
});
beforeEach(async () => {
  receiver = await startReceiver();
});
afterEach(async () => {
  await api.foundation.ledger.pool.query('delete from webhook_endpoint');
  await receiver.close();
});
afterAll(() => api.stop());

async function send(role: Role, method: Method, url: string, payload?: object) {
  const headers = { authorization: `Bearer ${await api.token(role)}` };
  const response = await api.app.inject({ method, url, headers, ...(payload !== undefined && { payload }) });
  expectDocumented(api, method, url, response);
  const body: unknown = response.body === '' ? undefined : JSON.parse(response.body);
  return { status: response.statusCode, body };
}

const createdSchema = z.looseObject({ id: z.string(), secret: z.string() });
const heldSchema = z.looseObject({
  id: z.string(),
  state: z.literal('held'),
  difference: z.looseObject({ fingerprint: z.string() }),
});
const messagesSchema = z.looseObject({
  messages: z.array(z.looseObject({ id: z.string(), state: z.string() })),
  cursor: z.string().nullable(),
});

async function add(body: object = {}) {
  const wanted = { url: `${receiver.url}/hook`, events: ['delivery.done'], ...body };
  const answer = await send('admin', 'POST', '/v1/webhooks', wanted);
  expect(answer.status).toBe(201);
  return createdSchema.parse(answer.body);
}

async function push(source: string, feed: string) {
  const url = `${await api.app.getUrl()}/v1/feeds/${source}/deliveries?mode=full`;
  const headers = { authorization: `Bearer ${await api.token('feed')}`, 'content-type': 'text/csv', prefer: 'wait=60' };
  const response = await fetch(url, { method: 'POST', headers, body: feed });
  return z.looseObject({ id: z.string(), state: z.string() }).parse(await response.json());
}

const feed = [
  'worker_id,legal_given_name,legal_family_name,worker_type,status,hire_date,country',
  '1,Zoë,Müller,EMPLOYEE,ACTIVE,2020-01-01,DE',
  '2,Zoë,Müller,EMPLOYEE,FIRED,2020-01-01,DE',
].join('\n');

const until = (check: () => void | Promise<void>) => vi.waitFor(check, { timeout: 30_000, interval: 50 });

test('what becomes of a delivery is told by a signed message, which holds ids and counts and no person', async () => {
  const { secret } = await add({ source: 'told', events: ['delivery.done', 'delivery.refused'] });
  const done = await push('told', feed);
  await push('elsewhere', feed);
  const refused = await push('told', 'nonsense\n');
  await until(() => expect(receiver.received).toHaveLength(2));
  const told = receiver.received.map((one) => verifyMessage(one, secret));
  expect(told).toEqual(
    expect.arrayContaining([
      {
        type: 'delivery.done',
        timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
        data: {
          source: 'told',
          delivery: done.id,
          mode: 'full',
          state: 'done',
          reason: null,
          rows: { total: 2, new: 1, updated: 0, unchanged: 0, rejected: 1, leaver: 0 },
        },
      },
      {
        type: 'delivery.refused',
        timestamp: expect.any(String),
        data: expect.objectContaining({ delivery: refused.id, state: 'refused', reason: 'header_missing_column' }),
      },
    ]),
  );
  for (const { body } of receiver.received) expect(body).not.toMatch(/Zoë|Müller/);
});

test('a delivery that is held is told, and so is the word of the person who rejects it', async () => {
  await add({ source: 'guarded', events: ['delivery.held', 'delivery.refused'] });
  const people = (status: string) =>
    Array.from({ length: 60 }, (_, at) => `${at},Zoë,Müller,EMPLOYEE,${status},2020-01-01,DE`).join('\n');
  const [header = ''] = feed.split('\n');
  await push('guarded', `${header}\n${people('ACTIVE')}\n`);
  const held = heldSchema.parse(await push('guarded', `${header}\n${people('TERMINATED')}\n`));
  await until(() => expect(receiver.received).toHaveLength(1));
  expect(JSON.parse(receiver.received[0]?.body ?? '')).toMatchObject({
    type: 'delivery.held',
    data: { source: 'guarded', delivery: held.id, state: 'held', rows: { total: 60, leaver: 60 } },
  });
  const path = `/v1/feeds/guarded/deliveries/${held.id}/reject`;
  const payload = { fingerprint: held.difference.fingerprint, note: 'Anna says no.' };
  const headers = { authorization: `Bearer ${await api.token('operator')}` };
  expect((await api.app.inject({ method: 'POST', url: path, headers, payload })).statusCode).toBe(200);
  await until(() => expect(receiver.received).toHaveLength(2));
  expect(JSON.parse(receiver.received[1]?.body ?? '')).toMatchObject({
    type: 'delivery.refused',
    data: { delivery: held.id, reason: 'rejected_by_person' },
  });
  expect(receiver.received[1]?.body).not.toContain('Anna');
});

test('a secret is shown once; listing and reading never show it', async () => {
  const { id, secret } = await add();
  expect(secret).toMatch(/^whsec_/);
  const { body } = await send('admin', 'GET', '/v1/webhooks');
  expect(body).toMatchObject([{ id, events: ['delivery.done'], source: null, pending: 0, dead: 0, disabledAt: null }]);
  expect(JSON.stringify(body)).not.toContain('whsec_');
});

test('a test message arrives, and so does one under the new secret after a rotation', async () => {
  const { id, secret } = await add();
  expect(await send('admin', 'POST', `/v1/webhooks/${id}/test`)).toMatchObject({ status: 202 });
  await until(() => expect(receiver.received).toHaveLength(1));
  const rotated = await send('admin', 'POST', `/v1/webhooks/${id}/rotate`, { overlapHours: 0 });
  const { secret: next } = z.looseObject({ secret: z.string() }).parse(rotated.body);
  await send('admin', 'POST', `/v1/webhooks/${id}/test`);
  await until(() => expect(receiver.received).toHaveLength(2));
  const [first, second] = receiver.received;
  if (first === undefined || second === undefined) throw new Error('not both came');
  expect(verifyMessage(first, secret)).toMatchObject({ type: 'webhook.test', data: { webhook: id } });
  expect(verifyMessage(second, next)).toMatchObject({ type: 'webhook.test' });
  expect(() => verifyMessage(second, secret)).toThrow(/signature/i);
});

test('dead messages are read, redelivered by id or all at once, and counted for monitoring', async () => {
  const { id } = await add();
  await receiver.close();
  const messages = async (query = '') =>
    messagesSchema.parse((await send('admin', 'GET', `/v1/webhooks/${id}/messages${query}`)).body);
  for (let count = 0; count < 3; count += 1) await send('admin', 'POST', `/v1/webhooks/${id}/test`);
  await until(async () =>
    expect((await messages()).messages).toMatchObject(
      Array.from({ length: 3 }, () => ({ attempts: 1, lastResult: 'not_reached' })),
    ),
  );
  // As if the last try had come.
  await api.foundation.ledger.pool.query("update webhook_message set state = 'dead', finished_at = now()");
  const metrics = await api.app.inject({
    url: '/metrics',
    headers: { authorization: `Bearer ${await api.token('viewer')}` },
  });
  expect(metrics.body).toMatch(/bascule_webhook_dead_messages\{[^}]*\} 3/);
  expect(metrics.body).toMatch(/bascule_webhook_attempts_total\{[^}]*end="again"[^}]*\} 3/);
  const page = await messages('?state=dead&limit=2');
  expect(page.messages).toHaveLength(2);
  const rest = await messages(`?state=dead&limit=2&cursor=${page.cursor}`);
  expect(rest).toMatchObject({ messages: [{ state: 'dead' }], cursor: null });
  await receiver.open();
  const one = rest.messages[0]?.id;
  const redeliver = (body: object) => send('admin', 'POST', `/v1/webhooks/${id}/redeliver`, body);
  expect(await redeliver({ messages: [one] })).toMatchObject({ body: { redelivered: 1 } });
  await until(() => expect(receiver.received.map((came) => came.id)).toEqual([one]));
  expect(await redeliver({})).toMatchObject({ body: { redelivered: 2 } });
  await until(() => expect(receiver.received).toHaveLength(3));
  await until(async () => expect((await messages('?state=sent')).messages).toHaveLength(3));
});

test('a receiver that says 410 Gone gets nothing more until it is enabled', async () => {
  const { id } = await add();
  receiver.answer(answerWith(410));
  await send('admin', 'POST', `/v1/webhooks/${id}/test`);
  await until(async () => {
    const { body } = await send('admin', 'GET', '/v1/webhooks');
    expect(body).toMatchObject([{ disabledReason: 'gone', dead: 1 }]);
  });
  for (const act of ['test', 'redeliver']) {
    const refused = await send('admin', 'POST', `/v1/webhooks/${id}/${act}`, {});
    expect(refused).toMatchObject({ status: 409, body: { code: 'webhook_disabled' } });
  }
  receiver.answer(answerWith(200));
  expect(await send('admin', 'POST', `/v1/webhooks/${id}/enable`)).toMatchObject({ body: { disabledAt: null } });
  await send('admin', 'POST', `/v1/webhooks/${id}/redeliver`, {});
  await until(() => expect(receiver.received).toHaveLength(2));
});

test('a removed webhook is told nothing', async () => {
  const { id } = await add({ source: 'removed' });
  expect(await send('admin', 'DELETE', `/v1/webhooks/${id}`)).toEqual({ status: 204, body: undefined });
  await push('removed', feed);
  const { rows } = await api.foundation.ledger.pool.query('select from webhook_message');
  expect(rows).toEqual([]);
  expect(receiver.received).toEqual([]);
});

test.each([
  [{ url: 'http://hr.example/' }, 'url'],
  [{ url: 'https://169.254.169.254/latest' }, 'url'],
  [{ url: 'https://name:secret@hr.example/' }, 'url'],
  [{ events: [] }, 'events'],
  [{ events: ['delivery.lost'] }, 'events.0'],
  [{ source: 'no such name!' }, 'source'],
])('%j is refused with the field', async (change, field) => {
  const wanted = { url: receiver.url, events: ['delivery.done'], ...change };
  expect(await send('admin', 'POST', '/v1/webhooks', wanted)).toMatchObject({
    status: 400,
    body: { errors: [{ field }] },
  });
});

test('webhooks are an admin’s, and what is not there is not found', async () => {
  expect(await send('operator', 'GET', '/v1/webhooks')).toMatchObject({ status: 403 });
  expect(await send('feed', 'POST', '/v1/webhooks', { url: receiver.url, events: ['delivery.done'] })).toMatchObject({
    status: 403,
  });
  const id = randomUUID();
  for (const act of ['rotate', 'enable', 'test', 'redeliver']) {
    expect(await send('admin', 'POST', `/v1/webhooks/${id}/${act}`, {})).toMatchObject({ status: 404 });
  }
  expect(await send('admin', 'DELETE', `/v1/webhooks/${id}`)).toMatchObject({ status: 404 });
  expect(await send('admin', 'GET', `/v1/webhooks/${id}/messages`)).toMatchObject({ status: 404 });
});
