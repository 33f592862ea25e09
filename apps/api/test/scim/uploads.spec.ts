import { randomUUID } from 'node:crypto';
import { parse } from 'csv-parse/sync';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { settleSource } from '#libs/ledger';
import { feedSourceSettingsSchema } from '#libs/vocabulary';
import { coreUrn, enterpriseUrn, expectError, ScimClient, wholeWorker, workerUrn, type Body } from './client.js';

let client: ScimClient;
beforeAll(async () => {
  client = await ScimClient.start('uploads');
});
afterAll(() => client.stop());

const requestUrn = 'urn:ietf:params:scim:api:messages:2.0:BulkRequest';
const operation = (data: Body, bulkId: string = randomUUID()) => ({ method: 'POST', bulkId, path: '/Users', data });
const request = (operations: readonly unknown[]) => ({
  schemas: [requestUrn],
  Operations: operations,
  failOnErrors: null,
});

const deliverySchema = z.object({
  id: z.uuid(),
  state: z.string(),
  mode: z.string(),
  mediaType: z.string(),
  rows: z.record(z.string(), z.number()),
});
const recordsSchema = z.object({
  records: z.array(
    z.object({
      row: z.number(),
      bulkId: z.string().nullable(),
      employeeNumber: z.string().nullable(),
      outcome: z.string(),
      problems: z.array(z.object({ field: z.string(), reason: z.string(), message: z.string() })),
    }),
  ),
});

async function call(
  path: string,
  { headers, ...init }: { method?: string; body?: string; headers?: Record<string, string> } = {},
) {
  const token = await client.api.token('feed', client.source);
  return fetch(`${client.address}${path}`, { ...init, headers: { authorization: `Bearer ${token}`, ...headers } });
}

async function upload(
  operations: readonly unknown[],
  headers: Record<string, string> = {},
  path = '/v1/feeds/uploads/bulk',
) {
  const body = JSON.stringify(request(operations));
  const type = { 'content-type': 'application/scim+json' };
  return call(path, { method: 'POST', body, headers: { ...type, prefer: 'wait=60', ...headers } });
}

const told = async (response: Response) => deliverySchema.parse(await response.json());
async function recordsOf(id: string) {
  const response = await call(`/v1/feeds/uploads/deliveries/${id}/records`);
  return recordsSchema.parse(await response.json()).records;
}

/** As Microsoft documents the payload of bulkUpload, with other people's names. */
const entraWorker = {
  schemas: [coreUrn, enterpriseUrn, workerUrn],
  externalId: '701984',
  userName: 'bjensen@example.com',
  name: {
    formatted: 'Ms. Barbara J Jensen, III',
    familyName: 'Jensen',
    givenName: 'Barbara',
    middleName: 'Jane',
    honorificPrefix: 'Ms.',
  },
  displayName: 'Babs Jensen',
  nickName: 'Babs',
  emails: [{ value: 'bjensen@example.com', type: 'work', primary: true }],
  addresses: [
    {
      type: 'work',
      streetAddress: '100 Universal City Plaza',
      locality: 'Hollywood',
      region: 'CA',
      postalCode: '91608',
      country: 'US',
      primary: true,
    },
  ],
  phoneNumbers: [{ value: '555-555-5555', type: 'work' }],
  userType: 'Employee',
  title: 'Tour Guide',
  preferredLanguage: 'en-US',
  locale: 'en-US',
  timezone: 'America/Los_Angeles',
  active: true,
  password: 't1meMa$heen',
  [enterpriseUrn]: {
    employeeNumber: '701984',
    costCenter: '4130',
    organization: 'Universal Studios',
    division: 'Theme Park',
    department: 'Tour Operations',
    manager: { value: '89607', displayName: 'John Smith' },
  },
  [workerUrn]: { hireDate: '2020-11-02' },
};

test('Entra: an upload is answered 202 with the address of a delivery to poll, whose rows say what became of each bulkId', async () => {
  const [good, bad, broken] = ['897401c2', 'no-country', 'no-user'];
  const { addresses: _addresses, ...nowhere } = entraWorker;
  const response = await upload([
    operation(entraWorker, good),
    operation({ ...nowhere, externalId: '701985', userName: 'other@example.com' }, bad),
    operation({ schemas: [coreUrn], active: 'secret' }, broken),
  ]);
  expect(response.status).toBe(202);
  const delivery = await told(response);
  expect(response.headers.get('location')).toBe(`/v1/feeds/uploads/deliveries/${delivery.id}`);
  expect(delivery).toMatchObject({
    state: 'done',
    mode: 'delta',
    mediaType: 'application/scim+json',
    rows: { total: 3, new: 1, rejected: 2 },
  });
  const records = await recordsOf(delivery.id);
  expect(
    records.map(({ bulkId, employeeNumber, outcome, problems }) => [
      bulkId,
      employeeNumber,
      outcome,
      problems.map(({ reason }) => reason),
    ]),
  ).toEqual([
    [good, '701984', 'new', ['manager_unknown']],
    [bad, '701985', 'rejected', ['country_unknown']],
    [broken, null, 'rejected', ['operation_invalid']],
  ]);
  const table = await call(`/v1/feeds/uploads/deliveries/${delivery.id}/records?format=csv`);
  const lines: unknown[] = parse(await table.text(), { columns: true });
  expect(lines).toMatchObject([
    { bulk_id: good, row: '1', worker_id: '701984', outcome: 'new' },
    { bulk_id: bad, row: '2', worker_id: '701985', reasons: 'country_unknown' },
    { bulk_id: broken, row: '3', worker_id: '', reasons: 'operation_invalid' },
  ]);
  expect(records[2]?.problems[0]?.message).toBe('active must be true or false.');
  expect(await client.records()).toMatchObject([
    {
      employeeNumber: '701984',
      legalName: { givenName: 'Barbara', familyName: 'Jensen' },
      preferredName: { givenName: 'Babs' },
      managerNumber: '89607',
      workLanguage: 'en-US',
      costCentre: '4130',
    },
  ]);
  expect(await client.search({})).toMatchObject({ body: { totalResults: 0 } });
});

