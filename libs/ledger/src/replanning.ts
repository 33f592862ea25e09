import { sql } from 'kysely';
import { parseStepName, type DesiredAccount, type StepName } from '#libs/vocabulary';
import type { LeasedBatch } from './batches.js';
import { addToCounters } from './counters.js';
import { transact, type Ledger, type LedgerTransaction } from './open.js';
import { applyStepChanges, listedSteps, lockEnrolments, type StepChange } from './transitions.js';

/** What takes the place of one employee's planned account, because the record changed before the first write. */
export interface Replan {
  readonly enrolmentId: number;
  /** The record's version from which it was made. */
  readonly version: number;
  readonly desired: DesiredAccount;
  /** Steps that the plan did not need and this one does. */
  readonly addedSteps: readonly StepName[];
  /** Names of the fields that changed, for the event. */
  readonly fields: readonly string[];
}

interface By {
  readonly batch: Pick<LeasedBatch, 'batchId' | 'fence' | 'migrationId'>;
  readonly slot: number;
  readonly actor: string;
}

async function holdsFence(tx: LedgerTransaction, { batchId, fence }: By['batch']): Promise<boolean> {
  const { rows } = await sql`
    select id from batch where id = ${batchId} and fence = ${fence} and state = 'leased' for update`.execute(tx);
  return rows.length > 0;
}

/**
 * Puts re-plans beside the plan, with an event each, and counts the employees as begun. Steps that a re-plan adds become
 * ready by the step graph when the step in hand settles. False, and nothing written, when the fence has moved on.
 */
export async function storeReplans(ledger: Ledger, by: By, replans: readonly Replan[]): Promise<boolean> {
  if (replans.length === 0) return true;
  return transact(ledger.db, async (tx) => {
    if (!(await holdsFence(tx, by.batch))) return false;
    await writeReplans(tx, by, replans);
    const added = replans.flatMap(({ enrolmentId, addedSteps }) => addedSteps.map((step) => ({ enrolmentId, step })));
    await addSteps(tx, by, added);
    return true;
  });
}

/** Counts employees as begun whose plan still holds. False, and nothing written, when the fence has moved on. */
export async function beginAsPlanned(ledger: Ledger, by: By, enrolmentIds: readonly number[]): Promise<boolean> {
  if (enrolmentIds.length === 0) return true;
  return transact(ledger.db, async (tx) => {
    if (!(await holdsFence(tx, by.batch))) return false;
    await lockEnrolments(tx, enrolmentIds);
    await sql`
      update enrolment set first_write_at = coalesce(first_write_at, now())
      where id = any(${[...enrolmentIds]}::bigint[])`.execute(tx);
    return true;
  });
}

async function writeReplans(tx: LedgerTransaction, by: By, replans: readonly Replan[]): Promise<void> {
  const sorted = replans.toSorted((a, b) => a.enrolmentId - b.enrolmentId);
  const ids = sorted.map(({ enrolmentId }) => enrolmentId);
  await sql`select id from enrolment where id = any(${ids}::bigint[]) order by id for update`.execute(tx);
  await sql`
    with r as (
      select * from unnest(${ids}::bigint[], ${sorted.map(({ version }) => version)}::int[],
        ${sorted.map(({ desired }) => JSON.stringify(desired))}::jsonb[],
        ${sorted.map(({ fields }) => JSON.stringify(fields))}::jsonb[]) as r (id, version, desired, fields)
    ), before as (
      select enrolment.id, enrolment.employee_id, enrolment.employee_version as version
      from enrolment join r on r.id = enrolment.id
    ), changed as (
      update enrolment set desired = r.desired, employee_version = r.version,
        first_write_at = coalesce(first_write_at, now())
      from r where enrolment.id = r.id
    )
    insert into event (kind, migration_id, employee_id, actor, detail)
    select 'replanned', ${by.batch.migrationId}::uuid, before.employee_id, ${by.actor},
      jsonb_build_object('fromVersion', before.version, 'toVersion', r.version, 'fields', r.fields)
    from before join r on r.id = before.id`.execute(tx);
}

async function addSteps(
  tx: LedgerTransaction,
  by: By,
  added: readonly { enrolmentId: number; step: StepName }[],
): Promise<void> {
  if (added.length === 0) return;
  const { migrationId } = by.batch;
  const { rows } = await sql<{ wave: number; step: string }>`
    insert into step (enrolment_id, step, migration_id, wave, state, listed, ready)
    select enrolment.id, a.step, ${migrationId}::uuid, enrolment.wave, 'pending', a.step = any(${[...listedSteps]}::text[]), false
    from unnest(${added.map(({ enrolmentId }) => enrolmentId)}::bigint[], ${added.map(({ step }) => step)}::text[])
      as a (id, step)
    join enrolment on enrolment.id = a.id
    on conflict do nothing
    returning wave, step`.execute(tx);
  const counters = rows.flatMap(({ wave, step }) => [
    { wave, step, state: 'skipped', reason: 'not_needed', by: -1 },
    { wave, step, state: 'pending', reason: '', by: 1 },
  ]);
  await addToCounters(tx, migrationId, by.slot, counters);
}

const waitedForStart: readonly StepName[] = ['mailbox', 'gmail', 'calendar'];

/**
 * The first working day has come for people whose steps waited for it: their accounts are brought in line again, and what
 * waited runs after that. False, and nothing written, when the fence has moved on.
 */
export async function beginWork(
  ledger: Ledger,
  by: By & { timeScale: number },
  replans: readonly Replan[],
): Promise<boolean> {
  if (replans.length === 0) return true;
  return transact(ledger.db, async (tx) => {
    if (!(await holdsFence(tx, by.batch))) return false;
    await writeReplans(tx, by, replans);
    const ids = replans.map(({ enrolmentId }) => enrolmentId);
    await addSteps(
      tx,
      by,
      ids.flatMap((enrolmentId) => (['account', 'confirm'] as const).map((step) => ({ enrolmentId, step }))),
    );
    const { rows } = await sql<{ enrolmentId: number; step: string; state: string }>`
      select enrolment_id as "enrolmentId", step, state from step where enrolment_id = any(${ids}::bigint[])
      order by enrolment_id`.execute(tx);
    await applyStepChanges(tx, {
      migrationId: by.batch.migrationId,
      slot: by.slot,
      actor: by.actor,
      heldBy: new Set([by.batch.batchId]),
      keepInBatch: false,
      timeScale: by.timeScale,
      changes: rows.flatMap(({ enrolmentId, step: word, state }) => {
        const step = parseStepName(word);
        const waited = waitedForStart.includes(step) && (state === 'waiting' || state === 'running');
        if (step !== 'account' && step !== 'confirm' && !waited) return [];
        return [anew(enrolmentId, step)];
      }),
    });
    return true;
  });
}

const anew = (enrolmentId: number, step: StepName): StepChange => ({
  enrolmentId,
  step,
  state: 'pending',
  reason: null,
  dueInMs: 0,
  deadlineInMs: null,
  usesAttempt: false,
  // What was written before is found out by reading.
  inDoubt: true,
  facts: null,
  ready: false,
  held: 'by-batch-or-none',
});
