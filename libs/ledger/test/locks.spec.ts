import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'kysely';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { cancelSteps, reopenFailedSteps, settle, transact, type LedgerTransaction } from '#libs/ledger';
import type { MigrationId } from '#libs/vocabulary';
import { change, countedTwice, openTestLedger, running, take, type TestLedger } from './fixture.js';

let opened: TestLedger;
beforeAll(async () => {
  opened = await openTestLedger();
});
afterAll(() => opened.close());

const people = (prefix: string) =>
  Array.from({ length: 6 }, (_, at) => ({ number: `${prefix}${at}`, steps: ['account', 'confirm'] as const }));

const lockEmployees = (tx: LedgerTransaction, id: MigrationId) =>
  sql`select id from enrolment where migration_id = ${id}::uuid order by id for update`.execute(tx);

const writeSteps = (tx: LedgerTransaction, id: MigrationId) =>
  sql`update step set due_at = now() where migration_id = ${id}::uuid`.execute(tx);

const deadlocks = async () => {
  await sql`select pg_stat_force_next_flush()`.execute(opened.ledger.db);
  await sleep(100);
  const { rows } = await opened.ledger.pool.query<{ deadlocks: number }>(
    'select deadlocks from pg_stat_database where datname = current_database()',
  );
  return rows[0]?.deadlocks;
};

/** Does `work` while outcomes of the same people are being committed: employees first, then steps. */
async function beside(id: MigrationId, work: () => Promise<unknown>): Promise<void> {
  let begun: Promise<unknown> = Promise.resolve();
  await opened.ledger.db.transaction().execute(async (tx) => {
    await lockEmployees(tx, id);
    begun = work();
    await sleep(300);
    await writeSteps(tx, id);
  });
  await begun;
}

test('a cancellation and a retry wait for outcomes that are being committed, and neither gets in the other’s way', async () => {
  const { ledger } = opened;
  const id = await running(ledger, people('order'));
  const batch = await take(ledger, id, 'account', 3);
  const failed = batch.items.map((item) => change(item, { state: 'failed', reason: 'retries_exhausted' }));
  await settle(ledger, {
    migrationId: id,
    slot: 1,
    actor: 'test',
    timeScale: 1,
    shares: [{ batch, changes: failed, accounts: [], last: true }],
  });
  const before = await deadlocks();
  await beside(id, () => reopenFailedSteps(ledger, id, {}, 'test'));
  await beside(id, () => cancelSteps(ledger, id, 'test'));
  expect(await deadlocks()).toBe(before);
  const { rows } = await ledger.pool.query('select distinct state, reason from enrolment where migration_id = $1', [
    id,
  ]);
  expect(rows).toEqual([{ state: 'skipped', reason: 'cancelled' }]);
  const { kept, recount } = await countedTwice(ledger, id);
  expect(kept).toEqual(recount);
});

test('of two transactions that lock each other out both are carried out, one of them anew', async () => {
  const { db } = opened.ledger;
  const first = await running(opened.ledger, people('one'));
  const second = await running(opened.ledger, people('two'));
  let runs = 0;
  const lockBoth = (...ids: MigrationId[]) =>
    transact(db, async (tx) => {
      runs += 1;
      for (const id of ids) {
        await lockEmployees(tx, id);
        await sleep(200);
      }
      return ids;
    });
  expect(await Promise.all([lockBoth(first, second), lockBoth(second, first)])).toEqual([
    [first, second],
    [second, first],
  ]);
  expect(runs).toBe(3);
});
