import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { moveMigration, readWorker, readWorkers, settle, type StepChange } from '#libs/ledger';
import type { MigrationId } from '#libs/vocabulary';
import { change, openTestLedger, planned, running, start, take, type TestLedger } from './fixture.js';

let opened: TestLedger;
let worker: string;
let people = 0;
beforeAll(async () => {
  opened = await openTestLedger();
});
beforeEach(() => {
  worker = `w${(people += 1)}`;
});
afterAll(() => opened.close());

const standing = async () => {
  const row = await readWorker(opened.ledger, 'hr', worker);
  if (row === undefined) throw new Error('the worker is not known');
  // A question by state finds the same.
  const alike = await readWorkers(opened.ledger, { source: 'hr', state: row.state }, 1_000);
  expect(alike.workers.find(({ workerId }) => workerId === worker)).toEqual(row);
  return row;
};

/** HR sends a newer record. */
const hrChanges = (status = 'active') =>
  opened.ledger.pool.query(
    `with changed as (
       update employee set version = version + 1, status = $2, updated_at = clock_timestamp()
       where employee_number = $1 returning id, version
     )
     insert into employee_version (employee_id, version, record, recorded_at)
     select id, version, '{}', clock_timestamp() from changed`,
    [worker, status],
  );

const settleAs = async (batch: Awaited<ReturnType<typeof take>>, outcome: Partial<StepChange>, email?: string) =>
  settle(opened.ledger, {
    migrationId: batch.migrationId,
    slot: 1,
    actor: 'test',
    timeScale: 1,
    shares: [
      {
        batch,
        changes: batch.items.map((item) => change(item, outcome)),
        accounts:
          email === undefined
            ? []
            : batch.items.map(({ employeeId }) => ({
                employeeId,
                googleId: `g-${employeeId}`,
                primaryEmail: email,
                origin: 'created' as const,
                wrote: true,
                gmailHash: null,
                calendarHash: null,
                enrolmentId: 0,
                bars: { suspendedByUs: null, archivedByUs: null, foundSuspended: false, foundArchived: false },
              })),
        last: true,
      },
    ],
  });

const moved = (id: MigrationId, to: 'cancelled') =>
  opened.ledger.db.transaction().execute(async (tx) => {
    await moveMigration(tx, { id, from: ['planned'], to, cause: null, actor: 'test' });
  });

const person = () => ({ number: worker, steps: ['account'] as const });

test('from the plan to the account each state is told, and the address only once it is given for good', async () => {
  const { ledger } = opened;
  const plan = await planned(ledger, [person()]);
  expect(await standing()).toMatchObject({ state: 'planned', reason: null, address: null, provisionedVersion: null });
  await start(ledger, plan);
  expect(await standing()).toMatchObject({
    state: 'pending',
    address: `p${worker}@shop.example`,
    addressState: 'allocated',
    accountExists: false,
    suspended: null,
  });
  const batch = await take(ledger, plan.id, 'account');
  expect(await standing()).toMatchObject({ state: 'in_progress' });
  await settleAs(batch, { state: 'waiting', reason: 'google_unavailable', dueInMs: 0 });
  expect(await standing()).toMatchObject({ state: 'waiting', reason: 'google_unavailable' });
  await settleAs(await take(ledger, plan.id, 'account'), {}, `P.${worker}@shop.example`);
  expect(await standing()).toMatchObject({
    state: 'provisioned',
    reason: null,
    address: `P.${worker}@shop.example`,
    addressState: 'in_force',
    accountExists: true,
    suspended: false,
    recordVersion: 1,
    provisionedVersion: 1,
  });
});

test('a newer record makes a provisioned worker change_pending until it is planned, and provisioned when that is done', async () => {
  const { ledger } = opened;
  const first = await running(ledger, [person()]);
  await settleAs(await take(ledger, first, 'account'), {}, `${worker}@shop.example`);
  await hrChanges();
  const pending = await standing();
  expect(pending).toMatchObject({ state: 'change_pending', recordVersion: 2, provisionedVersion: 1 });
  expect(pending.since).toEqual(pending.recordedAt);
  const plan = await planned(ledger, [person()]);
  expect(await standing()).toMatchObject({ state: 'planned', address: `${worker}@shop.example` });
  await start(ledger, plan);
  await ledger.pool.query('update enrolment set employee_version = 2 where migration_id = $1', [plan.id]);
  await settleAs(await take(ledger, plan.id, 'account'), {});
  expect(await standing()).toMatchObject({ state: 'provisioned', recordVersion: 2, provisionedVersion: 2 });
});

test('a failure and a conflict come with their reason; an address in conflict is not told', async () => {
  const { ledger } = opened;
  const id = await running(ledger, [person()]);
  await settleAs(await take(ledger, id, 'account'), { state: 'failed', reason: 'invalid_field' });
  expect(await standing()).toMatchObject({ state: 'failed', reason: 'invalid_field', addressState: 'allocated' });
  worker = `${worker}-conflict`;
  const other = await running(ledger, [person()]);
  await settleAs(await take(ledger, other, 'account'), { state: 'failed', reason: 'account_turned_up' });
  expect(await standing()).toMatchObject({ state: 'conflict', reason: 'account_turned_up', address: null });
});

test('what a plan cannot do is told before anything is started', async () => {
  const stuck = { ...person(), steps: [], action: 'conflict', reason: 'name_not_romanised' };
  await planned(opened.ledger, [stuck]);
  expect(await standing()).toMatchObject({ state: 'conflict', reason: 'name_not_romanised' });
  worker = `${worker}-admin`;
  await planned(opened.ledger, [{ ...person(), steps: [], action: 'skip', reason: 'google_admin' }]);
  expect(await standing()).toMatchObject({ state: 'skipped', reason: 'google_admin' });
});

