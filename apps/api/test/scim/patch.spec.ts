import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { coreUrn, enterpriseUrn, expectError, newUser, patchUrn, ScimClient, workerUrn, type Body } from './client.js';

let client: ScimClient;
beforeAll(async () => {
  client = await ScimClient.start();
});
afterAll(() => client.stop());

const work = { type: 'work', value: 'a@work.example' };
const home = { type: 'home', value: 'a@home.example' };

/** A user after operations, without what the server adds. */
async function after(before: Body, ...operations: Body[]): Promise<Body> {
  const { id } = await client.create(newUser(before));
  const answer = await client.patch(id, ...operations);
  expect(answer).toMatchObject({ status: 200 });
  expect((await client.get(`/Users/${id}`)).body).toEqual(answer.body);
  expect(answer.headers.get('etag')).toBe(
    z.looseObject({ meta: z.looseObject({ version: z.string() }) }).parse(answer.body).meta.version,
  );
  const { id: _id, meta: _meta, schemas: _schemas, userName: _userName, ...rest } = answer.body;
  return rest;
}

/** What a user is refused, and that nothing of it was done. */
async function refused(before: Body, operations: readonly unknown[], status: number, scimType?: string): Promise<void> {
  const created = await client.create(newUser(before));
  const body = { schemas: [patchUrn], Operations: operations };
  expectError(await client.send('PATCH', `/Users/${created.id}`, body), status, scimType);
  expect((await client.get(`/Users/${created.id}`)).body).toEqual(created);
}

test('RFC 7644, 3.5.2: a PATCH needs its schema and at least one operation, each of add, remove or replace', async () => {
  const { id } = await client.create();
  const operation = { op: 'add', path: 'title', value: 'X' };
  for (const body of [
    { Operations: [operation] },
    { schemas: [coreUrn], Operations: [operation] },
    { schemas: [patchUrn] },
    { schemas: [patchUrn], Operations: [] },
    { schemas: [patchUrn], Operations: [{ path: 'title', value: 'X' }] },
    { schemas: [patchUrn], Operations: [{ ...operation, op: 'move' }] },
    { schemas: [patchUrn], Operations: ['add'] },
  ]) {
    expectError(await client.send('PATCH', `/Users/${id}`, body), 400, 'invalidSyntax');
  }
});

test('RFC 7644, 3.5.2: a failing operation undoes those before it', async () => {
  await refused(
    { title: 'Baker' },
    [
      { op: 'replace', path: 'title', value: 'Smith' },
      { op: 'add', path: 'emails', value: [work] },
      { op: 'remove', path: 'userName' },
    ],
    400,
    'mutability',
  );
});

test('RFC 7644, 3.5.2: operations are carried out one after another', async () => {
  const operations = [
    { op: 'add', path: 'emails', value: work },
    { op: 'add', path: 'emails[type eq "work"].display', value: 'At work' },
    { op: 'remove', path: 'title' },
    { op: 'add', path: 'title', value: 'Smith' },
  ];
  expect(await after({ title: 'Baker' }, ...operations)).toEqual({
    title: 'Smith',
    emails: [{ ...work, display: 'At work' }],
  });
});

test('RFC 7644, 3.5.2: a path that names nothing is invalidPath, one with a broken filter invalidFilter', async () => {
  for (const path of [
    'shoeSize',
    'name.shoeSize',
    'name.givenName.x',
    'emails[type eq "work"].shoeSize',
    'title[value eq "x"]',
    5,
  ]) {
    await refused({ emails: [work] }, [{ op: 'replace', path, value: 'x' }], 400, 'invalidPath');
  }
  await refused(
    { emails: [work] },
    [{ op: 'replace', path: 'emails[type is "work"].value', value: 'x' }],
    400,
    'invalidFilter',
  );
});

test('RFC 7644, 3.5.2: what is read-only cannot be changed', async () => {
  for (const path of [
    'id',
    'meta.version',
    'schemas',
    `${workerUrn}:provisioning`,
    `${enterpriseUrn}:manager.displayName`,
  ]) {
    await refused({}, [{ op: 'replace', path, value: 'x' }], 400, 'mutability');
    await refused({}, [{ op: 'remove', path }], 400, 'mutability');
  }
});

