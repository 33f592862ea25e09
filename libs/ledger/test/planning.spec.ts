import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  beginListing,
  createPlan,
  endListing,
  issueReservations,
  keepPlanAlive,
  knownInListing,
  latestPlan,
  PlanningDesk,
  releaseListing,
  storeAccounts,
  storeAddresses,
  type EmployeeToPlan,
  type Ledger,
  type StoredWish,
} from '#libs/ledger';
import type { ObservedAccount } from '#libs/vocabulary';
import { openTestLedger, planned, type TestLedger } from './fixture.js';

let opened: TestLedger;
beforeAll(async () => {
  opened = await openTestLedger();
});
afterAll(() => opened.close());

const domain = 'shop.example';

interface Person {
  readonly number: string;
  readonly source?: string;
  readonly localPart?: string;
  readonly alternatives?: readonly string[];
  readonly aliases?: readonly string[];
  readonly problem?: StoredWish['problem'];
  readonly left?: boolean;
  /** Issued before; released so many days ago. */
  readonly issued?: { readonly address: string; readonly daysFree?: number; readonly kind?: string };
  readonly given?: string;
  readonly hireDate?: string;
  readonly enrolled?: boolean;
}

interface Existing {
  readonly googleId: string;
  readonly address: string;
  readonly number?: string;
  readonly mark?: string;
  readonly aliases?: string[];
  readonly suspended?: boolean;
}

const accountOf = ({
  googleId,
  address,
  number,
  mark,
  aliases = [],
  suspended = false,
}: Existing): ObservedAccount => ({
  googleId,
  primaryEmail: address,
  name: { givenName: 'S', familyName: 'B' },
  orgUnitPath: '/',
  suspended,
  archived: false,
  isAdmin: false,
  isDelegatedAdmin: false,
  isMailboxSetup: true,
  aliases,
  nonEditableAliases: [],
  externalIds: [
    ...(number === undefined ? [] : [{ type: 'organization', value: number }]),
    ...(mark === undefined ? [] : [{ type: 'custom', customType: 'bascule', value: mark }]),
  ],
  organizations: [],
  relations: [],
  phones: [],
  languages: [],
});

async function hire({ pool }: Ledger, person: Person): Promise<string> {
  const { number, source = 'hr', hireDate = '2020-01-01' } = person;
  const record = {
    employeeNumber: number,
    status: 'active',
    workerType: 'employee',
    legalName: { givenName: 'P', familyName: number },
    hireDate,
    country: 'FR',
  };
  const { rows } = await pool.query<{ id: string }>(
    `with person as (
       insert into employee (source, employee_number, version, fingerprint, status, country, effective_at, last_delivery)
       values ($1, $2, 1, '', 'active', 'FR', now(), 1) returning id
     )
     insert into employee_version (employee_id, version, record) select id, 1, $3 from person
     returning employee_id as id`,
    [source, number, JSON.stringify(record)],
  );
  return rows[0]?.id ?? '';
}

/** Empties the company: each case has one of its own. */
const reset = ({ pool }: Ledger) =>
  pool.query('truncate employee, migration, blueprint, directory_listing, address_reservation, adoption cascade');

