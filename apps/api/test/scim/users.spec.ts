import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { coreUrn, enterpriseUrn, expectError, newUser, ScimClient, workerUrn } from './client.js';

let client: ScimClient;
beforeAll(async () => {
  client = await ScimClient.start();
});
afterAll(() => client.stop());

const metaOf = (body: unknown) =>
  z
    .looseObject({
      id: z.string(),
      meta: z.object({
        resourceType: z.string(),
        created: z.iso.datetime(),
        lastModified: z.iso.datetime(),
        location: z.url(),
        version: z.string(),
      }),
    })
    .parse(body);

test('RFC 7644, 3.3: a creation is 201 with the resource, its Location and its ETag', async () => {
  const { status, headers, body } = await client.send('POST', '/Users', newUser({ displayName: 'Zoë' }));
  const { id, meta } = metaOf(body);
  expect(status).toBe(201);
  expect(body).toMatchObject({ schemas: [coreUrn], displayName: 'Zoë' });
  expect(meta).toMatchObject({ resourceType: 'User', location: `${client.address}/scim/v2/Users/${id}` });
  expect(meta.created).toBe(meta.lastModified);
  expect(headers.get('location')).toBe(meta.location);
  expect(headers.get('content-location')).toBe(meta.location);
  expect(headers.get('etag')).toBe(meta.version);
  expect(meta.version).toMatch(/^W\/"\d+"$/);
});

test('RFC 7644, 3.3: a client’s id and meta are ignored, and so is what no schema knows', async () => {
  const user = newUser({
    id: 'mine',
    meta: { resourceType: 'Group', created: '1999-01-01T00:00:00Z' },
    shoeSize: 43,
    'urn:example:schemas:1.0:Pay': { iban: 'DE02120300000000202051' },
  });
  const { id, meta, ...rest } = metaOf(await client.create(user));
  expect(id).not.toBe('mine');
  expect(meta.resourceType).toBe('User');
  expect(meta.created > '2020').toBe(true);
  expect(rest).toEqual({ schemas: [coreUrn], userName: user['userName'] });
});

test('RFC 7644, 3.3: a second user of the same name is 409 uniqueness, whatever the case', async () => {
  const { userName } = await client.create(newUser({ userName: 'Éva.Nagy@example.org' }));
  const again = await client.send('POST', '/Users', newUser({ userName: 'éVA.NAGY@example.org' }));
  expectError(again, 409, 'uniqueness');
  expect(again.text).not.toContain(String(userName));
  const first = await client.create(newUser({ externalId: 'one-number' }));
  expectError(await client.send('POST', '/Users', newUser({ externalId: 'one-number' })), 409, 'uniqueness');
  expect((await client.send('DELETE', `/Users/${first.id}`)).status).toBe(204);
  await client.create(newUser({ externalId: 'one-number' }));
});

test('RFC 7643, 4.1.1: userName is required and not empty', async () => {
  for (const userName of [undefined, null, '', '   ']) {
    expectError(await client.send('POST', '/Users', newUser({ userName })), 400, 'invalidValue');
  }
});

test('names and numbers by which users are found have 255 characters at most', async () => {
  const long = 'x'.repeat(4_000);
  for (const more of [{ userName: long }, { externalId: long }, { [enterpriseUrn]: { employeeNumber: long } }]) {
    expectError(await client.send('POST', '/Users', newUser(more)), 400, 'invalidValue');
  }
  const { id } = await client.create(newUser({ externalId: 'x'.repeat(255) }));
  expectError(await client.patch(id, { op: 'add', path: 'externalId', value: long }), 400, 'invalidValue');
});

test('a byte order mark before a body is no part of it, and a body that is not UTF-8 is refused', async () => {
  const user = newUser();
  expect(await client.send('POST', '/Users', `\uFEFF${JSON.stringify(user)}`)).toMatchObject({ status: 201 });
  const bytes = Buffer.from(JSON.stringify(newUser({ title: 'Caf\xE9' })), 'latin1');
  const answer = await client.send('POST', '/Users', bytes);
  expectError(answer, 400, 'invalidSyntax');
});

test('RFC 7643, 3: without the core schema’s URN a body is refused, wherever the URN stands it is taken', async () => {
  const { userName } = newUser();
  expectError(await client.send('POST', '/Users', { userName }), 400, 'invalidSyntax');
  expectError(await client.send('POST', '/Users', { schemas: [enterpriseUrn], userName }), 400, 'invalidSyntax');
  await client.create({ schemas: [enterpriseUrn, coreUrn], userName });
});

