import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createScimUser, listScimUsers, openLedger, type Ledger, type ScimObject, type ScimValue } from '#libs/ledger';
import { createTestDatabase, type TestDatabase } from '#libs/testing';
import { meets } from '../src/scim/meets.js';
import {
  canonicalUser,
  coreUrn,
  enterpriseUrn,
  parseUserFilter,
  patchedUser,
  patchUrn,
  ScimError,
  searchForm,
  workerUrn,
} from '../src/scim/index.js';

let database: TestDatabase;
let ledger: Ledger;
beforeAll(async () => {
  database = await createTestDatabase();
  ledger = openLedger(database.url, { poolSize: 2 });
});
afterAll(async () => {
  await ledger.close();
  await database.drop();
});

// Few letters, so that values and filters meet; marks that SQL, JSON and LIKE could misread; more than one plane of Unicode.
const text = fc.stringMatching(/^[aAbBäÄ%_\\"' 😀]{0,3}$/u);
const kind = fc.constantFrom('work', 'Work', 'home');
const optional = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });
const user = fc.record(
  {
    schemas: fc.constant([coreUrn]),
    userName: fc.uuid(),
    title: optional(text),
    active: optional(fc.boolean()),
    name: optional(fc.record({ givenName: text, familyName: text }, { requiredKeys: [] })),
    emails: optional(fc.array(fc.record({ type: kind, value: text }, { requiredKeys: ['value'] }), { maxLength: 3 })),
    x509Certificates: optional(fc.array(fc.record({ value: fc.constantFrom('QUJD', 'qujd') }), { maxLength: 1 })),
    [enterpriseUrn]: optional(
      fc.record({ department: text, manager: fc.record({ value: text }) }, { requiredKeys: [] }),
    ),
    [workerUrn]: optional(
      fc.record(
        { fte: fc.constantFrom('0', '0.5', '1'), legacyEmails: fc.array(text, { maxLength: 2 }) },
        { requiredKeys: [] },
      ),
    ),
  },
  { requiredKeys: ['schemas', 'userName'] },
);

const texts = [
  'title',
  'name.givenName',
  'emails',
  'emails.type',
  'emails.value',
  `${enterpriseUrn}:department`,
  `${enterpriseUrn}:manager`,
  `${workerUrn}:legacyEmails`,
];
const quoted = text.map((value) => JSON.stringify(value));
const onText = fc.constantFrom('eq', 'ne', 'co', 'sw', 'ew', 'gt', 'ge', 'lt', 'le', 'EQ', 'Co');
const comparison = (paths: readonly string[]) =>
  fc.oneof(
    { weight: 6, arbitrary: fc.tuple(fc.constantFrom(...paths), onText, quoted).map((parts) => parts.join(' ')) },
    { weight: 1, arbitrary: fc.constantFrom(...paths).map((path) => `${path} pr`) },
  );
const simple = fc.oneof(
  { weight: 4, arbitrary: comparison(texts) },
  fc.constantFrom(
    'active eq true',
    'active ne true',
    'active pr',
    'name pr',
    `${enterpriseUrn} pr`,
    'title eq null',
    'emails ne null',
  ),
  fc
    .tuple(fc.constantFrom('eq', 'ne', 'gt', 'ge', 'lt', 'le'), fc.constantFrom('"0"', '"0.5"', '"1"'))
    .map(([word, value]) => `${workerUrn}:fte ${word} ${value}`),
  fc.constantFrom(
    'x509Certificates.value eq "QUJD"',
    'x509Certificates[value eq "qujd"]',
    'shoeSize eq "a"',
    'shoeSize ne "a"',
  ),
);
const nested = (leaf: fc.Arbitrary<string>) =>
  fc.letrec<{ any: string; both: string; not: string }>((tie) => ({
    any: fc.oneof({ depthSize: 'small', withCrossShrink: true }, leaf, tie('both'), tie('not')),
    both: fc
      .tuple(tie('any'), fc.constantFrom('and', 'or', 'AND'), tie('any'))
      .map(([a, word, b]) => `(${a}) ${word} ${b}`),
    not: tie('any').map((part) => `not (${part})`),
  })).any;
const inBrackets = nested(comparison(['type', 'value'])).map((part) => `emails[${part}]`);
const filter = nested(fc.oneof({ weight: 3, arbitrary: simple }, inBrackets));