/** One planning pass: who gets which account, address and problem, by employee number. */
async function pass(
  ledger: Ledger,
  people: readonly (Person & { id: string })[],
  existing: readonly Existing[],
  rules: {
    collision?: 'number' | 'conflict';
    groups?: readonly string[];
    reuseAfter?: string;
    lookedUpMax?: number;
  } = {},
): Promise<Map<string, Pick<EmployeeToPlan, 'address' | 'problem' | 'googleId' | 'matchedBy'>>> {
  const listingId = await beginListing(ledger.db);
  await storeAccounts(ledger, listingId, pages(existing.map(accountOf)));
  await storeAddresses(ledger.db, listingId, 'group', rules.groups ?? []);
  await endListing(ledger.db, listingId, { state: 'complete', cause: null, accounts: existing.length });
  const { planId } = await planned(ledger, []);
  const desk = await PlanningDesk.open(ledger, planId, { listingId, roundId: null });
  try {
    await desk.storeWishes(wishes(people, rules.collision !== 'conflict'));
    await desk.matchAccounts(0);
    const { reuseAfter = null, lookedUpMax } = rules;
    const how = { blocked: [], verifiedDomains: [domain], reuseAfter };
    await desk.allocateAddresses(lookedUpMax === undefined ? how : { ...how, lookedUpMax });
    const result = new Map<string, Pick<EmployeeToPlan, 'address' | 'problem' | 'googleId' | 'matchedBy'>>();
    for await (const { record, address, problem, googleId, matchedBy } of desk.employeesToPlan(0)) {
      result.set(record.employeeNumber, { address, problem, googleId, matchedBy });
    }
    return result;
  } finally {
    desk.close();
    await releaseListing(ledger.db, listingId);
  }
}

async function* pages(accounts: readonly ObservedAccount[]) {
  yield accounts;
}

async function* wishes(people: readonly (Person & { id: string })[], numbered: boolean): AsyncGenerator<StoredWish> {
  for (const person of people) {
    const { given, localPart, alternatives = [] } = person;
    yield {
      employeeId: person.id,
      source: person.source ?? 'hr',
      employeeNumber: person.number,
      hireDate: person.hireDate ?? '2020-01-01',
      left: person.left ?? false,
      given: given ?? null,
      localParts: given === undefined && localPart !== undefined ? [localPart, ...alternatives] : [],
      domain: given === undefined ? domain : null,
      numbered,
      aliases: person.aliases ?? [],
      problem: person.problem ?? null,
      wave: (person.enrolled ?? true) ? 1 : null,
    };
  }
}

async function company(people: readonly Person[]): Promise<(Person & { id: string })[]> {
  await reset(opened.ledger);
  const hired: (Person & { id: string })[] = [];
  for (const person of people) {
    const id = await hire(opened.ledger, person);
    hired.push({ ...person, id });
    if (person.issued === undefined) continue;
    const { address, daysFree, kind = 'primary' } = person.issued;
    await opened.ledger.pool.query(
      `insert into address_reservation (address, employee_id, kind, state, issued_at, released_at)
       values ($1, $2, $3, 'issued', '2020-01-01', now() - $4 * interval '1 day')`,
      [address, id, kind, daysFree ?? null],
    );
  }
  return hired;
}

