import { setTimeout } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  actsOfPlan,
  actsOfTheDay,
  changeAddress,
  createPlan,
  duePeople,
  enrol,
  finishPlan,
  holdDraft,
  holdStanding,
  lockEnrolling,
  lookAgainAtLeftOut,
  moveMigration,
  noteDealt,
  openRound,
  readMigration,
  settle,
  standingSettingsSchema,
  switchStandingOff,
  switchStandingOn,
  takeTurn,
  type SettledAccount,
} from '#libs/ledger';
import type { MigrationId } from '#libs/vocabulary';
import { change, openTestLedger, planned, running, take, type TestLedger } from './fixture.js';

let opened: TestLedger;
beforeEach(async () => {
  opened = await openTestLedger();
});
afterEach(() => opened.close());

const record = {
  status: 'active',
  workerType: 'employee',
  legalName: { givenName: 'Ada', familyName: 'One' },
  hireDate: '2020-01-01',
  country: 'FR',
};

/** A standing migration of one person, with steps for the account and the groups; both still to run. */
async function standing(): Promise<MigrationId> {
  const { ledger } = opened;
  const id = await running(ledger, [
    { number: '1', steps: ['account', 'groups'], desired: { groups: ['g@shop.example'] } },
  ]);
  await ledger.pool.query(`update employee_version set record = $1`, [
    JSON.stringify({ ...record, employeeNumber: '1' }),
  ]);
  await switchStandingOn(ledger.db, { migrationId: id, settings: standingSettingsSchema.parse({}), actor: 'Ada' });
  return id;
}

async function settleStep(id: MigrationId, step: 'account' | 'groups', state: 'done' | 'failed'): Promise<void> {
  const { ledger } = opened;
  await ledger.pool.query('update step set due_at = now() where ready');
  const batch = await take(ledger, id, step);
  const bars = { suspendedByUs: null, archivedByUs: null, foundSuspended: false, foundArchived: false };
  const accounts = batch.items.map(({ employeeId, enrolmentId }): SettledAccount => ({
    employeeId,
    enrolmentId,
    googleId: `g${enrolmentId}`,
    primaryEmail: 'p1@shop.example',
    origin: 'created',
    wrote: true,
    gmailHash: null,
    calendarHash: null,
    bars,
  }));
  const changes = batch.items.map((item) =>
    change(item, { state, reason: state === 'failed' ? 'group_missing' : null }),
  );
  await settle(ledger, {
    migrationId: id,
    slot: 1,
    actor: 'test',
    timeScale: 1,
    shares: [{ batch, changes, accounts: step === 'account' ? accounts : [], last: true }],
  });
}

const due = (id: MigrationId) =>
  opened.ledger.db.transaction().execute((tx) => duePeople(tx, id, { day: null, after: null, limit: 10 }));

async function dueOf(id: MigrationId, number: string) {
  const { rows } = await opened.ledger.pool.query<{ id: string }>(
    'select id from employee where employee_number = $1',
    [number],
  );
  await opened.ledger.pool.query('update employee_version set record = $1 where employee_id <> $2', [
    JSON.stringify({ ...record, employeeNumber: 'else' }),
    rows[0]?.id,
  ]);
  return (await due(id)).find(({ employeeId }) => employeeId === rows[0]?.id);
}

test('what is confirmed of somebody is the account of the last work if that is done, else nobody knows it', async () => {
  const id = await standing();
  await settleStep(id, 'account', 'done');
  expect(await due(id)).toEqual([]);
  await settleStep(id, 'groups', 'done');
  expect(await due(id)).toMatchObject([{ confirmed: { groups: ['g@shop.example'] }, isUnsure: false }]);

  const later = await running(opened.ledger, [{ number: '1', steps: ['account', 'groups'], action: 'update' }]);
  await settleStep(later, 'account', 'done');
  await settleStep(later, 'groups', 'failed');
  expect(await due(id)).toMatchObject([{ confirmed: null, isUnsure: true }]);
});

