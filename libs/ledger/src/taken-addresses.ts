import { sql } from 'kysely';
import { parseFailureReason, type FailureReason, type MigrationId } from '#libs/vocabulary';
import { holderOrderSql, holderReasonSql } from './address-holders.js';
import type { Database, Ledger, LedgerTransaction } from './open.js';
import { applyStepChanges } from './transitions.js';

const pageSize = 1_000;

/**
 * Looks every new address of a migration up in a fresh listing: what something holds that is not this employee's own
 * account is a conflict of that employee alone, and the address is free for others again; so is a person of whom an
 * unmarked account with the same employee number turned up. Only employees who have not begun are looked at. Returns how
 * many conflicts there are.
 */
export async function settleTakenAddresses(
  ledger: Ledger,
  migrationId: MigrationId,
  listingId: string,
  by: { actor: string; slot: number },
): Promise<number> {
  let count = 0;
  for (let after = 0; ;) {
    const page = await takenPage(ledger.db, migrationId, listingId, after);
    count += page.length;
    await ledger.db.transaction().execute(async (tx) => {
      await applyStepChanges(tx, {
        migrationId,
        ...by,
        heldBy: null,
        keepInBatch: false,
        timeScale: 1,
        changes: page.map(({ enrolmentId, reason }) => ({
          enrolmentId,
          step: 'account',
          state: 'failed',
          reason,
          dueInMs: 0,
          deadlineInMs: null,
          usesAttempt: false,
          inDoubt: false,
          facts: null,
        })),
      });
      await sql`
        delete from address_reservation
        using enrolment join plan_item
          on plan_item.plan_id = enrolment.plan_id and plan_item.employee_id = enrolment.employee_id
        where enrolment.id = any(${page.map(({ enrolmentId }) => enrolmentId)}::bigint[])
          and address_reservation.address = plan_item.address
          and address_reservation.employee_id = enrolment.employee_id
          and not exists (select from account where account.employee_id = enrolment.employee_id)`.execute(tx);
    });
    after = page.at(-1)?.enrolmentId ?? after;
    if (page.length < pageSize) return count;
  }
}

/** New addresses of a migration whose people have not begun. */
export async function addressesToCheck(db: Database, migrationId: MigrationId): Promise<string[]> {
  const { rows } = await sql<{ address: string }>`
    select plan_item.address from enrolment
    join plan_item on plan_item.plan_id = enrolment.plan_id and plan_item.employee_id = enrolment.employee_id
    where enrolment.migration_id = ${migrationId}::uuid and enrolment.live and enrolment.action = 'create'
      and plan_item.address is not null`.execute(db);
  return rows.map(({ address }) => address);
}

async function takenPage(
  db: Database,
  migrationId: MigrationId,
  listingId: string,
  after: number,
): Promise<{ enrolmentId: number; reason: FailureReason }[]> {
  const { rows } = await sql<{ enrolmentId: number; reason: string }>`
    select enrolment.id as "enrolmentId",
      case when twin.google_id is not null then 'account_turned_up'
           else ${sql.raw(holderReasonSql('holder.held_by', 'address_taken_since'))} end as reason
    from enrolment
    join step on step.enrolment_id = enrolment.id and step.step = 'account' and step.state = 'pending'
      and step.batch_id is null
    join plan_item on plan_item.plan_id = enrolment.plan_id and plan_item.employee_id = enrolment.employee_id
    join employee on employee.id = enrolment.employee_id
    left join lateral (
      select held_by, google_id from observed_address
      where observed_address.listing_id = ${listingId}::uuid and observed_address.address = plan_item.address
      order by ${sql.raw(holderOrderSql)} limit 1
    ) as holder on true
    left join observed_account as held on held.listing_id = ${listingId}::uuid and held.google_id = holder.google_id
    left join lateral (
      select google_id from observed_account
      where observed_account.listing_id = ${listingId}::uuid and mark is null
        and observed_account.employee_number = employee.employee_number limit 1
    ) as twin on true
    where enrolment.migration_id = ${migrationId}::uuid and enrolment.live and enrolment.action = 'create'
      and enrolment.id > ${after}
      and (twin.google_id is not null
        or (holder.held_by is not null and held.mark is distinct from enrolment.employee_id))
    order by enrolment.id limit ${pageSize}`.execute(db);
  return rows.map(({ enrolmentId, reason }) => ({ enrolmentId, reason: parseFailureReason(reason) }));
}

/** Whether the migration's new addresses were looked up since the start. */
export async function markAddressesChecked(db: Database | LedgerTransaction, migrationId: MigrationId): Promise<void> {
  await sql`update migration set addresses_checked_at = now() where id = ${migrationId}::uuid`.execute(db);
}
