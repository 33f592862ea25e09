import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { createTestDatabase, firstLine, launch, testServices } from '#libs/testing';

const header = 'worker_id,legal_given_name,legal_family_name,worker_type,status,hire_date,country';

const deliverySchema = z.looseObject({ state: z.string() });
const portSchema = z.object({ port: z.number() });

async function setup() {
  const [database, services] = await Promise.all([createTestDatabase(), testServices()]);
  const token = `bsc_${randomBytes(32).toString('base64url')}`;
  const environment = {
    BASCULE_DATABASE_URL: database.url,
    BASCULE_REDIS_URL: services.redisUrl,
    BASCULE_REDIS_PREFIX: `test-${randomBytes(6).toString('hex')}`,
    BASCULE_PORT: '0',
    BASCULE_BOOTSTRAP_TOKEN: token,
    BASCULE_LOG_LEVEL: 'info',
  };
  onTestFinished(() => database.drop());
  const start = async () => {
    const api = launch('api', [], environment);
    onTestFinished(() => api.stop());
    const { port } = portSchema.parse(JSON.parse(await firstLine(api)));
    return { api, url: `http://127.0.0.1:${port}/v1/feeds/hr/deliveries` };
  };
  return { start, headers: { authorization: `Bearer ${token}` } };
}

test('a delivery survives the death of the API right after its answer, and is applied once by the next one', async () => {
  const { start, headers } = await setup();
  const rows = Array.from({ length: 5_000 }, (_, index) => `${index},Zoë,Müller,EMPLOYEE,ACTIVE,2020-01-01,DE`);
  const first = await start();
  const response = await fetch(`${first.url}?mode=full`, {
    method: 'POST',
    headers: { ...headers, 'content-type': 'text/csv' },
    body: [header, ...rows, ''].join('\n'),
  });
  first.api.kill('SIGKILL');
  expect(response.status).toBe(202);
  const id = response.headers.get('location')?.split('/').at(-1);
  await first.api.ended;
  const { url } = await start();
  const read = async () => deliverySchema.parse(await (await fetch(`${url}/${id}`, { headers })).json());
  const deadline = performance.now() + 90_000;
  let delivery = await read();
  while (delivery.state !== 'done' && performance.now() < deadline) {
    await sleep(100);
    delivery = await read();
  }
  expect(delivery).toMatchObject({ state: 'done', rows: { total: 5_000, new: 5_000 } });
}, 120_000);