test.each<{
  it: string;
  people: Person[];
  existing?: Existing[];
  groups?: string[];
  expected: Record<string, unknown[]>;
}>([
  {
    it: 'numbers homonyms by hire date, then by employee number',
    people: [
      { number: '1', localPart: 'ada', hireDate: '2022-01-01' },
      { number: '3', localPart: 'ada', hireDate: '2020-01-01' },
      { number: '2', localPart: 'ada', hireDate: '2022-01-01' },
    ],
    expected: { '3': ['ada', null], '1': ['ada2', null], '2': ['ada3', null] },
  },
  {
    it: 'passes over the address of another known employee, be it their account’s or the feed’s',
    people: [
      { number: '1', localPart: 'ada' },
      { number: '2', given: `ada@${domain}` },
      { number: '3', localPart: 'bob' },
      { number: '4', localPart: 'other' },
    ],
    existing: [{ googleId: 'g4', address: `bob@${domain}`, number: '4' }],
    expected: { '1': ['ada2', null], '2': ['ada', null], '3': ['bob2', null], '4': ['bob', null] },
  },
  {
    it: 'tries everybody’s pattern, then everybody’s alternatives in turn, and numbers who is left',
    people: [
      { number: '1', localPart: 'ada', alternatives: ['bob', 'a.da'], hireDate: '2019-01-01' },
      { number: '2', localPart: 'ada', alternatives: ['bob', 'a.da'] },
      { number: '3', localPart: 'ada', alternatives: ['bob', 'a.da'], hireDate: '2021-01-01' },
      { number: '4', localPart: 'bob', hireDate: '2022-01-01' },
    ],
    expected: { '1': ['ada', null], '2': ['a.da', null], '3': ['ada2', null], '4': ['bob', null] },
  },
  {
    it: 'keeps numbers of different names apart',
    people: [
      ...Array.from({ length: 21 }, (_, at) => ({ number: String(100 + at), localPart: 'ada' })),
      { number: '200', localPart: 'ada2', hireDate: '2021-01-01' },
      { number: '201', localPart: 'ada2', hireDate: '2021-01-02' },
      { number: '202', localPart: 'ada2', hireDate: '2021-01-03' },
    ],
    expected: {
      '100': ['ada', null],
      ...Object.fromEntries(Array.from({ length: 20 }, (_, at) => [String(101 + at), [`ada${at + 3}`, null]])),
      '120': ['ada22', null],
      '200': ['ada2', null],
      '201': ['ada24', null],
      '202': ['ada23', null],
    },
  },
  {
    it: 'cuts a long local part so that it is at most 64 with its number',
    people: Array.from({ length: 2 }, (_, at) => ({ number: String(at), localPart: `${'a'.repeat(62)}.b` })),
    expected: { '0': [`${'a'.repeat(62)}.b`, null], '1': [`${'a'.repeat(62)}2`, null] },
  },
  {
    it: 'passes over the former address of somebody else, and takes it for its owner',
    people: [
      { number: '1', localPart: 'ada', hireDate: '2019-01-01' },
      { number: '2', localPart: 'ada', aliases: [`ada@${domain}`] },
      { number: '3', localPart: 'eve', aliases: [`ada2@${domain}`] },
    ],
    expected: { '1': ['ada3', null], '2': ['ada', null], '3': ['eve', null] },
  },
  {
    it: 'asks nobody who has an address for a name that can be romanised',
    people: [
      { number: '1', problem: 'name_not_romanised' },
      { number: '2', problem: 'name_not_romanised' },
    ],
    existing: [{ googleId: 'g2', address: `zhang@${domain}`, number: '2' }],
    expected: { '1': [undefined, 'name_not_romanised'], '2': ['zhang', null] },
  },
  {
    it: 'never gives a second address to somebody whose account it may be',
    people: [{ number: '1', localPart: 'ada' }],
    existing: [{ googleId: 'g', address: `ada@${domain}` }],
    expected: { '1': ['ada', 'maybe_same_person'] },
  },
  {
    it: 'tells a given address that a stranger’s account, alias or group holds',
    people: [
      { number: '1', given: `a@${domain}` },
      { number: '2', given: `b@${domain}` },
      { number: '3', given: `c@${domain}` },
    ],
    existing: [{ googleId: 'g', address: `a@${domain}`, aliases: [`b@${domain}`] }],
    groups: [`c@${domain}`],
    expected: {
      '1': ['a', 'maybe_same_person'],
      '2': ['b', 'address_held_by_alias'],
      '3': ['c', 'address_held_by_group'],
    },
  },
  {
    it: 'lets the owner of an account keep the address that the feed gives to somebody else too',
    people: [
      { number: '1', localPart: 'x' },
      { number: '2', given: `a@${domain}` },
    ],
    existing: [{ googleId: 'g', address: `a@${domain}`, number: '1' }],
    expected: { '1': ['a', null], '2': ['a', 'address_held_by_colleague'] },
  },
  {
    it: 'gives an address that two records claim to neither',
    people: [
      { number: '1', given: `a@${domain}` },
      { number: '2', given: `a@${domain}` },
    ],
    expected: { '1': ['a', 'address_given_twice'], '2': ['a', 'address_given_twice'] },
  },
])('planning $it', async ({ people, existing = [], groups = [], expected }) => {
  const result = await pass(opened.ledger, await company(people), existing, { groups });
  const seen = [...result].map(([number, { address, problem }]) => [number, [address?.split('@')[0], problem]]);
  expect(Object.fromEntries(seen)).toEqual(expected);
});

