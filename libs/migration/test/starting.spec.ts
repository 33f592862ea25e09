import { afterEach, beforeEach, expect, test } from 'vitest';
import { moveMigration } from '#libs/ledger';
import { cancelMigration, retryFailures, startMigration } from '#libs/migration';
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
const user = (primaryEmail: string, more: object = {}) => ({
  kind: 'user',
  primaryEmail,
  givenName: 'Somebody',
  familyName: 'Else',
  ...more,
});

test('an address that something took since the plan is one person’s conflict, and everyone else starts', async () => {
  const people = ['User', 'Alias', 'Unmanaged', 'Deleted', 'Group', 'Number', 'Free'];
  for (const [index, family] of people.entries()) {
    await company.hire({ employeeNumber: String(index + 1), ...name('Ada', family) });
  }
  const id = await company.create();
  await company.plan(id);
  await company.simulator.plant([
    user(`ada.user@${domain}`),
    user(`else@${domain}`, { aliases: [`ada.alias@${domain}`] }),
    { kind: 'unmanaged', address: `ada.unmanaged@${domain}` },
    user(`ada.deleted@${domain}`, { deleted: true }),
    user(`number@${domain}`, { lists: { externalIds: [{ type: 'organization', value: '6' }] } }),
  ]);
  await company.workspace.directory.insertGroup({}, { email: `ada.group@${domain}`, name: 'Group' });
  await company.start(id);
  company.work();
  await company.until(id, 'completedWithIssues');

  expect(await company.standings(id)).toEqual({
    '1': 'conflict address_taken_since',
    '2': 'conflict address_held_by_alias',
    '3': 'conflict address_held_by_unmanaged',
    '4': 'conflict address_held_by_deleted',
    '5': 'conflict address_held_by_group',
    '6': 'conflict account_turned_up',
    '7': 'done',
  });
  expect(company.calls.filter((method) => method === 'directory.users.insert')).toHaveLength(1);
  const { rows } = await company.ledger.pool.query('select address from address_reservation');
  expect(rows).toEqual([{ address: `ada.free@${domain}` }]);
});

test('a retry never creates over a private account: the address is looked up again first', async () => {
  await company.hire({ employeeNumber: '1', ...name('Ada', 'One') });
  const id = await company.create();
  await company.plan(id);
  await company.simulator.plant([{ kind: 'unmanaged', address: `ada.one@${domain}` }]);
  await company.start(id);
  company.work();
  await company.until(id, 'completedWithIssues');
  expect(await retryFailures(company.ledger, id, {}, 'test')).toBe(1);
  await company.eventually(async () => {
    const { rows } = await company.ledger.pool.query(
      "select count(*)::int as count from event where kind = 'step' and reason = 'address_held_by_unmanaged'",
    );
    return rows[0]?.count === 2 ? rows : undefined;
  });
  await company.until(id, 'completedWithIssues');
  expect(await company.standings(id)).toEqual({ '1': 'conflict address_held_by_unmanaged' });
  expect(company.calls).not.toContain('directory.users.insert');
});

test('retried people run to their end although their wave had ended', async () => {
  await company.hire({ employeeNumber: '1', ...name('Ada', 'One'), legacyEmails: [`held@${domain}`] });
  const id = await company.create();
  await company.plan(id);
  const { googleId } = await company.workspace.directory.insertUser(
    {},
    { primaryEmail: `else@${domain}`, name: { givenName: 'E', familyName: 'L' }, password: 'x'.repeat(20) },
  );
  await company.workspace.directory.insertAlias({}, googleId, `held@${domain}`);
  await company.start(id);
  company.work();
  await company.until(id, 'completedWithIssues');
  expect(await company.standings(id)).toEqual({ '1': 'conflict address_held_by_alias' });
  const aliases = await fetch(
    `${company.simulator.apiRoot}/admin/directory/v1/users/${googleId}/aliases/held@${domain}`,
    { method: 'DELETE', headers: { authorization: `Bearer ${await adminToken()}` } },
  );
  expect(aliases.ok).toBe(true);
  await retryFailures(company.ledger, id, {}, 'test');
  await company.until(id, 'completed');
  expect((await company.account(`ada.one@${domain}`))?.aliases).toEqual([`held@${domain}`]);
});

