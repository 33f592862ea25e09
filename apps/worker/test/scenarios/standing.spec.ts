import { afterAll, beforeAll, expect, test } from 'vitest';
import { people, startCompany, type TestCompany } from '#libs/testing';

const blueprint = `
blueprint: 1
name: Small company
domains: [bascule-retail.example]
declare:
  orgUnits:
    - path: /Stores
    - path: /Office
  groups:
    - email: everyone@bascule-retail.example
      name: Everyone
      whoCanPost: managers
    - email: office@bascule-retail.example
      name: Office
      whoCanPost: managers
password: sso
orgUnit:
  - when: employee.department == "Office"
    value: /Office
  - value: /Stores
licence: none
groups:
  - everyone@bascule-retail.example
  - group: office@bascule-retail.example
    when: employee.department == "Office"
`;

const inStores = people(6, () => ({ department: 'Stores' }));
const row = (index: number, change: Readonly<Record<string, string>>) => ({ ...inStores[index], ...change });

let company: TestCompany;
let id: string;
beforeAll(async () => {
  company = await startCompany({ profile: 'quiet', timeScale: 600, feed: inStores, blueprint });
  id = await company.admin.launch();
  await company.admin.untilRest(id);
  await company.admin.stand(id);
}, 200_000);
afterAll(async () => {
  await company[Symbol.asyncDispose]();
});

const accountOf = async (number: string) =>
  (await company.simulator.accounts()).find(({ externalIds }) => externalIds.some(({ value }) => value === number));

test('a changed department reaches the account without a hand, and a second look makes no round', async () => {
  const { admin } = company;
  const before = await admin.rounds(id);
  expect(before).toEqual([]);
  const listed = (await company.simulator.stats()).calls['directory.users.list'];

  await admin.pushFeed([row(2, { department: 'Office' })], 'delta');
  const round = await admin.untilRound(id, 1, 'completed');
  expect(round.people).toBe(1);
  expect(await accountOf('000003')).toMatchObject({ orgUnitPath: '/Office' });
  expect((await accountOf('000003'))?.groups).toContain('office@bascule-retail.example');
  expect(await company.faults(round.id)).toEqual([]);
  // The directory was not read through for one person.
  expect((await company.simulator.stats()).calls['directory.users.list']).toBe(listed);
}, 120_000);

test('a joiner gets an account, a leaver is suspended and comes back to the same account', async () => {
  const { admin } = company;
  const [joiner] = people(1, () => ({
    employeeNumber: '000901',
    legalGivenName: 'Ines',
    legalFamilyName: 'Neu',
    department: 'Stores',
    legacyEmails: [],
  }));
  await admin.pushFeed([joiner ?? {}, row(3, { status: 'TERMINATED' })], 'delta');
  const round = await admin.untilRound(id, 2, 'completed');
  expect(round.people).toBe(2);
  expect(await accountOf('000901')).toMatchObject({
    primaryEmail: 'ines.neu@bascule-retail.example',
    suspended: false,
  });
  const left = await accountOf('000004');
  expect(left).toMatchObject({ suspended: true, orgUnitPath: '/Stores' });

  await admin.pushFeed([row(3, { status: 'ACTIVE', department: 'Office' })], 'delta');
  const back = await admin.untilRound(id, 3, 'completed');
  expect(await company.faults(back.id)).toEqual([]);
  expect(await accountOf('000004')).toMatchObject({
    id: left?.id,
    primaryEmail: left?.primaryEmail,
    suspended: false,
    orgUnitPath: '/Office',
  });
}, 120_000);

test('more leavers than the guard lets through wait for a person, and are suspended once one approves', async () => {
  const { admin } = company;
  await admin.stand(id, { suspend: { people: 2, share: 0 } });
  await admin.pushFeed([row(1, { status: 'TERMINATED' }), row(5, { status: 'TERMINATED' })], 'delta');
  // The one of before counts: three within a day.
  const held = await admin.untilRound(id, 4, 'held');
  expect(held.heldBecause).toBe(
    'suspensions: 2 after 1 within a day, at most 2 a day go through: look at the plan, then approve or cancel the round',
  );
  // Others go on meanwhile.
  await admin.pushFeed([row(4, { jobTitle: 'Manager' })], 'delta');
  await admin.untilRound(id, 5, 'completed');
  expect(await accountOf('000002')).toMatchObject({ suspended: false });
  expect(await accountOf('000006')).toMatchObject({ suspended: false });

  await admin.act(held.id, 'approve');
  await admin.untilProgress(held.id, ({ migration }) => migration.state === 'completed');
  expect(await accountOf('000002')).toMatchObject({ suspended: true });
  expect(await accountOf('000006')).toMatchObject({ suspended: true });
}, 120_000);

test('a paused standing migration makes no round, and makes up for it when it stands again', async () => {
  const { admin } = company;
  await admin.act(id, 'pause');
  const before = (await admin.rounds(id)).length;
  await admin.pushFeed([row(2, { department: 'Stores' })], 'delta');
  expect((await admin.rounds(id)).length).toBe(before);
  await admin.stand(id);
  await admin.untilRound(id, before + 1, 'completed');
  expect(await accountOf('000003')).toMatchObject({ orgUnitPath: '/Stores' });
}, 120_000);