test('RFC 7644, 3.5.2: a new primary value takes the place of the old one', async () => {
  const before = { emails: [{ ...work, primary: true }] };
  const emails = [
    { ...work, primary: false },
    { ...home, primary: true },
  ];
  expect(await after(before, { op: 'add', path: 'emails', value: [{ ...home, primary: true }] })).toEqual({ emails });
  const both = { emails: [{ ...work, primary: true }, home] };
  expect(await after(both, { op: 'replace', path: 'emails[type eq "home"].primary', value: true })).toEqual({ emails });
  const told = { ...work, display: 'Work' };
  expect(await after(before, { op: 'add', path: 'emails', value: [told, { ...home, primary: true }] })).toEqual({
    emails: [
      { ...told, primary: false },
      { ...home, primary: true },
    ],
  });
});

test('RFC 7644, 3.5.2.1: a value that is there already is not added, in whatever order its parts are said', async () => {
  const address = { type: 'work', streetAddress: 'Main Street 1', country: 'DE' };
  const value = [{ country: 'DE', streetAddress: 'Main Street 1', type: 'work' }];
  expect(await after({ addresses: [address] }, { op: 'add', path: 'addresses', value })).toEqual({
    addresses: [address],
  });
});

test('a list that grows over its bound by several operations is refused as one that comes so', async () => {
  const emails = (from: number) => Array.from({ length: 300 }, (_, index) => ({ value: `${from + index}@x.example` }));
  await refused({ emails: emails(0) }, [{ op: 'add', path: 'emails', value: emails(300) }], 400, 'invalidValue');
  const one = { op: 'replace', path: 'emails[type eq "work"].value', value: 'a@x.example' };
  const long = { ...one, path: `emails[${'type eq "work" or '.repeat(90)}type eq "home"].value` };
  await refused(
    { emails: [work] },
    Array.from({ length: 100 }, () => long),
    400,
    'invalidValue',
  );
});

test('RFC 7644, 3.5.2.1: add sets what is single, extends what is complex, appends to what is a list', async () => {
  const before = { title: 'Baker', name: { givenName: 'A' }, emails: [work] };
  expect(
    await after(
      before,
      { op: 'add', path: 'title', value: 'Smith' },
      { op: 'add', path: 'name', value: { familyName: 'B' } },
      { op: 'add', path: 'name.middleName', value: 'M' },
      { op: 'add', path: 'emails', value: [home] },
    ),
  ).toEqual({ title: 'Smith', name: { givenName: 'A', familyName: 'B', middleName: 'M' }, emails: [work, home] });
});

test('RFC 7644, 3.5.2.1: without a path the value holds the attributes', async () => {
  const value = { nickName: 'Z', emails: [home], [enterpriseUrn]: { department: 'Stores' }, id: 'x', shoeSize: 43 };
  expect(await after({ title: 'Baker', emails: [work] }, { op: 'add', value })).toEqual({
    title: 'Baker',
    nickName: 'Z',
    emails: [work, home],
    [enterpriseUrn]: { department: 'Stores' },
  });
});

test('RFC 7644, 3.5.2.1: adding what is there changes nothing, not even lastModified', async () => {
  const created = await client.create(newUser({ title: 'Baker', emails: [work], name: { givenName: 'A' } }));
  const answer = await client.patch(
    created.id,
    { op: 'add', path: 'title', value: 'Baker' },
    { op: 'add', path: 'emails', value: [work] },
    { op: 'add', path: 'name.givenName', value: 'A' },
    { op: 'replace', value: { emails: [work] } },
  );
  expect(answer.body).toEqual(created);
});

test('RFC 7644, 3.5.2.1: an add or replace without a value is refused', async () => {
  for (const op of ['add', 'replace']) {
    await refused({}, [{ op, path: 'title' }], 400, 'invalidValue');
    await refused({}, [{ op, value: 'x' }], 400, 'invalidValue');
    await refused({}, [{ op, path: 'active', value: 'perhaps' }], 400, 'invalidValue');
  }
});

test('RFC 7644, 3.5.2.2: remove unassigns attributes, parts and values, and what is left empty goes with them', async () => {
  const before = {
    title: 'Baker',
    name: { givenName: 'A' },
    emails: [work, home],
    phoneNumbers: [{ value: '1' }],
    [enterpriseUrn]: { department: 'Stores' },
    [workerUrn]: { fte: '1', legacyEmails: ['a@x.example', 'b@x.example'] },
  };
  expect(
    await after(
      before,
      { op: 'remove', path: 'title' },
      { op: 'remove', path: 'name.givenName' },
      { op: 'remove', path: 'emails[type eq "HOME" and value co "@"]' },
      { op: 'remove', path: 'phoneNumbers' },
      { op: 'remove', path: `${enterpriseUrn}:department` },
      { op: 'remove', path: `${workerUrn}:legacyEmails[value eq "a@x.example"]` },
      { op: 'remove', path: 'nickName' },
    ),
  ).toEqual({ emails: [work], [workerUrn]: { fte: '1', legacyEmails: ['b@x.example'] } });
});

