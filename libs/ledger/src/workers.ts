import { sql } from 'kysely';
import type { AddressState, FailureReason, WorkerState } from '#libs/vocabulary';
import { isPassedOver } from './enrolments.js';
import type { Database, Ledger } from './open.js';
import { hasLeftSql } from './webhook-outbox.js';

/** Where one worker stands, for the HR system that owns the record. */
export interface WorkerRow {
  readonly employeeId: string;
  readonly workerId: string;
  readonly state: WorkerState;
  readonly reason: FailureReason | null;
  /** Since when the state has been so. */
  readonly since: Date;
  /** When anything of this row changed last. */
  readonly changedAt: Date;
  /** The address to write back to HR; null while none is given for good. */
  readonly address: string | null;
  readonly addressState: AddressState | null;
  readonly accountExists: boolean;
  /** As far as is known; null without an account, or while it is not known. */
  readonly suspended: boolean | null;
  readonly recordVersion: number;
  /** The record's version that the account was made from last; null while none was. */
  readonly provisionedVersion: number | null;
  readonly recordedAt: Date;
  /** The delivery that brought the newest version; null where it came another way. */
  readonly deliveryId: string | null;
}

/**
 * The latest plan that stands and was not started, the latest enrolment with its account step, the account, the newest
 * event: each found by an index for one worker of `chosen` (rows of employee), so that a page costs what its rows cost.
 */
const selectStanding = (chosen: string) => `
  with open_plan as materialized (
    select plan.id, plan.created_at, plan.finished_at from plan join migration on migration.plan_id = plan.id
    where plan.state = 'ready' and migration.state in ('planned', 'approved')
  )
  select employee.id, employee.source, employee.employee_number, employee.version,
    ${hasLeftSql('employee.status', 'newest.record', 'latest.action')} as has_left,
    newest.recorded_at, newest.delivery_id, employee.updated_at,
    latest.state as enrolled, latest.reason as enrolled_reason, coalesce(latest.live, false) as live, latest.employee_version as enrolled_version,
    latest.started_at, waiting.since as waiting_since, told.at as told_at,
    planned.action as planned, planned.reason as planned_reason, planned.finished_at as planned_at,
    account.primary_email, account.google_id, account.written_at, issued.address as issued, issued.issued_at,
    case when account.google_id is not null
      then coalesce(case when latest.account_written then latest.suspended end, observed.suspended) end as suspended,
    done.employee_version as done_version
  from (${chosen}) as employee
  join employee_version as newest on newest.employee_id = employee.id and newest.version = employee.version
  left join account on account.employee_id = employee.id
  left join lateral (
    select enrolment.id, enrolment.action, enrolment.state, enrolment.reason, enrolment.live, enrolment.employee_version,
      enrolment.migration_id, migration.started_at,
      exists (select from step where enrolment_id = enrolment.id and step = 'account' and step.state = 'done')
        as account_written,
      (coalesce(enrolment.desired, plan_item.desired) ->> 'suspended')::boolean as suspended
    from enrolment
    join migration on migration.id = enrolment.migration_id
    join plan_item on plan_item.plan_id = enrolment.plan_id and plan_item.employee_id = enrolment.employee_id
    where enrolment.employee_id = employee.id
    order by ${isPassedOver}, enrolment.id desc limit 1
  ) as latest on true
  left join lateral (
    select min(waiting_since) as since from step where enrolment_id = latest.id and step.state = 'waiting'
  ) as waiting on latest.state = 'waiting'
  left join lateral (
    select employee_version from enrolment where employee_id = employee.id and enrolment.state = 'done'
    order by enrolment.id desc limit 1
  ) as done on true
  left join lateral (
    select at from event where employee_id = employee.id and migration_id = latest.migration_id
    order by event.id desc limit 1
  ) as told on latest.id is not null
  left join lateral (
    select action, plan_item.reason, open_plan.finished_at
    from open_plan join plan_item on plan_item.plan_id = open_plan.id and plan_item.employee_id = employee.id
    order by open_plan.created_at desc limit 1
  ) as planned on true
  left join lateral (
    select address, issued_at from address_reservation
    where address_reservation.employee_id = employee.id and kind = 'primary' and address_reservation.state = 'issued'
    order by issued_at desc limit 1
  ) as issued on true
  left join lateral (
    select (observed_account.account ->> 'suspended')::boolean as suspended from observed_account
    where observed_account.google_id = account.google_id and listing_id = (
      select directory_listing.id from directory_listing where directory_listing.state = 'complete'
      order by directory_listing.finished_at desc limit 1)
  ) as observed on true`;

