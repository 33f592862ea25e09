import { afterEach, beforeEach, expect, test } from 'vitest';
import { latestPlan } from '#libs/ledger';
import type { MigrationId } from '#libs/vocabulary';
import { domain, smallBlueprint, TestCompany } from './company.js';
import { lookOn, standing } from './rounds.js';

let company: TestCompany;
beforeEach(async () => {
  company = await TestCompany.open();
});
afterEach(async () => {
  await company.close();
  expect(company.lost).toEqual([]);
});

const name = (givenName: string, familyName: string) => ({ legalName: { givenName, familyName } });
const withLeavers = (rules: string) =>
  smallBlueprint(`declare: { orgUnits: [{ path: /Leavers }] }\ngmail: { language: fr }\n${rules}`);

const stand = (blueprint: string, day: string) => standing(company, blueprint, day);
const look = (id: MigrationId, day: string) => lookOn(company, id, day);

async function accountOf(address: string) {
  const account = await company.workspace.directory.getUser({}, `${address}@${domain}`);
  return account === undefined
    ? undefined
    : { ...account, settings: (await company.account(account.primaryEmail))?.gmail };
}

test('a leaver’s account stays as it is until the grace is over, then is suspended and moved; back again, it is as before', async () => {
  await company.hire({ employeeNumber: '1', ...name('Ada', 'One') });
  const id = await stand(withLeavers('leavers: { graceDays: 14, orgUnit: /Leavers }'), '2026-11-20');
  expect(await look(id, '2026-11-20')).toEqual([]);

  await company.hire({ employeeNumber: '1', ...name('Ada', 'One'), endDate: '2026-11-30' });
  expect(await look(id, '2026-11-21')).toEqual([]);
  // Looked into, and nothing is to be done while the grace lasts.
  await look(id, '2026-12-01');
  expect(await accountOf('ada.one')).toMatchObject({ suspended: false, orgUnitPath: '/' });
  await look(id, '2026-12-14');
  expect(await accountOf('ada.one')).toMatchObject({ suspended: false, orgUnitPath: '/' });

  const [round] = await look(id, '2026-12-15');
  expect(await accountOf('ada.one')).toMatchObject({ suspended: true, orgUnitPath: '/Leavers', archived: false });
  const plan = round && (await latestPlan(company.ledger.db, round.id));
  expect(plan?.summary).toMatchObject({ warnings: [expect.stringContaining('moved to the org unit for leavers')] });

  await company.hire({ employeeNumber: '1', ...name('Ada', 'One') });
  await look(id, '2026-12-20');
  expect(await accountOf('ada.one')).toMatchObject({ suspended: false, orgUnitPath: '/' });
  const rounds = await look(id, '2027-12-31');
  expect(await look(id, '2028-12-31')).toEqual(rounds);
});

test('a future hire gets the account in time, suspended, and on the first day it is opened with all its settings', async () => {
  await company.hire({ employeeNumber: '1', ...name('Ada', 'One') });
  const id = await stand(withLeavers('joiners: { leadDays: 7 }'), '2026-11-20');
  await company.hire({ employeeNumber: '2', ...name('Bob', 'Two'), hireDate: '2027-01-11' });
  await company.hire({ employeeNumber: '3', ...name('Cleo', 'Three'), hireDate: '2027-01-11', status: 'prehire' });
  expect(await look(id, '2027-01-03')).toEqual([]);
  expect(await look(id, '2027-01-04')).toMatchObject([{ state: 'completed', people: 2 }]);
  expect(await accountOf('bob.two')).toMatchObject({ suspended: true, settings: {} });

  await look(id, '2027-01-11');
  expect(await accountOf('bob.two')).toMatchObject({ suspended: false, settings: { language: 'fr' } });
  // Whom HR calls a pre-hire waits for HR's word.
  expect(await accountOf('cleo.three')).toMatchObject({ suspended: true });
  await company.hire({ employeeNumber: '3', ...name('Cleo', 'Three'), hireDate: '2027-01-11' });
  await look(id, '2027-01-12');
  expect(await accountOf('cleo.three')).toMatchObject({ suspended: false, settings: { language: 'fr' } });
});

test('an account that somebody else suspended is never unsuspended, though Bascule made it', async () => {
  await company.hire({ employeeNumber: '1', ...name('Ada', 'One') });
  const id = await stand(
    smallBlueprint('profile: { organization: { title: "{{ employee.jobTitle }}" } }'),
    '2026-11-20',
  );
  const { googleId = '' } = (await accountOf('ada.one')) ?? {};
  await company.workspace.directory.updateUser({}, googleId, { suspended: true });
  await company.hire({ employeeNumber: '1', ...name('Ada', 'One'), jobTitle: 'Manager' });
  expect(await look(id, '2026-11-21')).toMatchObject([{ state: 'completedWithIssues' }]);
  expect(await accountOf('ada.one')).toMatchObject({ suspended: true });

  // Not by a detour over HR either.
  await company.hire({ employeeNumber: '1', ...name('Ada', 'One'), status: 'terminated' });
  await look(id, '2026-11-30');
  await company.hire({ employeeNumber: '1', ...name('Ada', 'One') });
  await look(id, '2026-12-01');
  expect(await accountOf('ada.one')).toMatchObject({ suspended: true });
});

test('a leaver’s account is archived where the blueprint says so, with a warning, and back again it is not', async () => {
  await company.hire({ employeeNumber: '1', ...name('Ada', 'One') });
  const id = await stand(withLeavers('leavers: { licence: archive }'), '2026-11-20');
  await company.hire({ employeeNumber: '1', ...name('Ada', 'One'), status: 'terminated' });
  const [round] = await look(id, '2026-11-21');
  expect(await accountOf('ada.one')).toMatchObject({ suspended: true, archived: true, orgUnitPath: '/' });
  const plan = round && (await latestPlan(company.ledger.db, round.id));
  expect(plan?.summary).toMatchObject({ warnings: [expect.stringContaining('Archived User licences')] });

  await company.hire({ employeeNumber: '1', ...name('Ada', 'One') });
  await look(id, '2026-11-30');
  expect(await accountOf('ada.one')).toMatchObject({ suspended: false, archived: false });
});

test('a mover leaves the groups that Bascule put the account into, and no other', async () => {
  const blueprint = smallBlueprint(
    `declare: { groups: [{ email: office@${domain}, name: Office, whoCanPost: managers }, { email: shops@${domain}, name: Shops, whoCanPost: managers }, { email: club@${domain}, name: Club, whoCanPost: managers }] }
groups:
  - { group: office@${domain}, when: employee.department == "Office" }
  - { group: shops@${domain}, when: employee.department != "Office" }`,
  );
  await company.hire({ employeeNumber: '1', ...name('Ada', 'One'), department: 'Office' });
  const id = await stand(blueprint, '2026-11-20');
  await company.workspace.directory.insertMember({}, `club@${domain}`, { email: `ada.one@${domain}` });
  expect((await company.account(`ada.one@${domain}`))?.groups.toSorted()).toEqual([
    `club@${domain}`,
    `office@${domain}`,
  ]);

  await company.hire({ employeeNumber: '1', ...name('Ada', 'One'), department: 'Shops' });
  expect(await look(id, '2026-11-30')).toMatchObject([{ state: 'completed', people: 1 }]);
  expect((await company.account(`ada.one@${domain}`))?.groups.toSorted()).toEqual([
    `club@${domain}`,
    `shops@${domain}`,
  ]);
  expect(await look(id, '2026-12-01')).toHaveLength(1);
});
