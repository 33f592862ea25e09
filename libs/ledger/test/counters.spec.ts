import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  cancelSteps,
  employeeCounts,
  leaseBatch,
  moveMigration,
  moveWaves,
  reopenFailedSteps,
  settle,
  type Ledger,
  type StepChange,
} from '#libs/ledger';
import { stepNames, type MigrationId, type StepName } from '#libs/vocabulary';
import {
  change,
  countedTwice,
  form,
  makeDue,
  openTestLedger,
  planned,
  running,
  start,
  take,
  worker,
  type TestLedger,
} from './fixture.js';

let opened: TestLedger;
beforeAll(async () => {
  opened = await openTestLedger();
});
afterAll(() => opened.close());

const ends: readonly Pick<StepChange, 'state' | 'reason'>[] = [
  { state: 'done', reason: null },
  { state: 'waiting', reason: 'mailbox_not_ready' },
  { state: 'failed', reason: 'invalid_field' },
  { state: 'failed', reason: 'account_turned_up' },
  { state: 'skipped', reason: 'left' },
  { state: 'pending', reason: null },
];

/** Takes whatever step of this kind is due and ends each by the next of the given ends. */
async function run(ledger: Ledger, id: MigrationId, step: StepName, choices: readonly number[], slot: number) {
  const hint = await form(ledger, id, step, 3);
  if (hint === undefined) return;
  const batch = await leaseBatch(ledger, hint.batchId, { ...worker, slot });
  if (batch === undefined) return;
  const changes = batch.items.map((item, at) => {
    const end = ends[(choices[at % choices.length] ?? 0) % ends.length];
    return change(item, { ...end, deadlineInMs: end?.state === 'waiting' ? 60_000 : null });
  });
  await settle(ledger, {
    migrationId: id,
    slot,
    actor: 'test',
    timeScale: 1,
    shares: [{ batch, changes, accounts: [], last: true }],
  });
}

const everyStep = (number: string, wave: number) => ({ number, steps: stepNames, wave });

test('the counters equal a recount after whatever happened, in whatever order', { timeout: 120_000 }, async () => {
  const { ledger } = opened;
  let serial = 0;
  const action = fc.record({
    kind: fc.constantFrom('run', 'run', 'run', 'run', 'reopen', 'waves'),
    step: fc.constantFrom(...stepNames),
    choices: fc.array(fc.nat(ends.length - 1), { minLength: 1, maxLength: 3 }),
    slot: fc.integer({ min: 1, max: 3 }),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(action, { minLength: 5, maxLength: 25 }), async (actions) => {
      serial += 1;
      const id = await running(
        ledger,
        [1, 2, 3, 4, 5].map((n) => everyStep(`r${serial}-${n}`, n > 3 ? 2 : 1)),
      );
      for (const { kind, step, choices, slot } of actions) {
        await makeDue(ledger);
        if (kind === 'run') await run(ledger, id, step, choices, slot);
        if (kind === 'reopen') await reopenFailedSteps(ledger, id, {}, 'test');
        if (kind === 'waves') await moveWaves(ledger.db, id);
        const { kept, recount } = await countedTwice(ledger, id);
        expect(kept).toEqual(recount);
      }
      await moveMigration(ledger.db, { id, from: ['running'], to: 'cancelled', cause: null, actor: 'test' });
      await cancelSteps(ledger, id, 'test');
      const { kept, recount } = await countedTwice(ledger, id);
      expect(kept).toEqual(recount);
      const counts = await employeeCounts(ledger.db, id);
      for (const state of ['pending', 'inProgress', 'waiting']) expect(counts.get(state) ?? 0).toBe(0);
    }),
    { numRuns: 12 },
  );
});

test('a settlement that has moved nobody moves no counter, and steps that a batch holds are not a listing’s', async () => {
  const { ledger } = opened;
  const id = await running(ledger, [{ number: 'held', steps: ['account', 'confirm'] }]);
  const batch = await take(ledger, id, 'account');
  const before = await countedTwice(ledger, id);
  const changes = batch.items.map((item) => change(item, {}));
  await settle(ledger, { migrationId: id, slot: 1, actor: 'test', timeScale: 1, shares: [], listed: changes });
  expect(await countedTwice(ledger, id)).toEqual(before);
});

test('what a listing showed changes no step that was finished since', async () => {
  const { ledger } = opened;
  const id = await running(ledger, [{ number: 'finished', steps: ['account'] }]);
  const batch = await take(ledger, id, 'account');
  const how = { migrationId: id, slot: 1, actor: 'test', timeScale: 1 };
  const done = batch.items.map((item) => change(item, {}));
  await settle(ledger, { ...how, shares: [{ batch, changes: done, accounts: [], last: true }] });
  const before = await countedTwice(ledger, id);
  const late = batch.items.map((item) => change(item, { state: 'waiting', reason: 'change_not_visible' }));
  await settle(ledger, { ...how, shares: [], listed: late });
  expect(await countedTwice(ledger, id)).toEqual(before);
});