test('a pass of some people respects what HR says of all the others', async () => {
  const people = await company([
    { number: '1', localPart: 'ada' },
    { number: '2', source: 'other' },
  ]);
  await opened.ledger.pool.query(
    `insert into employee_search (employee_id, name_words, addresses) values ($1, '', $2)`,
    [people[1]?.id, [`ada@${domain}`]],
  );
  const some = people.slice(0, 1);
  expect((await pass(opened.ledger, some, [])).get('1')).toMatchObject({ address: `ada2@${domain}` });
});

test('under a rule of conflict homonyms are a person’s to settle', async () => {
  const people = await company([
    { number: '1', localPart: 'ada' },
    { number: '2', localPart: 'ada' },
  ]);
  const result = await pass(opened.ledger, people, [], { collision: 'conflict' });
  expect(result.get('1')).toMatchObject({ address: `ada@${domain}`, problem: null });
  expect(result.get('2')).toMatchObject({ problem: 'address_held_by_colleague' });
});

const freeSince = async () => {
  const { rows } = await opened.ledger.pool.query<{ address: string; free: boolean }>(
    'select address, released_at is not null as free from address_reservation order by 1',
  );
  return Object.fromEntries(rows.map(({ address, free }) => [address.split('@')[0], free]));
};

test('an issued address goes before the feed’s and the pattern’s; another from the feed waits for an admin’s word', async () => {
  const people = await company([
    { number: '1', localPart: 'new', issued: { address: `old@${domain}` } },
    { number: '2', given: `b@${domain}`, issued: { address: `a@${domain}` } },
    { number: '3', given: `c@${domain}`, issued: { address: `c@${domain}` } },
  ]);
  const [, , third] = people;
  await opened.ledger.pool.query(
    "insert into address_reservation (address, employee_id, kind, state) values ($1, $2, 'former', 'issued')",
    [`d@${domain}`, third?.id],
  );
  const result = await pass(opened.ledger, people, []);
  expect(result.get('1')).toMatchObject({ address: `old@${domain}`, problem: null });
  expect(result.get('2')).toMatchObject({ address: `a@${domain}`, problem: 'address_change_unaccepted' });
  expect(result.get('3')).toMatchObject({ address: `c@${domain}`, problem: null });
  const stale = people.map((person) => (person.number === '3' ? { ...person, given: `d@${domain}` } : person));
  expect((await pass(opened.ledger, stale, [])).get('3')).toMatchObject({ address: `c@${domain}`, problem: null });
});

test('the address of somebody who left is given again only after the period, and never without one', async () => {
  const people = await company([
    { number: '1', left: true, issued: { address: `ada@${domain}`, daysFree: 400 } },
    { number: '2', left: true, issued: { address: `bob@${domain}`, daysFree: 300 } },
    { number: '3', left: true, issued: { address: `eve@${domain}`, daysFree: 400, kind: 'alias' } },
    { number: '4', localPart: 'ada', hireDate: '2024-01-01' },
    { number: '5', localPart: 'bob', hireDate: '2024-01-01' },
    { number: '6', given: `eve@${domain}`, hireDate: '2024-01-01' },
  ]);
  const names = async (reuseAfter?: string) => {
    const result = await pass(opened.ledger, people, [], reuseAfter === undefined ? {} : { reuseAfter });
    return ['4', '5', '6'].map((number) => [result.get(number)?.address?.split('@')[0], result.get(number)?.problem]);
  };
  const held = 'address_held_by_colleague';
  expect(await names()).toEqual([['ada2', null], ['bob2', null], ['eve', held]]); // prettier-ignore
  expect(await names('P1Y')).toEqual([['ada', null], ['bob2', null], ['eve', null]]); // prettier-ignore
  expect(await names('P2Y')).toEqual([['ada2', null], ['bob2', null], ['eve', held]]); // prettier-ignore
});

