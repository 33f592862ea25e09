import { afterAll, beforeAll, expect, test } from 'vitest';
import { enterpriseUrn, expectError, listUrn, newUser, patchUrn, ScimClient, type Body } from './client.js';

// The requests of Microsoft Entra and Okta as they are documented and seen, with other people's names.
let client: ScimClient;
beforeAll(async () => {
  client = await ScimClient.start();
});
afterAll(() => client.stop());

const json = { 'content-type': 'application/json; charset=utf-8' };
const rest = ({ id: _id, meta: _meta, schemas: _schemas, ...attributes }: Body) => attributes;

test('Entra: the connection test asks for a user who cannot exist and gets an empty list', async () => {
  const { status, body } = await client.get('/Users?filter=userName+eq+%22f3e1c2d0-nobody%22');
  expect({ status, body }).toMatchObject({ status: 200, body: { schemas: [listUrn], totalResults: 0, Resources: [] } });
});

const entraUser = {
  schemas: ['urn:ietf:params:scim:schemas:core:2.0:User', 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User'],
  externalId: 'jyoung',
  userName: 'Test_User_ab6490ee@testuser.example',
  active: true,
  addresses: [{ primary: false, type: 'work', country: 'DE', formatted: 'Berlin' }],
  displayName: 'Joy Young',
  emails: [{ type: 'work', value: 'Test_User_ab6490ee@testuser.example', primary: true }],
  meta: { resourceType: 'User' },
  name: { formatted: 'Joy Young', familyName: 'Young', givenName: 'Joy' },
  phoneNumbers: [{ primary: false, type: 'work', value: '+49 30 1' }],
  roles: [],
  title: null,
  [enterpriseUrn]: { department: 'Stores', employeeNumber: '4711', manager: null },
};

test('Entra: a user is created, found by userName and externalId in any case of the name, and disabled with a text', async () => {
  const created = await client.create(entraUser);
  const { meta: _meta, roles: _roles, title: _title, [enterpriseUrn]: _enterprise, ...same } = entraUser;
  expect(created).toMatchObject({ ...same, [enterpriseUrn]: { department: 'Stores', employeeNumber: '4711' } });
  for (const filter of ['userName eq "TEST_USER_AB6490EE@testuser.example"', 'externalId eq "jyoung"']) {
    expect((await client.search({ filter })).body).toMatchObject({ totalResults: 1, Resources: [{ id: created.id }] });
  }
  const disable = { schemas: [patchUrn], Operations: [{ op: 'Replace', path: 'active', value: 'False' }] };
  const disabled = await client.send('PATCH', `/Users/${created.id}`, disable, json);
  expect(disabled).toMatchObject({ status: 200, body: { active: false } });
  const enabled = await client.patch(created.id, { op: 'Replace', value: { active: 'True' } });
  expect(enabled.body).toMatchObject({ active: true });
});

test('Entra: attributes come as Add and Replace with paths into values and extensions that are not there yet', async () => {
  const { id } = await client.create(newUser());
  const answer = await client.patch(
    id,
    { op: 'Add', path: 'emails[type eq "work"].value', value: 'joy@work.example' },
    { op: 'Add', path: 'emails[type eq "work"].primary', value: 'True' },
    { op: 'Replace', path: 'phoneNumbers[type eq "mobile"].value', value: '+49 170 1' },
    { op: 'Add', path: 'addresses[type eq "work"].country', value: 'DE' },
    { op: 'Add', path: 'name.givenName', value: 'Joy' },
    { op: 'Add', path: `${enterpriseUrn}:department`, value: 'Stores' },
    { op: 'Add', path: `${enterpriseUrn}:manager`, value: 'b5cd6b1c-0000-4000-8000-000000000000' },
    { op: 'Add', path: 'roles[primary eq "True"].value', value: 'Cashier' },
  );
  expect(rest(answer.body)).toMatchObject({
    emails: [{ type: 'work', value: 'joy@work.example', primary: true }],
    phoneNumbers: [{ type: 'mobile', value: '+49 170 1' }],
    addresses: [{ type: 'work', country: 'DE' }],
    name: { givenName: 'Joy' },
    roles: [{ primary: true, value: 'Cashier' }],
    [enterpriseUrn]: { department: 'Stores', manager: { value: 'b5cd6b1c-0000-4000-8000-000000000000' } },
  });
});

test('Entra: a replace without a path has dotted and filtered names', async () => {
  const { id } = await client.create(newUser({ emails: [{ type: 'work', value: 'old@work.example' }] }));
  const answer = await client.patch(id, {
    op: 'replace',
    value: {
      displayName: 'Joy',
      'name.givenName': 'Joy',
      'name.familyName': 'Young',
      'emails[type eq "work"].value': 'new@work.example',
      [`${enterpriseUrn}:employeeNumber`]: '4712',
      [`${enterpriseUrn}:manager`]: [{ $ref: 'http://x.example/Users/1', value: '1' }],
    },
  });
  expect(rest(answer.body)).toMatchObject({
    displayName: 'Joy',
    name: { givenName: 'Joy', familyName: 'Young' },
    emails: [{ type: 'work', value: 'new@work.example' }],
    [enterpriseUrn]: { employeeNumber: '4712', manager: { $ref: 'http://x.example/Users/1', value: '1' } },
  });
});

test('Entra: a remove lists the values that shall go, or names an attribute that is not there', async () => {
  const { id } = await client.create(newUser({ roles: [{ value: 'a' }, { value: 'b', display: 'B' }] }));
  const answer = await client.patch(
    id,
    { op: 'Remove', path: 'roles', value: [{ value: 'b' }] },
    { op: 'Remove', path: `${enterpriseUrn}:manager` },
  );
  expect(rest(answer.body)).toMatchObject({ roles: [{ value: 'a' }] });
});

const okta = { accept: 'application/scim+json', 'content-type': 'application/scim+json; charset=utf-8' };
const oktaUser = (userName: string) => ({
  schemas: ['urn:ietf:params:scim:schemas:core:2.0:User'],
  userName,
  name: { givenName: 'Okta', familyName: 'Tester', middleName: '' },
  emails: [{ primary: true, value: userName, type: 'work' }],
  displayName: 'Okta Tester',
  locale: 'en-US',
  externalId: `00u${userName.length}${userName.slice(0, 6)}`,
  groups: [],
  password: '1mz050nq',
  active: true,
});

test('Okta: the connection is tested with a page of one user', async () => {
  await client.create(newUser({ userName: 'first@okta.example' }));
  const { status, body } = await client.get('/Users?startIndex=1&count=1', okta);
  expect(status).toBe(200);
  expect(body).toMatchObject({ schemas: [listUrn], startIndex: 1, itemsPerPage: 1, totalResults: expect.any(Number) });
});

test('Okta: a user is looked for, created, created again in vain, read, replaced, deactivated and listed', async () => {
  const userName = 'runscope@okta.example';
  const filter = `userName eq "${userName}"`;
  expect((await client.search({ filter, startIndex: 1, count: 100 })).body).toMatchObject({ totalResults: 0 });
  const created = await client.send('POST', '/Users', oktaUser(userName), okta);
  expect(created).toMatchObject({ status: 201, body: { active: true, userName, name: { familyName: 'Tester' } } });
  expect(created.text).not.toContain('1mz050nq');
  expectError(await client.send('POST', '/Users', oktaUser(userName), okta), 409, 'uniqueness');
  const id = String(created.body['id']);
  expect((await client.get(`/Users/${id}`, okta)).body).toEqual(created.body);
  const replacement = { ...created.body, name: { givenName: 'Another', familyName: 'Tester' } };
  const replaced = await client.send('PUT', `/Users/${id}`, replacement, okta);
  expect(replaced).toMatchObject({ status: 200, body: { name: { givenName: 'Another' } } });
  const off = { schemas: [patchUrn], Operations: [{ op: 'replace', value: { active: false } }] };
  expect(await client.send('PATCH', `/Users/${id}`, off, okta)).toMatchObject({ status: 200, body: { active: false } });
  expect((await client.search({ filter })).body).toMatchObject({ totalResults: 1, Resources: [{ id, active: false }] });
});

test('Okta: an unknown user is 404 with a text as status', async () => {
  expectError(await client.get('/Users/010101001010101011001010101011', okta), 404);
});
