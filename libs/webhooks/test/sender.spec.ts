import { createServer } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import {
  addEndpoint,
  addMessage,
  enableEndpoint,
  forgetMessages,
  leaseMessages,
  listMessages,
  openLedger,
  readEndpoint,
  readWebhookFigures,
  redeliver,
  rotateSecret,
  type Ledger,
} from '#libs/ledger';
import {
  answerWith,
  createTestDatabase,
  startReceiver,
  verifyMessage,
  type TestDatabase,
  type TestReceiver,
} from '#libs/testing';
import { newSigningSecret, WebhookSender } from '#libs/webhooks';
import { postOnce } from '../src/post.js';

let database: TestDatabase;
let ledger: Ledger;
let receiver: TestReceiver;
let secret: string;
let endpointId: string;

beforeAll(async () => {
  database = await createTestDatabase();
  ledger = openLedger(database.url, { poolSize: 8 });
});
beforeEach(async () => {
  receiver = await startReceiver();
  secret = newSigningSecret();
  endpointId = await addEndpoint(ledger.db, {
    url: `${receiver.url}/hook`,
    source: null,
    events: ['delivery.done'],
    secret,
    actor: 'test',
  });
});
afterEach(async () => {
  await receiver.close();
  await ledger.pool.query('delete from webhook_endpoint');
});
afterAll(async () => {
  await ledger.close();
  await database.drop();
});

/** Retries at once, so that a test waits for nothing. */
const sender = (options: Partial<ConstructorParameters<typeof WebhookSender>[1]> = {}) =>
  new WebhookSender(ledger, { rule: 'private', schedule: [0, 0], timeoutMs: 10_000, ...options });

const body = '{"type":"delivery.done","data":{"delivery":"1"}}';

async function put(text = body): Promise<string> {
  const id = await addMessage(ledger.db, { endpointId, event: 'delivery.done', body: text });
  if (id === undefined) throw new Error('the endpoint takes no message');
  return id;
}

async function only() {
  const messages = await listMessages(ledger.db, endpointId, { limit: 10 });
  expect(messages).toHaveLength(1);
  return messages[0];
}

test('a receiver that answers 101, or ends the connection, is tried again like any other that does not take it', async () => {
  for (const answer of ['HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: other\r\n\r\n', '']) {
    const server = createServer(
      (socket) => void socket.once('data', () => socket.end(answer)).on('error', () => undefined),
    );
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    const address = server.address();
    const port = typeof address === 'object' ? address?.port : undefined;
    const message = { body, headers: {} };
    const stop = new AbortController().signal;
    const options = { rule: 'private', timeoutMs: 10_000, stop } as const;
    const told = await postOnce(`http://127.0.0.1:${port}/`, message, options);
    expect(told).toEqual(answer === '' ? { trouble: 'not_reached' } : { status: 101, retryAfter: undefined });
  }
});

test('a message comes once, posted as it was stored, and its signature is verified by the library', async () => {
  const id = await put();
  expect(await sender().sendDue()).toBe(1);
  expect(await sender().sendDue()).toBe(0);
  const [received] = receiver.received;
  expect(received).toMatchObject({ path: '/hook', id, body, headers: { 'content-type': 'application/json' } });
  if (received === undefined) throw new Error('nothing came');
  expect(verifyMessage(received, secret)).toEqual(JSON.parse(body));
  expect(() => verifyMessage({ ...received, body: `${body} ` }, secret)).toThrow(/signature/i);
  expect(() => verifyMessage(received, newSigningSecret())).toThrow(/signature/i);
  expect(await only()).toMatchObject({ id, state: 'sent', attempts: 1, lastResult: '204', dueAt: null });
});

