import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { enterpriseUrn, expectError, listUrn, newUser, ScimClient, workerUrn, type Body } from './client.js';

let client: ScimClient;
const people: readonly Body[] = [
  {
    userName: 'Anna.Lee',
    externalId: 'A1',
    title: 'Baker',
    active: true,
    name: { givenName: 'Anna', familyName: 'Lee' },
    emails: [
      { type: 'work', value: 'anna@work.example', primary: true },
      { type: 'home', value: 'zz@home.example' },
    ],
    [enterpriseUrn]: { employeeNumber: '0007', department: 'Stores', manager: { value: 'b2' } },
    [workerUrn]: { fte: '0.5', legacyEmails: ['Old@x.example'] },
  },
  {
    userName: 'bo.berg',
    externalId: 'b2',
    title: 'baker "senior"',
    active: false,
    emails: [
      { type: 'work', value: 'BO@work.example' },
      { type: 'home', value: 'anna@work.example' },
    ],
    [workerUrn]: { fte: '1' },
  },
  {
    userName: 'Çelik',
    externalId: 'a1',
    name: { familyName: 'Çelik' },
    active: true,
    x509Certificates: [{ value: 'QUJD' }],
  },
  { userName: 'dora', nickName: '' },
];

beforeAll(async () => {
  client = await ScimClient.start();
  for (const person of people) await client.create(newUser(person));
});
afterAll(() => client.stop());

const everybody = ['Anna.Lee', 'bo.berg', 'Çelik', 'dora'];

test.each([
  ['eq, without regard to case where case does not count', 'userName eq "ANNA.lee"', ['Anna.Lee']],
  ['eq on what is case exact', 'externalId eq "a1"', ['Çelik']],
  ['eq beyond ASCII', 'userName eq "çELIK"', ['Çelik']],
  ['ne, which those match who lack the attribute', 'title ne "baker"', ['bo.berg', 'Çelik', 'dora']],
  ['co', 'title co "SENIOR"', ['bo.berg']],
  ['sw', 'title sw "bak"', ['Anna.Lee', 'bo.berg']],
  ['ew', 'userName ew "berg"', ['bo.berg']],
  ['pr', 'title pr', ['Anna.Lee', 'bo.berg']],
  ['pr, which an empty text does not match', 'nickName pr', []],
  ['pr on a complex attribute', 'name pr', ['Anna.Lee', 'Çelik']],
  ['pr on a list', 'emails pr', ['Anna.Lee', 'bo.berg']],
  ['gt', 'userName gt "bo.berg"', ['Çelik', 'dora']],
  ['ge', 'userName ge "bo.berg"', ['bo.berg', 'Çelik', 'dora']],
  ['lt', 'userName lt "bo.berg"', ['Anna.Lee']],
  ['le', 'userName le "bo.berg"', ['Anna.Lee', 'bo.berg']],
  ['order on an attribute of an extension', `${workerUrn}:fte gt "0.5"`, ['bo.berg']],
  ['a boolean', 'active eq true', ['Anna.Lee', 'Çelik']],
  ['a boolean with ne', 'active ne true', ['bo.berg', 'dora']],
  ['null, which is unassigned', 'title eq null', ['Çelik', 'dora']],
  ['not null', 'title ne null', ['Anna.Lee', 'bo.berg']],
  ['escapes of JSON', 'title eq "b\\u0061ker \\"senior\\""', ['bo.berg']],
  ['and', 'title pr and active eq false', ['bo.berg']],
  ['or', 'title eq "baker" or userName eq "dora"', ['Anna.Lee', 'dora']],
  ['and before or', 'userName eq "dora" or title pr and active eq true', ['Anna.Lee', 'dora']],
  ['parentheses', '(userName eq "dora" or title pr) and (((active eq true)))', ['Anna.Lee']],
  ['not', 'not (title pr)', ['Çelik', 'dora']],
  ['not over what is missing', 'not (title gt "a")', ['Çelik', 'dora']],
  ['operators in any case', 'TITLE Pr AND NOT (active EQ True)', ['bo.berg']],
  ['a list by its values', 'emails co "HOME.example"', ['Anna.Lee']],
  ['a list by a part of its values', 'emails.type eq "home"', ['Anna.Lee', 'bo.berg']],
  ['a list with ne, when none is so', 'emails ne "bo@work.example"', ['Anna.Lee', 'Çelik', 'dora']],
  ['conditions on one and the same value', 'emails[type eq "work" and value eq "anna@work.example"]', ['Anna.Lee']],
  [
    'conditions in brackets with or and not',
    'emails[not (type eq "work") and (value sw "z" or value sw "y")]',
    ['Anna.Lee'],
  ],
  ['Entra’s form after brackets', 'emails[type eq "home"].value eq "anna@work.example"', ['bo.berg']],
  ['a plain list', `${workerUrn}:legacyEmails eq "old@X.example"`, ['Anna.Lee']],
  ['what is binary, exactly', 'x509Certificates.value eq "QUJD"', ['Çelik']],
  ['an attribute of an extension', `${enterpriseUrn}:employeeNumber eq "0007"`, ['Anna.Lee']],
  ['a part of an attribute of an extension', `${enterpriseUrn}:manager.value eq "B2"`, ['Anna.Lee']],
  ['a complex attribute by its value', `${enterpriseUrn}:manager eq "b2"`, ['Anna.Lee']],
  ['an extension as a whole', `${enterpriseUrn} pr`, ['Anna.Lee']],
  ['a URN of the core schema', 'urn:ietf:params:scim:schemas:core:2.0:User:userName eq "dora"', ['dora']],
  ['schemas', `schemas eq "${workerUrn}"`, ['Anna.Lee', 'bo.berg']],
  ['the type of resource', 'meta.resourceType eq "User"', everybody],
  [
    'a moment',
    'meta.lastModified gt "2020-01-01T00:00:00Z" and meta.created le "2999-12-31T23:59:59+02:00"',
    everybody,
  ],
  ['an attribute that no user has', 'shoeSize pr or shoeSize eq 43', []],
])('RFC 7644, 3.4.2.2: a filter knows %s', async (_what, filter, expected) => {
  expect((await client.found(filter)).toSorted()).toEqual(expected.toSorted());
});