test('RFC 7644, 3.12: what is no JSON, and no object, is invalidSyntax', async () => {
  expectError(await client.send('POST', '/Users', '{"userName":'), 400, 'invalidSyntax');
  expectError(await client.send('POST', '/Users', '[1]'), 400, 'invalidSyntax');
  expectError(
    await client.send('POST', '/Users', '', { 'content-type': 'application/scim+json' }),
    400,
    'invalidSyntax',
  );
});

test('RFC 7643, 2.3: a value of the wrong type is 400 invalidValue and names the attribute, not the value', async () => {
  for (const [wrong, name] of [
    [{ active: 'perhaps-secret' }, 'active'],
    [{ title: { secret: 1 } }, 'title'],
    [{ displayName: 5 }, 'displayName'],
    [{ name: 'secret' }, 'name'],
    [{ emails: [{ value: 7 }] }, 'emails.value'],
    [{ x509Certificates: [{ value: 'secret !' }] }, 'x509Certificates.value'],
    [{ displayName: 'secret\u0000' }, 'displayName'],
    [{ displayName: 'secret\uD800' }, 'displayName'],
    [{ [workerUrn]: { fte: 1 } }, `${workerUrn}.fte`],
  ] as const) {
    const answer = await client.send('POST', '/Users', newUser(wrong));
    expectError(answer, 400, 'invalidValue');
    expect(answer.body['detail']).toMatch(new RegExp(`^${name} `));
    expect(answer.text).not.toContain('secret');
  }
});

test('a user of more than 65,536 characters is refused, however they came together', async () => {
  const photos = (from: number) =>
    Array.from({ length: 20 }, (_, index) => ({ value: `https://x.example/${from + index}/${'x'.repeat(2_000)}` }));
  const { id } = await client.create(newUser({ photos: photos(0) }));
  expectError(await client.patch(id, { op: 'add', path: 'photos', value: photos(20) }), 400, 'invalidValue');
  expectError(
    await client.send('POST', '/Users', newUser({ photos: photos(0).concat(photos(20)) })),
    400,
    'invalidValue',
  );
});

test('RFC 7643, 2.1: names of attributes and URNs are taken in any case', async () => {
  const userName = newUser()['userName'];
  const created = await client.create({
    Schemas: [coreUrn.toUpperCase()],
    USERNAME: userName,
    Name: { GIVENNAME: 'Ann' },
    [enterpriseUrn.toLowerCase()]: { Department: 'Stores' },
  });
  expect(created).toMatchObject({
    schemas: [coreUrn, enterpriseUrn],
    userName,
    name: { givenName: 'Ann' },
    [enterpriseUrn]: { department: 'Stores' },
  });
});

test('RFC 7643, 2.5: null, an empty list and an empty object are unassigned', async () => {
  const created = await client.create(
    newUser({ title: null, emails: [], name: {}, [enterpriseUrn]: { manager: null } }),
  );
  expect(Object.keys(created).toSorted()).toEqual(['id', 'meta', 'schemas', 'userName']);
});

test('RFC 7643, 2.4: one value may be primary, and the same value is kept once', async () => {
  const primary = (value: string) => ({ value, primary: true });
  const two = newUser({ emails: [primary('a@x.example'), primary('b@x.example')] });
  expectError(await client.send('POST', '/Users', two), 400, 'invalidValue');
  const twice = { value: 'a@x.example', type: 'work' };
  expect(await client.create(newUser({ emails: [twice, twice] }))).toMatchObject({ emails: [twice] });
});

test('RFC 7643, 3.3: attributes of an extension stand under its URN, and schemas names what is there', async () => {
  const extensions = {
    [enterpriseUrn]: { employeeNumber: '701984' },
    [workerUrn]: { hireDate: '2024-02-29', fte: '0.5' },
  };
  const created = await client.create(newUser(extensions));
  expect(created).toMatchObject({ schemas: [coreUrn, enterpriseUrn, workerUrn], ...extensions });
});

test('RFC 7643, 7: values keep their case', async () => {
  const created = await client.create(newUser({ displayName: 'CaSe', externalId: 'ABC-x' }));
  expect(created).toMatchObject({ displayName: 'CaSe', externalId: 'ABC-x' });
});

test('RFC 7643, 4.1.1: a password is neither stored nor returned', async () => {
  const { id } = await client.create(newUser({ password: 'correct horse' }));
  await client.patch(id, { op: 'replace', value: { password: 'battery staple' } });
  const { text } = await client.get(`/Users/${id}?attributes=password,userName`);
  expect(text).not.toMatch(/password|horse|staple/);
  const { rows } = await client.api.foundation.ledger.pool.query<{ kept: string }>(
    'select concat(resource, search) as kept from scim_user where id = $1',
    [id],
  );
  expect(rows[0]?.kept).not.toMatch(/password|horse|staple/);
});