test('while a rotation’s overlap lasts, both secrets sign; after it only the new one', async () => {
  const next = newSigningSecret();
  await rotateSecret(ledger.db, { id: endpointId, secret: next, overlapHours: 1, actor: 'test' });
  await put();
  await sender().sendDue();
  await ledger.pool.query("update webhook_endpoint set previous_until = now() - interval '1 second'");
  await put();
  await sender().sendDue();
  const [during, after] = receiver.received;
  if (during === undefined || after === undefined) throw new Error('not both came');
  for (const known of [secret, next]) expect(verifyMessage(during, known)).toEqual(JSON.parse(body));
  expect(during.headers['webhook-signature']?.split(' ')).toHaveLength(2);
  expect(verifyMessage(after, next)).toEqual(JSON.parse(body));
  expect(() => verifyMessage(after, secret)).toThrow(/signature/i);
});

test('a receiver that is down is tried again, and gets the message once it is up, with the same id and body', async () => {
  const id = await put();
  await receiver.close();
  await sender().sendDue();
  expect(await only()).toMatchObject({ state: 'pending', attempts: 1, lastResult: 'not_reached' });
  await receiver.open();
  receiver.answer(answerWith(500));
  await sender().sendDue();
  expect(await only()).toMatchObject({ state: 'pending', attempts: 2, lastResult: '500' });
  receiver.answer(answerWith(200));
  await sender().sendDue();
  expect(await only()).toMatchObject({ state: 'sent', attempts: 3 });
  expect(receiver.received.map((one) => [one.id, one.body])).toEqual([
    [id, body],
    [id, body],
  ]);
});

test('after the last try a message is dead; it is read with its body and sent again by hand, under its old id', async () => {
  const id = await put();
  receiver.answer(answerWith(503));
  for (let tries = 0; tries < 3; tries += 1) expect(await sender().sendDue()).toBe(1);
  expect(await sender().sendDue()).toBe(0);
  expect(await only()).toMatchObject({ id, state: 'dead', attempts: 3, lastResult: '503', body });
  expect(await readWebhookFigures(ledger.db)).toMatchObject({ pending: 0, dead: 1 });
  receiver.answer(answerWith(200));
  expect(await redeliver(ledger.db, endpointId, { messages: undefined, actor: 'test' })).toBe(1);
  await sender().sendDue();
  expect(await only()).toMatchObject({ id, state: 'sent', attempts: 1 });
  expect(await redeliver(ledger.db, endpointId, { messages: [id], actor: 'test' })).toBe(0);
  expect(new Set(receiver.received.map((one) => one.id))).toEqual(new Set([id]));
});

test('a receiver that does not answer is given up at the time-out, and tried again later', async () => {
  await put();
  receiver.answer(() => undefined);
  await sender({ timeoutMs: 100, schedule: [60_000] }).sendDue();
  expect(await only()).toMatchObject({ state: 'pending', attempts: 1, lastResult: 'timed_out' });
  expect(await sender().sendDue()).toBe(0);
});

test('a receiver may ask for more time, and gets it', async () => {
  await put();
  receiver.answer(answerWith(429, { 'retry-after': '3600' }));
  await sender().sendDue();
  const message = await only();
  expect((message?.dueAt?.getTime() ?? 0) - Date.now()).toBeGreaterThan(3_000_000);
});

test('a redirect is not followed', async () => {
  const elsewhere = await startReceiver();
  onTestFinished(() => elsewhere.close());
  await put();
  receiver.answer(answerWith(307, { location: elsewhere.url }));
  await sender().sendDue();
  expect(await only()).toMatchObject({ state: 'pending', lastResult: '307' });
  expect(elsewhere.received).toEqual([]);
});

test('410 Gone disables the endpoint with all that waits for it, until an admin enables it', async () => {
  const first = await put();
  const second = await put();
  await ledger.pool.query("update webhook_message set due_at = now() + interval '1 hour' where id = $1", [second]);
  receiver.answer(answerWith(410));
  await sender().sendDue();
  expect(await readEndpoint(ledger.db, endpointId)).toMatchObject({ disabledReason: 'gone', pending: 0, dead: 2 });
  expect(await addMessage(ledger.db, { endpointId, event: 'webhook.test', body })).toBeUndefined();
  receiver.answer(answerWith(204));
  expect(await enableEndpoint(ledger.db, endpointId, 'test')).toBe(true);
  await redeliver(ledger.db, endpointId, { messages: [second], actor: 'test' });
  await sender().sendDue();
  const states = (await listMessages(ledger.db, endpointId, { limit: 10 })).map(({ id, state }) => [id, state]);
  expect(states).toEqual([
    [second, 'sent'],
    [first, 'dead'],
  ]);
});