test('who left is told so: left out of a run, suspended by one, or never planned at all', async () => {
  const { ledger } = opened;
  const skipped = await running(ledger, [person()]);
  const batch = await take(ledger, skipped, 'account');
  await hrChanges('terminated');
  await settleAs(batch, { state: 'skipped', reason: 'left' });
  expect(await standing()).toMatchObject({ state: 'left', address: null });
  await hrChanges('active');
  expect(await standing()).toMatchObject({ state: 'not_planned' });

  worker = `${worker}-suspended`;
  const suspension = await planned(ledger, [{ ...person(), desired: { suspended: true } }]);
  await ledger.pool.query("update employee set status = 'terminated' where employee_number = $1", [worker]);
  await start(ledger, suspension);
  await settleAs(await take(ledger, suspension.id, 'account'), {}, `${worker}@shop.example`);
  expect(await standing()).toMatchObject({ state: 'left', suspended: true, addressState: 'in_force' });

  worker = `${worker}-unplanned`;
  const { id } = await planned(ledger, [person()]);
  await moved(id, 'cancelled');
  await hrChanges('terminated');
  expect(await standing()).toMatchObject({ state: 'left', accountExists: false, suspended: null });
});

test('whose last day is over has left as well, once that was dealt with; whose last day is to come has not', async () => {
  const { ledger } = opened;
  const endsIn = (days: number) =>
    ledger.pool.query(
      `update employee_version set record = jsonb_build_object('endDate', to_char(now() + $2 * interval '1 day', 'YYYY-MM-DD'))
       from employee where employee.id = employee_id and employee_number = $1`,
      [worker, days],
    );
  const id = await running(ledger, [person()]);
  await settleAs(await take(ledger, id, 'account'), {}, `${worker}@shop.example`);
  await endsIn(2);
  expect(await standing()).toMatchObject({ state: 'provisioned' });
  await endsIn(-2);
  expect(await standing()).toMatchObject({ state: 'left' });
  const { workers } = await readWorkers(ledger, { source: 'hr', state: 'left' }, 1_000);
  expect(workers.map(({ workerId }) => workerId)).toContain(worker);
});

test('a cancelled second migration does not hide that the worker is provisioned', async () => {
  const { ledger } = opened;
  const first = await running(ledger, [person()]);
  await settleAs(await take(ledger, first, 'account'), {}, `${worker}@shop.example`);
  const second = await running(ledger, [person()]);
  await settleAs(await take(ledger, second, 'account'), { state: 'skipped', reason: 'cancelled' });
  expect(await standing()).toMatchObject({ state: 'provisioned' });
});

test('a discarded plan no longer counts', async () => {
  const plan = await planned(opened.ledger, [person()]);
  await moved(plan.id, 'cancelled');
  expect(await standing()).toMatchObject({ state: 'not_planned' });
});

test('pages follow each other in the order of ids; state and moment choose', async () => {
  const { ledger } = opened;
  const prefix = `page${worker}-`;
  const crowd = Array.from({ length: 25 }, (_, at) => ({ number: `${prefix}${at + 10}`, steps: ['account'] as const }));
  const id = await running(ledger, crowd);
  const seen: string[] = [];
  for (let after: string | null = prefix; after !== null;) {
    const page = await readWorkers(ledger, { source: 'hr', after }, 10);
    seen.push(...page.workers.map(({ workerId }) => workerId).filter((number) => number.startsWith(prefix)));
    after = page.next;
  }
  expect(seen).toEqual(crowd.map(({ number }) => number));
  const { rows } = await ledger.pool.query<{ now: Date }>('select clock_timestamp() as now');
  const changedSince = rows[0]?.now;
  const batch = await take(ledger, id, 'account', 3);
  await settleAs(batch, { state: 'failed', reason: 'invalid_field' });
  const { workers: changed } = await readWorkers(ledger, { source: 'hr', changedSince }, 100);
  expect(Object.fromEntries(changed.map(({ workerId, state }) => [workerId, state]))).toEqual(
    Object.fromEntries(batch.items.map(({ desired }) => [desired.employeeNumber, 'failed'])),
  );
  expect(changed).toHaveLength(3);
  const nobody = { workers: [], next: null, asOf: expect.any(Date) };
  expect(await readWorkers(ledger, { source: 'hr', changedSince, state: 'pending' }, 100)).toEqual(nobody);
  expect(await readWorkers(ledger, { source: 'elsewhere' }, 100)).toEqual(nobody);
});

test('who is changed by a transaction that commits late comes when it has ended, for whoever asks from the moment that was told', async () => {
  const { ledger } = opened;
  await running(ledger, [{ number: worker, steps: ['account'] }]);
  const late = await ledger.pool.connect();
  try {
    await late.query('begin');
    await late.query('update employee set updated_at = now() where employee_number = $1', [worker]);
    // It lasts longer than the second that is taken off.
    await vi.waitFor(
      async () => {
        const { rows } = await late.query("select where clock_timestamp() > now() + interval '1.1 seconds'");
        expect(rows).toHaveLength(1);
      },
      { timeout: 20_000, interval: 50 },
    );
    const { asOf } = await readWorkers(ledger, { source: 'hr' }, 1);
    await late.query('commit');
    const { rows } = await late.query<{ updated_at: Date }>(
      'select updated_at from employee where employee_number = $1',
      [worker],
    );
    expect(rows[0]?.updated_at.getTime()).toBeGreaterThan(asOf.getTime());
    const { workers } = await readWorkers(ledger, { source: 'hr', changedSince: asOf }, 1_000);
    expect(workers.map(({ workerId }) => workerId)).toContain(worker);
  } finally {
    late.release();
  }
});
