import { afterEach, beforeEach, expect, test } from 'vitest';
import { approveMigration, askForAddress } from '#libs/migration';
import { listRounds, openRound, standingSettingsSchema, transact } from '#libs/ledger';
import type { MigrationId } from '#libs/vocabulary';
import { domain, smallBlueprint, TestCompany } from './company.js';
import { lookOn, lookSoon, standing } from './rounds.js';

const sku = { productId: 'Google-Apps', skuId: '1010020026' };

let company: TestCompany;
beforeEach(async () => {
  company = await TestCompany.open({ automaticLicensing: false, licences: [{ ...sku, pool: 100 }] });
});
afterEach(async () => {
  await company.close();
  expect(company.lost).toEqual([]);
});

const look = (id: MigrationId, day: string) => lookOn(company, id, day);
const name = (givenName: string, familyName: string) => ({ legalName: { givenName, familyName } });
const ada = { employeeNumber: '1', ...name('Ada', 'One') };
const bob = { employeeNumber: '2', ...name('Bob', 'Two') };
const titles = (more = '') =>
  smallBlueprint(`profile: { organization: { title: "{{ employee.jobTitle }}" } }\n${more}`);
const titleOf = async (address: string) => JSON.stringify(await company.account(`${address}@${domain}`));

test('who leaves is suspended though a change of theirs waits for a person, whose later word does not undo it', async () => {
  await company.hire(ada);
  await company.hire(bob);
  const id = await standing(company, titles(), '2026-11-20', { change: { people: 0, share: 0 } });
  await company.hire({ ...ada, jobTitle: 'Manager' });
  await company.hire({ ...bob, jobTitle: 'Manager', endDate: '2026-11-30' });
  const [held] = await look(id, '2026-11-21');
  expect(held).toMatchObject({ state: 'planned', people: 2, heldBecause: expect.stringContaining('changed accounts') });

  // One by a newer record, one because the day has come.
  await company.hire({ ...ada, jobTitle: 'Manager', status: 'terminated' });
  await look(id, '2026-12-01');
  const suspended = async () => [
    (await company.account(`ada.one@${domain}`))?.suspended,
    (await company.account(`bob.two@${domain}`))?.suspended,
  ];
  expect(await suspended()).toEqual([true, true]);

  if (held !== undefined) await approveMigration(company.ledger, held.id, 'Ada');
  const rounds = await look(id, '2026-12-02');
  expect(rounds.at(-1)).toMatchObject({ id: held?.id, state: 'completed' });
  expect(await suspended()).toEqual([true, true]);
});

test('a record that came with an end and its grace is written once its person is back', async () => {
  await company.hire(ada);
  const id = await standing(company, titles('leavers: { graceDays: 14 }'), '2026-11-20');
  await company.hire({ ...ada, jobTitle: 'Manager', endDate: '2026-11-20' });
  await look(id, '2026-11-21');
  expect(await titleOf('ada.one')).not.toContain('Manager');
  await company.hire({ ...ada, jobTitle: 'Manager' });
  await look(id, '2026-11-22');
  expect(await titleOf('ada.one')).toContain('Manager');
});

test('a first licence for somebody who had none is assigned, and waits for a person beyond the guard', async () => {
  const blueprint = smallBlueprint().replace(
    'licence: none',
    `licence:
  - when: employee.department == "Office"
    value: { assignment: assign, productId: ${sku.productId}, skuId: '${sku.skuId}' }
  - value: none`,
  );
  await company.hire(ada);
  const id = await standing(company, blueprint, '2026-11-20');
  await company.hire({ ...ada, department: 'Office' });
  const [held] = await look(id, '2026-11-21');
  expect(held).toMatchObject({ state: 'planned', heldBecause: expect.stringContaining('changes of licence: 1') });
  if (held !== undefined) await approveMigration(company.ledger, held.id, 'Ada');
  expect(await look(id, '2026-11-21')).toMatchObject([{ state: 'completed' }]);
  expect(await company.workspace.licensing.get({}, sku, `ada.one@${domain}`)).toBe(true);
  await company.hire({ ...ada, department: 'Office', jobTitle: 'Manager' });
  // What it holds now is no change of licence any more.
  expect((await look(id, '2026-11-22'))[0]).toMatchObject({ state: 'completed', heldBecause: null });
});

test('an address that an admin asks for is carried out by the next round', async () => {
  const employeeId = await company.hire(ada);
  const id = await standing(company, smallBlueprint(), '2026-11-20');
  expect(await look(id, '2026-11-20')).toEqual([]);
  await askForAddress(company.ledger, { employeeId, address: `countess@${domain}`, actor: 'Ada', now: new Date() });
  expect(await look(id, '2026-11-21')).toMatchObject([{ state: 'completed', people: 1 }]);
  expect(await company.account(`countess@${domain}`)).toMatchObject({ aliases: [`ada.one@${domain}`] });
  expect(await look(id, '2026-11-22')).toHaveLength(1);
});

