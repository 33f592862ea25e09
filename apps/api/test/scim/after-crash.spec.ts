import { randomBytes } from 'node:crypto';
import { expect, onTestFinished, test, vi } from 'vitest';
import { z } from 'zod';
import { createTestDatabase, firstLine, launch, testServices } from '#libs/testing';
import { wholeWorker, workerUrn } from './client.js';

const portSchema = z.object({ port: z.number() });
const resultsSchema = z.object({ Operations: z.array(z.object({ status: z.string() })) });
const usersSchema = z.object({
  totalResults: z.number(),
  Resources: z.array(z.looseObject({ [workerUrn]: z.object({ provisioning: z.object({ state: z.string() }) }) })),
});
const deliveriesSchema = z.object({
  deliveries: z.array(z.object({ state: z.string(), rows: z.looseObject({ new: z.number(), updated: z.number() }) })),
});

test('users survive the death of the API right after its answer, and two others deliver each of them once', async () => {
  const [database, services] = await Promise.all([createTestDatabase(), testServices()]);
  onTestFinished(() => database.drop());
  const token = `bsc_${randomBytes(32).toString('base64url')}`;
  const start = async () => {
    const api = launch('api', [], {
      BASCULE_DATABASE_URL: database.url,
      BASCULE_REDIS_URL: services.redisUrl,
      BASCULE_REDIS_PREFIX: `test-${randomBytes(6).toString('hex')}`,
      BASCULE_PORT: '0',
      BASCULE_BOOTSTRAP_TOKEN: token,
      BASCULE_LOG_LEVEL: 'info',
    });
    onTestFinished(() => api.stop());
    const { port } = portSchema.parse(JSON.parse(await firstLine(api)));
    return { api, url: `http://127.0.0.1:${port}` };
  };
  const ask = async (url: string, body?: unknown): Promise<unknown> => {
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    const response = await fetch(
      url,
      body === undefined ? { headers } : { method: 'POST', headers, body: JSON.stringify(body) },
    );
    return response.json();
  };
  const first = await start();
  const operations = Array.from({ length: 60 }, (_, index) => ({
    method: 'POST',
    path: '/Users',
    bulkId: String(index),
    data: wholeWorker({ externalId: `crash-${index}` }),
  }));
  const schemas = ['urn:ietf:params:scim:api:messages:2.0:BulkRequest'];
  const answer = await ask(`${first.url}/scim/v2/Bulk`, { schemas, Operations: operations });
  first.api.kill('SIGKILL');
  expect(resultsSchema.parse(answer).Operations.map(({ status }) => status)).toEqual(operations.map(() => '201'));
  await first.api.ended;
  const [{ url }] = await Promise.all([start(), start()]);
  await vi.waitFor(
    async () => {
      const users = usersSchema.parse(await ask(`${url}/scim/v2/Users?attributes=${workerUrn}:provisioning`));
      expect(users.totalResults).toBe(60);
      expect(new Set(users.Resources.map((user) => user[workerUrn].provisioning.state))).toEqual(new Set(['recorded']));
    },
    { timeout: 60_000, interval: 200 },
  );
  const { deliveries } = deliveriesSchema.parse(await ask(`${url}/v1/feeds/scim/deliveries`));
  expect(deliveries.reduce((sum, { rows }) => sum + rows.new, 0)).toBe(60);
  expect(deliveries.reduce((sum, { rows }) => sum + rows.updated, 0)).toBe(0);
}, 120_000);