test('RFC 7644, 3.4.2.2: a user is found by id and by version', async () => {
  const { id } = await client.create(newUser({ userName: 'by-id' }));
  expect(await client.found(`id eq "${id}"`)).toEqual(['by-id']);
  expect(await client.found(`id eq "${id.toUpperCase()}" or id eq "not-an-id"`)).toEqual([]);
  expect(await client.found('meta.version eq "W/\\"1\\"" and userName eq "by-id"')).toEqual(['by-id']);
  await client.send('DELETE', `/Users/${id}`);
});

test.each([
  'userName',
  'userName eq',
  'userName eq bo',
  "userName eq 'bo'",
  'userName regex "x"',
  'userName eq "a" userName eq "b"',
  'userName eq "a" and',
  '(userName pr',
  'userName pr)',
  'emails[type eq "work"',
  'userName[value eq "x"]',
  'not userName pr',
  'active gt true',
  'active eq 5',
  'active co "t"',
  'x509Certificates.value gt "QUJD"',
  'name eq "Lee"',
  'title eq 5',
  `${workerUrn}:fte eq 1.5e3`,
  'title eq -5',
  'meta.lastModified gt "yesterday"',
  'meta.lastModified co "2026"',
  'meta.lastModified gt "0000-06-01T00:00:00Z"',
  'meta.created le "9999-12-31T23:59:59-14:00"',
  'title gt null',
  'userName eq "\\u0000"',
  '',
  '"x" eq userName',
  `${'('.repeat(60)}title pr${')'.repeat(60)}`,
])('RFC 7644, 3.4.2.2: the filter %s is 400 invalidFilter', async (filter) => {
  const answer = await client.search({ filter });
  expectError(answer, 400, 'invalidFilter');
  expect(answer.text).not.toContain('yesterday');
});

test('RFC 7644, 3.4.2.2: what cannot be filtered by is refused, not passed over', async () => {
  for (const filter of ['meta.location pr', 'meta eq "x"', `${workerUrn}:provisioning.state eq "rejected"`]) {
    expectError(await client.search({ filter }), 400, 'invalidFilter');
  }
});

test('RFC 7644, 3.12: a filter that asks too much is 400 tooMany', async () => {
  const filter = Array.from({ length: 101 }, () => 'title pr').join(' or ');
  expectError(await client.send('POST', '/Users/.search', { schemas: [searchUrn], filter }), 400, 'tooMany');
});

