import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import {
  enterpriseUrn,
  errorUrn,
  expectError,
  newUser,
  patchUrn,
  ScimClient,
  type Answer,
  type Body,
} from './client.js';

let client: ScimClient;
beforeAll(async () => {
  client = await ScimClient.start();
});
afterAll(() => client.stop());

const requestUrn = 'urn:ietf:params:scim:api:messages:2.0:BulkRequest';
const responseUrn = 'urn:ietf:params:scim:api:messages:2.0:BulkResponse';
const job = (operations: readonly unknown[], more: Body = {}): Promise<Answer> =>
  client.send('POST', '/Bulk', { schemas: [requestUrn], Operations: operations, ...more });

const resultSchema = z.object({
  method: z.string().optional(),
  bulkId: z.string().optional(),
  version: z.string().optional(),
  location: z.string().optional(),
  status: z.string(),
  response: z
    .looseObject({ schemas: z.tuple([z.literal(errorUrn)]), status: z.string(), detail: z.string() })
    .optional(),
});
function resultsOf(answer: Answer) {
  expect(answer).toMatchObject({ status: 200 });
  return z.object({ schemas: z.tuple([z.literal(responseUrn)]), Operations: z.array(resultSchema) }).parse(answer.body)
    .Operations;
}
const post = (bulkId: string, data: Body = newUser()) => ({ method: 'POST', path: '/Users', bulkId, data });
const idAt = (location = '') => location.split('/').at(-1) ?? '';
const managedBy = (value: string) => newUser({ [enterpriseUrn]: { manager: { value } } });
const managerOf = async (id: string) =>
  (await client.get(`/Users/${id}?attributes=${enterpriseUrn}:manager`)).body[enterpriseUrn];

test('RFC 7644, 3.7: a job creates, replaces, changes and deletes, and answers each operation with a text as status', async () => {
  const [one, two, three] = [await client.create(), await client.create(), await client.create()];
  const answer = await job([
    post('ytrewq'),
    { method: 'PUT', path: `/Users/${one.id}`, data: newUser({ title: 'Put' }) },
    {
      method: 'patch',
      path: `/Users/${two.id}`,
      data: { schemas: [patchUrn], Operations: [{ op: 'add', path: 'title', value: 'Patched' }] },
    },
    { method: 'DELETE', path: `/Users/${three.id}` },
  ]);
  expect(answer.headers.get('content-type')).toContain('application/scim+json');
  const results = resultsOf(answer);
  const users = `${client.address}/scim/v2/Users`;
  expect(results).toEqual([
    {
      method: 'POST',
      bulkId: 'ytrewq',
      version: 'W/"1"',
      location: expect.stringContaining(`${users}/`),
      status: '201',
    },
    { method: 'PUT', version: 'W/"2"', location: `${users}/${one.id}`, status: '200' },
    { method: 'PATCH', version: 'W/"2"', location: `${users}/${two.id}`, status: '200' },
    { method: 'DELETE', location: `${users}/${three.id}`, status: '204' },
  ]);
  expect((await client.get(`/Users/${idAt(results[0]?.location)}`)).status).toBe(200);
  expect((await client.get(`/Users/${two.id}`)).body).toMatchObject({ title: 'Patched' });
  expectError(await client.get(`/Users/${three.id}`), 404);
});

test('RFC 7644, 3.7.3: operations that fail say why, and the others are carried out all the same', async () => {
  const { id, userName } = await client.create();
  const results = resultsOf(
    await job([
      post('taken', newUser({ userName })),
      post('bare', { schemas: newUser()['schemas'] }),
      { method: 'DELETE', path: `/Users/${randomUUID()}` },
      { method: 'PUT', path: `/Users/${id}`, version: 'W/"7"', data: newUser() },
      { method: 'GET', path: `/Users/${id}` },
      { method: 'POST', path: '/Groups', bulkId: 'group', data: {} },
      { method: 'DELETE', path: '/Users' },
      { method: 'POST', path: '/Users', data: newUser() },
      'nothing',
      post('good'),
      post('good'),
    ]),
  );
  expect(results.map(({ status, response }) => [status, response?.['scimType']])).toEqual([
    ['409', 'uniqueness'],
    ['400', 'invalidValue'],
    ['404', undefined],
    ['412', undefined],
    ['400', 'invalidSyntax'],
    ['400', 'invalidPath'],
    ['400', 'invalidPath'],
    ['400', 'invalidSyntax'],
    ['400', 'invalidSyntax'],
    ['201', undefined],
    ['400', 'invalidValue'],
  ]);
  for (const { status, response } of results) if (response !== undefined) expect(response.status).toBe(status);
  expect(results[0]).not.toHaveProperty('location');
  expect(results[3]).toMatchObject({ location: `${client.address}/scim/v2/Users/${id}` });
});

