import { sql } from 'kysely';
import type { Readable } from 'node:stream';
import QueryStream from 'pg-query-stream';
import type { EmployeeState, FailureReason, MigrationId, MigrationState, StepName, StepState } from '#libs/vocabulary';
import type { Database, Ledger } from './open.js';

export interface EnrolledEmployee {
  readonly enrolmentId: number;
  readonly employeeId: string;
  readonly employeeNumber: string;
  readonly wave: number;
  readonly action: string;
  readonly state: EmployeeState;
  readonly reason: FailureReason | null;
  readonly address: string | null;
  /** `since` and `dueAt` (the next look) of those that wait; `deadlineAt` when the wait counts as failed. */
  readonly steps: readonly {
    step: StepName;
    state: StepState;
    reason: FailureReason | null;
    since: string | null;
    dueAt: string | null;
    deadlineAt: string | null;
  }[];
}

const selectEnrolled = `
  select enrolment.id as "enrolmentId", enrolment.employee_id as "employeeId", employee.employee_number as "employeeNumber",
    enrolment.wave, enrolment.action, enrolment.state, enrolment.reason, plan_item.address,
    coalesce((select jsonb_agg(jsonb_build_object('step', step, 'state', state, 'reason', reason,
        'since', case when state = 'waiting' then waiting_since end, 'dueAt', case when state = 'waiting' then due_at end,
        'deadlineAt', case when state = 'waiting' then deadline_at end) order by array_position(plan_item.steps, step))
      from step where step.enrolment_id = enrolment.id), '[]') as steps
  from enrolment
  join employee on employee.id = enrolment.employee_id
  join plan_item on plan_item.plan_id = enrolment.plan_id and plan_item.employee_id = enrolment.employee_id`;

/** A page of a migration's employees, filtered by state, step or reason. */
export async function enrolledEmployees(
  db: Database,
  id: MigrationId,
  page: { state?: string; step?: string; reason?: string; after: number; limit: number },
): Promise<EnrolledEmployee[]> {
  const { rows } = await sql<EnrolledEmployee>`
    ${sql.raw(selectEnrolled)}
    where enrolment.migration_id = ${id}::uuid and enrolment.id > ${page.after}
      and (${page.state ?? null}::text is null or enrolment.state = ${page.state ?? null})
      and (${page.reason ?? null}::text is null or enrolment.reason = ${page.reason ?? null}
        or exists (select from step where step.enrolment_id = enrolment.id and step.reason = ${page.reason ?? null}))
      and (${page.step ?? null}::text is null
        or exists (select from step where step.enrolment_id = enrolment.id and step.step = ${page.step ?? null}
                     and step.state in ('failed', 'waiting', 'running')))
    order by enrolment.id limit ${page.limit}`.execute(db);
  return rows;
}

/** Every employee of a migration as a stream, for reports: memory holds a page. */
export async function streamEnrolled(ledger: Ledger, id: MigrationId): Promise<Readable> {
  const client = await ledger.pool.connect();
  const stream = client.query(
    new QueryStream(`${selectEnrolled} where enrolment.migration_id = $1 order by enrolment.id`, [id], {
      batchSize: 500,
    }),
  );
  stream.once('close', () => client.release());
  return stream;
}

/** The latest migration of one employee. */
export interface EmployeeEnrolment extends EnrolledEmployee {
  readonly migrationId: string;
  readonly migrationName: string;
  readonly migrationState: MigrationState;
  readonly causeReason: FailureReason | null;
  readonly causeSince: Date | null;
  /** What the plan says: shall the account be suspended, and how its owner signs in. Null where nothing is planned. */
  readonly planned: { suspended: boolean; password: 'sso' | 'handover' } | null;
}

export interface EmployeeDetail {
  readonly id: string;
  readonly source: string;
  readonly employeeNumber: string;
  readonly version: number;
  readonly record: unknown;
  /** `suspended`: as Google last listed the account; null when it has not been listed since it was made. */
  readonly account: {
    googleId: string;
    primaryEmail: string;
    origin: 'created' | 'adopted';
    writtenAt: string | null;
    suspended: boolean | null;
  } | null;
  readonly enrolment: EmployeeEnrolment | null;
  readonly timeline: readonly {
    at: Date;
    kind: string;
    step: string | null;
    state: string | null;
    reason: string | null;
  }[];
}

/** Left out for another migration's sake, or cancelled before the turn came: what another enrolment did counts more. */
export const isPassedOver = `(enrolment.state = 'skipped' and coalesce(enrolment.reason, '') in ('under_way_elsewhere', 'cancelled'))`;

/** One person for the service desk: record, account, the latest enrolment with its steps, the newest events. */
export async function employeeDetail(db: Database, id: string): Promise<EmployeeDetail | undefined> {
  const { rows } = await sql<Omit<EmployeeDetail, 'enrolment' | 'timeline'>>`
    select employee.id, source, employee_number as "employeeNumber", employee.version, record,
      case when account.google_id is not null then jsonb_build_object('googleId', google_id, 'primaryEmail', primary_email,
        'origin', origin, 'writtenAt', written_at, 'suspended', (
          select (observed_account.account ->> 'suspended')::boolean from observed_account
          where observed_account.google_id = account.google_id and listing_id = (
            select id from directory_listing where state = 'complete' order by finished_at desc limit 1))) end as account
    from employee
    join employee_version on employee_version.employee_id = employee.id and employee_version.version = employee.version
    left join account on account.employee_id = employee.id
    where employee.id = ${id}::uuid`.execute(db);
  const [found] = rows;
  if (found === undefined) return undefined;
  const { rows: enrolments } = await sql<NonNullable<EmployeeDetail['enrolment']>>`
    select enrolled.*, migration.id as "migrationId", migration.name as "migrationName",
      migration.state as "migrationState", cause_reason as "causeReason", cause_since as "causeSince",
      (select case when desired is not null then jsonb_build_object('suspended', desired -> 'suspended', 'password', desired -> 'password') end
       from plan_item where plan_item.plan_id = enrolment.plan_id and plan_item.employee_id = enrolment.employee_id) as planned
    from (${sql.raw(selectEnrolled)} where enrolment.employee_id = ${id}::uuid) as enrolled
    join enrolment on enrolment.id = enrolled."enrolmentId" join migration on migration.id = enrolment.migration_id
    order by ${sql.raw(isPassedOver)}, enrolment.id desc limit 1`.execute(db);
  const { rows: timeline } = await sql<EmployeeDetail['timeline'][number]>`
    select at, kind, step, state, reason from event where employee_id = ${id}::uuid order by id desc limit 50`.execute(
    db,
  );
  return { ...found, enrolment: enrolments[0] ?? null, timeline };
}