/**
 * The one rule of a worker's state. An enrolment under way comes first; one that is finished counts while it was made from
 * the newest record; else the plan that stands, and then what was done with an older record.
 */
const selectJudged = (chosen: string) => `
  select standing.*,
    case
      when enrolled = 'inProgress' then 'in_progress'
      when live then enrolled
      when is_newest and enrolled = 'done' then case when has_left then 'left' else 'provisioned' end
      when is_newest and enrolled in ('failed', 'conflict') then enrolled
      when enrolled = 'skipped' and enrolled_reason = 'left' and has_left then 'left'
      when is_newest then 'skipped'
      when planned = 'conflict' then 'conflict'
      when planned = 'skip' then 'skipped'
      when planned is not null then 'planned'
      when enrolled = 'done' then case when has_left and suspended then 'left' else 'change_pending' end
      when enrolled is not null and enrolled_reason is distinct from 'left' then enrolled
      when has_left and google_id is null then 'left'
      else 'not_planned'
    end as state,
    planned is not null and not (live or is_newest) as by_plan,
    greatest(updated_at, recorded_at, started_at, waiting_since, told_at, planned_at, written_at, issued_at) as changed_at
  from (
    select facts.*, coalesce(enrolled_version >= version, false) as is_newest from (${selectStanding(chosen)}) as facts
  ) as standing`;

const selectWorkers = (chosen: string) => `
  select id as "employeeId", employee_number as "workerId", state,
    case when state in ('waiting', 'failed', 'skipped', 'conflict')
      then case when by_plan then planned_reason else enrolled_reason end end as reason,
    case
      when state in ('not_planned', 'change_pending') then recorded_at
      when by_plan then planned_at
      when state = 'pending' then started_at
      when state = 'waiting' then coalesce(waiting_since, told_at)
      else coalesce(told_at, started_at, recorded_at)
    end as since,
    changed_at as "changedAt",
    case when primary_email is not null then primary_email when may_be_told then issued end as address,
    case when primary_email is not null then 'in_force' when issued is not null and may_be_told then 'allocated' end
      as "addressState",
    google_id is not null as "accountExists", suspended, version as "recordVersion", done_version as "provisionedVersion",
    recorded_at as "recordedAt", delivery_id as "deliveryId"
  from (select *, state not in ('conflict', 'left') as may_be_told from (${selectJudged(chosen)}) as judged) as worker`;

/** Which workers of a source: from a worker id on, in a state, changed since a moment. */
export interface WorkerFilter {
  readonly source: string;
  /** Only those whose id comes after this one, in the order of the ledger. */
  readonly after?: string | undefined;
  readonly state?: WorkerState | undefined;
  readonly changedSince?: Date | undefined;
}

const enrolledAs = (state: string) => `select employee_id from enrolment where enrolment.state = '${state}'`;
const plannedAs = (action: string) => `
  select employee_id from plan_item join migration on migration.plan_id = plan_item.plan_id
  where migration.state in ('planned', 'approved') and plan_item.action ${action}`;

/**
 * Who may be in a state at all: found in one pass each, so that a state that few are in costs no look at everybody's
 * standing. Whoever is in the state is among them.
 */
const candidates: Readonly<Record<WorkerState, string>> = {
  not_planned: `
    select id from employee where not exists (
      select from enrolment where employee_id = employee.id and enrolment.reason is distinct from 'left')`,
  planned: plannedAs(`not in ('conflict', 'skip')`),
  pending: enrolledAs('pending'),
  in_progress: enrolledAs('inProgress'),
  waiting: enrolledAs('waiting'),
  provisioned: enrolledAs('done'),
  change_pending: `
    select employee_id from enrolment join employee on employee.id = employee_id
    where enrolment.state = 'done' and employee.version > employee_version`,
  failed: enrolledAs('failed'),
  conflict: `${enrolledAs('conflict')} union all ${plannedAs(`= 'conflict'`)}`,
  skipped: `${enrolledAs('skipped')} union all ${plannedAs(`= 'skip'`)}`,
  // Where the day is over first: whoever has not left yet is sorted out later.
  left: `
    select employee.id from employee
    join employee_version as newest on newest.employee_id = employee.id and newest.version = employee.version
    where source = $1 and ${hasLeftSql('employee.status', 'newest.record', "'suspend'")}`,
};

