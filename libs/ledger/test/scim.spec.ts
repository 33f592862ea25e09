import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  createScimUser,
  deliverScimChanges,
  listScimUsers,
  openLedger,
  type Ledger,
  type ScimObject,
} from '#libs/ledger';
import { createTestDatabase, type TestDatabase } from '#libs/testing';

let database: TestDatabase;
let ledger: Ledger;
beforeAll(async () => {
  database = await createTestDatabase();
  // One connection, so that what it has read can be counted.
  ledger = openLedger(database.url, { poolSize: 1 });
});
afterAll(async () => {
  await ledger.close();
  await database.drop();
});

const mediaType = 'application/x-test-changes';
const managerOf = ({ manager }: ScimObject) => (typeof manager === 'string' ? manager : undefined);

/** Delivers what waits; gives the numbers that were found of the managers, and the sources with a fault. Nobody of that name can be delivered. */
async function deliver(broken?: string) {
  const managers: (string | undefined)[] = [];
  const faults: string[] = [];
  const count = await deliverScimChanges(ledger.db, {
    mediaType,
    referenceOf: managerOf,
    compose: (_settings, changes, numberOf) => {
      if (changes.some(({ resource }) => resource['userName'] === broken)) throw new Error('cannot be composed');
      managers.push(...changes.map(({ resource }) => numberOf(managerOf(resource) ?? '')));
      return { bytes: Buffer.from('\n'), rows: new Map(changes.map(({ id }, index) => [id, index + 1])) };
    },
    onFault: (source) => faults.push(source),
  });
  return { count, managers, faults };
}

const create = (source: string, employeeNumber: string, more: ScimObject = {}) => {
  const resource = { userName: employeeNumber, ...more };
  return createScimUser(ledger.db, { source, employeeNumber, resource, search: resource, actor: 'test' });
};

async function rowsRead(): Promise<number> {
  await ledger.pool.query('select pg_stat_force_next_flush()');
  const { rows } = await ledger.pool.query<{ read: number }>(
    `select sum(seq_tup_read + coalesce(idx_tup_fetch, 0))::bigint as read from pg_stat_user_tables
     where relname in ('scim_user', 'feed_delivery')`,
  );
  return rows[0]?.read ?? 0;
}

test('a change and its manager are found without reading the other users and the deliveries of before', async () => {
  await ledger.pool.query(
    `insert into scim_user (source, employee_number, resource, search, changed_by, delivered_change)
     select 'large', 'n' || i, resource, resource, 'test', 1000000
     from generate_series(1, 4000) as i, jsonb_build_object('userName', 'u' || i, 'externalId', 'e' || i) as resource`,
  );
  await ledger.pool.query(
    `insert into feed_delivery (source, mode, media_type, received_by, state, finished_at)
     select 'large', 'delta', '${mediaType}', 'test', 'done', now() from generate_series(1, 4000)`,
  );
  await ledger.pool.query('analyze scim_user, feed_delivery');
  const { id } = await create('large', 'boss');
  const references = [id.toUpperCase(), 'n7', 'e8', 'U9', 'nobody'];
  for (const [index, manager] of references.entries()) await create('large', `report-${index}`, { manager });
  const before = await rowsRead();
  const { count, managers } = await deliver();
  const read = (await rowsRead()) - before;
  expect(count).toBe(1);
  expect(managers).toEqual([undefined, 'boss', 'n7', 'n8', 'n9', undefined]);
  expect(read).toBeLessThan(200);
});

test('a page after a cursor is found without reading the pages before it', async () => {
  await ledger.pool.query(
    `insert into scim_user (source, employee_number, resource, search, changed_by, delivered_change)
     select 'paged', 'n' || i, resource, resource, 'test', 1000000
     from generate_series(1, 4000) as i, jsonb_build_object('userName', 'p' || i) as resource`,
  );
  await ledger.pool.query('analyze scim_user');
  const { rows } = await ledger.pool.query<{ id: string }>(
    `select id from scim_user where source = 'paged' order by sequence offset 3979 limit 1`,
  );
  const of = (limit: number) =>
    listScimUsers(ledger.db, {
      source: 'paged',
      condition: undefined,
      sort: undefined,
      limit,
      from: { after: rows[0]?.id ?? '' },
    });
  const start = await rowsRead();
  expect(await of(0)).toEqual({ users: [], total: 4_000 });
  const counted = await rowsRead();
  const { users } = await of(10);
  const listed = await rowsRead();
  expect(users.map(({ resource }) => resource['userName'])).toEqual(
    Array.from({ length: 10 }, (_, index) => `p${3_981 + index}`),
  );
  expect(listed - counted - (counted - start)).toBeLessThan(100);
});

test('a source whose changes cannot be delivered does not hold up the others', async () => {
  await create('a-broken', 'broken');
  await create('b-sound', 'sound');
  expect(await deliver('broken')).toMatchObject({ count: 1, faults: ['a-broken'] });
  expect(await deliver()).toMatchObject({ count: 1, faults: [] });
});