test('an account of somebody with whom no work was ever finished is one of which nobody knows what it is like', async () => {
  const id = await standing();
  await opened.ledger.pool.query(`
    with ended as (update enrolment set live = false, state = 'skipped' returning employee_id)
    insert into account (employee_id, google_id, primary_email, origin) select employee_id, 'g', 'p', 'adopted' from ended`);
  expect(await due(id)).toMatchObject([{ confirmed: null, isUnsure: true }]);
});

test('who was found to have an account, but was not worked on yet, has one of which nobody knows what it is like', async () => {
  const { pool } = opened.ledger;
  const id = await standing();
  await pool.query("update enrolment set live = false, state = 'skipped'");
  expect(await due(id)).toMatchObject([{ confirmed: null, isUnsure: false }]);
  const round = await plannedRound(id);
  await pool.query("update migration set held_because = 'large' where id = $1", [round]);
  await pool.query('insert into round_member (migration_id, employee_id) select $1, employee_id from enrolment', [
    round,
  ]);
  expect(await due(id)).toMatchObject([{ isUnsure: false }]);
  await pool.query(
    "update plan_item set google_id = 'g' where plan_id = (select plan_id from migration where id = $1)",
    [round],
  );
  expect(await due(id)).toMatchObject([{ confirmed: null, isUnsure: true }]);
  await pool.query('delete from round_member');
  expect(await due(id)).toMatchObject([{ isUnsure: false }]);
  await pool.query("update enrolment set google_id = 'g'");
  expect(await due(id)).toMatchObject([{ confirmed: null, isUnsure: true }]);
});

test('whom the standing migration or one of its rounds enrolled is watched by it, and by no other', async () => {
  const { pool } = opened.ledger;
  const id = await standing();
  await settleStep(id, 'account', 'done');
  await settleStep(id, 'groups', 'done');
  expect(await due(id)).toMatchObject([{ isWatched: true }]);
  const other = await running(opened.ledger, [{ number: 'else', steps: [] }]);
  expect(await dueOf(other, '1')).toMatchObject({ isWatched: false });
  const settings = standingSettingsSchema.parse({});
  await switchStandingOn(opened.ledger.db, { migrationId: other, settings, actor: 'Ada' });
  await pool.query('update migration set standing_id = $1 where id = $2', [other, id]);
  expect(await dueOf(other, '1')).toMatchObject({ isWatched: true });
});

test('an adoption that suspends counts as a suspension, one that gives a licence as a change of licence', async () => {
  const { db, pool } = opened.ledger;
  const id = await standing();
  const round = await plannedRound(id);
  const planId = (await readMigration(db, round))?.planId ?? '';
  const actsOf = async (action: string, changes: unknown) => {
    await pool.query('update plan_item set action = $2, changes = $3 where plan_id = $1', [
      planId,
      action,
      JSON.stringify(changes),
    ]);
    return actsOfPlan(db, planId);
  };
  const none = { create: 0, suspend: 0, licence: 0, change: 0 };
  const licence = { field: 'licence', from: null, to: 'sku' };
  expect(await actsOf('adopt', [{ field: 'suspended', from: false, to: true }, licence])).toEqual({
    ...none,
    suspend: 1,
  });
  expect(await actsOf('adopt', [licence])).toEqual({ ...none, licence: 1 });
  expect(await actsOf('adopt', [])).toEqual({ ...none, create: 1 });
  expect(await actsOf('create', [])).toEqual({ ...none, create: 1 });
});

/** A round with a plan that would suspend the one person there is. */
async function plannedRound(id: MigrationId): Promise<MigrationId> {
  const { ledger } = opened;
  const round = await ledger.db.transaction().execute((tx) => openRound(tx, id));
  const planId = await createPlan(ledger.db, { migrationId: round, blueprintVersion: 1, actor: 'test' });
  await ledger.pool.query(
    `insert into plan_item (plan_id, employee_id, employee_version, action, steps, changes)
     select $1, id, version, 'suspend', '{account}', '[{"field": "suspended", "from": false, "to": true}]' from employee
     where source = 'hr'`,
    [planId],
  );
  await finishPlan(ledger.db, planId, { state: 'ready', summary: {}, needsAcceptance: [], sha256: new Uint8Array(32) });
  return round;
}

