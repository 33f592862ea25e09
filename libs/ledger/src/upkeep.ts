import { sql } from 'kysely';
import type { MigrationId } from '#libs/vocabulary';
import type { Database } from './open.js';

/** What the quota governor learnt and used; Redis may lose it. */
export async function saveGovernorState(db: Database, state: unknown): Promise<void> {
  await sql`
    insert into governor_state (state) values (${JSON.stringify(state)}::jsonb)
    on conflict (only_row) do update set state = excluded.state, saved_at = now()`.execute(db);
}

export async function readGovernorState(db: Database): Promise<unknown> {
  const { rows } = await sql<{ state: unknown }>`select state from governor_state`.execute(db);
  return rows[0]?.state;
}

/** A point of the rate's curve: employees finished, calls made, quotas used; with the time of the last outcome. */
export async function addRateSample(db: Database, migrationId: MigrationId, quotas: unknown): Promise<void> {
  await sql`
    with counted as (
      select coalesce(sum(count) filter (where step = '' and state in ('done', 'failed', 'conflict', 'skipped')), 0) as finished,
        max(touched_at) as touched_at
      from progress_counter where migration_id = ${migrationId}::uuid
    ), called as (
      select coalesce(sum(count), 0) as calls from call_counter where migration_id = ${migrationId}::uuid
    ), noted as (
      update migration set last_outcome_at = greatest(last_outcome_at, counted.touched_at) from counted
      where migration.id = ${migrationId}::uuid
    )
    insert into rate_sample (migration_id, finished, calls, quotas)
    select ${migrationId}::uuid, finished, calls, ${JSON.stringify(quotas)}::jsonb from counted, called
    on conflict do nothing`.execute(db);
}

/**
 * Binds the ledger to the customer that the credentials reach, at first contact. Returns the customer to which it belongs.
 */
export async function bindCustomer(db: Database, customerId: string): Promise<string> {
  const { rows } = await sql<{ customerId: string }>`
    update deployment set google_customer_id = coalesce(google_customer_id, ${customerId})
    returning google_customer_id as "customerId"`.execute(db);
  return rows[0]?.customerId ?? customerId;
}

/** The oldest account with confirmed Gmail: known to work, so that a new account's refusal can be told from everyone's. */
export async function findCanary(db: Database): Promise<string | undefined> {
  const { rows } = await sql<{ address: string }>`
    select primary_email as address from account where gmail_hash is not null
    order by (origin = 'adopted') desc, created_at limit 1`.execute(db);
  return rows[0]?.address;
}