/** Who may have changed since `$4`: by events, records, accounts, addresses, starts and plans since then. */
const changedCandidates = `
  select id from employee where updated_at >= $4
  union all select employee_id from event where at >= $4 and employee_id is not null
  union all select employee_id from account where written_at >= $4
  union all select employee_id from address_reservation where issued_at >= $4
  union all select employee_id from enrolment join migration on migration.id = migration_id where started_at >= $4
  union all select employee_id from plan_item join plan on plan.id = plan_id
    where plan.finished_at >= $4 and plan.state = 'ready'`;

/**
 * The moment before which nothing is still being written: whatever is committed later bears a later time, for PostgreSQL
 * gives all of a transaction's times no earlier than its start. A second is taken off, for a start is told a little after it
 * happened. Looks at all transactions of this database that its role may see: those of Bascule's other processes are.
 */
async function settledUntil({ pool }: Ledger): Promise<Date> {
  const { rows } = await pool.query<{ moment: Date }>(
    `select least(clock_timestamp(), min(xact_start)) - interval '1 second' as moment
     from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`,
  );
  const [row] = rows;
  if (row === undefined) throw new Error('the ledger does not say what time it is');
  return row.moment;
}

/**
 * A page of a source's workers in the order of their ids. Who may be meant is found first, in one pass, and of those so many
 * are looked at: a page may hold fewer, even none. `next` is where the next one begins; null at the end. Whoever asks again
 * for what changed since the `asOf` of the first page misses nobody, however late a change was committed.
 */
export async function readWorkers(
  ledger: Ledger,
  { source, after, state, changedSince }: WorkerFilter,
  limit: number,
): Promise<{ workers: WorkerRow[]; next: string | null; asOf: Date }> {
  const asOf = await settledUntil(ledger);
  const chosen = `
    select * from employee
    where source = $1 and ($2::text is null or employee_number > $2)
      and ($4::timestamptz is null ${changedSince === undefined ? '' : `or id in (${changedCandidates})`})
      ${state === undefined ? '' : `and id in (${candidates[state]})`}
    order by employee_number limit $3`;
  const values = [source, after ?? null, limit, changedSince ?? null];
  const { rows } = await ledger.pool.query<WorkerRow>(`${selectWorkers(chosen)} order by employee_number`, values);
  const workers = rows.filter(
    (row) =>
      (state === undefined || row.state === state) && (changedSince === undefined || row.changedAt >= changedSince),
  );
  return { workers, next: rows.length === limit ? (rows.at(-1)?.workerId ?? null) : null, asOf };
}

/** One worker of a source, by HR's own id. */
export async function readWorker(ledger: Ledger, source: string, workerId: string): Promise<WorkerRow | undefined> {
  const chosen = 'select * from employee where source = $1 and employee_number = $2';
  const { rows } = await ledger.pool.query<WorkerRow>(selectWorkers(chosen), [source, workerId]);
  return rows[0];
}

/** A row of a worker that was not applied. */
export interface RejectedRow {
  readonly deliveryId: string;
  readonly line: number;
  readonly problems: readonly { field: string; reason: string; message: string }[];
  readonly receivedAt: Date;
}

/** The newest row that names the worker, if it was rejected after the given delivery (null: ever). */
export async function lastRejection(
  db: Database,
  worker: { source: string; workerId: string; after: string | null },
): Promise<RejectedRow | undefined> {
  const { rows } = await sql<RejectedRow>`
    select delivery_id as "deliveryId", line, problems, received_at as "receivedAt"
    from feed_row join feed_delivery on feed_delivery.id = delivery_id
    where outcome = 'rejected' and employee_number = ${worker.workerId} and source = ${worker.source}
      and (${worker.after}::uuid is null
        or sequence > (select sequence from feed_delivery where id = ${worker.after}::uuid))
    order by sequence desc, row limit 1`.execute(db);
  return rows[0];
}