const searchUrn = 'urn:ietf:params:scim:api:messages:2.0:SearchRequest';
const page = z.object({
  schemas: z.tuple([z.literal(listUrn)]),
  totalResults: z.int(),
  startIndex: z.int().optional(),
  itemsPerPage: z.int(),
  nextCursor: z.string().optional(),
  Resources: z.array(z.looseObject({ userName: z.string() })).optional(),
});
const names = (body: Body) => page.parse(body).Resources?.map(({ userName }) => userName);

test('RFC 7644, 3.4.2: no match is 200 with a total of 0', async () => {
  const { status, body } = await client.search({ filter: 'userName eq "nobody"' });
  expect({ status, body }).toEqual({
    status: 200,
    body: { schemas: [listUrn], totalResults: 0, startIndex: 1, itemsPerPage: 0, Resources: [] },
  });
});

test('RFC 7644, 3.4.2.1: the root lists every resource', async () => {
  expect((await client.get('/?filter=userName%20eq%20%22dora%22')).body).toMatchObject({ totalResults: 1 });
  const answer = await client.send('POST', '/.search', { schemas: [searchUrn], filter: 'title pr' });
  expect(answer.body).toMatchObject({ totalResults: 2 });
});

test.each([
  ['userName', undefined, ['Anna.Lee', 'bo.berg', 'dora', 'Çelik']],
  ['userName', 'descending', ['Çelik', 'dora', 'bo.berg', 'Anna.Lee']],
  ['title', 'ascending', ['Anna.Lee', 'bo.berg', 'Çelik', 'dora']],
  ['title', 'descending', ['Çelik', 'dora', 'bo.berg', 'Anna.Lee']],
  ['emails', 'ascending', ['Anna.Lee', 'bo.berg', 'Çelik', 'dora']],
  ['emails.type', 'ascending', ['Anna.Lee', 'bo.berg', 'Çelik', 'dora']],
  [`${workerUrn}:fte`, 'descending', ['Çelik', 'dora', 'bo.berg', 'Anna.Lee']],
  ['externalId', 'ascending', ['Anna.Lee', 'Çelik', 'bo.berg', 'dora']],
  ['meta.created', 'Descending', ['dora', 'Çelik', 'bo.berg', 'Anna.Lee']],
])(
  'RFC 7644, 3.4.2.3: sorted by %s %s, those who lack it last, or first when descending',
  async (sortBy, sortOrder, expected) => {
    const query = { sortBy, ...(sortOrder !== undefined && { sortOrder }) };
    expect(names((await client.search(query)).body)).toEqual(expected);
    // The same by cursor, one by one (RFC 9865, 2.2).
    const seen: string[] = [];
    for (let cursor: string | undefined = ''; cursor !== undefined;) {
      const { body } = await client.search({ ...query, cursor, count: 1 });
      seen.push(...(names(body) ?? []));
      cursor = page.parse(body).nextCursor;
    }
    expect(seen).toEqual(expected);
  },
);

test('RFC 7644, 3.4.2.3: sorting by what nobody has is refused', async () => {
  for (const sortBy of ['shoeSize', 'name', 'meta', 'schemas'])
    expectError(await client.search({ sortBy }), 400, 'invalidPath');
  expectError(await client.search({ sortBy: 'title', sortOrder: 'upwards' }), 400, 'invalidValue');
});

test('RFC 7644, 3.4.2.4: pages by index count from 1, say their size, and hold no more than was asked', async () => {
  const all = page.parse((await client.search({})).body);
  expect(all).toMatchObject({ totalResults: 4, startIndex: 1, itemsPerPage: 4 });
  const second = page.parse((await client.search({ startIndex: 2, count: 2 })).body);
  expect(second).toMatchObject({ totalResults: 4, startIndex: 2, itemsPerPage: 2 });
  expect(names(second)).toEqual(['bo.berg', 'Çelik']);
  expect(page.parse((await client.search({ startIndex: 99 })).body)).toMatchObject({
    totalResults: 4,
    itemsPerPage: 0,
  });
});

test('RFC 7644, 3.4.2.4: a startIndex below 1 is 1, a negative count is 0, and a count of 0 gives the total alone', async () => {
  expect(page.parse((await client.search({ startIndex: -5, count: 1 })).body)).toMatchObject({
    startIndex: 1,
    itemsPerPage: 1,
  });
  for (const count of [0, -1]) {
    const { body } = await client.search({ count });
    expect(body).toEqual({ schemas: [listUrn], totalResults: 4, startIndex: 1, itemsPerPage: 0, Resources: [] });
  }
  expectError(await client.search({ startIndex: 'x' }), 400, 'invalidValue');
});