test('RFC 7644, 3.4.1: a known user is read with its ETag, an unknown one is 404', async () => {
  const { id } = await client.create();
  const answer = await client.get(`/Users/${id}`);
  expect(answer.status).toBe(200);
  expect(answer.headers.get('etag')).toBe(metaOf(answer.body).meta.version);
  expectError(await client.get('/Users/00000000-0000-4000-8000-000000000000'), 404);
  expectError(await client.get('/Users/2819c223'), 404);
});

test('RFC 7644, 3.14: If-None-Match answers 304 without a body while the version stands', async () => {
  const { id } = await client.create();
  const { headers } = await client.get(`/Users/${id}`);
  const tag = headers.get('etag') ?? '';
  for (const same of [tag, `"other", ${tag}`, tag.replace('W/', ''), '*']) {
    const answer = await client.get(`/Users/${id}`, { 'if-none-match': same });
    expect(answer).toMatchObject({ status: 304, text: '' });
    expect(answer.headers.get('etag')).toBe(tag);
  }
  await client.patch(id, { op: 'add', path: 'title', value: 'Baker' });
  expect((await client.get(`/Users/${id}`, { 'if-none-match': tag })).status).toBe(200);
});

test('RFC 7644, 3.14: a stale If-Match is 412 and changes nothing; the present version and * pass', async () => {
  const { id } = await client.create();
  const stale = { 'if-match': 'W/"0"' };
  const body = newUser();
  const patch = {
    schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'],
    Operations: [{ op: 'add', value: { title: 'X' } }],
  };
  expectError(await client.send('PUT', `/Users/${id}`, body, stale), 412);
  expectError(await client.send('PATCH', `/Users/${id}`, patch, stale), 412);
  expectError(await client.send('DELETE', `/Users/${id}`, undefined, stale), 412);
  const { headers } = await client.get(`/Users/${id}`);
  const first = headers.get('etag') ?? '';
  const put = await client.send('PUT', `/Users/${id}`, body, { 'if-match': first });
  expect(put.status).toBe(200);
  expect(put.headers.get('etag')).not.toBe(first);
  expectError(await client.send('PUT', `/Users/${id}`, body, { 'if-match': first }), 412);
  expect((await client.send('PATCH', `/Users/${id}`, patch, { 'if-match': '*' })).status).toBe(200);
  const last = (await client.get(`/Users/${id}`)).headers.get('etag') ?? '';
  expect((await client.send('DELETE', `/Users/${id}`, undefined, { 'if-match': last })).status).toBe(204);
});

test('RFC 7644, 3.14: of two changes to one version exactly one is made', async () => {
  const { id } = await client.create();
  const tag = (await client.get(`/Users/${id}`)).headers.get('etag') ?? '';
  const statuses = await Promise.all(
    Array.from({ length: 6 }, async (_, index) => {
      const body = newUser({ title: `Title ${index}` });
      return (await client.send('PUT', `/Users/${id}`, body, { 'if-match': tag })).status;
    }),
  );
  expect(statuses.filter((status) => status === 200)).toHaveLength(1);
  expect(statuses.filter((status) => status === 412)).toHaveLength(5);
});

test('RFC 7644, 3.5.1: PUT replaces all that a client may write, and what is not said is gone', async () => {
  const created = await client.create(newUser({ title: 'Baker', nickName: 'Z', [enterpriseUrn]: { department: 'A' } }));
  const body = newUser({ displayName: 'New', id: 'other', meta: { version: 'W/"99"' } });
  const answer = await client.send('PUT', `/Users/${created.id}`, body);
  const { meta, ...rest } = metaOf(answer.body);
  expect(rest).toEqual({ schemas: [coreUrn], id: created.id, userName: body['userName'], displayName: 'New' });
  expect(meta.created).toBe(metaOf(created).meta.created);
  expect(meta.lastModified > meta.created).toBe(true);
});

test('RFC 7644, 3.5.1: PUT creates nobody, keeps the rules of a creation, and changes nothing when nothing is new', async () => {
  expectError(await client.send('PUT', '/Users/00000000-0000-4000-8000-000000000000', newUser()), 404);
  const [first, second] = [await client.create(), await client.create()];
  expectError(await client.send('PUT', `/Users/${first.id}`, { schemas: [coreUrn] }), 400, 'invalidValue');
  const taken = newUser({ userName: String(second['userName']).toUpperCase() });
  expectError(await client.send('PUT', `/Users/${first.id}`, taken), 409, 'uniqueness');
  const same = await client.send('PUT', `/Users/${first.id}`, first);
  expect(same.body).toEqual(first);
});

