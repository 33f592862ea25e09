import { afterEach, beforeEach, expect, test } from 'vitest';
import { domain, smallBlueprint, TestCompany } from './company.js';

let company: TestCompany;
beforeEach(async () => {
  company = await TestCompany.open();
});
afterEach(async () => {
  await company.close();
  expect(company.lost).toEqual([]);
});

const titles = smallBlueprint('profile: { organization: { title: "{{ employee.jobTitle }}" } }');
const name = (givenName: string, familyName: string) => ({ legalName: { givenName, familyName } });

test('plans a changed record anew within what was approved, and skips who left before the first write', async () => {
  await company.hire({ employeeNumber: '1', ...name('Ada', 'One'), jobTitle: 'Seller' });
  await company.hire({ employeeNumber: '2', ...name('Bob', 'Two') });
  await company.hire({ employeeNumber: '3', ...name('Cleo', 'Three') });
  await company.hire({ employeeNumber: '4', ...name('Dan', 'Four') });
  const id = await company.create({ blueprint: titles });
  const { plan } = await company.plan(id);
  await company.hire({ employeeNumber: '1', ...name('Ada', 'One-Married'), jobTitle: 'Manager' });
  await company.hire({ employeeNumber: '2', ...name('Bob', 'Two'), status: 'terminated' });
  await company.hire({ employeeNumber: '3', ...name('Cleo', 'Three'), workEmail: `other@${domain}` });
  await company.hire({ employeeNumber: '4', ...name('Dan', 'Four'), status: 'prehire' });
  await company.start(id);
  company.work();
  await company.until(id, 'completedWithIssues');

  expect(await company.standings(id)).toEqual({
    '1': 'done',
    '2': 'skipped left',
    '3': 'conflict changed_beyond_approval',
    '4': 'conflict changed_beyond_approval',
  });
  const ada = await company.account(`ada.one@${domain}`);
  expect(ada?.name.familyName).toBe('One-Married');
  expect(JSON.stringify(ada)).toContain('Manager');
  expect(await company.account(`bob.two@${domain}`)).toBeUndefined();
  const { rows } = await company.ledger.pool.query("select detail from event where kind = 'replanned'");
  expect(rows).toEqual([{ detail: { fromVersion: 1, toVersion: 2, fields: ['name', 'organization'] } }]);
  const { rows: items } = await company.ledger.pool.query(
    "select desired #>> '{name,familyName}' as name from plan_item where plan_id = $1 and address like 'ada%'",
    [plan?.id],
  );
  expect(items).toEqual([{ name: 'One' }]);
});

test('a plan from before somebody’s last day, started after it, does not let them in again', async () => {
  const day = (ahead: number) => new Date(Date.now() + ahead * 86_400_000).toISOString().slice(0, 10);
  const bob = { employeeNumber: '2', ...name('Bob', 'Two') };
  await company.hire({ ...bob, endDate: day(-3) });
  await company.hire({ employeeNumber: '1', ...name('Ada', 'One'), endDate: day(-3) });
  await company.hire({ employeeNumber: '3', ...name('Cleo', 'Three'), endDate: day(0), country: 'US' });
  company.work();
  const first = await company.create({ selection: { kind: 'list', employeeNumbers: ['1'] } });
  await company.plan(first, day(-5));
  await company.ledger.pool.query("update employee_version set record = record - 'endDate'");
  await company.start(first);
  await company.until(first, 'completed');
  await company.ledger.pool.query(
    `update employee_version set record = record || jsonb_build_object('endDate', $1::text, 'jobTitle', 'Manager')
     from employee where employee.id = employee_id and employee_number <> '3'`,
    [day(-3)],
  );
  const early = await company.create({ blueprint: titles });
  expect((await company.plan(early, day(-5))).byNumber.get('1')).toMatchObject({ action: 'update' });
  const leaving = await company.create({ selection: { kind: 'list', employeeNumbers: ['1'] } });
  await company.plan(leaving);
  await company.start(leaving);
  await company.until(leaving, 'completed');
  expect(await company.account(`ada.one@${domain}`)).toMatchObject({ suspended: true });

  await company.start(early);
  await company.until(early, 'completed');
  expect(await company.standings(early)).toEqual({ '1': 'skipped left', '2': 'skipped left', '3': 'done' });
  expect(await company.account(`ada.one@${domain}`)).toMatchObject({ suspended: true });
  // Her last day is over somewhere, but not where she works.
  const { rows } = await company.ledger.pool.query(
    `select employee_number as number, first_write_at is not null as begun, (select count(*)::int from event
       where kind = 'replanned') as replanned
     from enrolment join employee on employee.id = employee_id where migration_id = $1 order by 1`,
    [early],
  );
  expect(rows).toEqual([
    { number: '1', begun: false, replanned: 0 },
    { number: '2', begun: false, replanned: 0 },
    { number: '3', begun: true, replanned: 0 },
  ]);
});

