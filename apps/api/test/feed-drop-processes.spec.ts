import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { expect, onTestFinished, test, vi } from 'vitest';
import { createTestDatabase, launch, testServices } from '#libs/testing';

const header = 'worker_id,legal_given_name,legal_family_name,worker_type,status,hire_date,country';

test('several processes that watch the same folder take each file once', async () => {
  const [database, services] = await Promise.all([createTestDatabase(), testServices()]);
  onTestFinished(() => database.drop());
  const folder = mkdtempSync(join(tmpdir(), 'bascule-drop-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const delta = join(folder, 'hr', 'delta');
  mkdirSync(delta, { recursive: true });
  const numbers = Array.from({ length: 40 }, (_, index) => index);
  for (const number of numbers) {
    writeFileSync(join(delta, `${number}.csv`), `${header}\n${number},Zoë,Müller,EMPLOYEE,ACTIVE,2020-01-01,DE\n`);
    writeFileSync(join(delta, `${number}.csv.done`), '');
  }
  const environment = {
    BASCULE_DATABASE_URL: database.url,
    BASCULE_REDIS_URL: services.redisUrl,
    BASCULE_REDIS_PREFIX: `test-${randomBytes(6).toString('hex')}`,
    BASCULE_PORT: '0',
    BASCULE_FEED_FOLDER: folder,
    BASCULE_FEED_LOOK_SECONDS: '0.1',
  };
  for (let count = 0; count < 3; count += 1) {
    const api = launch('api', [], environment);
    onTestFinished(() => api.stop());
  }
  const results = () => readdirSync(join(folder, 'hr', 'taken')).filter((name) => name.endsWith('.result.json'));
  await vi.waitFor(() => expect(results()).toHaveLength(numbers.length), { timeout: 180_000, interval: 200 });
  await vi.waitFor(() => expect(readdirSync(delta)).toEqual([]), { timeout: 20_000, interval: 100 });
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  onTestFinished(() => client.end());
  const { rows } = await client.query(
    `select count(*)::int as deliveries, sum(rows_new)::int as people, max(attempts) as attempts from feed_delivery`,
  );
  expect(rows).toEqual([{ deliveries: numbers.length, people: numbers.length, attempts: 1 }]);
}, 240_000);