function adminToken(): Promise<string> {
  return company.workspace.caller.tokens.get({
    subject: `admin1@${domain}`,
    scopes: ['https://www.googleapis.com/auth/admin.directory.user'],
  });
}

test('somebody who is under way in another migration is left out, and the others start', async () => {
  await company.hire({ employeeNumber: '1', ...name('Ada', 'One'), status: 'prehire' });
  const blueprint = smallBlueprint('gmail: { language: fr }');
  const first = await company.create({ blueprint });
  await company.plan(first);
  await company.start(first);
  company.work();
  await company.eventually(async () => {
    const standings = await company.standings(first);
    return standings['1'] === 'waiting suspended_until_start' ? standings : undefined;
  });
  await company.hire({ employeeNumber: '2', ...name('Bob', 'Two') });
  const second = await company.create({ blueprint });
  await company.plan(second);
  await company.start(second);
  await company.until(second, 'completed');
  expect(await company.standings(second)).toEqual({ '1': 'skipped under_way_elsewhere', '2': 'done' });
});

test('two open plans agree on a person’s address, and discarding one leaves the other whole', async () => {
  await company.hire({ employeeNumber: '1', ...name('Ada', 'One'), hireDate: '2020-01-01' });
  await company.hire({ employeeNumber: '2', ...name('Ada', 'One'), hireDate: '2021-01-01' });
  const pilots = await company.create({ selection: { kind: 'list', employeeNumbers: ['2'] } });
  const { byNumber: forPilots } = await company.plan(pilots);
  expect(forPilots.get('2')?.address).toBe(`ada.one2@${domain}`);
  const everyone = await company.create();
  const { byNumber } = await company.plan(everyone);
  expect([byNumber.get('1')?.address, byNumber.get('2')?.address]).toEqual([`ada.one@${domain}`, `ada.one2@${domain}`]);
  const governor = { closeGate: async () => undefined };
  await cancelMigration({ ledger: company.ledger, governor, callTimeoutMs: 0 }, pilots, 'test');
  await company.start(everyone);
  const { rows } = await company.ledger.pool.query('select address, state from address_reservation order by 1');
  expect(rows).toEqual([
    { address: `ada.one2@${domain}`, state: 'issued' },
    { address: `ada.one@${domain}`, state: 'issued' },
  ]);
});

test('a plan that is a week old does not start, and neither does one whose unknowns nobody accepted', async () => {
  await company.hire({ employeeNumber: '1', ...name('Ada', 'One') });
  const id = await company.create();
  await company.plan(id);
  await company.ledger.pool.query("update plan set created_at = now() - interval '8 days'");
  await expect(company.start(id)).rejects.toMatchObject({ code: 'plan_too_old' });
  await company.ledger.pool.query("update plan set created_at = now(), needs_acceptance = '{unmanaged_accounts}'");
  await expect(startMigration(company.ledger, id, { actor: 'test', timeScale: 1 })).rejects.toMatchObject({
    code: 'needs_acceptance',
  });
  await company.ledger.pool.query("update plan set accepted_unknowns = '{unmanaged_accounts}'");
  await startMigration(company.ledger, id, { actor: 'test', timeScale: 1 });
  await company.until(id, 'running');
});

test('a cancellation whose process died half-way is carried through', async () => {
  await company.hire({ employeeNumber: '1', ...name('Ada', 'One') });
  await company.hire({ employeeNumber: '2', ...name('Ada', 'Two') });
  const id = await company.create();
  await company.plan(id);
  await company.start(id);
  await moveMigration(company.ledger.db, { id, from: ['running'], to: 'cancelled', cause: null, actor: 'test' });
  company.work();
  await expect
    .poll(() => company.standings(id), { timeout: 20_000 })
    .toEqual({ '1': 'skipped cancelled', '2': 'skipped cancelled' });
  const { rows } = await company.ledger.pool.query('select count(*) as live from enrolment where live');
  expect(rows).toEqual([{ live: 0 }]);
});
