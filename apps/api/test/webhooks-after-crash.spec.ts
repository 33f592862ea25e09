import { randomBytes } from 'node:crypto';
import { expect, onTestFinished, test, vi } from 'vitest';
import { z } from 'zod';
import { openLedger } from '#libs/ledger';
import {
  answerWith,
  createTestDatabase,
  firstLine,
  launch,
  startReceiver,
  testServices,
  verifyMessage,
} from '#libs/testing';

const portSchema = z.object({ port: z.number() });
const createdSchema = z.looseObject({ id: z.string(), secret: z.string() });

async function setup() {
  const [database, services] = await Promise.all([createTestDatabase(), testServices()]);
  const token = `bsc_${randomBytes(32).toString('base64url')}`;
  const environment = {
    BASCULE_DATABASE_URL: database.url,
    BASCULE_REDIS_URL: services.redisUrl,
    BASCULE_REDIS_PREFIX: `test-${randomBytes(6).toString('hex')}`,
    BASCULE_PORT: '0',
    BASCULE_BOOTSTRAP_TOKEN: token,
    BASCULE_WEBHOOK_TARGETS: 'private',
    BASCULE_LOG_LEVEL: 'info',
  };
  const ledger = openLedger(database.url, { poolSize: 2 });
  onTestFinished(async () => {
    await ledger.close();
    await database.drop();
  });
  const start = async () => {
    const api = launch('api', [], environment);
    onTestFinished(() => api.stop());
    const { port } = portSchema.parse(JSON.parse(await firstLine(api)));
    return { api, url: `http://127.0.0.1:${port}` };
  };
  return { start, ledger, headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' } };
}

test('an API that is killed between sending and noting makes the message come once more, with the same webhook-id', async () => {
  const { start, ledger, headers } = await setup();
  const receiver = await startReceiver();
  onTestFinished(() => receiver.close());
  // Takes the message and never says so.
  receiver.answer(() => undefined);
  const first = await start();
  const post = async (path: string, body: object) =>
    (await fetch(`${first.url}${path}`, { method: 'POST', headers, body: JSON.stringify(body) })).json();
  const added = await post('/v1/webhooks', { url: receiver.url, events: ['delivery.done'] });
  const { id, secret } = createdSchema.parse(added);
  await post(`/v1/webhooks/${id}/test`, {});
  await vi.waitFor(() => expect(receiver.received).toHaveLength(1), { timeout: 30_000, interval: 50 });
  first.api.kill('SIGKILL');
  await first.api.ended;
  receiver.answer(answerWith(200));
  // The lease runs out while both of the others look for what is due.
  await Promise.all([start(), start()]);
  await ledger.pool.query('update webhook_message set leased_until = now()');
  const stateOf = async () => (await ledger.pool.query('select state, attempts from webhook_message')).rows;
  await vi.waitFor(async () => expect(await stateOf()).toEqual([{ state: 'sent', attempts: 2 }]), {
    timeout: 30_000,
    interval: 100,
  });
  expect(receiver.received).toHaveLength(2);
  expect(new Set(receiver.received.map((one) => one.id)).size).toBe(1);
  for (const one of receiver.received) expect(verifyMessage(one, secret)).toMatchObject({ type: 'webhook.test' });
}, 120_000);