test('a filter finds in PostgreSQL exactly the users who meet it', async () => {
  let sources = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(user, { minLength: 1, maxLength: 8 }),
      fc.array(filter, { minLength: 5, maxLength: 15 }),
      async (users, filters) => {
        const source = `filter-${(sources += 1)}`;
        const contents = users
          .map((one) => canonicalUser(one))
          .map((resource) => ({ resource, search: searchForm(resource) }));
        for (const content of contents) {
          const employeeNumber = randomUUID();
          await createScimUser(ledger.db, { ...content, source, employeeNumber, actor: 'test' });
        }
        for (const one of filters) {
          const condition = parseUserFilter(one);
          const found = await listScimUsers(ledger.db, {
            source,
            condition,
            sort: undefined,
            limit: 100,
            from: { offset: 0 },
          });
          const expected = contents
            .filter(({ search }) => meets(condition, search))
            .map(({ resource }) => resource['userName']);
          expect({ one, found: found.users.map(({ resource }) => resource['userName']), total: found.total }).toEqual({
            one,
            found: expected,
            total: expected.length,
          });
        }
      },
    ),
    { numRuns: 60 },
  );
});

test('whatever is sent as a filter is understood or refused as one', () => {
  const piece = fc.constantFrom(
    'title',
    'emails',
    '[',
    ']',
    '(',
    ')',
    'eq',
    'pr',
    'and',
    'or',
    'not',
    '"a"',
    '"',
    '5',
    '-',
    '.',
    '$ref',
    ' ',
    '\\',
    'null',
    ':',
    '😀',
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.array(piece).map((parts) => parts.join(' ')),
        fc.array(piece).map((parts) => parts.join('')),
      ),
      (any) => {
        try {
          parseUserFilter(any);
        } catch (error) {
          expect(error).toBeInstanceOf(ScimError);
        }
      },
    ),
    { numRuns: 2_000 },
  );
});

const email = fc.record(
  { type: kind, value: fc.constantFrom('a@x.example', 'b@x.example'), primary: fc.boolean() },
  { requiredKeys: ['value'] },
);
/** What may be said again and again: no operation that depends on what an earlier one took away. */
const operation = fc.oneof(
  fc.record({
    op: fc.constantFrom('add', 'Replace'),
    path: fc.constantFrom(
      'title',
      'nickName',
      'name.givenName',
      `${enterpriseUrn}:department`,
      `${enterpriseUrn}:manager`,
    ),
    value: text,
  }),
  fc.record({
    op: fc.constantFrom('add', 'replace'),
    path: fc.constant('name'),
    value: fc.record({ givenName: text, familyName: text }, { requiredKeys: [] }),
  }),
  fc.record({
    op: fc.constant('add'),
    path: fc.constant('emails'),
    value: fc.oneof(email, fc.array(email, { maxLength: 1 })),
  }),
  fc.record({ op: fc.constant('replace'), path: fc.constant('emails'), value: fc.array(email, { maxLength: 1 }) }),
  fc.record({
    op: fc.constant('replace'),
    value: fc.record(
      { active: fc.constantFrom('True', false), 'name.familyName': text, emails: fc.array(email, { maxLength: 1 }) },
      { requiredKeys: [] },
    ),
  }),
  fc.record({
    op: fc.constant('remove'),
    path: fc.constantFrom(
      'title',
      'name',
      'name.givenName',
      'emails',
      'emails.type',
      enterpriseUrn,
      `${enterpriseUrn}:manager`,
    ),
  }),
  fc.record({
    op: fc.constantFrom('add', 'replace'),
    path: fc.constantFrom('emails[type eq "work"].value', 'emails[type eq "home"].display'),
    value: fc.constantFrom('a@x.example', 'c@x.example'),
  }),
);

/** Undefined when the operations are refused. */
function tried(before: ScimObject, operations: readonly unknown[]): ScimObject | undefined {
  try {
    return patchedUser(before, { schemas: [patchUrn], Operations: operations });
  } catch (error) {
    expect(error).toBeInstanceOf(ScimError);
    return undefined;
  }
}

test('an operation that is repeated changes nothing more', () => {
  fc.assert(
    fc.property(user, fc.array(operation, { maxLength: 4 }), operation, (one, before, repeated) => {
      const start =
        before.length === 0 ? canonicalUser(one) : (tried(canonicalUser(one), before) ?? canonicalUser(one));
      const once = tried(start, [repeated]);
      if (once === undefined) return;
      expect(tried(once, [repeated])).toBe(once);
    }),
    { numRuns: 2_000 },
  );
});

test('what a PATCH leaves is canonical, and what it was made from stays as it was', () => {
  fc.assert(
    fc.property(user, fc.array(operation, { minLength: 1, maxLength: 5 }), (one, operations) => {
      const before = canonicalUser(one);
      const copy = structuredClone<ScimValue>(before);
      const after = tried(before, operations);
      expect(before).toEqual(copy);
      if (after !== undefined) expect(canonicalUser({ schemas: [coreUrn], ...after })).toEqual(after);
    }),
    { numRuns: 2_000 },
  );
});