test('RFC 7644, 3.7.2: failOnErrors ends the job, and what was not carried out is not answered', async () => {
  const bad = { method: 'DELETE', path: `/Users/${randomUUID()}` };
  const never = newUser();
  const results = resultsOf(await job([post('a'), bad, post('b'), bad, post('c', never)], { failOnErrors: 2 }));
  expect(results.map(({ status }) => status)).toEqual(['201', '404', '201', '404']);
  expect(await client.found(`userName eq "${String(never['userName'])}"`)).toEqual([]);
  expectError(await job([post('a')], { failOnErrors: 0 }), 400, 'invalidSyntax');
});

test('RFC 7644, 3.7.2: references to bulkIds are resolved, in data and paths, whatever the order', async () => {
  const results = resultsOf(
    await job([
      post('report', managedBy('bulkId:boss')),
      {
        method: 'PATCH',
        path: '/Users/bulkId:report',
        data: { schemas: [patchUrn], Operations: [{ op: 'add', path: 'title', value: 'Clerk' }] },
      },
      post('boss'),
    ]),
  );
  expect(results.map(({ status }) => status)).toEqual(['201', '200', '201']);
  const [report, , boss] = results.map(({ location }) => idAt(location));
  expect(await managerOf(report ?? '')).toEqual({ manager: { value: boss } });
  expect((await client.get(`/Users/${report}`)).body).toMatchObject({ title: 'Clerk' });
});

test('RFC 7644, 3.7.1: people who are each other’s managers are created all the same', async () => {
  const results = resultsOf(
    await job([post('a', managedBy('bulkId:c')), post('b', managedBy('bulkId:a')), post('c', managedBy('bulkId:b'))]),
  );
  expect(results.map(({ status }) => status)).toEqual(['201', '201', '201']);
  const [a = '', b = '', c = ''] = results.map(({ location }) => idAt(location));
  expect(await Promise.all([a, b, c].map(managerOf))).toEqual([c, a, b].map((value) => ({ manager: { value } })));
  const { headers } = await client.get(`/Users/${a}`);
  expect(results[0]?.version).toBe(headers.get('etag'));
});

test('RFC 7644, 3.7.1: a reference to what was never created is 409', async () => {
  const results = resultsOf(
    await job([
      post('bad', {}),
      post('x', managedBy('bulkId:bad')),
      post('y', managedBy('bulkId:nowhere')),
      { method: 'DELETE', path: '/Users/bulkId:x' },
    ]),
  );
  expect(results.map(({ status }) => status)).toEqual(['400', '409', '409', '409']);
});

test('RFC 7644, 3.7.4: more operations or bytes than announced are 413, and nothing is done', async () => {
  const first = newUser();
  const operations = [
    post('0', first),
    ...Array.from({ length: 1_000 }, (_, index) => ({ method: 'DELETE', path: `/Users/${index}` })),
  ];
  expectError(await job(operations), 413);
  expectError(await job([post('0', { ...first, displayName: 'x'.repeat(2 * 1024 * 1024) })]), 413);
  expectError(
    await client.send('POST', '/Bulk', JSON.stringify({ x: 'x'.repeat(2 * 1024 * 1024) }), {
      'content-type': 'application/json',
    }),
    413,
  );
  expect(await client.found(`userName eq "${String(first['userName'])}"`)).toEqual([]);
});

test('RFC 7644, 3.7: a body that is no job is 400 invalidSyntax', async () => {
  for (const body of [{}, { schemas: [patchUrn], Operations: [] }, { schemas: [requestUrn] }]) {
    expectError(await client.send('POST', '/Bulk', body), 400, 'invalidSyntax');
  }
  expect(resultsOf(await job([]))).toEqual([]);
});

test('a job whose every operation refers to the next one is carried out, from its end', async () => {
  const count = 300;
  const data = (index: number) => (index < count ? managedBy(`bulkId:u${index + 1}`) : newUser());
  const results = resultsOf(await job(Array.from({ length: count + 1 }, (_, index) => post(`u${index}`, data(index)))));
  expect(new Set(results.map(({ status }) => status))).toEqual(new Set(['201']));
  const [first, second] = results;
  expect(await managerOf(idAt(first?.location))).toEqual({ manager: { value: idAt(second?.location) } });
});

test('data that is nested deeper than any user is refused, the other operations are carried out', async () => {
  const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
  const body = JSON.stringify({ schemas: [requestUrn], Operations: ['DEEP', post('sound')] });
  const answer = await client.send(
    'POST',
    '/Bulk',
    body.replace('"DEEP"', `{"method":"POST","path":"/Users","bulkId":"deep","data":${deep}}`),
  );
  expect(resultsOf(answer).map(({ status }) => status)).toEqual(['400', '201']);
});