/** A round in this state, and an older one whose plan, once it stands, is the moment of the change. */
async function behindAnother(id: MigrationId, state: string, change: string): Promise<() => Promise<void>> {
  const { pool, db } = company.ledger;
  const process = company.standingAt(() => new Date('2026-11-21T12:00:00Z'));
  await company.hire({ ...ada, jobTitle: 'Manager' });
  await company.eventually(async () => {
    await lookSoon(company);
    await process.tick();
    const rounds = await listRounds(db, id, { limit: 10 });
    return rounds.some((round) => round.state === state) ? rounds : undefined;
  });
  const older = await transact(db, (tx) => openRound(tx, id));
  await pool.query("update migration set created_at = created_at - interval '1 hour' where id = $1", [older]);
  await pool.query(
    `create function meanwhile() returns trigger language plpgsql as $$ begin ${change}; return null; end $$`,
  );
  await pool.query(`create trigger meanwhile after update of state on plan for each row
    when (new.state = 'ready') execute function meanwhile()`);
  return () => process.tick();
}

test('a round is judged by the guard as it is then, not as it was before another round was planned', async () => {
  await company.hire(ada);
  const id = await standing(company, titles(), '2026-11-20');
  const settings = standingSettingsSchema.parse({ guard: { change: { people: 0, share: 0 } } });
  const tick = await behindAnother(id, 'planned', `update standing set settings = '${JSON.stringify(settings)}'`);
  await tick();
  expect((await listRounds(company.ledger.db, id, { limit: 10 }))[0]).toMatchObject({
    state: 'planned',
    heldBecause: expect.stringContaining('changed accounts: 1'),
  });
});

test('an approved round is not started once standing was switched off, or its migration paused, while another was planned', async () => {
  await company.hire(ada);
  const id = await standing(company, titles(), '2026-11-20');
  const tick = await behindAnother(id, 'approved', 'update standing set is_on = false');
  await tick();
  const newest = async () => (await listRounds(company.ledger.db, id, { limit: 10 }))[0];
  expect(await newest()).toMatchObject({ state: 'approved' });
  await company.ledger.pool.query('update standing set is_on = true');
  await tick();
  expect(await newest()).not.toMatchObject({ state: 'approved' });
});

test('two processes that look at once make one round', async () => {
  await company.hire(ada);
  const id = await standing(company, titles(), '2026-11-20');
  await company.hire({ ...ada, jobTitle: 'Manager' });
  await company.hire(bob);
  const clock = () => new Date('2026-11-21T12:00:00Z');
  const processes = [company.standingAt(clock), company.standingAt(clock), company.standingAt(clock)];
  await company.eventually(async () => {
    await lookSoon(company);
    await Promise.all(processes.map((process) => process.tick()));
    const rounds = await listRounds(company.ledger.db, id, { limit: 100 });
    return rounds.some(({ state }) => state === 'completed') ? rounds : undefined;
  });
  expect(await listRounds(company.ledger.db, id, { limit: 100 })).toMatchObject([{ state: 'completed', people: 2 }]);
  const { rows } = await company.ledger.pool.query(
    `select employee_number as number, count(*)::int as count from enrolment join employee on employee.id = employee_id
     where migration_id <> $1 group by 1 order by 1`,
    [id],
  );
  expect(rows).toEqual([
    { number: '1', count: 1 },
    { number: '2', count: 1 },
  ]);
});

/** The transactions that wrote what is noted of people. */
const writers = async () => {
  const { rows } = await company.ledger.pool.query<{ xmin: string }>(
    'select distinct xmin::text as xmin from standing_person order by 1',
  );
  return rows.map(({ xmin }) => xmin);
};

test('the first look goes by pages of people, and a look at people of whom nothing is new writes nothing', async () => {
  await company.hire(ada);
  const id = await standing(company, smallBlueprint('joiners: { leadDays: 7 }'), '2026-11-20');
  await company.ledger.pool.query(`
    with person as (
      insert into employee (source, employee_number, version, fingerprint, status, country, effective_at, last_delivery)
      select 'hr', 'h' || n, 1, '', 'active', 'FR', now(), 1 from generate_series(1, 2100) as n returning id, employee_number
    )
    insert into employee_version (employee_id, version, record)
    select id, 1, jsonb_build_object('employeeNumber', employee_number, 'status', 'active', 'workerType', 'employee',
      'legalName', '{"givenName": "P", "familyName": "H"}'::jsonb, 'hireDate', '2026-11-28', 'country', 'US')
    from person`);
  expect(await look(id, '2026-11-20')).toEqual([]);
  const first = await writers();
  expect(first).toHaveLength(3);
  // On some island the day has come for which they wait.
  await look(id, '2026-11-20');
  await look(id, '2026-11-20');
  expect(await writers()).toEqual(first);
});