test('a re-plan adds the steps that it needs, and the counters still add up', async () => {
  await company.hire({ employeeNumber: '1', ...name('Ada', 'One') });
  const id = await company.create();
  await company.plan(id);
  await company.hire({ employeeNumber: '1', ...name('Ada', 'One'), legacyEmails: [`a.one@${domain}`] });
  await company.start(id);
  company.work();
  await company.until(id, 'completed');

  expect((await company.account(`ada.one@${domain}`))?.aliases).toEqual([`a.one@${domain}`]);
  const { rows } = await company.ledger.pool.query(
    `select step, sum(count)::int as count from progress_counter where migration_id = $1 group by step`,
    [id],
  );
  for (const row of rows) expect(row).toMatchObject({ count: 1 });
  const { rows: aliases } = await company.ledger.pool.query(
    `select state, reason from progress_counter where migration_id = $1 and step = 'aliases' group by state, reason
     having sum(count) <> 0`,
    [id],
  );
  expect(aliases).toEqual([{ state: 'done', reason: '' }]);
});

test('a re-plan keeps the former addresses that were approved, and takes none that somebody else has', async () => {
  await company.simulator.plant([
    { kind: 'user', primaryEmail: `stranger@${domain}`, givenName: 'S', familyName: 'T' },
  ]);
  const legacyEmails = [`stranger@${domain}`, `a.one@${domain}`];
  await company.hire({ employeeNumber: '1', ...name('Ada', 'One'), legacyEmails });
  await company.hire({ employeeNumber: '2', ...name('Bob', 'Two') });
  const id = await company.create({ blueprint: titles });
  const { byNumber } = await company.plan(id);
  expect(byNumber.get('1')?.desired).toMatchObject({ aliases: [`a.one@${domain}`] });
  const newer = [`stranger@${domain}`, `bob.two@${domain}`, `a.1@${domain}`];
  await company.hire({ employeeNumber: '1', ...name('Ada', 'One'), legacyEmails: newer, jobTitle: 'Manager' });
  await company.start(id);
  company.work();
  await company.until(id, 'completed', 'completedWithIssues');
  expect(await company.standings(id)).toEqual({ '1': 'done', '2': 'done' });
  expect((await company.account(`ada.one@${domain}`))?.aliases.toSorted()).toEqual([
    `a.1@${domain}`,
    `a.one@${domain}`,
  ]);
});

test('people who have not begun wait without a call, and are done once HR says that they work', async () => {
  const blueprint = smallBlueprint('gmail: { language: fr }\ncalendar: { timeZone: Europe/Paris }');
  await company.hire({ employeeNumber: '1', ...name('Ada', 'One'), status: 'prehire' });
  await company.hire({ employeeNumber: '2', ...name('Bob', 'Two') });
  await company.hire({ employeeNumber: '3', ...name('Cleo', 'Three'), status: 'prehire' });
  const id = await company.create({ blueprint });
  await company.plan(id);
  await company.start(id);
  company.work();
  await company.eventually(async () => {
    const standings = await company.standings(id);
    return standings['2'] === 'done' && standings['1'] === 'waiting suspended_until_start' ? standings : undefined;
  });
  expect((await company.account(`ada.one@${domain}`))?.suspended).toBe(true);

  await company.hire({ employeeNumber: '1', ...name('Ada', 'One'), status: 'active' });
  await company.hire({ employeeNumber: '3', ...name('Cleo', 'Three'), status: 'terminated' });
  await company.until(id, 'completed');
  expect(await company.standings(id)).toEqual({ '1': 'done', '2': 'done', '3': 'skipped left' });
  const ada = await company.account(`ada.one@${domain}`);
  expect(ada).toMatchObject({ suspended: false, gmail: { language: 'fr' }, calendar: { timeZone: 'Europe/Paris' } });
  expect((await company.account(`cleo.three@${domain}`))?.suspended).toBe(true);
});

test('nobody gets an account after the last day, and who has one is suspended', async () => {
  await company.hire({ employeeNumber: '1', ...name('Ada', 'One'), endDate: '2021-01-01' });
  await company.hire({ employeeNumber: '2', ...name('Bob', 'Two'), endDate: '2021-01-01' });
  await company.simulator.plant([
    {
      kind: 'user',
      primaryEmail: `bob@${domain}`,
      lists: { externalIds: [{ type: 'organization', value: '2' }] },
    },
  ]);
  const { byNumber } = await company.plan(await company.create());
  expect(byNumber.get('1')).toMatchObject({ action: 'skip', reason: 'left' });
  expect(byNumber.get('2')).toMatchObject({ action: 'suspend' });
});
