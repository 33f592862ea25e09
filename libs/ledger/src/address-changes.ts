import { sql } from 'kysely';
import { parseFailureReason, type EmployeeRecord, type FailureReason } from '#libs/vocabulary';
import { holderOrderSql, holderReasonSql, isColleaguesSql } from './address-holders.js';
import { transact, type Database, type LedgerTransaction } from './open.js';
import { lockEnrolling } from './starting.js';

/** One person whose address may be changed. */
export interface AddressHolding {
  readonly record: EmployeeRecord;
  /** Issued, or that of the account; null while there is neither. */
  readonly address: string | null;
  /** The person is under way in this migration. */
  readonly underWayIn: string | null;
  /** The blueprint of the person's latest migration. */
  readonly blueprint: { readonly id: string; readonly version: number } | null;
}

export async function readAddressHolding(db: Database, employeeId: string): Promise<AddressHolding | undefined> {
  const { rows } = await sql<AddressHolding>`
    select record, coalesce(issued.address, lower(account.primary_email)) as address,
      (select migration.name from enrolment join migration on migration.id = enrolment.migration_id
       where enrolment.employee_id = employee.id and live limit 1) as "underWayIn",
      (select jsonb_build_object('id', blueprint_id, 'version', blueprint_version)
       from enrolment join migration on migration.id = enrolment.migration_id
       where enrolment.employee_id = employee.id order by enrolment.id desc limit 1) as blueprint
    from employee
    join employee_version on employee_version.employee_id = employee.id and employee_version.version = employee.version
    left join account on account.employee_id = employee.id
    left join address_reservation as issued on issued.employee_id = employee.id and issued.kind = 'primary'
      and issued.state = 'issued'
    where employee.id = ${employeeId}::uuid`.execute(db);
  return rows[0];
}

/**
 * Why this person cannot have the address, as far as the ledger and the last listing of Google's directory know: somebody
 * else was given it or is given it by HR, or something at Google holds it that is not this person's account.
 */
export async function addressObstacle(
  db: Database | LedgerTransaction,
  employeeId: string,
  address: string,
): Promise<FailureReason | undefined> {
  const { rows } = await sql<{ reason: string }>`
    select case when ${sql.raw(isColleaguesSql('wanted.address', 'wanted.employee_id'))} then 'address_held_by_colleague'
      else (
        select ${sql.raw(holderReasonSql('held_by', 'maybe_same_person'))} from observed_address
        left join observed_account using (listing_id, google_id)
        where listing_id = (select id from directory_listing where state = 'complete' order by finished_at desc limit 1)
          and observed_address.address = wanted.address
          and observed_account.mark is distinct from wanted.employee_id
          and observed_address.google_id is distinct from (
            select account.google_id from account where account.employee_id = wanted.employee_id)
        order by ${sql.raw(holderOrderSql)} limit 1) end as reason
    from (values (${address}::text, ${employeeId}::uuid)) as wanted (address, employee_id)`.execute(db);
  const reason = rows[0]?.reason ?? null;
  return reason === null ? undefined : parseFailureReason(reason);
}

/**
 * Makes this the person's address for good, by an admin's word. The one before stays theirs. Gives why it may not be, and
 * changes nothing then.
 */
export async function changeAddress(
  db: Database,
  change: { employeeId: string; address: string; actor: string },
): Promise<FailureReason | undefined> {
  const { employeeId, address, actor } = change;
  return transact(db, async (tx) => {
    await lockEnrolling(tx);
    const { rows: live } = await sql`
      select from enrolment where employee_id = ${employeeId}::uuid and live`.execute(tx);
    if (live.length > 0) return 'under_way_elsewhere';
    const obstacle = await addressObstacle(tx, employeeId, address);
    if (obstacle !== undefined) return obstacle;
    if (!(await holdAddress(tx, change))) return 'address_held_by_colleague';
    // The time as it is now, not as of before the wait: a plan made meanwhile did not see the change.
    await sql`
      insert into address_reservation (address, employee_id, kind, state, issued_at)
      select lower(primary_email), employee_id, 'former', 'issued', clock_timestamp() from account
      where employee_id = ${employeeId}::uuid
      on conflict (address) do nothing`.execute(tx);
    await sql`
      with before as (
        update address_reservation set kind = 'former'
        where employee_id = ${employeeId}::uuid and kind = 'primary' and state = 'issued' and address <> ${address}
        returning address
      )
      insert into event (kind, employee_id, actor, detail)
      select 'address_changed', ${employeeId}::uuid, ${actor},
        jsonb_build_object('from', (select address from before), 'to', ${address}::text)`.execute(tx);
    await sql`
      update address_reservation set kind = 'primary', state = 'issued', plan_id = null, issued_at = clock_timestamp(),
        released_at = null, asked_by = ${actor}
      where address = ${address} and employee_id = ${employeeId}::uuid`.execute(tx);
    // Standing migrations look at the person again: the account is to be renamed.
    await sql`delete from standing_person where employee_id = ${employeeId}::uuid`.execute(tx);
    return undefined;
  });
}

/** A plan may have reserved the address for somebody else since it was looked at: then it is not this person's. */
async function holdAddress(
  tx: LedgerTransaction,
  { employeeId, address }: { employeeId: string; address: string },
): Promise<boolean> {
  const { rows } = await sql`
    insert into address_reservation (address, employee_id, kind, state)
    values (${address}, ${employeeId}::uuid, 'former', 'tentative')
    on conflict (address) do update set address = excluded.address
      where address_reservation.employee_id = excluded.employee_id
    returning address`.execute(tx);
  return rows.length === 1;
}
