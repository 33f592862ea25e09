import { sql } from 'kysely';
import { z } from 'zod';
import {
  migrationIdSchema,
  parseFailureReason,
  type FailureReason,
  type MigrationId,
  type MigrationState,
} from '#libs/vocabulary';
import type { Database, LedgerTransaction } from './open.js';

/** Whom a migration enrols. Conditions are CEL over the employee record. */
export const selectionSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('everyone') }),
  z.strictObject({ kind: z.literal('condition'), condition: z.string().min(1).max(10_000) }),
  z.strictObject({ kind: z.literal('list'), employeeNumbers: z.array(z.string().min(1)).min(1).max(100_000) }),
]);
/** A round of a standing migration is for those who were chosen when it was made. */
const storedSelectionSchema = z.discriminatedUnion('kind', [
  ...selectionSchema.options,
  z.strictObject({ kind: z.literal('round') }),
]);
export type Selection = z.infer<typeof storedSelectionSchema>;

/** When the same reason hits this many people in a row, or more than this share of the last finished, all stops. */
export const failureBudgetSchema = z.strictObject({
  sameReasonInARow: z.int().min(1).default(20),
  sameReasonShare: z.number().gt(0).max(1).default(0.02),
  shareWindow: z.int().min(10).max(100_000).default(1000),
});
export type FailureBudget = z.infer<typeof failureBudgetSchema>;

export interface MigrationRow {
  readonly id: MigrationId;
  readonly name: string;
  readonly blueprintId: string;
  readonly blueprintName: string;
  readonly blueprintVersion: number;
  readonly selection: Selection;
  readonly failureBudget: FailureBudget;
  readonly state: MigrationState;
  readonly causeReason: FailureReason | null;
  readonly causeSince: Date | null;
  readonly planId: string | null;
  readonly createdAt: Date;
  readonly startedAt: Date | null;
  readonly finishedAt: Date | null;
  readonly budgetFrom: number;
  /** The new addresses were looked up since the start: nobody runs before. */
  readonly addressesChecked: boolean;
  /** Public key (PEM) to which first passwords are sealed; null where nobody gets one. */
  readonly handoverKey: string | null;
  /** The standing migration of which this one is a round. */
  readonly standingId: MigrationId | null;
  /** Why a round waits for approval, in a sentence; null where the standing rule let it through. */
  readonly heldBecause: string | null;
}

const selectMigration = sql`
  select migration.id, migration.name, blueprint_id as "blueprintId", blueprint.name as "blueprintName",
    blueprint_version as "blueprintVersion", selection, failure_budget as "failureBudget", state,
    cause_reason as "causeReason", cause_since as "causeSince", plan_id as "planId", migration.created_at as "createdAt",
    started_at as "startedAt", finished_at as "finishedAt", budget_from as "budgetFrom",
    addresses_checked_at is not null as "addressesChecked", handover_key as "handoverKey",
    standing_id as "standingId", held_because as "heldBecause"
  from migration join blueprint on blueprint.id = migration.blueprint_id`;

type RawMigration = Omit<MigrationRow, 'selection' | 'failureBudget' | 'causeReason'> & {
  selection: unknown;
  failureBudget: unknown;
  causeReason: string | null;
};

const parseRow = (row: RawMigration): MigrationRow => ({
  ...row,
  selection: storedSelectionSchema.parse(row.selection),
  failureBudget: failureBudgetSchema.parse(row.failureBudget),
  causeReason: row.causeReason === null ? null : parseFailureReason(row.causeReason),
});

export async function createMigration(
  db: Database,
  request: {
    name: string;
    blueprintId: string;
    blueprintVersion: number;
    selection: Selection;
    failureBudget: FailureBudget;
    handoverKey: string | null;
    actor: string;
  },
): Promise<MigrationId> {
  const { rows } = await sql<{ id: string }>`
    with created as (
      insert into migration (name, blueprint_id, blueprint_version, selection, failure_budget, handover_key, created_by)
      values (${request.name}, ${request.blueprintId}::uuid, ${request.blueprintVersion},
        ${JSON.stringify(request.selection)}::jsonb, ${JSON.stringify(request.failureBudget)}::jsonb,
        ${request.handoverKey}, ${request.actor})
      returning id
    ), noted as (
      insert into event (kind, migration_id, actor) select 'migration_created', id, ${request.actor} from created
    )
    select id from created`.execute(db);
  return migrationIdSchema.parse(rows[0]?.id);
}

export async function readMigration(
  db: Database | LedgerTransaction,
  id: MigrationId,
): Promise<MigrationRow | undefined> {
  const { rows } = await sql<RawMigration>`${selectMigration} where migration.id = ${id}::uuid`.execute(db);
  return rows[0] === undefined ? undefined : parseRow(rows[0]);
}

/** Newest first, without the rounds of standing migrations: see `listRounds`. */
export async function listMigrations(db: Database): Promise<MigrationRow[]> {
  const { rows } = await sql<RawMigration>`
    ${selectMigration} where standing_id is null order by migration.created_at desc limit 200`.execute(db);
  return rows.map(parseRow);
}

