import { afterEach, beforeEach, expect, test } from 'vitest';
import { nameAccounts, namedAccounts, unnameAccount } from '#libs/ledger';
import { domain, smallBlueprint, TestCompany } from './company.js';

let company: TestCompany;
beforeEach(async () => {
  company = await TestCompany.open();
});
afterEach(async () => {
  await company.close();
  expect(company.lost).toEqual([]);
});

const name = (givenName: string, familyName: string) => ({ legalName: { givenName, familyName } });
const mark = (value: string) => ({ type: 'custom', customType: 'bascule', value });
const number = (value: string) => ({ type: 'organization', value });
const user = (primaryEmail: string, externalIds: object[] = [], more: object = {}) => ({
  kind: 'user',
  primaryEmail,
  givenName: 'Some',
  familyName: 'Body',
  lists: { externalIds },
  ...more,
});

test('an account is found by mark, then by the admin’s list, then by a number that one account and one person have', async () => {
  const marked = await company.hire({ employeeNumber: '1', ...name('Ada', 'Mark') });
  await company.hire({ employeeNumber: '2', ...name('Ada', 'List') });
  await company.hire({ employeeNumber: '3', ...name('Ada', 'Number') });
  await company.hire({ employeeNumber: '4', ...name('Ada', 'Twins') });
  await company.hire({ employeeNumber: '5', ...name('Ada', 'Sources') });
  await company.hire({ employeeNumber: '5', ...name('Ada', 'Elsewhere') }, 'other');
  await company.hire({ employeeNumber: '6', ...name('Ada', 'Address') });
  await company.hire({ employeeNumber: '7', ...name('Ada', 'Admin') });
  await company.hire({ employeeNumber: '8', ...name('Ada', 'Named-Admin') });
  const copied = await company.hire({ employeeNumber: '9', ...name('Ada', 'Copied') });
  await company.hire({ employeeNumber: '10', ...name('Ada', 'Gone') });
  await company.simulator.plant([
    user(`m@${domain}`, [mark(marked), number('3333')]),
    user(`l@${domain}`),
    user(`n@${domain}`, [number('3')]),
    user(`t1@${domain}`, [number('4')]),
    user(`t2@${domain}`, [number('4')]),
    user(`s@${domain}`, [number('5')]),
    user(`ada.address@${domain}`),
    user(`a@${domain}`, [number('7')], { isAdmin: true }),
    user(`na@${domain}`, [], { isAdmin: true }),
    user(`c1@${domain}`, [mark(copied)]),
    user(`c2@${domain}`, [mark(copied)]),
  ]);
  await nameAccounts(
    company.ledger.db,
    [
      { employeeNumber: '2', account: `L@${domain}` },
      { employeeNumber: '8', account: `na@${domain}` },
      { employeeNumber: '10', account: `gone@${domain}` },
    ],
    'test',
  );
  const blueprint = smallBlueprint('address: { given: keep }');
  const id = await company.create({ blueprint });
  const { byNumber } = await company.plan(id);
  const planned = (employeeNumber: string) => {
    const { action, reason, address } = byNumber.get(employeeNumber) ?? {};
    return [action, reason ?? address];
  };
  expect(planned('1')).toEqual(['adopt', `m@${domain}`]);
  expect(planned('2')).toEqual(['adopt', `l@${domain}`]);
  expect(planned('3')).toEqual(['adopt', `n@${domain}`]);
  expect(planned('4')).toEqual(['conflict', 'employee_number_ambiguous']);
  expect(planned('5')).toEqual(['conflict', 'employee_number_ambiguous']);
  expect(planned('6')).toEqual(['conflict', 'maybe_same_person']);
  expect(planned('7')).toEqual(['skip', 'google_admin']);
  expect(planned('8')).toEqual(['adopt', `na@${domain}`]);
  expect(planned('9')).toEqual(['conflict', 'account_claimed_twice']);
  expect(planned('10')).toEqual(['conflict', 'named_account_missing']);

  await company.start(id);
  company.work();
  await company.until(id, 'completedWithIssues');
  const { byNumber: again } = await company.plan(await company.create({ blueprint }));
  for (const one of ['1', '2', '3', '8']) expect(again.get(one)?.action).toBe('nothing');
});

test('who leaves takes nobody else’s account with them: of several that may be meant none is suspended', async () => {
  await company.hire({ employeeNumber: '5', ...name('Ada', 'Stays') });
  await company.hire({ employeeNumber: '5', ...name('Ada', 'Leaves'), status: 'terminated' }, 'other');
  await company.hire({ employeeNumber: '4', ...name('Ada', 'Twins'), status: 'terminated' });
  await company.simulator.plant([
    user(`s@${domain}`, [number('5')]),
    user(`t1@${domain}`, [number('4')]),
    user(`t2@${domain}`, [number('4')]),
  ]);
  const id = await company.create();
  await company.plan(id);
  await company.start(id);
  company.work();
  await company.until(id, 'completedWithIssues');
  const { rows } = await company.ledger.pool.query('select distinct state, reason from enrolment');
  expect(rows).toEqual([{ state: 'conflict', reason: 'employee_number_ambiguous' }]);
  expect((await company.simulator.accounts()).filter(({ suspended }) => suspended)).toEqual([]);
});

test('the list is stored whole or not at all, and says what is wrong where', async () => {
  const ada = await company.hire({ employeeNumber: '1', ...name('Ada', 'One') });
  await company.hire({ employeeNumber: '2', ...name('Bob', 'Two') });
  await company.hire({ employeeNumber: '2', ...name('Bob', 'Two') }, 'other');
  const { db } = company.ledger;
  const wrong = await nameAccounts(
    db,
    [
      { employeeNumber: '1', account: `a@${domain}` },
      { employeeNumber: '404', account: `b@${domain}` },
      { employeeNumber: '2', account: `c@${domain}` },
      { employeeNumber: '2', source: 'other', account: `A@${domain}` },
    ],
    'test',
  );
  expect(wrong).toEqual([
    { at: 0, field: 'account', problem: 'account_named_twice' },
    { at: 1, field: 'employeeNumber', problem: 'unknown' },
    { at: 2, field: 'employeeNumber', problem: 'ambiguous' },
    { at: 3, field: 'account', problem: 'account_named_twice' },
  ]);
  expect(await namedAccounts(db, { limit: 10 })).toEqual([]);
  expect(await nameAccounts(db, [{ employeeNumber: '1', account: `a@${domain}` }], 'test')).toEqual([]);
  expect(await nameAccounts(db, [{ employeeNumber: '1', account: `z@${domain}` }], 'test')).toEqual([]);
  expect(await namedAccounts(db, { limit: 10 })).toMatchObject([{ employeeNumber: '1', account: `z@${domain}` }]);
  expect(await unnameAccount(db, ada, 'test')).toBe(true);
  expect(await unnameAccount(db, ada, 'test')).toBe(false);
  const { rows } = await company.ledger.pool.query('select kind from event where employee_id = $1 order by id', [ada]);
  expect(rows.map(({ kind }) => kind)).toEqual(['adoption_named', 'adoption_named', 'adoption_removed']);
});