test('an address is free since planning saw that its holder has left and that nothing at Google holds it', async () => {
  const people = await company([
    { number: '1', left: true, issued: { address: `ada@${domain}` } },
    { number: '2', left: true, issued: { address: `bob@${domain}` } },
    { number: '3', localPart: 'eve', issued: { address: `eve@${domain}`, daysFree: 900 } },
    { number: '4', left: true, issued: { address: `kim@${domain}`, daysFree: 900 } },
  ]);
  const existing = [
    { googleId: 'g2', address: `bob@${domain}`, mark: people[1]?.id ?? '' },
    { googleId: 'g4', address: `new@${domain}`, mark: people[3]?.id ?? '' },
  ];
  const back = (await pass(opened.ledger, people, existing, { reuseAfter: 'P1Y' })).get('3');
  // Who is back has the address again; so has a leaver whose account is there.
  expect(back).toMatchObject({ address: `eve@${domain}`, problem: null });
  expect(await freeSince()).toEqual({ ada: true, bob: false, eve: false, kim: false });
});

test('a start gives a reused address to its new holder, and says from whom', async () => {
  const { ledger } = opened;
  const people = await company([
    { number: '1', left: true, issued: { address: `ada@${domain}`, daysFree: 400 } },
    { number: '2', left: true, issued: { address: `bob@${domain}`, daysFree: 300 } },
  ]);
  const { planId } = await planned(ledger, [
    { number: '4', steps: ['account'], address: `ada@${domain}` },
    { number: '5', steps: ['account'], address: `bob@${domain}` },
  ]);
  await ledger.pool.query("update plan set reuse_after = 'P1Y' where id = $1", [planId]);
  await ledger.db.transaction().execute((tx) => issueReservations(tx, planId));
  const { rows } = await ledger.pool.query(
    `select employee_number as number, address from address_reservation join employee on employee.id = employee_id
     where released_at is null order by 1`,
  );
  expect(rows).toEqual([{ number: '4', address: `ada@${domain}` }]);
  const events = await ledger.pool.query("select detail from event where kind = 'address_reused'");
  expect(events.rows).toEqual([{ detail: { address: `ada@${domain}`, from: people[0]?.id } }]);
});

test('of two accounts with one mark it is the one that the ledger keeps, else nobody’s', async () => {
  const people = await company([{ number: '1', localPart: 'ada' }]);
  const [{ id } = { id: '' }] = people;
  const existing = [
    { googleId: 'g1', address: `x@${domain}`, mark: id },
    { googleId: 'g2', address: `y@${domain}`, mark: id },
  ];
  expect((await pass(opened.ledger, people, existing)).get('1')).toMatchObject({ problem: 'account_claimed_twice' });
  await opened.ledger.pool.query(
    "insert into account (employee_id, google_id, primary_email, origin) values ($1, 'g2', $2, 'created')",
    [id, `y@${domain}`],
  );
  expect((await pass(opened.ledger, people, existing)).get('1')).toMatchObject({ googleId: 'g2', problem: null });
});

/** Accounts that the ledger keeps, suspended by us, of the company's people in their order; written so long ago. */
async function keepAccounts(people: readonly { id: string }[], ago: string): Promise<void> {
  await opened.ledger.pool.query(
    `insert into account (employee_id, google_id, primary_email, origin, written_at, suspended_by_us)
     select id, 'g' || n, 'p' || n, 'created', now() - $2::interval, true
     from unnest($1::uuid[]) with ordinality as person (id, n)`,
    [people.map(({ id }) => id), ago],
  );
}