test('RFC 7644, 3.6: a deletion is 204, then 404 for every operation, and nobody finds the user', async () => {
  const { id, userName } = await client.create();
  expect(await client.send('DELETE', `/Users/${id}`)).toMatchObject({ status: 204, text: '' });
  expectError(await client.get(`/Users/${id}`), 404);
  expectError(await client.send('PUT', `/Users/${id}`, newUser()), 404);
  expectError(await client.patch(id, { op: 'add', path: 'title', value: 'X' }), 404);
  expectError(await client.send('DELETE', `/Users/${id}`), 404);
  expect(await client.found(`userName eq "${String(userName)}"`)).toEqual([]);
  await client.create(newUser({ userName }));
});

test('RFC 7644, 3.9: attributes gives only what is named, beside id and schemas; excludedAttributes leaves out the rest', async () => {
  const { id, userName } = await client.create(
    newUser({
      title: 'Baker',
      name: { givenName: 'Ann', familyName: 'Lee' },
      emails: [{ value: 'a@x.example', type: 'work' }],
      [enterpriseUrn]: { department: 'A', costCenter: '1' },
    }),
  );
  const schemas = [coreUrn, enterpriseUrn];
  const ask = async (query: string) => (await client.get(`/Users/${id}?${query}`)).body;
  expect(await ask('attributes=userName')).toEqual({ schemas, id, userName });
  expect(await ask('attributes=NAME.givenname,emails.value,unknown')).toEqual({
    schemas,
    id,
    name: { givenName: 'Ann' },
    emails: [{ value: 'a@x.example' }],
  });
  expect(await ask(`attributes=${enterpriseUrn}:department,${coreUrn}:title`)).toEqual({
    schemas,
    id,
    title: 'Baker',
    [enterpriseUrn]: { department: 'A' },
  });
  expect(await ask(`attributes=${enterpriseUrn}`)).toEqual({
    schemas,
    id,
    [enterpriseUrn]: { department: 'A', costCenter: '1' },
  });
  expect(
    await ask(`excludedAttributes=id,schemas,userName,name.familyName,emails,meta,${enterpriseUrn}:costCenter`),
  ).toEqual({
    schemas,
    id,
    title: 'Baker',
    name: { givenName: 'Ann' },
    [enterpriseUrn]: { department: 'A' },
  });
});

test('RFC 7644, 3.9: attributes is honoured where a write answers with the resource', async () => {
  const body = newUser({ title: 'Baker' });
  const created = await client.send('POST', '/Users?attributes=title', body);
  const id = String(created.body['id']);
  expect(created.body).toEqual({ schemas: [coreUrn], id, title: 'Baker' });
  const replaced = await client.send('PUT', `/Users/${id}?excludedAttributes=meta,userName`, body);
  expect(replaced.body).toEqual({ schemas: [coreUrn], id, title: 'Baker' });
});

test('RFC 7644, 3.8: bodies are taken as application/scim+json and application/json with parameters, nothing else', async () => {
  for (const type of ['application/scim+json; charset=utf-8', 'application/json', 'Application/JSON;charset=UTF-8']) {
    const answer = await client.send('POST', '/Users', newUser({ displayName: 'Zoë' }), { 'content-type': type });
    expect(answer).toMatchObject({ status: 201, body: { displayName: 'Zoë' } });
    expect(answer.headers.get('content-type')).toMatch(/^application\/scim\+json/);
  }
  expectError(await client.send('POST', '/Users', '<a/>', { 'content-type': 'application/xml' }), 415);
});

test('RFC 7643, 3.1: ids and external ids are per source: clients of two sources never see each other’s users', async () => {
  const other = await client.other('elsewhere');
  const body = newUser({ externalId: 'same-everywhere' });
  const [here, there] = [await client.create(body), await other.create(body)];
  expect(here.id).not.toBe(there.id);
  expectError(await other.get(`/Users/${here.id}`), 404);
  expectError(await other.send('DELETE', `/Users/${here.id}`), 404);
  expect((await other.search({})).body).toMatchObject({ totalResults: 1 });
});

test('RFC 7644, 7.5.2: nothing of a user reaches an address: searches can be posted', async () => {
  const { userName } = await client.create();
  const answer = await client.send('POST', '/Users/.search', {
    schemas: ['urn:ietf:params:scim:api:messages:2.0:SearchRequest'],
    filter: `userName eq "${String(userName)}"`,
  });
  expect(answer.body).toMatchObject({ totalResults: 1 });
});