test('several operations on one worker are no conflict: the last one counts, and each is answered', async () => {
  const of = (title: string) => operation(wholeWorker({ externalId: 'thrice', userName: 'thrice', title }), title);
  const response = await upload([
    of('First'),
    operation(wholeWorker({ externalId: 'once' })),
    of('Second'),
    of('Third'),
  ]);
  const delivery = await told(response);
  expect(delivery.rows).toMatchObject({ total: 4, new: 2, duplicate: 2, rejected: 0 });
  const jobTitles = (await client.records())
    .filter(({ employeeNumber }) => employeeNumber === 'thrice')
    .map(({ jobTitle }) => jobTitle);
  expect(jobTitles).toEqual(['Third']);
  expect((await recordsOf(delivery.id)).map(({ bulkId }) => bulkId)).toEqual([
    'First',
    expect.any(String),
    'Second',
    'Third',
  ]);
});

test('an upload that is repeated under its key is the first one once more, another one under that key is refused', async () => {
  const operations = [operation(wholeWorker())];
  const key = { 'idempotency-key': '"upload-1"' };
  const first = await told(await upload(operations, key));
  const again = await upload(operations, key);
  expect(again.status).toBe(202);
  expect((await told(again)).id).toBe(first.id);
  expect((await upload([operation(wholeWorker())], key)).status).toBe(422);
});

test('what is settled for the source’s SCIM users holds for uploads, but a first day is never made up', async () => {
  await settleSource(client.api.foundation.ledger.db, {
    name: 'uploads',
    settings: feedSourceSettingsSchema.parse({
      scim: { workerType: 'temp', country: 'FR', employeeNumberFrom: 'employeeNumber' },
    }),
    actor: 'test',
  });
  const bare = (externalId: string, employeeNumber: string, more: Body = {}) =>
    operation(
      {
        schemas: [coreUrn],
        userName: externalId,
        externalId,
        name: { familyName: 'Bare' },
        [enterpriseUrn]: { employeeNumber },
        ...more,
      },
      externalId,
    );
  const { id } = await told(
    await upload([bare('e-1', 'n-1', { [workerUrn]: { hireDate: '2024-01-01' } }), bare('e-2', 'n-2')]),
  );
  expect(
    (await recordsOf(id)).map(({ employeeNumber, outcome, problems }) => [
      employeeNumber,
      outcome,
      problems[0]?.reason,
    ]),
  ).toEqual([
    ['n-1', 'new', 'name_single'],
    ['n-2', 'rejected', 'hire_date_missing'],
  ]);
  expect(await client.records()).toContainEqual(
    expect.objectContaining({ employeeNumber: 'n-1', workerType: 'temp', country: 'FR' }),
  );
});

test('an upload that is none is refused whole, by problem or SCIM error, whichever interface was asked', async () => {
  const good = operation(wholeWorker());
  const uploads: [unknown, number][] = [
    ['{', 400],
    [{ Operations: [good] }, 400],
    [request([]), 400],
    [{ ...request([good]), failOnErrors: 1 }, 400],
    [request([{ ...good, method: 'DELETE' }]), 400],
    [request([{ ...good, path: '/Groups' }]), 400],
    [request([{ ...good, bulkId: undefined }]), 400],
    [request([good, good]), 400],
    [request(Array.from({ length: 1_001 }, () => operation({}))), 413],
    [request([operation({ displayName: 'x'.repeat(2 * 1024 * 1024) })]), 413],
  ];
  for (const [body, status] of uploads) {
    const init = {
      method: 'POST',
      body: typeof body === 'string' ? body : JSON.stringify(body),
      headers: { 'content-type': 'application/json' },
    };
    const problem = await call('/v1/feeds/uploads/bulk', init);
    expect(problem.status).toBe(status);
    expect(problem.headers.get('content-type')).toContain('application/problem+json');
    const answer = await client.send('POST', '/bulkUpload', body);
    expectError(
      answer,
      status,
      status === 400 ? (answer.body['scimType'] === 'invalidValue' ? 'invalidValue' : 'invalidSyntax') : undefined,
    );
  }
});

test('the SCIM interface takes the same upload for the token’s source, and a token bound to a source no other one’s', async () => {
  const response = await upload(
    [operation(wholeWorker({ externalId: 'by-scim', [workerUrn]: { hireDate: '2020-01-01' } }))],
    {},
    '/scim/v2/bulkUpload',
  );
  expect(response.status).toBe(202);
  expect(response.headers.get('location')).toMatch(/^\/v1\/feeds\/uploads\/deliveries\//);
  expect((await told(response)).rows).toMatchObject({ new: 1 });
  expect((await upload([operation(wholeWorker())], {}, '/v1/feeds/elsewhere/bulk')).status).toBe(403);
});

test('an upload with a byte order mark is applied like any other', async () => {
  const response = await call('/v1/feeds/uploads/bulk', {
    method: 'POST',
    body: `\uFEFF${JSON.stringify(request([operation(wholeWorker({ externalId: 'marked', [workerUrn]: { hireDate: '2020-01-01' } }))]))}`,
    headers: { 'content-type': 'application/scim+json', prefer: 'wait=60' },
  });
  expect(await told(response)).toMatchObject({ state: 'done', rows: { total: 1 } });
});
