import { sql } from 'kysely';
import { z } from 'zod';
import {
  desiredAccountSchema,
  employeeRecordSchema,
  type DesiredAccount,
  type EmployeeRecord,
  type MigrationId,
} from '#libs/vocabulary';
import type { LedgerTransaction } from './open.js';
import { lastWrittenSql } from './last-written.js';
import { terminatedOnSql } from './planning-desk.js';

/** Someone whose record, or whose day, a standing migration has not dealt with yet. */
export interface DuePerson {
  readonly employeeId: string;
  readonly version: number;
  readonly record: EmployeeRecord;
  /** The account that was last planned and confirmed; null where there is none, or where nobody knows what it is like. */
  readonly confirmed: DesiredAccount | null;
  /**
   * There is an account, or a plan found one to be adopted, and what was last to be written to it was not all written: only
   * Google knows what it is like.
   */
  readonly isUnsure: boolean;
  /** The standing migration, or one of its rounds, has had to do with the person: they stay watched whatever it selects. */
  readonly isWatched: boolean;
  /** The primary address that was issued to the person; null while there is none. */
  readonly issuedAddress: string | null;
  readonly managerAddress: string | null;
  /** The day on which HR told that they are terminated; null for everybody else. */
  readonly terminatedOn: string | null;
}

const personRow = z.object({
  employeeId: z.string(),
  version: z.number(),
  record: employeeRecordSchema,
  confirmed: desiredAccountSchema.nullable(),
  isUnsure: z.boolean(),
  isWatched: z.boolean(),
  issuedAddress: z.string().nullable(),
  managerAddress: z.string().nullable(),
  terminatedOn: z.string().nullable(),
});

/**
 * A page of the people with a record that the standing migration has not dealt with, or whose day (null: nobody's) has come, in the order
 * of their ids. Whoever is under way, here or in another migration, waits until that is over; a round that waits for a
 * person's word holds nobody's newer record up.
 */
export async function duePeople(
  tx: LedgerTransaction,
  standingId: MigrationId,
  page: { day: string | null; after: string | null; limit: number },
): Promise<DuePerson[]> {
  const { rows } = await sql`
    select employee.id as "employeeId", employee.version, employee_version.record,
      case when last.state = 'done' then last.desired end as confirmed,
      case when last.state is null then account.google_id is not null or exists (
        select from enrolment where enrolment.employee_id = employee.id and enrolment.google_id is not null
      ) or exists (
        select from round_member join migration as round on round.id = round_member.migration_id
        join plan_item on plan_item.plan_id = round.plan_id and plan_item.employee_id = employee.id
        where round_member.employee_id = employee.id and plan_item.google_id is not null
      ) else last.state <> 'done' end as "isUnsure",
      exists (
        select from enrolment join migration on migration.id = enrolment.migration_id
        where enrolment.employee_id = employee.id
          and (migration.id = ${standingId}::uuid or migration.standing_id = ${standingId}::uuid)) as "isWatched",
      issued.address as "issuedAddress", (
        select coalesce(boss.primary_email, address_reservation.address)
        from employee as manager
        left join account as boss on boss.employee_id = manager.id
        left join address_reservation on address_reservation.employee_id = manager.id
          and address_reservation.kind = 'primary' and address_reservation.state = 'issued'
        where manager.source = employee.source
          and manager.employee_number = employee_version.record ->> 'managerNumber' limit 1
      ) as "managerAddress", ${sql.raw(terminatedOnSql)} as "terminatedOn"
    from employee
    join employee_version on employee_version.employee_id = employee.id and employee_version.version = employee.version
    left join account on account.employee_id = employee.id
    left join lateral ${sql.raw(lastWrittenSql)} as last on true
    left join address_reservation as issued on issued.employee_id = employee.id and issued.kind = 'primary'
      and issued.state = 'issued'
    left join standing_person as dealt on dealt.standing_id = ${standingId}::uuid and dealt.employee_id = employee.id
    where (dealt.version is distinct from employee.version or dealt.look_on <= ${page.day}::date)
      and (${page.after}::uuid is null or employee.id > ${page.after}::uuid)
      and not exists (select from enrolment where enrolment.employee_id = employee.id and live)
      and not exists (
        select from round_member join migration on migration.id = round_member.migration_id
        where round_member.employee_id = employee.id and migration.standing_id = ${standingId}::uuid
          and migration.state in ('draft', 'planned', 'approved') and held_because is null)
    order by employee.id limit ${page.limit}`.execute(tx);
  return rows.map((row) => personRow.parse(row));
}

/** Notes up to which version these people were dealt with, and the day on which to look at the same record again. */
export async function noteDealt(
  tx: LedgerTransaction,
  standingId: MigrationId,
  people: readonly { employeeId: string; version: number; lookOn: string | null }[],
): Promise<void> {
  if (people.length === 0) return;
  await sql`
    insert into standing_person (standing_id, employee_id, version, look_on)
    select ${standingId}::uuid, * from unnest(${people.map((p) => p.employeeId)}::uuid[],
      ${people.map((p) => p.version)}::int[], ${people.map((p) => p.lookOn)}::date[])
    on conflict (standing_id, employee_id) do update set version = excluded.version, look_on = excluded.look_on
      where (standing_person.version, standing_person.look_on) is distinct from (excluded.version, excluded.look_on)`.execute(
    tx,
  );
}

export async function addRoundMembers(
  tx: LedgerTransaction,
  roundId: MigrationId,
  employeeIds: readonly string[],
): Promise<void> {
  await sql`
    insert into round_member (migration_id, employee_id)
    select ${roundId}::uuid, id from unnest(${[...employeeIds]}::uuid[]) as id`.execute(tx);
}