test('a step becomes ready once everything that it waits for is done, and a soft one holds nothing up', async () => {
  const { ledger } = opened;
  const licence = { assignment: 'automatic', productId: 'p', skuId: 's' } as const;
  const id = await running(ledger, [
    { number: 'soft', steps: ['account', 'licence', 'mailbox', 'gmail'], desired: { licence } },
    {
      number: 'hard',
      steps: ['account', 'licence', 'mailbox', 'gmail'],
      desired: { licence: { ...licence, assignment: 'assign' } },
    },
  ]);
  await run(ledger, id, 'account', [0], 1);
  const { rows } = await ledger.pool.query(
    `select employee_number as number, step.step from step join enrolment on enrolment.id = enrolment_id
     join employee on employee.id = employee_id where step.migration_id = $1 and ready order by 1, 2`,
    [id],
  );
  expect(rows).toEqual([
    { number: 'hard', step: 'licence' },
    { number: 'soft', step: 'licence' },
    { number: 'soft', step: 'mailbox' },
  ]);
});

test('who only waits for the first working day does not hold the next wave up, anybody else does', async () => {
  const { ledger } = opened;
  const id = await running(ledger, [
    { number: 'w1', steps: ['account', 'calendar'], wave: 1 },
    { number: 'w2', steps: ['account'], wave: 1 },
    { number: 'w3', steps: ['account'], wave: 2 },
  ]);
  const waves = async () => {
    await moveWaves(ledger.db, id);
    const { rows } = await ledger.pool.query<{ state: string }>(
      'select state from wave where migration_id = $1 order by number',
      [id],
    );
    return rows.map(({ state }) => state);
  };
  await run(ledger, id, 'account', [0, 5], 1);
  await makeDue(ledger);
  const calendar = await take(ledger, id, 'calendar');
  const waits = calendar.items.map((item) => change(item, { state: 'waiting', reason: 'suspended_until_start' }));
  const how = { migrationId: id, slot: 1, actor: 'test', timeScale: 1 };
  await settle(ledger, { ...how, shares: [{ batch: calendar, changes: waits, accounts: [], last: true }] });
  expect(await waves()).toEqual(['running', 'pending']);
  await run(ledger, id, 'account', [0], 1);
  expect(await waves()).toEqual(['running', 'running']);
  await run(ledger, id, 'account', [2], 1);
  expect(await waves()).toEqual(['running', 'completedWithIssues']);
});

test('a retried step runs again although its wave had ended, and its addresses are looked up again', async () => {
  const { ledger } = opened;
  const id = await running(ledger, [{ number: 'again', steps: ['account'] }]);
  await ledger.pool.query('update migration set addresses_checked_at = now() where id = $1', [id]);
  await run(ledger, id, 'account', [2], 1);
  await moveWaves(ledger.db, id);
  expect(await reopenFailedSteps(ledger, id, { reason: 'alias_limit' }, 'test')).toBe(0);
  expect(await reopenFailedSteps(ledger, id, { reason: 'invalid_field' }, 'test')).toBe(1);
  const batch = await take(ledger, id, 'account');
  expect(batch.items).toMatchObject([{ inDoubt: true, attempts: 0 }]);
  const { rows } = await ledger.pool.query('select addresses_checked_at from migration where id = $1', [id]);
  expect(rows).toEqual([{ addresses_checked_at: null }]);
});

test('whose account was written, or found in order, by a later migration is not retried in the older one', async () => {
  const { ledger } = opened;
  const left = { number: 'left', steps: ['account'] } as const;
  const id = await running(ledger, [left, { number: 'stays', steps: ['account'] }]);
  await run(ledger, id, 'account', [2, 2], 2);
  const later = await running(ledger, [{ ...left, action: 'suspend' }]);
  await run(ledger, later, 'account', [0], 1);
  expect(await reopenFailedSteps(ledger, id, {}, 'test')).toBe(1);
  const { rows } = await ledger.pool.query(
    `select employee_number as number from step join enrolment on enrolment.id = enrolment_id
     join employee on employee.id = employee_id where step.migration_id = $1 and step.state = 'failed'`,
    [id],
  );
  expect(rows).toEqual([{ number: 'left' }]);
});

test('a start enrols nobody twice and gives nobody an address that was issued to somebody else', async () => {
  const { ledger } = opened;
  const account = ['account'] as const;
  const first = await planned(ledger, [{ number: 's1', steps: account, address: 'same@shop.example' }]);
  const second = await planned(ledger, [
    { number: 's1', steps: account, address: 'same@shop.example' },
    { number: 's2', steps: account, address: 'same@shop.example' },
    { number: 's3', steps: account, address: 'other@shop.example' },
    { number: 's4', steps: [], action: 'nothing' },
    { number: 's5', steps: [], action: 'conflict', reason: 'maybe_same_person' },
  ]);
  await start(ledger, first);
  await start(ledger, second);
  const { rows } = await ledger.pool.query(
    `select employee_number as number, state, reason, live from enrolment join employee on employee.id = employee_id
     where migration_id = $1 order by 1`,
    [second.id],
  );
  expect(rows).toEqual([
    { number: 's1', state: 'skipped', reason: 'under_way_elsewhere', live: false },
    { number: 's2', state: 'conflict', reason: 'address_taken_since', live: false },
    { number: 's3', state: 'pending', reason: null, live: true },
    { number: 's4', state: 'done', reason: null, live: false },
    { number: 's5', state: 'conflict', reason: 'maybe_same_person', live: false },
  ]);
  const { kept, recount } = await countedTwice(ledger, second.id);
  expect(kept).toEqual(recount);
});