test('two processes that send at once never send the same try twice', async () => {
  const ids = await Promise.all(Array.from({ length: 60 }, () => put()));
  const drain = async () => {
    while ((await sender().sendDue()) > 0);
  };
  await vi.waitFor(
    async () => {
      await Promise.all([drain(), drain(), drain()]);
      expect(await readEndpoint(ledger.db, endpointId)).toMatchObject({ pending: 0 });
    },
    { timeout: 60_000, interval: 50 },
  );
  expect(receiver.received.map(({ id }) => id).toSorted(alphabetically)).toEqual(ids.toSorted(alphabetically));
});

const alphabetically = (one: string, other: string) => (one < other ? -1 : 1);

test('what a process that died was sending comes again, with the same id, when its lease has run out', async () => {
  const id = await put();
  const lost = await leaseMessages(ledger.db, { leaseMs: 60_000, atOnce: 4 });
  expect(lost).toMatchObject([{ id, attempt: 1 }]);
  expect(await sender().sendDue()).toBe(0);
  await ledger.pool.query('update webhook_message set leased_until = now()');
  expect(await sender().sendDue()).toBe(1);
  expect(await only()).toMatchObject({ id, state: 'sent', attempts: 2 });
});

test('an endpoint that never answers holds up no other', async () => {
  await Promise.all(Array.from({ length: 12 }, () => put()));
  receiver.answer(() => undefined);
  const other = await startReceiver();
  onTestFinished(() => other.close());
  const url = `${other.url}/`;
  const added = { url, source: null, events: ['delivery.done'] as const, secret, actor: 'test' };
  await addMessage(ledger.db, { endpointId: await addEndpoint(ledger.db, added), event: 'delivery.done', body });
  expect(await sender({ timeoutMs: 200 }).sendDue()).toBe(5);
  expect(other.received).toHaveLength(1);
});

describe('addresses', () => {
  const putTo = async (url: string) => {
    await ledger.pool.query('update webhook_endpoint set url = $1', [url]);
    await put();
  };

  test.each([
    'http://127.0.0.1:9/',
    'https://127.0.0.1:9/',
    'https://[::1]/',
    'https://[::ffff:10.0.0.1]/',
    'https://10.1.2.3/',
    'https://169.254.169.254/',
    'https://2130706433/',
    'https://localhost/',
  ])('by default nothing is sent to %s', async (url) => {
    await putTo(url);
    await sender({ rule: 'public' }).sendDue();
    expect(await only()).toMatchObject({ state: 'pending', lastResult: 'address_refused' });
  });

  test('a cloud’s metadata address is refused whatever the rule', async () => {
    await putTo('https://169.254.169.254/');
    await sender().sendDue();
    expect(await only()).toMatchObject({ lastResult: 'address_refused' });
  });
});

test('what was sent long ago is forgotten, dead ones are kept for longer', async () => {
  const [old, dead, fresh] = [await put(), await put(), await put()];
  const age = "finished_at = now() - interval '10 days'";
  await ledger.pool.query(`update webhook_message set state = 'sent', ${age} where id = $1`, [old]);
  await ledger.pool.query(`update webhook_message set state = 'dead', ${age} where id = $1`, [dead]);
  await forgetMessages(ledger.db, { sentDays: 7, deadDays: 90 });
  const left = (await listMessages(ledger.db, endpointId, { limit: 10 })).map(({ id }) => id);
  expect(left).toEqual([fresh, dead]);
});