test('a round counts within the day from its approval on, not only from its start', async () => {
  const { db } = opened.ledger;
  const id = await standing();
  const round = await plannedRound(id);
  expect(await actsOfTheDay(db, id)).toMatchObject({ suspend: 0 });
  await moveMigration(db, { id: round, from: ['planned'], to: 'approved', cause: null, actor: 'rule' });
  expect(await actsOfTheDay(db, id)).toMatchObject({ suspend: 1 });
  await moveMigration(db, { id: round, from: ['approved'], to: 'running', cause: null, actor: 'rule' });
  expect(await actsOfTheDay(db, id)).toMatchObject({ suspend: 1 });
  await opened.ledger.pool.query("update migration set started_at = now() - interval '25 hours' where id = $1", [
    round,
  ]);
  expect(await actsOfTheDay(db, id)).toMatchObject({ suspend: 0 });
});

test('whom a start leaves out is looked at again, but not whom the plan itself left out', async () => {
  const { ledger } = opened;
  const id = await standing();
  await settleStep(id, 'account', 'done');
  await settleStep(id, 'groups', 'done');
  const noted = async (action: 'create' | 'conflict') => {
    await ledger.pool.query(
      `insert into standing_person (standing_id, employee_id, version) select $1, id, version from employee
       where source = 'hr' on conflict do nothing`,
      [id],
    );
    const round = await plannedRound(id);
    await ledger.pool.query(
      `update plan_item set action = $2, address = 'p1@shop.example', reason = case when $2 = 'conflict' then 'address_taken_since' end
       where plan_id = (select plan_id from migration where id = $1)`,
      [round, action],
    );
    await ledger.db.transaction().execute(async (tx) => {
      await enrol(tx, round, (await readMigration(tx, round))?.planId ?? '', 1);
      await lookAgainAtLeftOut(tx, round);
    });
    const { rows } = await ledger.pool.query('select reason from enrolment where migration_id = $1', [round]);
    expect(rows).toEqual([{ reason: 'address_taken_since' }]);
    return (await ledger.pool.query('select from standing_person')).rows.length;
  };
  await ledger.pool.query(`
    with other as (
      insert into employee (source, employee_number, version, fingerprint, status, country, effective_at, last_delivery)
      values ('other', '9', 1, '', 'active', 'FR', now(), 1) returning id
    )
    update address_reservation set employee_id = other.id from other where address = 'p1@shop.example'`);
  expect(await noted('conflict')).toBe(1);
  expect(await noted('create')).toBe(0);
});

test('a standing migration is held as it is at that moment, and not while it is off or paused', async () => {
  const { db } = opened.ledger;
  const id = await standing();
  const held = () => db.transaction().execute((tx) => holdStanding(tx, id));
  const settings = standingSettingsSchema.parse({ guard: { change: { people: 3, share: 0 } } });
  await switchStandingOn(db, { migrationId: id, settings, actor: 'Grace' });
  expect(await held()).toMatchObject({ switchedBy: 'Grace', settings });
  await moveMigration(db, { id, from: ['running'], to: 'paused', cause: 'paused_by_admin', actor: 'Ada' });
  expect(await held()).toBeUndefined();
  await moveMigration(db, { id, from: ['paused'], to: 'running', cause: null, actor: 'Ada' });
  expect(await held()).toBeDefined();
  await switchStandingOff(db, id, 'Ada');
  expect(await held()).toBeUndefined();
});

