import { createHash } from 'node:crypto';
import { sql } from 'kysely';
import type { FeedSourceSettings } from '#libs/vocabulary';
import { openDelivery, receiveDelivery } from './deliveries.js';
import { readSourceSettings } from './feed-sources.js';
import { transact, type Database, type LedgerTransaction } from './open.js';
import type { ScimObject } from './scim-conditions.js';

/** A user whose state changed since a delivery last carried it; the newest change stands last. */
export interface ScimChange {
  readonly id: string;
  readonly employeeNumber: string;
  readonly resource: ScimObject;
  readonly isDeleted: boolean;
  readonly createdAt: Date;
}

/** What a delivery is made of: its bytes, and the row (from 1) on which each user stands. */
export interface ScimDeliveryContent {
  readonly bytes: Buffer;
  readonly rows: ReadonlyMap<string, number>;
}

/** Says which employee a manager's reference means: a user's id, external id or name, as far as the source knows it. */
export type NumberOfReference = (reference: string) => string | undefined;

export type ComposeDelivery = (
  settings: FeedSourceSettings,
  changes: readonly ScimChange[],
  numberOf: NumberOfReference,
) => ScimDeliveryContent;

/** So many users at most stand in one delivery; the next ones follow when it is done. */
const usersMax = 2_000;

interface Delivering {
  readonly mediaType: string;
  /** The references to managers that a resource holds. */
  readonly referenceOf: (resource: ScimObject) => string | undefined;
  readonly compose: ComposeDelivery;
}

/**
 * Makes the changes of each source an ordinary delivery of it, one at a time: while one is not finished, changes gather, and
 * the last state of each user counts. A user is marked as delivered in the transaction that stores the bytes. Safe with any
 * number of processes. Gives how many deliveries were made.
 */
export async function deliverScimChanges(db: Database, delivering: Delivering): Promise<number> {
  // From source to source by the index of changes: behind a held delivery very many may wait.
  const { rows } = await sql<{ source: string }>`
    with recursive pending as (
      (select source from scim_user where change > delivered_change order by source limit 1)
      union all
      select (select scim_user.source from scim_user
        where change > delivered_change and scim_user.source > pending.source order by scim_user.source limit 1)
      from pending where source is not null
    )
    select source from pending where source is not null and not exists (
      select from feed_delivery where feed_delivery.source = pending.source
        and media_type = ${delivering.mediaType} and finished_at is null)`.execute(db);
  let count = 0;
  for (const { source } of rows) {
    if (await transact(db, (tx) => deliverSource(tx, source, delivering))) count += 1;
  }
  return count;
}

async function deliverSource(tx: LedgerTransaction, source: string, delivering: Delivering): Promise<boolean> {
  const { rows: lock } = await sql<{ taken: boolean }>`
    select pg_try_advisory_xact_lock(hashtextextended('scim ' || ${source}, 0)) as taken`.execute(tx);
  if (lock[0]?.taken !== true) return false;
  const { rows: changes } = await sql<ScimChange & { change: number; actor: string }>`
    select id, employee_number as "employeeNumber", resource, deleted_at is not null as "isDeleted",
      created_at as "createdAt", change, changed_by as actor
    from scim_user where source = ${source} and change > delivered_change and not exists (
      select from feed_delivery where feed_delivery.source = scim_user.source
        and media_type = ${delivering.mediaType} and finished_at is null)
    order by change limit ${usersMax}`.execute(tx);
  if (changes.length === 0) return false;
  const settings = await readSourceSettings(tx, source);
  const numberOf = await referencesOf(tx, source, changes, delivering);
  const { bytes, rows } = delivering.compose(settings, changes, numberOf);
  const actors = [...new Set(changes.map(({ actor }) => actor))];
  const { id } = await openDelivery(tx, {
    source,
    mode: 'delta',
    mediaType: delivering.mediaType,
    contentEncoding: null,
    idempotencyKey: null,
    actor: actors.length === 1 ? (actors[0] ?? '') : 'SCIM',
  });
  await sql`insert into feed_payload (delivery_id, piece, bytes) values (${id}::uuid, 0, ${bytes})`.execute(tx);
  await receiveDelivery(tx, id, { sha256: createHash('sha256').update(bytes).digest(), bytes: bytes.length });
  // Somebody who changed meanwhile keeps a higher change, and is delivered again.
  await sql`
    update scim_user set delivered_change = sent.change, delivery_id = ${id}::uuid, delivery_row = sent.row
    from unnest(${changes.map((change) => change.id)}::uuid[], ${changes.map(({ change }) => change)}::bigint[],
      ${changes.map((change) => rows.get(change.id) ?? null)}::integer[]) as sent (id, change, row)
    where scim_user.id = sent.id`.execute(tx);
  return true;
}

async function referencesOf(
  tx: LedgerTransaction,
  source: string,
  changes: readonly ScimChange[],
  { referenceOf }: Delivering,
): Promise<NumberOfReference> {
  const wanted = [...new Set(changes.flatMap(({ resource }) => referenceOf(resource) ?? []))];
  const { rows } = await sql<{ reference: string; employeeNumber: string }>`
    select distinct on (wanted.reference) wanted.reference, employee_number as "employeeNumber"
    from unnest(${wanted}::text[]) as wanted (reference), lateral (
      select 1 as rank, employee_number from scim_user where source = ${source} and id::text = wanted.reference
      union all
      select 2, employee_number from scim_user where source = ${source} and employee_number = wanted.reference
      union all
      select 3, employee_number from scim_user where source = ${source} and external_id = wanted.reference
      union all
      select 4, employee_number from scim_user
      where source = ${source} and user_name_key = lower(wanted.reference) and deleted_at is null
    ) as found order by wanted.reference, rank`.execute(tx);
  const numbers = new Map(rows.map(({ reference, employeeNumber }) => [reference, employeeNumber]));
  return (reference) => numbers.get(reference);
}

export interface ScimProvisioningRow {
  readonly id: string;
  readonly state: string;
  readonly problems: readonly string[];
}

/** What became of the latest change of each of these users. */
export async function scimProvisioning(db: Database, ids: readonly string[]): Promise<ScimProvisioningRow[]> {
  const { rows } = await sql<ScimProvisioningRow>`
    select scim_user.id,
      case when change > delivered_change then 'waiting'
        when feed_delivery.state = 'held' then 'held'
        when finished_at is null then 'waiting'
        when feed_delivery.state <> 'done' then 'refused'
        when outcome in ('rejected', 'older') then 'rejected'
        else 'recorded' end as state,
      case when change > delivered_change then '{}'
        when cause is not null then array[cause]
        else array(select problem ->> 'message' from jsonb_array_elements(coalesce(problems, '[]')) as problem) end as problems
    from scim_user left join feed_delivery on feed_delivery.id = delivery_id
      left join feed_row on feed_row.delivery_id = scim_user.delivery_id and row = delivery_row
    where scim_user.id = any(${[...ids]}::uuid[])`.execute(db);
  return rows;
}
