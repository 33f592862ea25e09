import { sql } from 'kysely';
import type { Database } from './open.js';

export interface ScimProvisioningRow {
  readonly id: string;
  readonly state: string;
  readonly problems: readonly string[];
}

/** The delivery that carried a user last, and the row on which they stood. */
const lastDelivery = sql`
  left join feed_delivery on feed_delivery.id = scim_user.delivery_id
  left join feed_row on feed_row.delivery_id = scim_user.delivery_id and row = delivery_row`;

const provisioningState = sql`
  case when change > delivered_change then 'waiting'
    when feed_delivery.state = 'held' then 'held'
    when finished_at is null then 'waiting'
    when feed_delivery.state <> 'done' then 'refused'
    when outcome in ('rejected', 'older') then 'rejected'
    else 'recorded' end`;

/** What was left out because something newer is known would be left out again, or undo what is newer. */
const isUnapplied = sql`${provisioningState} in ('rejected', 'refused') and outcome is distinct from 'older'`;

/** What became of the latest change of each of these users. */
export async function scimProvisioning(db: Database, ids: readonly string[]): Promise<ScimProvisioningRow[]> {
  const { rows } = await sql<ScimProvisioningRow>`
    select scim_user.id, ${provisioningState} as state,
      case when change > delivered_change then '{}'
        when cause is not null then array[cause]
        else array(select problem ->> 'message' from jsonb_array_elements(coalesce(problems, '[]')) as problem) end as problems
    from scim_user ${lastDelivery}
    where scim_user.id = any(${[...ids]}::uuid[])`.execute(db);
  return rows;
}

/** A client says once more what was not applied: it is delivered anew. Nothing happens to who is recorded or under way. */
export async function deliverAgain(db: Database, id: string): Promise<void> {
  await sql`
    update scim_user set change = nextval('scim_change') from (
      select scim_user.id from scim_user ${lastDelivery}
      where scim_user.id = ${id}::uuid and ${isUnapplied}
    ) as unapplied where scim_user.id = unapplied.id`.execute(db);
}

/**
 * The same of everybody of a source, whose settings may be what was missing. Whom a person refused waits for the client's
 * word. A user who is deleted and whose number another one has now is over: said again, it would end that one.
 */
export async function deliverSourceAgain(db: Database, source: string): Promise<void> {
  await sql`
    update scim_user set change = nextval('scim_change') from (
      select scim_user.id from scim_user ${lastDelivery}
      where scim_user.source = ${source} and ${isUnapplied}
        and decision is distinct from 'rejected'
        and (deleted_at is null or not exists (
          select from scim_user as living where living.source = scim_user.source
            and living.employee_number = scim_user.employee_number and living.deleted_at is null))
    ) as unapplied where scim_user.id = unapplied.id`.execute(db);
}
