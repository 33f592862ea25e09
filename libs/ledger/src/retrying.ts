import { sql } from 'kysely';
import { parseStepName, type FailureReason, type MigrationId, type StepName } from '#libs/vocabulary';
import { transact, type Database, type Ledger, type LedgerTransaction } from './open.js';
import { applyStepChanges, lockEnrolments, type StepChange } from './transitions.js';

const pageSize = 1_000;

interface OpenStep {
  readonly enrolmentId: number;
  readonly step: string;
}

const idsOf = (rows: readonly OpenStep[]): number[] => [...new Set(rows.map(({ enrolmentId }) => enrolmentId))];

const asRows = (rows: readonly OpenStep[]) =>
  sql`unnest(${rows.map(({ enrolmentId }) => enrolmentId)}::bigint[], ${rows.map(({ step }) => step)}::text[])`;

const change = (row: OpenStep, state: 'pending' | 'skipped'): StepChange => ({
  enrolmentId: row.enrolmentId,
  step: parseStepName(row.step),
  state,
  reason: state === 'skipped' ? 'cancelled' : null,
  dueInMs: 0,
  deadlineInMs: null,
  usesAttempt: false,
  // What was written before the failure is found out by reading.
  inDoubt: true,
  facts: null,
});

/**
 * Makes failed steps pending again, page by page, with fresh attempts and deadlines. Employees who are under way in
 * another migration stay as they are, and so do those whose account a later migration or round wrote, or found in order:
 * what failed was planned from an older record, and would undo that (let a leaver in again, for one).
 */
export async function reopenFailedSteps(
  ledger: Ledger,
  migrationId: MigrationId,
  filter: { reason?: FailureReason; step?: StepName },
  actor: string,
): Promise<number> {
  let reopened = 0;
  for (;;) {
    const page = await transact(ledger.db, async (tx) => {
      const { rows: failed } = await sql<OpenStep>`
        select step.enrolment_id as "enrolmentId", step.step from step join enrolment on enrolment.id = step.enrolment_id
        where step.migration_id = ${migrationId}::uuid and step.state = 'failed'
          and (${filter.reason ?? null}::text is null or step.reason = ${filter.reason ?? null})
          and (${filter.step ?? null}::text is null or step.step = ${filter.step ?? null})
          and not exists (
            select from enrolment as other
            where other.employee_id = enrolment.employee_id and other.id <> enrolment.id and (other.live
              or other.id > enrolment.id and (other.state = 'done' or other.first_write_at is not null)))
        order by step.enrolment_id limit ${pageSize}`.execute(tx);
      await lockEnrolments(tx, idsOf(failed));
      const { rows } = await sql<OpenStep>`
        update step set ready = true, attempts = 0, deadline_at = null, waiting_since = null
        from ${asRows(failed)} as failed (enrolment_id, step)
        where step.enrolment_id = failed.enrolment_id and step.step = failed.step and step.state = 'failed'
        returning step.enrolment_id as "enrolmentId", step.step`.execute(tx);
      await reopenWaves(tx, migrationId, idsOf(rows));
      return applyStepChanges(tx, {
        migrationId,
        slot: 0,
        actor,
        heldBy: null,
        keepInBatch: false,
        timeScale: 1,
        changes: rows.map((row) => change(row, 'pending')),
      });
    });
    reopened += page;
    if (page < pageSize) return reopened;
  }
}

/**
 * A wave in which somebody runs again is running, and addresses that are about to be created are looked up once more: what
 * holds them may be the very reason of the failure.
 */
async function reopenWaves(
  tx: LedgerTransaction,
  migrationId: MigrationId,
  enrolmentIds: readonly number[],
): Promise<void> {
  await sql`
    update wave set state = 'running'
    where migration_id = ${migrationId}::uuid and state in ('completed', 'completedWithIssues')
      and number in (select wave from enrolment where id = any(${[...enrolmentIds]}::bigint[]))`.execute(tx);
  await sql`
    update migration set addresses_checked_at = null
    where id = ${migrationId}::uuid and exists (
      select from enrolment join step on step.enrolment_id = enrolment.id and step.step = 'account'
      where enrolment.id = any(${[...enrolmentIds]}::bigint[]) and enrolment.action = 'create' and step.state = 'failed')`.execute(
    tx,
  );
}

/**
 * Skips, as cancelled, every step that is not finished, page by page; leased batches lose their fence. A dispatcher may
 * form one more batch meanwhile: each page takes the steps back first, until none is left.
 */
export async function cancelSteps(ledger: Ledger, migrationId: MigrationId, actor: string): Promise<void> {
  let left: number;
  do {
    left = await transact(ledger.db, async (tx) => {
      await sql`
        with open as (
          select id from batch where migration_id = ${migrationId}::uuid and state in ('queued', 'leased')
          order by id for update
        )
        update batch set state = 'abandoned', fence = fence + 1 from open where batch.id = open.id`.execute(tx);
      const { rows: open } = await sql<OpenStep>`
        select enrolment_id as "enrolmentId", step from step
        where migration_id = ${migrationId}::uuid and state in ('pending', 'running', 'waiting')
        order by enrolment_id limit ${pageSize}`.execute(tx);
      await lockEnrolments(tx, idsOf(open));
      const { rows } = await sql<OpenStep>`
        update step set batch_id = null
        from ${asRows(open)} as open (enrolment_id, step)
        where step.enrolment_id = open.enrolment_id and step.step = open.step
          and step.state in ('pending', 'running', 'waiting')
        returning step.enrolment_id as "enrolmentId", step.step`.execute(tx);
      await applyStepChanges(tx, {
        migrationId,
        slot: 0,
        actor,
        heldBy: null,
        keepInBatch: false,
        timeScale: 1,
        changes: rows.map((row) => change(row, 'skipped')),
      });
      return open.length;
    });
  } while (left > 0);
}

/** Cancelled migrations with people who are not finished: whoever cancelled died meanwhile, or a batch was just formed. */
export async function unfinishedCancellations(db: Database): Promise<MigrationId[]> {
  const { rows } = await sql<{ id: MigrationId }>`
    select id from migration
    where state = 'cancelled' and exists (
      select from enrolment where migration_id = migration.id and enrolment.state in ('pending', 'inProgress', 'waiting'))`.execute(
    db,
  );
  return rows.map(({ id }) => id);
}
