import pg from 'pg';
import { expect, test } from 'vitest';
import { createTestDatabase } from '#libs/testing';

async function tables(url: string): Promise<number> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const { rowCount } = await client.query("select from pg_tables where schemaname = 'public'");
  await client.end();
  return rowCount ?? 0;
}

test('each test gets a database of its own that has the whole schema', async () => {
  const [one, other] = await Promise.all([createTestDatabase(), createTestDatabase()]);
  expect(one.url).not.toBe(other.url);
  expect(await tables(one.url)).toBeGreaterThan(10);
  expect(await tables(other.url)).toBe(await tables(one.url));
  await Promise.all([one.drop(), other.drop()]);
  await expect(tables(one.url)).rejects.toThrow('does not exist');
});