test('RFC 7644, 3.5.2.2: remove takes parts out of values, and an extension as a whole', async () => {
  const before = {
    emails: [
      { ...work, display: 'W' },
      { ...home, display: 'H' },
    ],
    [enterpriseUrn]: { department: 'A' },
  };
  expect(
    await after(
      before,
      { op: 'remove', path: 'emails[type eq "work"].display' },
      { op: 'remove', path: enterpriseUrn },
    ),
  ).toEqual({ emails: [work, { ...home, display: 'H' }] });
  expect(await after(before, { op: 'remove', path: 'emails.display' })).toMatchObject({ emails: [work, home] });
});

test('RFC 7644, 3.5.2.2: remove without a path, or with one that means no value, is noTarget', async () => {
  await refused({ emails: [work] }, [{ op: 'remove' }], 400, 'noTarget');
  await refused({ emails: [work] }, [{ op: 'remove', path: 'emails[type eq "other"]' }], 400, 'noTarget');
});

test('RFC 7644, 3.5.2.2: what is required cannot be removed', async () => {
  await refused({}, [{ op: 'remove', path: 'userName' }], 400, 'mutability');
  await refused({}, [{ op: 'replace', path: 'userName', value: null }], 400, 'invalidValue');
});

test('RFC 7644, 3.5.2.3: replace sets what is single or a list, and leaves of what is complex the rest as it was', async () => {
  const before = { title: 'Baker', name: { givenName: 'A', familyName: 'B' }, emails: [work] };
  expect(
    await after(
      before,
      { op: 'replace', path: 'title', value: 'Smith' },
      { op: 'replace', path: 'name', value: { givenName: 'C' } },
      { op: 'replace', path: 'emails', value: [home] },
    ),
  ).toEqual({ title: 'Smith', name: { givenName: 'C', familyName: 'B' }, emails: [home] });
});

test('RFC 7644, 3.5.2.3: replacing what is not there adds it; null and an empty list take it away', async () => {
  expect(
    await after(
      { title: 'Baker', emails: [work] },
      { op: 'replace', path: 'nickName', value: 'Z' },
      { op: 'replace', path: `${enterpriseUrn}:department`, value: 'Stores' },
      { op: 'replace', path: 'title', value: null },
      { op: 'replace', path: 'emails', value: [] },
    ),
  ).toEqual({ nickName: 'Z', [enterpriseUrn]: { department: 'Stores' } });
});

test('RFC 7644, 3.5.2.3: a filter chooses the values that are replaced, whole or in part', async () => {
  const before = { emails: [work, home] };
  expect(
    await after(before, { op: 'replace', path: 'emails[type eq "work"].value', value: 'new@work.example' }),
  ).toEqual({
    emails: [{ ...work, value: 'new@work.example' }, home],
  });
  expect(
    await after(before, { op: 'replace', path: 'emails[value ew "home.example"]', value: { value: 'x@y.example' } }),
  ).toEqual({
    emails: [work, { value: 'x@y.example' }],
  });
});

test('RFC 7644, 3.5.2.3: a filter that means no value is noTarget', async () => {
  for (const op of ['add', 'replace']) {
    const path = 'emails[type eq "nonexistent"].value';
    await refused({ emails: [work] }, [{ op, path, value: 'x@y.example' }], 400, 'noTarget');
  }
});

test('RFC 7644, 3.10: paths name attributes in any case, with the schema’s URN before them or without', async () => {
  expect(
    await after(
      {},
      { op: 'add', path: 'NAME.GIVENNAME', value: 'A' },
      { op: 'add', path: `${coreUrn}:title`, value: 'Baker' },
      { op: 'add', path: `${coreUrn}:name.familyName`, value: 'B' },
      { op: 'add', path: enterpriseUrn, value: { costCenter: '1' } },
      { op: 'add', path: `${enterpriseUrn.toLowerCase()}:manager.value`, value: 'm' },
      { op: 'add', path: `${workerUrn}:preferredName`, value: { givenName: 'P' } },
    ),
  ).toEqual({
    title: 'Baker',
    name: { givenName: 'A', familyName: 'B' },
    [enterpriseUrn]: { costCenter: '1', manager: { value: 'm' } },
    [workerUrn]: { preferredName: { givenName: 'P' } },
  });
});

test('RFC 7644, 3.5.2: a change to a name that another user has is 409 uniqueness', async () => {
  const { userName } = await client.create();
  await refused({}, [{ op: 'replace', path: 'userName', value: userName }], 409, 'uniqueness');
});
