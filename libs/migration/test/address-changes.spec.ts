import { afterEach, beforeEach, expect, test } from 'vitest';
import { askForAddress, AddressChangeError } from '#libs/migration';
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

const at = (localPart: string) => `${localPart}@${domain}`;
const ada = { employeeNumber: '1', legalName: { givenName: 'Ada', familyName: 'One' } };
const ask = (employeeId: string, address?: string, blueprint?: string) =>
  askForAddress(company.ledger, { employeeId, address, blueprint, actor: 'admin', now: new Date() });

async function run(id: MigrationId): Promise<void> {
  await company.start(id);
  await company.until(id, 'completed', 'completedWithIssues', 'paused');
}

/** What the next plan says of one person. */
async function planOf(number: string, blueprint = smallBlueprint()) {
  const id = await company.create({ blueprint });
  const { byNumber } = await company.plan(id);
  return { id, item: byNumber.get(number) };
}

const refusalOf = (work: Promise<unknown>) =>
  work.then(
    () => 'changed',
    (error: unknown) => (error instanceof AddressChangeError ? error.code : error),
  );

test('an issued address outlives a new name, a new pattern and the feed’s word, until an admin asks for another', async () => {
  const employeeId = await company.hire(ada);
  company.work();
  await run((await planOf('1')).id);
  expect(await company.account(at('ada.one'))).toBeDefined();

  await company.hire({ ...ada, legalName: { givenName: 'Ada', familyName: 'Two' } });
  const initials = smallBlueprint(`address: { pattern: '{{ givenInitial }}{{ family }}' }`);
  const renamed = await planOf('1', initials);
  expect(renamed.item).toMatchObject({
    action: 'update',
    address: at('ada.one'),
    changes: [{ field: 'name.familyName' }],
  });

  await company.hire({ ...ada, workEmail: at('ada.wished') });
  expect((await planOf('1')).item).toMatchObject({ action: 'conflict', reason: 'address_change_unaccepted' });

  expect(await ask(employeeId)).toEqual({ address: at('ada.wished'), before: at('ada.one') });
  const accepted = await planOf('1');
  expect(accepted.item).toMatchObject({
    action: 'update',
    address: at('ada.wished'),
    changes: [{ field: 'primaryEmail', from: at('ada.one'), to: at('ada.wished') }],
  });
  await run(accepted.id);
  expect(await company.standings(accepted.id)).toEqual({ '1': 'done' });
  expect(await company.account(at('ada.wished'))).toMatchObject({ aliases: [at('ada.one')] });
  expect((await planOf('1')).item).toMatchObject({ action: 'nothing', address: at('ada.wished') });

  // HR still sends the address before: it has not heard of the new one yet.
  await company.hire({ ...ada, workEmail: at('ada.one') });
  expect((await planOf('1')).item).toMatchObject({ action: 'nothing', address: at('ada.wished') });

  const { rows } = await company.ledger.pool.query(
    "select actor, detail from event where kind = 'address_changed' and employee_id = $1",
    [employeeId],
  );
  expect(rows).toEqual([{ actor: 'admin', detail: { from: at('ada.one'), to: at('ada.wished') } }]);
});

test('an address is refused that somebody else has, was given, or that cannot be, and nothing changes', async () => {
  await company.simulator.plant([
    { kind: 'user', primaryEmail: at('stranger'), givenName: 'S', familyName: 'T' },
    { kind: 'unmanaged', address: at('private') },
  ]);
  const employeeId = await company.hire(ada);
  await company.hire({ employeeNumber: '2', legalName: { givenName: 'Bob', familyName: 'Two' } });
  expect(await refusalOf(ask(employeeId))).toBe('blueprint_unknown');
  company.work();
  const { id } = await planOf('1');
  await run(id);
  for (const [address, code] of [
    [at('bob.two'), 'address_held_by_colleague'],
    [at('stranger'), 'maybe_same_person'],
    [at('private'), 'address_held_by_unmanaged'],
    [at('postmaster'), 'address_reserved'],
    [at('a..b'), 'address_wrong'],
    ['ada@elsewhere.example', 'address_wrong'],
  ] as const) {
    expect({ address, code: await refusalOf(ask(employeeId, address)) }).toEqual({ address, code });
  }
  expect(await refusalOf(ask(employeeId, at('x'), 'Nothing'))).toBe('blueprint_unknown');
  expect((await planOf('1')).item).toMatchObject({ action: 'nothing', address: at('ada.one') });
});

test('an address that was asked for is the first one of a new account, and a plan from before does not undo it', async () => {
  const employeeId = await company.hire(ada);
  const before = await planOf('1');
  expect(await ask(employeeId, at('Countess'), 'Small')).toEqual({ address: at('countess'), before: null });
  company.work();
  await run(before.id);
  expect(await company.standings(before.id)).toEqual({ '1': 'conflict address_changed_since' });
  const after = await planOf('1');
  expect(after.item).toMatchObject({ action: 'create', address: at('countess') });
  await run(after.id);
  expect(await company.account(at('countess'))).toBeDefined();
  expect(await company.account(at('ada.one'))).toBeUndefined();
});

