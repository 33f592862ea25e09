import { beforeAll, afterAll, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '#libs/testing';
import { openLedger, searchEmployees, type Ledger } from '../src/index.js';

let database: TestDatabase;
let ledger: Ledger;
const people = 20_000;

beforeAll(async () => {
  database = await createTestDatabase();
  // One connection, so that what it read can be told afterwards.
  ledger = openLedger(database.url, { poolSize: 1 });
  await ledger.pool.query(`
    insert into employee (source, employee_number, version, fingerprint, status, country, effective_at, last_delivery)
    select 'hr', lpad(n::text, 6, '0'), 1, '', 'active', 'FR', now(), 1 from generate_series(1, ${people}) as n;
    insert into employee_version (employee_id, version, record)
    select id, 1, jsonb_build_object('legalName', jsonb_build_object('givenName', 'Zoë', 'familyName', 'Müller')) from employee;
    insert into employee_search (employee_id, name_words, addresses)
    select id, array_to_tsvector(array['zoe', 'muller', 'mueller', 'n' || employee_number]),
      array['m' || employee_number || '@old.example'] from employee;
    insert into address_reservation (address, employee_id, kind, state)
    select 'r' || employee_number || '@new.example', id, 'primary', 'issued' from employee;
    insert into account (employee_id, google_id, primary_email, origin)
    select id, 'g' || employee_number, 'Adopted.' || employee_number || '@new.example', 'adopted' from employee
    where employee_number > '010000';
    analyze`);
}, 120_000);

afterAll(async () => {
  await ledger.close();
  await database.drop();
});

const found = async (query: string, words: readonly string[]) =>
  (await searchEmployees(ledger.db, query, words)).map(({ employeeNumber }) => employeeNumber);

test('people are found by number, by present, former and reserved address, whatever the case', async () => {
  expect(await found('000042', ['000042'])).toEqual(['000042']);
  expect(await found('M000042@Old.example', ['m000042', 'old', 'example'])).toEqual(['000042']);
  expect(await found('r000042@NEW.example', ['r000042', 'new', 'example'])).toEqual(['000042']);
  expect(await found('adopted.010001@new.example', ['adopted', '010001', 'new', 'example'])).toEqual(['010001']);
});

test('people are found by the beginnings of words of the name, in any order, and all words must be there', async () => {
  expect(await found('n000042 zo', ['n000042', 'zo'])).toEqual(['000042']);
  expect(await found('mueller n000042', ['mueller', 'n000042'])).toEqual(['000042']);
  expect(await found('n00004 zoe schmidt', ['n00004', 'zoe', 'schmidt'])).toEqual([]);
  expect(await found('---', [])).toEqual([]);
});

test('what everybody is called gives twenty, the one whose number it is first', async () => {
  expect(await found('zoe', ['zoe'])).toHaveLength(20);
  await ledger.pool.query("update employee set employee_number = 'zoe' where employee_number = '015000'");
  const hits = await found('zoe', ['zoe']);
  expect([hits.length, hits[0]]).toEqual([20, 'zoe']);
});

test('a hit shows the name and the address that is in force', async () => {
  const [reserved] = await searchEmployees(ledger.db, '000042', []);
  expect(reserved).toMatchObject({
    name: 'Zoë Müller',
    address: 'r000042@new.example',
    source: 'hr',
    status: 'active',
  });
  const [adopted] = await searchEmployees(ledger.db, '010001', []);
  expect(adopted?.address).toBe('Adopted.010001@new.example');
});

test('no search reads a whole table, whatever is asked for', async () => {
  const scans = async () => {
    await ledger.pool.query('select pg_stat_force_next_flush()');
    const { rows } = await ledger.pool.query<{ relname: string; seq_scan: number }>(
      `select relname, seq_scan::integer from pg_stat_user_tables
       where relname in ('employee', 'employee_version', 'employee_search', 'address_reservation', 'account')`,
    );
    return Object.fromEntries(rows.map(({ relname, seq_scan: count }) => [relname, count]));
  };
  const before = await scans();
  const queries = ['000042', 'n000042 zo', 'z', 'nobody@nowhere.example'];
  for (const query of queries) {
    await found(query, query.split(/[^a-z0-9]/));
    expect([query, await scans()]).toEqual([query, before]);
  }
});