test('an account that somebody else opened again is barred by us no longer, unless it was written just now', async () => {
  const barredByUs = async () => {
    const { rows } = await opened.ledger.pool.query<{ id: string; ours: boolean }>(
      'select google_id as id, suspended_by_us as ours from account order by 1',
    );
    return Object.fromEntries(rows.map(({ id, ours }) => [id, ours]));
  };
  const people = await company([{ number: '1' }, { number: '2' }]);
  const existing = [
    { googleId: 'g1', address: `a@${domain}` },
    { googleId: 'g2', address: `b@${domain}`, suspended: true },
  ];
  await keepAccounts(people, '-1 minute');
  await pass(opened.ledger, people, existing);
  expect(await barredByUs()).toEqual({ g1: true, g2: true });
  await opened.ledger.pool.query("update account set written_at = now() - interval '1 day'");
  await pass(opened.ledger, people, existing);
  expect(await barredByUs()).toEqual({ g1: false, g2: true });
});

test('accounts of people who are not part of a pass are not gathered, but for those that are listed', async () => {
  const { ledger } = opened;
  const people = await company(Array.from({ length: 30 }, (_, at) => ({ number: String(at + 1), localPart: 'ada' })));
  await keepAccounts(people, '1 day');
  const listingId = await beginListing(ledger.db);
  // One account that is somebody else's carries the number of the one who is planned for.
  const listed = { googleId: 'g9', address: `x@${domain}`, number: '1' };
  await storeAccounts(ledger, listingId, pages([accountOf(listed)]));
  await endListing(ledger.db, listingId, { state: 'partial', cause: null, accounts: 1 });
  await ledger.pool.query("delete from account where google_id = 'g1'");
  const { planId } = await planned(ledger, []);
  const desk = await PlanningDesk.open(ledger, planId, { listingId, roundId: null });
  try {
    await desk.storeWishes(wishes(people.slice(0, 1), true));
    await desk.matchAccounts(0);
    const { rows } = await ledger.pool.query("select reltuples::int as count from pg_class where relname = 'match'");
    expect(rows).toEqual([{ count: 2 }]);
    await desk.allocateAddresses({ blocked: [], verifiedDomains: [domain], reuseAfter: null });
    for await (const { problem } of desk.employeesToPlan(0)) expect(problem).toBe('account_claimed_twice');
  } finally {
    desk.close();
  }
});

const stems = ['ada', 'bob', 'ada2'];
const personArbitrary = fc.record(
  {
    localPart: fc.constantFrom(...stems),
    alternatives: fc.uniqueArray(fc.constantFrom('a.da', 'bob', 'ada22', 'z'), { maxLength: 2 }),
    aliases: fc.uniqueArray(fc.constantFrom(`ada@${domain}`, `bob2@${domain}`, `z@${domain}`), { maxLength: 1 }),
    given: fc.constantFrom(`ada@${domain}`, `bob3@${domain}`, `eve@${domain}`),
    hireDate: fc.constantFrom('2020-01-01', '2021-01-01'),
  },
  { requiredKeys: ['localPart', 'hireDate'] },
);
const existingArbitrary = fc.uniqueArray(
  fc.record(
    {
      local: fc.constantFrom('ada', 'ada2', 'bob', 'bob2', 'eve'),
      number: fc.constantFrom('1', '2', '3'),
    },
    { requiredKeys: ['local'] },
  ),
  { selector: ({ local }) => local, maxLength: 3 },
);

const leaverArbitrary = fc.record({
  address: fc.constantFrom('ada', 'ada2', 'bob', 'z', 'eve').map((local) => `${local}@${domain}`),
  daysFree: fc.constantFrom(undefined, 0, 364, 366, 900),
});
const legal = /^(?!.*\.\.)[a-z0-9]([a-z0-9.-]{0,62}[a-z0-9])?$/;

