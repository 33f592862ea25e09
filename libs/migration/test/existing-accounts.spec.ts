import { afterEach, beforeEach, expect, test } from 'vitest';
import type { MigrationId } from '#libs/vocabulary';
import { domain, smallBlueprint, TestCompany } from './company.js';

let company: TestCompany;
beforeEach(async () => {
  company = await TestCompany.open();
});
afterEach(async () => {
  await company.close();
  expect(company.lost).toEqual([]);
});

const ada = { employeeNumber: '1', legalName: { givenName: 'Ada', familyName: 'One' }, jobTitle: 'Seller' };
const address = `ada.one@${domain}`;

async function migrate(blueprint: string): Promise<MigrationId> {
  const id = await company.create({ blueprint });
  await company.plan(id);
  await company.start(id);
  await company.until(id, 'completed', 'completedWithIssues', 'paused');
  return id;
}

const priorValues = async (id: MigrationId) => {
  const { rows } = await company.ledger.pool.query<{ step: string; google_id: string | null; value: unknown }>(
    `select step, prior_value.google_id, value from prior_value join enrolment on enrolment.id = enrolment_id
     where migration_id = $1 order by step`,
    [id],
  );
  return rows;
};

test('an adopted account gets our mark and what is enforced; the rest stays, and what was there is kept', async () => {
  const badge = { type: 'custom', customType: 'badge', value: 'B-17' };
  const number = { type: 'organization', value: '1' };
  const home = { type: 'home', value: '+33 9' };
  await company.simulator.plant([
    {
      kind: 'user',
      primaryEmail: address,
      givenName: 'Old',
      familyName: 'Name',
      lists: { externalIds: [number, badge], phones: [home] },
    },
  ]);
  await company.workspace.gmail.updateLanguage({}, address, 'de');
  await company.hire({ ...ada, legacyEmails: [`a.one@${domain}`] });
  company.work();
  const id = await migrate(smallBlueprint('gmail: { language: fr, signature: { mode: always, value: "<b>Ada</b>" } }'));
  expect(await company.standings(id)).toEqual({ '1': 'done' });
  const account = await company.account(address);
  expect(account).toMatchObject({
    name: { givenName: 'Ada', familyName: 'One' },
    gmail: { language: 'de', signature: '<b>Ada</b>' },
    aliases: [`a.one@${domain}`],
    phones: [home],
  });
  expect(account?.externalIds).toContainEqual(badge);
  const prior = await priorValues(id);
  expect(prior.map(({ step }) => step)).toEqual(['account', 'aliases', 'confirm', 'gmail']);
  expect(new Set(prior.map(({ google_id: googleId }) => googleId))).toEqual(new Set([account?.id]));
  expect(prior[0]?.value).toMatchObject({ name: { givenName: 'Old', familyName: 'Name' } });
  expect(prior[3]?.value).toMatchObject({ sendAs: { signature: '' } });
});

test('what is written once is the person’s own afterwards, in every later migration', async () => {
  await company.hire(ada);
  company.work();
  const signed = (signature: string) =>
    smallBlueprint(
      `gmail: { language: fr, signature: { mode: always, value: "${signature}" } }\ncalendar: { timeZone: Europe/Paris }`,
    );
  const first = await migrate(signed('A'));
  expect(await priorValues(first)).toMatchObject([{ step: 'account', value: 'absent' }]);
  await company.workspace.gmail.updateLanguage({}, address, 'de');
  const second = await migrate(signed('B'));
  expect(await company.standings(second)).toEqual({ '1': 'done' });
  expect(await company.account(address)).toMatchObject({ gmail: { language: 'de', signature: 'B' } });
  expect(await priorValues(second)).toMatchObject([
    { step: 'confirm' },
    { step: 'gmail', value: { sendAs: { signature: 'A' } } },
  ]);
  const third = await migrate(signed('B'));
  expect(await company.standings(third)).toEqual({ '1': 'done' });
  const { rows } = await company.ledger.pool.query('select action from enrolment where migration_id = $1', [third]);
  expect(rows).toEqual([{ action: 'nothing' }]);
});

test('an account that became a Google admin’s, or was suspended by another, after the plan is left alone', async () => {
  await company.simulator.plant([
    { kind: 'user', primaryEmail: address, lists: { externalIds: [{ type: 'organization', value: '1' }] } },
  ]);
  await company.hire(ada);
  const id = await company.create();
  const { byNumber } = await company.plan(id);
  expect(byNumber.get('1')).toMatchObject({ action: 'adopt' });
  const found = await company.workspace.directory.getUser({}, address);
  await company.workspace.directory.updateUser({}, found?.googleId ?? '', { suspended: true });
  await company.start(id);
  company.work();
  await company.until(id, 'completedWithIssues');
  expect(await company.standings(id)).toEqual({ '1': 'conflict suspended_by_another' });
  expect((await company.account(address))?.externalIds).toEqual([{ type: 'organization', value: '1' }]);
});

test('what was written within Google’s lag is planned from the ledger, whatever the listing shows', async () => {
  await company.hire(ada);
  company.work();
  const titled = smallBlueprint('profile: { organization: { title: "{{ employee.jobTitle }}" } }');
  await migrate(titled);
  const { pool } = company.ledger;
  await pool.query("update account set written_at = now() + interval '1 hour'");
  const found = await company.workspace.directory.getUser({}, address);
  await company.workspace.directory.updateUser({}, found?.googleId ?? '', { organizations: [] });
  const again = await company.create({ blueprint: titled });
  expect((await company.plan(again)).byNumber.get('1')?.action).toBe('nothing');
  await company.hire({ ...ada, jobTitle: 'Manager' });
  expect((await company.plan(again)).byNumber.get('1')).toMatchObject({ action: 'update' });
  await pool.query("update account set written_at = now() - interval '1 day'");
  expect((await company.plan(again)).byNumber.get('1')?.changes).toContainEqual({
    field: 'organization.title',
    from: null,
    to: 'Manager',
  });
});
