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
/** Nobody is called by more. */
const referenceMax = 255;

/** In the words of the index `feed_delivery_unfinished`, so that finished deliveries, however many, are not read. */
const isUnfinished = sql`state in ('received', 'checking', 'applying', 'held')`;

interface Delivering {
  readonly mediaType: string;
  /** The references to managers that a resource holds. */
  readonly referenceOf: (resource: ScimObject) => string | undefined;
  readonly compose: ComposeDelivery;
  /** Is told why a source's changes could not be delivered: they are tried again, and the other sources go on. */
  readonly onFault: (source: string, fault: unknown) => void;
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
        and media_type = ${delivering.mediaType} and ${isUnfinished})`.execute(db);
  let count = 0;
  for (const { source } of rows) {
    try {
      if (await transact(db, (tx) => deliverSource(tx, source, delivering))) count += 1;
    } catch (fault) {
      delivering.onFault(source, fault);
    }
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
        and media_type = ${delivering.mediaType} and ${isUnfinished})
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
  const awaited = changes.map((change) => awaitedBy(change, delivering, numberOf));
  // Somebody who changed meanwhile keeps a higher change, and is delivered again.
  await sql`
    update scim_user set delivered_change = sent.change, delivery_id = ${id}::uuid, delivery_row = sent.row,
      manager_awaited = sent.awaited, manager_awaited_exact = sent.awaited_exact
    from unnest(${changes.map((change) => change.id)}::uuid[], ${changes.map(({ change }) => change)}::bigint[],
      ${changes.map((change) => rows.get(change.id) ?? null)}::integer[],
      ${awaited.map((reference) => reference?.toLowerCase() ?? null)}::text[], ${awaited}::text[])
      as sent (id, change, row, awaited, awaited_exact)
    where scim_user.id = sent.id`.execute(tx);
  await deliverAwaiting(tx, source, changes);
  return true;
}

/** The manager of whom nothing is known yet; null when there is none to wait for. */
function awaitedBy(change: ScimChange, { referenceOf }: Delivering, numberOf: NumberOfReference): string | null {
  const reference = change.isDeleted ? undefined : referenceOf(change.resource);
  const isAwaited = reference !== undefined && reference.length <= referenceMax && numberOf(reference) === undefined;
  return isAwaited ? reference : null;
}

/** Whoever came may be the manager whom others named by external id or user name: those are delivered once more. */
async function deliverAwaiting(tx: LedgerTransaction, source: string, changes: readonly ScimChange[]): Promise<void> {
  const here = changes.filter(({ isDeleted }) => !isDeleted);
  const said = (name: 'externalId' | 'userName') =>
    here.flatMap(({ resource }) => (typeof resource[name] === 'string' ? resource[name] : []));
  const names = said('userName').map((name) => name.toLowerCase());
  await sql`
    update scim_user set change = nextval('scim_change')
    where source = ${source} and deleted_at is null and change = delivered_change
      and (manager_awaited = any(${names}::text[]) and manager_awaited is not null
        or manager_awaited_exact = any(${said('externalId')}::text[]) and manager_awaited_exact is not null)`.execute(
    tx,
  );
}

async function referencesOf(
  tx: LedgerTransaction,
  source: string,
  changes: readonly ScimChange[],
  { referenceOf }: Delivering,
): Promise<NumberOfReference> {
  const wanted = [...new Set(changes.flatMap(({ resource }) => referenceOf(resource) ?? []))];
  // Each of them is found by an index. A user name's key was put in lower case by us, not by the database.
  const { rows } = await sql<{ reference: string; employeeNumber: string }>`
    select distinct on (wanted.reference) wanted.reference, employee_number as "employeeNumber"
    from unnest(${wanted}::text[], ${wanted.map(uuidOf)}::uuid[], ${wanted.map((reference) => reference.toLowerCase())}::text[])
      as wanted (reference, id, folded), lateral (
      select 1 as rank, employee_number from scim_user where source = ${source} and id = wanted.id
      union all
      (select 2, employee_number from scim_user where source = ${source} and employee_number = wanted.reference limit 1)
      union all
      select 3, employee_number from scim_user where source = ${source} and external_id = wanted.reference
      union all
      select 4, employee_number from scim_user
      where source = ${source} and user_name_key = wanted.folded and deleted_at is null
    ) as found order by wanted.reference, rank`.execute(tx);
  const numbers = new Map(rows.map(({ reference, employeeNumber }) => [reference, employeeNumber]));
  return (reference) => numbers.get(reference);
}

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const uuidOf = (reference: string): string | null => (uuid.test(reference) ? reference : null);
