import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { coreUrn, enterpriseUrn, expectError, listUrn, ScimClient, workerUrn } from './client.js';

let client: ScimClient;
beforeAll(async () => {
  client = await ScimClient.start();
});
afterAll(() => client.stop());

const urn = (name: string) => `urn:ietf:params:scim:schemas:core:2.0:${name}`;

test('RFC 7644, 2: without a valid token the answer is 401 with a challenge and a SCIM error', async () => {
  const answer = await client.get('/Users', { authorization: 'Bearer bsc_unknown' });
  expectError(answer, 401);
  expect(answer.headers.get('www-authenticate')).toBe('Bearer');
});

test('RFC 7643, 5: ServiceProviderConfig tells what is supported, with limits', async () => {
  const { status, headers, body } = await client.get('/ServiceProviderConfig');
  expect(status).toBe(200);
  expect(headers.get('content-type')).toMatch(/^application\/scim\+json/);
  expect(body).toMatchObject({
    schemas: [urn('ServiceProviderConfig')],
    patch: { supported: true },
    bulk: { supported: true, maxOperations: 1_000, maxPayloadSize: 2_097_152 },
    filter: { supported: true, maxResults: 1_000 },
    changePassword: { supported: false },
    sort: { supported: true },
    etag: { supported: true },
    authenticationSchemes: [{ type: 'oauthbearertoken', name: expect.any(String), description: expect.any(String) }],
  });
});

test('RFC 9865, 4: ServiceProviderConfig tells how lists are paged', async () => {
  const { body } = await client.get('/ServiceProviderConfig');
  expect(body['pagination']).toEqual({
    cursor: true,
    index: true,
    defaultPaginationMethod: 'index',
    defaultPageSize: 100,
    maxPageSize: 1_000,
  });
});

const schemasSchema = z.object({
  schemas: z.tuple([z.literal(listUrn)]),
  totalResults: z.number(),
  Resources: z.array(
    z.looseObject({
      schemas: z.tuple([z.literal(urn('Schema'))]),
      id: z.string(),
      name: z.string().min(1),
      attributes: z.array(
        z.looseObject({
          name: z.string(),
          type: z.string(),
          mutability: z.string(),
          returned: z.string(),
          caseExact: z.boolean(),
        }),
      ),
      meta: z.object({ resourceType: z.literal('Schema'), location: z.url() }),
    }),
  ),
});

test('RFC 7643, 7: Schemas describes every attribute with its characteristics, each schema by its URN too', async () => {
  const { body } = await client.get('/Schemas');
  const { Resources, totalResults } = schemasSchema.parse(body);
  expect(Resources.map(({ id }) => id)).toEqual([
    coreUrn,
    enterpriseUrn,
    workerUrn,
    urn('ResourceType'),
    urn('ServiceProviderConfig'),
    urn('Schema'),
  ]);
  expect(totalResults).toBe(6);
  for (const schema of Resources) expect((await client.get(`/Schemas/${schema.id}`)).body).toEqual(schema);
});

test('RFC 7643, 4.1: passwords and groups are in no schema, for they are not supported', async () => {
  const { body } = await client.get(`/Schemas/${coreUrn}`);
  const names = z
    .object({ attributes: z.array(z.object({ name: z.string() })) })
    .parse(body)
    .attributes.map(({ name }) => name);
  expect(names).toContain('userName');
  expect(names).not.toContain('password');
  expect(names).not.toContain('groups');
});

test('RFC 7643, 6: ResourceTypes lists users with their extensions, and no groups', async () => {
  const { body } = await client.get('/ResourceTypes');
  expect(body).toMatchObject({
    schemas: [listUrn],
    totalResults: 1,
    Resources: [
      {
        schemas: [urn('ResourceType')],
        id: 'User',
        name: 'User',
        endpoint: '/Users',
        schema: coreUrn,
        schemaExtensions: [
          { schema: enterpriseUrn, required: false },
          { schema: workerUrn, required: false },
        ],
      },
    ],
  });
  const { Resources } = z.object({ Resources: z.array(z.unknown()) }).parse(body);
  expect((await client.get('/ResourceTypes/User')).body).toEqual(Resources[0]);
});

test('RFC 7644, 4: an unknown schema or type is 404, and its endpoints know GET only', async () => {
  expectError(await client.get('/Schemas/urn:unknown'), 404);
  expectError(await client.get('/ResourceTypes/Group'), 404);
  for (const path of ['/Schemas', '/ResourceTypes', '/ServiceProviderConfig']) {
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) {
      const answer = await client.send(method, path, method === 'DELETE' ? undefined : {});
      expectError(answer, 405);
      expect(answer.headers.get('allow')).toBe('GET');
    }
  }
});

test('RFC 7644, 4: a filter on schemas or types is 403, other parameters are ignored', async () => {
  expectError(await client.get('/Schemas?filter=id%20pr'), 403);
  expectError(await client.get('/ResourceTypes?filter=id%20pr'), 403);
  expect((await client.get('/Schemas?startIndex=99&count=0&sortBy=id')).body).toMatchObject({ totalResults: 6 });
  expect((await client.get('/ServiceProviderConfig?filter=x&sortBy=id')).status).toBe(200);
});

test('RFC 7644, 3.12: an unknown endpoint is 404 in SCIM form, and so are groups, which are not supported', async () => {
  for (const path of ['/Groups', '/Groups/1', '/nowhere']) expectError(await client.get(path), 404);
  expectError(await client.send('POST', '/Groups', {}), 404);
});

test('RFC 7644, 3.11: Me is 501, for tokens are not users', async () => {
  for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']) {
    expectError(await client.send(method, '/Me', method === 'POST' ? {} : undefined), 501);
  }
});

test('RFC 7644, 3.1: no message schema is discoverable', async () => {
  expect((await client.get('/Schemas')).text).not.toContain('urn:ietf:params:scim:api:messages:2.0:Error"');
  expectError(await client.get('/Schemas/urn:ietf:params:scim:api:messages:2.0:PatchOp'), 404);
});

test('a role that may not push is refused in SCIM form', async () => {
  const viewer = await client.api.token('viewer');
  expectError(await client.get('/Users', { authorization: `Bearer ${viewer}` }), 403);
});