test('nobody is added to a round whose plan has begun', async () => {
  const { ledger } = opened;
  const id = await standing();
  const round = await ledger.db.transaction().execute((tx) => openRound(tx, id));
  const takesPeople = () => ledger.db.transaction().execute((tx) => holdDraft(tx, round));
  expect(await takesPeople()).toBe(true);
  await createPlan(ledger.db, { migrationId: round, blueprintVersion: 1, actor: 'test' });
  expect(await takesPeople()).toBe(false);
});

test('of two looks at once the second waits for the first, and finds nobody left to do', async () => {
  const { ledger } = opened;
  const id = await standing();
  await settleStep(id, 'account', 'done');
  await settleStep(id, 'groups', 'done');
  const look = (meanwhile: () => Promise<void>) =>
    ledger.db.transaction().execute(async (tx) => {
      await holdStanding(tx, id);
      const people = await duePeople(tx, id, { day: null, after: null, limit: 10 });
      await meanwhile();
      await noteDealt(
        tx,
        id,
        people.map((person) => ({ ...person, lookOn: null })),
      );
      return people.length;
    });
  let second: Promise<number> | undefined;
  const first = await look(async () => {
    second = look(async () => undefined);
    await Promise.race([second, untilBlocked()]);
  });
  expect([first, await second]).toEqual([1, 0]);
});

/** Waits until a statement waits for a row that another transaction holds. */
async function untilBlocked(): Promise<void> {
  for (let time = 0; time < 1_000; time += 1) {
    const { rows } = await opened.ledger.pool.query(
      "select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
    );
    if (rows.length > 0) return;
    await setTimeout(10);
  }
  throw new Error('nothing waits for a row');
}

test('an address that is changed after a wait was issued when it was changed: a plan made during the wait is older', async () => {
  const { ledger } = opened;
  await standing();
  const { rows } = await ledger.pool.query<{ id: string }>(
    `with ended as (update enrolment set live = false, state = 'skipped' returning employee_id)
     insert into account (employee_id, google_id, primary_email, origin) select employee_id, 'g', 'p9@shop.example', 'adopted'
     from ended returning employee_id as id`,
  );
  const employeeId = rows[0]?.id ?? '';
  let changed: Promise<unknown> | undefined;
  await ledger.db.transaction().execute(async (tx) => {
    await lockEnrolling(tx);
    changed = changeAddress(ledger.db, { employeeId, address: 'countess@shop.example', actor: 'Ada' });
    await Promise.race([changed, untilBlocked()]);
    await planned(ledger, [{ number: '9', steps: [] }]);
  });
  expect(await changed).toBeUndefined();
  const { rows: addresses } = await ledger.pool.query(
    `select address, issued_at > (select max(created_at) from plan) as later from address_reservation
     where address in ('countess@shop.example', 'p9@shop.example') order by 1`,
  );
  expect(addresses).toEqual([
    { address: 'countess@shop.example', later: true },
    { address: 'p9@shop.example', later: true },
  ]);
});

test('of the turns within one interval one is had, and days are looked at when a quarter of an hour has begun', async () => {
  const { ledger } = opened;
  const id = await standing();
  const turns = await Promise.all(Array.from({ length: 4 }, () => takeTurn(ledger.db, id)));
  expect(turns.filter((turn) => turn !== undefined)).toEqual([{ daysToo: true }]);
  await ledger.pool.query(
    "update standing set checked_at = date_bin('15 minutes', now(), 'epoch') - interval '90 seconds'",
  );
  expect(await takeTurn(ledger.db, id)).toEqual({ daysToo: true });
  await ledger.pool.query(`update standing set settings = settings || '{"everySeconds": 0}', checked_at = now()`);
  // Unless just now another one began.
  const { rows } = await ledger.pool.query<{ begun: Date }>("select date_bin('15 minutes', now(), 'epoch') as begun");
  const turn = await takeTurn(ledger.db, id);
  const { rows: after } = await ledger.pool.query<{ begun: Date }>(
    "select date_bin('15 minutes', now(), 'epoch') as begun",
  );
  if (rows[0]?.begun.getTime() === after[0]?.begun.getTime()) expect(turn).toEqual({ daysToo: false });
});