test('a former address that somebody else has is left out and told, and costs nobody the account', async () => {
  await company.simulator.plant([{ kind: 'user', primaryEmail: at('stranger'), givenName: 'S', familyName: 'T' }]);
  await company.hire({ ...ada, legacyEmails: [at('stranger'), at('bob.two'), at('shared'), at('ada.old')] });
  const bob = { employeeNumber: '2', legalName: { givenName: 'Bob', familyName: 'Two' }, hireDate: '2019-01-01' };
  await company.hire({ ...bob, workEmail: at('bob.two'), legacyEmails: [at('shared')] });
  company.work();
  const { id, item } = await planOf('1');
  const leftOut = [at('bob.two'), at('shared'), at('stranger')];
  expect(item).toMatchObject({ action: 'create', changes: [{ field: 'aliasesLeftOut', from: leftOut, to: null }] });
  await run(id);
  expect(await company.standings(id)).toEqual({ '1': 'done', '2': 'done' });
  expect(await company.account(at('ada.one'))).toMatchObject({ aliases: [at('ada.old')] });
  expect(await company.account(at('bob.two'))).toMatchObject({ aliases: [at('shared')] });
});

test('nobody’s address changes while they are under way', async () => {
  const employeeId = await company.hire(ada);
  const { id } = await planOf('1');
  await company.start(id);
  expect(await refusalOf(ask(employeeId, at('countess')))).toBe('under_way_elsewhere');
});

test('the address that an admin’s list names goes before one that was issued and never came to be', async () => {
  const employeeId = await company.hire(ada);
  await ask(employeeId, at('never.made'), (await planOf('1'), 'Small'));
  await company.simulator.plant([{ kind: 'user', primaryEmail: at('countess'), givenName: 'Ada', familyName: 'One' }]);
  await company.ledger.pool.query("insert into adoption (employee_id, account, named_by) values ($1, $2, 'admin')", [
    employeeId,
    at('countess'),
  ]);
  company.work();
  const { id, item } = await planOf('1');
  expect(item).toMatchObject({ action: 'adopt', address: at('countess') });
  await run(id);
  expect((await planOf('1')).item).toMatchObject({
    action: 'update',
    changes: [{ field: 'aliases', to: [at('never.made')] }],
  });
});

test('an address of a group that the blueprint declares, or of its reserved words with a number, is nobody’s', async () => {
  const blueprint = smallBlueprint(`declare: { groups: [{ email: ada.one@${domain}, name: A, whoCanPost: managers }] }
address: { reserved: [ada.one2] }`);
  const employeeId = await company.hire(ada);
  await planOf('1', blueprint);
  expect(await refusalOf(ask(employeeId, at('ada.one'), 'Small'))).toBe('address_held_by_group');
  expect(await refusalOf(ask(employeeId, at('ada.one2'), 'Small'))).toBe('address_reserved');
  expect(await ask(employeeId, undefined, 'Small')).toEqual({ address: at('ada.one3'), before: null });
});

/** Waits until a statement waits for a lock that another transaction holds. */
const untilBlocked = () =>
  company.eventually(async () => {
    const { rows } = await company.ledger.pool.query(
      "select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
    );
    return rows.length > 0 ? true : undefined;
  });

test('an address that a plan reserves for a colleague at the same moment stays the colleague’s', async () => {
  const employeeId = await company.hire(ada);
  const bobId = await company.hire({ employeeNumber: '2', legalName: { givenName: 'Bob', familyName: 'Two' } });
  await planOf('1');
  const plan = await company.ledger.pool.connect();
  try {
    await plan.query('begin');
    await plan.query(
      "insert into address_reservation (address, employee_id, kind, state) values ($1, $2, 'primary', 'tentative')",
      [at('countess'), bobId],
    );
    const asked = refusalOf(ask(employeeId, at('countess'), 'Small'));
    await untilBlocked();
    await plan.query('commit');
    expect(await asked).toBe('address_held_by_colleague');
  } finally {
    plan.release(true);
  }
  const { rows } = await company.ledger.pool.query(
    'select employee_id, kind, state, asked_by from address_reservation where address = $1',
    [at('countess')],
  );
  expect(rows).toEqual([{ employee_id: bobId, kind: 'primary', state: 'tentative', asked_by: null }]);
});

test('a start that waits for a change of an address issues nothing before it has the word', async () => {
  await company.hire(ada);
  const bobId = await company.hire({ employeeNumber: '2', legalName: { givenName: 'Bob', familyName: 'Two' } });
  const { id } = await planOf('1');
  const change = await company.ledger.pool.connect();
  try {
    // Whatever the start had written would be in the way at once, not only once the deadlock is found.
    await change.query("begin; set local lock_timeout = '500ms'");
    await change.query("select pg_advisory_xact_lock(hashtextextended('enrol', 0))");
    const started = company.start(id);
    await untilBlocked();
    await change.query(
      `insert into address_reservation (address, employee_id, kind, state, issued_at)
       values ($1, $2, 'primary', 'issued', now())
       on conflict (address) do update set employee_id = excluded.employee_id, state = 'issued', issued_at = now()`,
      [at('ada.one'), bobId],
    );
    await change.query('commit');
    await started;
  } finally {
    change.release(true);
  }
  expect(await company.standings(id)).toEqual({
    '1': 'conflict address_taken_since',
    '2': 'conflict address_changed_since',
  });
});