test(
  'nobody shares an address or gets one within the period of another’s, and pilots get what they would have got with all the others',
  { timeout: 120_000 },
  async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(personArbitrary, { minLength: 2, maxLength: 7 }),
        existingArbitrary,
        fc.nat({ max: 6 }),
        fc.uniqueArray(leaverArbitrary, { selector: ({ address }) => address, maxLength: 3 }),
        async (drafts, held, shift, leavers) => {
          const people = await company([
            ...drafts.map((draft, at) => ({ ...draft, number: String(at + 1) })),
            ...leavers.map(({ address, daysFree }, at) => ({
              number: `L${at}`,
              left: true,
              issued: { address, ...(daysFree !== undefined && { daysFree }) },
            })),
          ]);
          const existing = held.map(({ local, number }, at) => ({
            googleId: `g${at}`,
            address: `${local}@${domain}`,
            ...(number !== undefined && { number }),
          }));
          const rules = { reuseAfter: 'P1Y' };
          const all = await pass(opened.ledger, people, existing, { ...rules, lookedUpMax: -1 });
          expect(await pass(opened.ledger, people, existing, rules)).toEqual(all);
          const fine = [...all].filter(([, { problem, address }]) => problem === null && address !== null);
          const good = fine.map(([, { address }]) => address);
          expect(new Set(good).size).toBe(good.length);
          for (const address of good) expect(address?.split('@')[0]).toMatch(legal);
          const bound = leavers.filter(({ daysFree = 0 }) => daysFree < 365).map(({ address }) => address);
          const newcomers = fine.filter(([number]) => !number.startsWith('L')).map(([, { address }]) => address ?? '');
          expect(newcomers.filter((address) => bound.includes(address))).toEqual([]);
          const theirs = [...all.values()].filter(({ problem }) => problem === null).map(({ googleId }) => googleId);
          const owned = theirs.filter((googleId) => googleId !== null);
          expect(new Set(owned).size).toBe(owned.length);
          for (const { address, problem, googleId } of all.values()) {
            const holder = existing.find((account) => account.address === address);
            if (problem === null && holder !== undefined) expect(googleId).toBe(holder.googleId);
          }
          const order = Array.from({ length: people.length }, (_, at) => (at * 5 + shift) % people.length);
          const shuffled = [...new Set(order), ...people.keys()].flatMap((at) => people[at] ?? []);
          const some = [...new Set(shuffled)].map((person, at) => ({ ...person, enrolled: at % 2 === 0 }));
          const pilots = await pass(opened.ledger, some, existing, rules);
          for (const [number, one] of pilots) expect(one).toEqual(all.get(number));
        },
      ),
      { numRuns: 12 },
    );
  },
);

test('a listing is kept as long as a plan is made from it, and forgotten once nobody needs it', async () => {
  const { ledger } = opened;
  await reset(ledger);
  const { planId } = await planned(ledger, []);
  await ledger.pool.query("update plan set state = 'computing' where id = $1", [planId]);
  const inUse = await beginListing(ledger.db, planId);
  await endListing(ledger.db, inUse, { state: 'complete', cause: null, accounts: 0 });
  const another = await beginListing(ledger.db);
  await releaseListing(ledger.db, inUse);
  const listings = async () => {
    const end = { state: 'complete', cause: null, accounts: 0 } as const;
    await endListing(ledger.db, another, end);
    const { rows } = await ledger.pool.query<{ id: string }>('select id from directory_listing');
    return new Set(rows.map(({ id }) => id));
  };
  expect(await listings()).toEqual(new Set([inUse, another]));
  await ledger.pool.query("update migration set state = 'cancelled'");
  await ledger.pool.query("update plan set state = 'discarded' where id = $1", [planId]);
  expect(await listings()).toEqual(new Set([another]));
});

