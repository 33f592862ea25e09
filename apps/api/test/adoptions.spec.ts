import { generateKeyPairSync } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startApi, type TestApi } from './setup.js';

let api: TestApi;
let admin: string;
beforeAll(async () => {
  api = await startApi();
  admin = await api.token('admin');
  await api.foundation.ledger.pool.query(
    `insert into employee (source, employee_number, version, fingerprint, status, country, effective_at, last_delivery)
     values ('hr', '1', 1, '', 'active', 'FR', now(), 1), ('hr', '2', 1, '', 'active', 'FR', now(), 1), ('other', '2', 1, '', 'active', 'FR', now(), 1)`,
  );
});
afterAll(() => api.stop());

const request = (method: 'GET' | 'PUT' | 'POST' | 'DELETE', url: string, payload?: object, token = admin) =>
  api.app.inject({
    method,
    url,
    headers: { authorization: `Bearer ${token}` },
    ...(payload !== undefined && { payload }),
  });

test('an admin names accounts, sees the list, and takes entries off it', async () => {
  const adoptions = [
    { employeeNumber: '1', account: 'Ada@shop.example' },
    { employeeNumber: '2', source: 'other', account: '117000000000000000001' },
  ];
  expect((await request('PUT', '/v1/adoptions', { adoptions })).json()).toEqual({ named: 2 });
  const { adoptions: list, cursor } = (await request('GET', '/v1/adoptions')).json<{
    adoptions: { employeeId: string; employeeNumber: string; account: string }[];
    cursor: string | null;
  }>();
  expect(cursor).toBeNull();
  const accounts = Object.fromEntries(list.map(({ employeeNumber, account }) => [employeeNumber, account]));
  expect(accounts).toEqual({ '1': 'ada@shop.example', '2': '117000000000000000001' });
  const [{ employeeId } = { employeeId: '' }] = list;
  expect((await request('DELETE', `/v1/adoptions/${employeeId}`)).statusCode).toBe(204);
  expect((await request('DELETE', `/v1/adoptions/${employeeId}`)).statusCode).toBe(404);
});

test('a wrong list is refused whole, with the place of each fault', async () => {
  const adoptions = [
    { employeeNumber: '1', account: 'zoe@shop.example' },
    { employeeNumber: '2', account: 'bob@shop.example' },
    { employeeNumber: '404', account: 'eve@shop.example' },
  ];
  const refused = await request('PUT', '/v1/adoptions', { adoptions });
  expect(refused.statusCode).toBe(400);
  expect(refused.json()).toMatchObject({
    type: 'urn:bascule:problem:invalid-field',
    errors: [
      { field: 'adoptions.1.employeeNumber', message: 'is used by several sources: say which one in source' },
      { field: 'adoptions.2.employeeNumber', message: 'is known by no feed' },
    ],
  });
  expect((await request('GET', '/v1/adoptions')).body).not.toContain('zoe@shop.example');
  const shape = await request('PUT', '/v1/adoptions', { adoptions: [{ employeeNumber: '1', account: 'zoe' }] });
  expect(shape.json()).toMatchObject({ errors: [{ field: 'adoptions.0.account' }] });
});

test('operators neither name accounts nor take first passwords out', async () => {
  const operator = await api.token('operator');
  expect((await request('GET', '/v1/adoptions', undefined, operator)).statusCode).toBe(403);
  const url = '/v1/migrations/00000000-0000-4000-8000-000000000000/handover';
  expect((await request('GET', url, undefined, operator)).statusCode).toBe(403);
  expect((await request('GET', url)).statusCode).toBe(404);
});

test('a migration whose blueprint hands passwords over needs a public key that can be used', async () => {
  const document =
    'blueprint: 1\nname: Handover\ndomains: [shop.example]\npassword: handover\norgUnit: /\nlicence: none\n';
  await request('POST', '/v1/blueprints', { document });
  const create = (handoverKey?: string) =>
    request('POST', '/v1/migrations', { name: 'x', blueprint: 'Handover', ...(handoverKey && { handoverKey }) });
  expect((await create()).json()).toMatchObject({ errors: [{ field: 'handoverKey' }] });
  expect((await create('nonsense')).json()).toMatchObject({ errors: [{ field: 'handoverKey' }] });
  const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const created = await create(publicKey.export({ type: 'spki', format: 'pem' }).toString());
  expect(created.statusCode).toBe(201);
  const { id } = created.json<{ id: string }>();
  const answer = await request('GET', `/v1/migrations/${id}/handover`);
  expect(answer.json()).toEqual({ scheme: 'RSA-OAEP-256', passwords: [], cursor: null });
  const { rows } = await api.foundation.ledger.pool.query(
    "select count(*)::int as count from event where kind = 'handover_exported' and migration_id = $1",
    [id],
  );
  expect(rows).toEqual([{ count: 1 }]);
});