test('RFC 7644, 3.4.3: a search by POST takes the same parameters, lists as arrays, and needs its schema', async () => {
  const search = { schemas: [searchUrn], filter: 'title pr', sortBy: 'userName', sortOrder: 'descending' };
  const answer = await client.send('POST', '/Users/.search', {
    ...search,
    attributes: ['userName'],
    startIndex: 2,
    count: 1,
  });
  expect(answer.status).toBe(200);
  expect(answer.body).toMatchObject({ totalResults: 2, startIndex: 2, itemsPerPage: 1 });
  expect(page.parse(answer.body).Resources).toEqual([
    { schemas: expect.any(Array), id: expect.any(String), userName: 'Anna.Lee' },
  ]);
  expectError(await client.send('POST', '/Users/.search', { filter: 'title pr' }), 400, 'invalidSyntax');
});

test('RFC 7644, 3.9: a list leaves out what is not asked for', async () => {
  const { body } = await client.search({ attributes: 'title', filter: 'userName eq "anna.lee"' });
  expect(page.parse({ ...body, Resources: [] })).toBeDefined();
  expect(z.object({ Resources: z.array(z.unknown()) }).parse(body).Resources).toEqual([
    { schemas: expect.any(Array), id: expect.any(String), title: 'Baker' },
  ]);
});

test('RFC 9865, 2: pages by cursor end with the page that has no nextCursor, whatever is created or deleted meanwhile', async () => {
  const other = await client.other('paged');
  const users = await Promise.all(Array.from({ length: 7 }, () => other.create()));
  const first = page.parse((await other.search({ cursor: '', count: 3 })).body);
  expect(first).toMatchObject({ totalResults: 7, itemsPerPage: 3, nextCursor: expect.stringMatching(/^[\w.~-]+$/) });
  expect(first).not.toHaveProperty('startIndex');
  // The very user after whom the next page begins goes.
  const gone = users.find(({ userName }) => userName === names(first)?.at(-1));
  await other.send('DELETE', `/Users/${gone?.id}`);
  const late = await other.create();
  const second = page.parse((await other.search({ cursor: first.nextCursor ?? '', count: 3 })).body);
  const third = page.parse((await other.search({ cursor: second.nextCursor ?? '', count: 3 })).body);
  expect(third).not.toHaveProperty('nextCursor');
  const seen = [first, second, third].flatMap((one) => names(one) ?? []);
  expect(seen.toSorted()).toEqual([...users, late].map(({ userName }) => String(userName)).toSorted());
});

test('RFC 9865, 2: a cursor goes with a search by POST, too', async () => {
  const search = { schemas: [searchUrn], cursor: '', count: 3 };
  const first = page.parse((await client.send('POST', '/Users/.search', search)).body);
  const answer = await client.send('POST', '/Users/.search', { ...search, cursor: first.nextCursor });
  expect([...(names(first) ?? []), ...(names(answer.body) ?? [])]).toEqual(everybody);
});

test('RFC 9865, 2.1: a cursor that was not given for this query is invalidCursor, a count below 1 invalidCount', async () => {
  const { nextCursor = '' } = page.parse((await client.search({ cursor: '', count: 1 })).body);
  for (const wrong of ['x', `${nextCursor}A`, nextCursor.replace(/^./, '*')]) {
    expectError(await client.search({ cursor: wrong, count: 1 }), 400, 'invalidCursor');
  }
  expectError(await client.search({ cursor: nextCursor, count: 1, filter: 'title pr' }), 400, 'invalidCursor');
  const other = await client.other('foreign');
  expectError(await other.search({ cursor: nextCursor, count: 1 }), 400, 'invalidCursor');
  expectError(await client.search({ cursor: '', count: 0 }), 400, 'invalidCount');
  expectError(await client.search({ cursor: '', count: 'many' }), 400, 'invalidCount');
});

test('RFC 9865, 2.3: without a word on paging a list is paged by index', async () => {
  const { body } = await client.search({ count: 2 });
  expect(body).toMatchObject({ startIndex: 1 });
  expect(body).not.toHaveProperty('nextCursor');
});
