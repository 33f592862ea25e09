import { setTimeout } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  actsOfTheDay,
  createPlan,
  duePeople,
  enrol,
  finishPlan,
  holdDraft,
  holdStanding,
  lookAgainAtLeftOut,
  moveMigration,
  noteDealt,
  openRound,
  readMigration,
  settle,
  standingSettingsSchema,
  switchStandingOn,
  takeTurn,
  type SettledAccount,
} from '#libs/ledger';
import type { MigrationId } from '#libs/vocabulary';
import { change, openTestLedger, running, take, type TestLedger } from './fixture.js';

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
  const noted = async (planned: 'create' | 'conflict') => {
    await ledger.pool.query(
      `insert into standing_person (standing_id, employee_id, version) select $1, id, version from employee
       where source = 'hr' on conflict do nothing`,
      [id],
    );
    const round = await plannedRound(id);
    await ledger.pool.query(
      `update plan_item set action = $2, address = 'p1@shop.example', reason = case when $2 = 'conflict' then 'address_taken_since' end
       where plan_id = (select plan_id from migration where id = $1)`,
      [round, planned],
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