/** Migrations that a worker process has to mind: running, or still pausing. */
export async function activeMigrations(db: Database): Promise<MigrationRow[]> {
  const { rows } =
    await sql<RawMigration>`${selectMigration} where state in ('running', 'pausing') order by started_at`.execute(db);
  return rows.map(parseRow);
}

/**
 * Moves a migration from one of the given states to another; false when it is in none of them. The only way by which a
 * migration's state changes.
 */
export async function moveMigration(
  db: Database | LedgerTransaction,
  move: {
    id: MigrationId;
    from: readonly MigrationState[];
    to: MigrationState;
    cause: FailureReason | null;
    actor: string;
  },
): Promise<boolean> {
  const { rows } = await sql`
    with moved as (
      update migration set
        state = ${move.to},
        cause_reason = ${move.cause},
        cause_since = case when ${move.cause}::text is null then null
                           when cause_reason = ${move.cause} then cause_since else now() end,
        started_at = case when ${move.to} = 'running' then coalesce(started_at, now()) else started_at end,
        finished_at = case when ${move.to} in ('completed', 'completedWithIssues', 'cancelled') then now() end,
        budget_from = case when ${move.to} = 'running'
                           then coalesce((select max(finished_seq) from enrolment where migration_id = ${move.id}::uuid), 0)
                           else budget_from end
      where id = ${move.id}::uuid and state = any(${[...move.from]}::text[])
      returning id
    )
    insert into event (kind, migration_id, state, reason, actor)
    select 'migration_state', id, ${move.to}, ${move.cause}::text, ${move.actor} from moved
    returning id`.execute(db);
  return rows.length === 1;
}

/**
 * Runs `action` while the migration is surely running: a pause waits until it has ended. So a gate that is opened here
 * can never be opened after the pause that closes it.
 */
export async function whileRunning(db: Database, id: MigrationId, action: () => Promise<void>): Promise<boolean> {
  return db.transaction().execute(async (tx) => {
    const { rows } = await sql`select id from migration where id = ${id}::uuid and state = 'running' for share`.execute(
      tx,
    );
    if (rows.length === 0) return false;
    await action();
    return true;
  });
}

/** A pausing migration is paused when none of its batches is leased any more. */
export async function finishPausing(db: Database, id: MigrationId, callTimeoutMs: number): Promise<boolean> {
  const { rows } = await sql`
    with paused as (
      update migration set state = 'paused'
      where id = ${id}::uuid and state = 'pausing' and not exists (
        select from batch where migration_id = ${id}::uuid and batch.state = 'leased'
          and lease_until + ${callTimeoutMs} * interval '1 millisecond' > now())
      returning id
    )
    insert into event (kind, migration_id, state, actor) select 'migration_state', id, 'paused', 'bascule' from paused
    returning id`.execute(db);
  return rows.length === 1;
}

/** The last finished employees, newest first, for the failure budget: reason, or null when it went well. */
export async function lastFinished(
  db: Database,
  id: MigrationId,
  budgetFrom: number,
  count: number,
): Promise<{ state: string; reason: FailureReason | null }[]> {
  const { rows } = await sql<{ state: string; reason: string | null }>`
    select state, reason from enrolment
    where migration_id = ${id}::uuid and finished_seq > ${budgetFrom}
    order by finished_seq desc limit ${count}`.execute(db);
  return rows.map(({ state, reason }) => ({ state, reason: reason === null ? null : parseFailureReason(reason) }));
}

/** Employees by state, summed over slots and waves: what is left, and whether all went well. */
export async function employeeCounts(db: Database | LedgerTransaction, id: MigrationId): Promise<Map<string, number>> {
  const { rows } = await sql<{ state: string; count: number }>`
    select state, sum(count)::bigint as count from progress_counter
    where migration_id = ${id}::uuid and step = '' group by state`.execute(db);
  return new Map(rows.map(({ state, count }) => [state, count]));
}

/** The same for many migrations at once. */
export async function employeeCountsOf(
  db: Database,
  ids: readonly MigrationId[],
): Promise<Map<string, ReadonlyMap<string, number>>> {
  const { rows } = await sql<{ id: string; state: string; count: number }>`
    select migration_id as id, state, sum(count)::bigint as count from progress_counter
    where migration_id = any(${[...ids]}::uuid[]) and step = '' group by 1, 2`.execute(db);
  const byMigration = Map.groupBy(rows, ({ id }) => id);
  return new Map([...byMigration].map(([id, counts]) => [id, new Map(counts.map((row) => [row.state, row.count]))]));
}

/** Whether accounts of the waves that run are still to be made: more people will come to every later step. */
export async function accountsToCome(db: Database, id: MigrationId): Promise<boolean> {
  const { rows } = await sql<{ open: number }>`
    select coalesce(sum(count), 0)::bigint as open from progress_counter
    where migration_id = ${id}::uuid and step = 'account' and state in ('pending', 'running', 'waiting')
      and wave in (select number from wave where wave.migration_id = ${id}::uuid and wave.state = 'running')`.execute(
    db,
  );
  return (rows[0]?.open ?? 0) > 0;
}