test('what the ledger knows and a listing does not show is counted by domain', async () => {
  const { ledger } = opened;
  const people = await company([{ number: '1' }, { number: '2' }, { number: '3' }]);
  for (const [at, { id }] of people.entries()) {
    await ledger.pool.query(
      `insert into account (employee_id, google_id, primary_email, origin, written_at)
       values ($1, $2, $3, 'created', now() - interval '1 day')`,
      [id, `g${at}`, at === 2 ? 'c@other.example' : `${at}@${domain}`],
    );
  }
  const listingId = await beginListing(ledger.db);
  await storeAccounts(ledger, listingId, pages([accountOf({ googleId: 'g0', address: `0@${domain}` })]));
  expect(await knownInListing(ledger.db, listingId, 0)).toEqual([
    { domain: 'other.example', known: 1, listed: 0 },
    { domain, known: 2, listed: 1 },
  ]);
  const dayMs = 90_000_000;
  expect(await knownInListing(ledger.db, listingId, dayMs)).toEqual([]);
});

test('a plan whose process died is refused, and says so; one that is still being computed is not', async () => {
  const { ledger } = opened;
  const { id } = await planned(ledger, []);
  const planId = await createPlan(ledger.db, { migrationId: id, blueprintVersion: 1, actor: 'test' });
  await ledger.pool.query("update plan set seen_at = now() - interval '2 minutes' where id = $1", [planId]);
  expect(await latestPlan(ledger.db, id)).toMatchObject({
    state: 'refused',
    cause: 'planning broke off with its process: plan again',
  });
  await keepPlanAlive(ledger.db, planId);
  expect(await latestPlan(ledger.db, id)).toMatchObject({ state: 'computing', cause: null });
});

test('where the listing shows a few people alone, new aliases are looked up too, and left out when somebody has them', async () => {
  const { ledger } = opened;
  await reset(ledger);
  const person: Person = { number: '1', localPart: 'ada', aliases: [`held@${domain}`, `own@${domain}`] };
  const people = [{ ...person, id: await hire(ledger, person) }];
  const listingId = await beginListing(ledger.db);
  const own = { googleId: 'own', address: `ada@${domain}`, number: '1', aliases: [`own@${domain}`] };
  await storeAccounts(ledger, listingId, pages([own].map(accountOf)));
  await endListing(ledger.db, listingId, { state: 'partial', cause: null, accounts: 1 });
  const { planId } = await planned(ledger, []);
  const desk = await PlanningDesk.open(ledger, planId, { listingId, roundId: null });
  try {
    await desk.storeWishes(wishes(people, true));
    await desk.matchAccounts(0);
    const asked: string[] = [];
    await desk.allocateAddresses({ blocked: [], verifiedDomains: [domain], reuseAfter: null }, async (addresses) => {
      asked.push(...addresses);
      await storeAddresses(ledger.db, listingId, 'group', addresses);
    });
    expect(asked).toEqual([`held@${domain}`]);
    const left: (readonly string[])[] = [];
    for await (const { aliasesLeftOut } of desk.employeesToPlan(0)) left.push(aliasesLeftOut);
    expect(left).toEqual([[`held@${domain}`]]);
  } finally {
    desk.close();
  }
});

test('a plan that is discarded while it is made reserves no address; one that is not does', async () => {
  const { ledger } = opened;
  await reset(ledger);
  const { id, planId: before } = await planned(ledger, [{ number: 'reserved', steps: ['account'] }]);
  const reserved = async (state: string) => {
    const planId = await createPlan(ledger.db, { migrationId: id, blueprintVersion: 1, actor: 'test' });
    await ledger.pool.query(
      `insert into plan_item (plan_id, employee_id, employee_version, action, address, steps)
       select $1, employee_id, 1, action, address, steps from plan_item where plan_id = $2`,
      [planId, before],
    );
    await ledger.pool.query('update plan set state = $2 where id = $1', [planId, state]);
    const listingId = await beginListing(ledger.db, planId);
    const desk = await PlanningDesk.open(ledger, planId, { listingId, roundId: null });
    try {
      await desk.reserve();
    } finally {
      desk.close();
    }
    const { rows } = await ledger.pool.query('select address from address_reservation where plan_id = $1', [planId]);
    return rows.length;
  };
  expect(await reserved('discarded')).toBe(0);
  expect(await reserved('computing')).toBe(1);
});
