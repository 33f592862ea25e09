import { sql } from 'kysely';
import type { WebhookEvent, WebhookMessageState } from '#libs/vocabulary';
import type { Database } from './open.js';

/** Why an endpoint gets nothing any more: it answered 410 Gone. */
export type DisabledReason = 'gone';

export interface WebhookEndpoint {
  readonly id: string;
  readonly url: string;
  /** Null: what happens in any source. */
  readonly source: string | null;
  readonly events: readonly WebhookEvent[];
  readonly createdAt: Date;
  readonly createdBy: string;
  readonly disabledAt: Date | null;
  readonly disabledReason: DisabledReason | null;
  readonly pending: number;
  readonly dead: number;
  readonly lastSentAt: Date | null;
}

const selectEndpoint = sql`
  select id, url, source, events, created_at as "createdAt", created_by as "createdBy", disabled_at as "disabledAt",
    disabled_reason as "disabledReason",
    (select count(*) from webhook_message where endpoint_id = endpoint.id and state = 'pending') as pending,
    (select count(*) from webhook_message where endpoint_id = endpoint.id and state = 'dead') as dead,
    (select max(finished_at) from webhook_message where endpoint_id = endpoint.id and state = 'sent') as "lastSentAt"
  from webhook_endpoint as endpoint`;

export async function listEndpoints(db: Database): Promise<WebhookEndpoint[]> {
  const { rows } = await sql<WebhookEndpoint>`${selectEndpoint} order by created_at, id`.execute(db);
  return rows;
}

export async function readEndpoint(db: Database, id: string): Promise<WebhookEndpoint | undefined> {
  const { rows } = await sql<WebhookEndpoint>`${selectEndpoint} where id = ${id}::uuid`.execute(db);
  return rows[0];
}

/** Adds an endpoint, which is told what happens from now on; gives its id. */
export async function addEndpoint(
  db: Database,
  endpoint: { url: string; source: string | null; events: readonly WebhookEvent[]; secret: string; actor: string },
): Promise<string> {
  const { rows } = await sql<{ id: string }>`
    with added as (
      insert into webhook_endpoint (url, source, events, secret, created_by)
      values (${endpoint.url}, ${endpoint.source}, ${[...endpoint.events]}::text[], ${endpoint.secret}, ${endpoint.actor})
      returning id
    ), noted as (
      insert into event (kind, actor, detail)
      select 'webhook_added', ${endpoint.actor}, jsonb_build_object('endpoint', id) from added
    )
    select id from added`.execute(db);
  const [added] = rows;
  if (added === undefined) throw new Error('the ledger gave no endpoint');
  return added.id;
}

/** Removes an endpoint with all its messages; false when there is none. */
export async function removeEndpoint(db: Database, id: string, actor: string): Promise<boolean> {
  const { rows } = await sql`
    with removed as (delete from webhook_endpoint where id = ${id}::uuid returning id)
    insert into event (kind, actor, detail)
    select 'webhook_removed', ${actor}, jsonb_build_object('endpoint', id) from removed returning id`.execute(db);
  return rows.length > 0;
}

/** Signs with a new secret, and for some hours with the present one as well. Gives until when; undefined: no endpoint. */
export async function rotateSecret(
  db: Database,
  rotation: { id: string; secret: string; overlapHours: number; actor: string },
): Promise<Date | undefined> {
  const { rows } = await sql<{ until: Date }>`
    with rotated as (
      update webhook_endpoint set previous_secret = secret, secret = ${rotation.secret},
        previous_until = now() + ${rotation.overlapHours} * interval '1 hour'
      where id = ${rotation.id}::uuid returning id, previous_until
    ), noted as (
      insert into event (kind, actor, detail)
      select 'webhook_rotated', ${rotation.actor}, jsonb_build_object('endpoint', id) from rotated
    )
    select previous_until as until from rotated`.execute(db);
  return rows[0]?.until;
}

/** Sends to a disabled endpoint again; false when there is none of this id. */
export async function enableEndpoint(db: Database, id: string, actor: string): Promise<boolean> {
  const { rows } = await sql`
    with enabled as (
      update webhook_endpoint set disabled_at = null, disabled_reason = null where id = ${id}::uuid returning id
    )
    insert into event (kind, actor, detail)
    select 'webhook_enabled', ${actor}, jsonb_build_object('endpoint', id) from enabled returning id`.execute(db);
  return rows.length > 0;
}

/** A message to one endpoint, whatever events it chose; gives the message's id. */
export async function addMessage(
  db: Database,
  message: { endpointId: string; event: string; body: string },
): Promise<string | undefined> {
  const { rows } = await sql<{ id: string }>`
    insert into webhook_message (endpoint_id, event, body)
    select id, ${message.event}, ${message.body} from webhook_endpoint
    where id = ${message.endpointId}::uuid and disabled_at is null returning id`.execute(db);
  return rows[0]?.id;
}

export interface WebhookMessage {
  readonly id: string;
  readonly event: string;
  readonly state: WebhookMessageState;
  readonly attempts: number;
  /** When it is tried next; null unless it is pending. */
  readonly dueAt: Date | null;
  /** What came of the last try: a status, or why there was none. */
  readonly lastResult: string | null;
  readonly createdAt: Date;
  readonly finishedAt: Date | null;
  readonly body: string;
}

/** A page of an endpoint's messages, newest first; `before` is the id of the last one of the page before. */
export async function listMessages(
  db: Database,
  endpointId: string,
  page: { state?: WebhookMessageState | undefined; before?: string | undefined; limit: number },
): Promise<WebhookMessage[]> {
  const { rows } = await sql<WebhookMessage>`
    select id, event, state, attempts, case when state = 'pending' then due_at end as "dueAt",
      last_result as "lastResult", created_at as "createdAt", finished_at as "finishedAt", body
    from webhook_message
    where endpoint_id = ${endpointId}::uuid and (${page.state ?? null}::text is null or state = ${page.state ?? null})
      and (${page.before ?? null}::uuid is null or sequence < (
        select sequence from webhook_message where id = ${page.before ?? null}::uuid))
    order by sequence desc limit ${page.limit}`.execute(db);
  return rows;
}

/** Sends dead messages again with all their tries, under their old ids: those named, or all. Gives how many. */
export async function redeliver(
  db: Database,
  endpointId: string,
  wanted: { messages: readonly string[] | undefined; actor: string },
): Promise<number> {
  const messages = wanted.messages === undefined ? null : [...wanted.messages];
  const { rows } = await sql<{ count: number }>`
    with again as (
      update webhook_message set state = 'pending', attempts = 0, due_at = now(), finished_at = null
      where endpoint_id = ${endpointId}::uuid and state = 'dead'
        and (${messages}::uuid[] is null or id = any(${messages}::uuid[])) returning id
    ), noted as (
      insert into event (kind, actor, detail)
      select 'webhook_redelivered', ${wanted.actor}, jsonb_build_object('endpoint', ${endpointId}::uuid, 'count', count(*))
      from again having count(*) > 0
    )
    select count(*) as count from again`.execute(db);
  return rows[0]?.count ?? 0;
}

/** A message that this process may send now. */
export interface LeasedMessage {
  readonly id: string;
  readonly endpointId: string;
  readonly url: string;
  /** The newest first; two while a rotation's overlap lasts. */
  readonly secrets: readonly string[];
  readonly body: string;
  /** From 1. */
  readonly attempt: number;
}

/**
 * Leases what is due, so many of an endpoint at once: a receiver that does not answer holds up nobody else. A lease that
 * runs out, because its process died, makes the message due again, under the same id.
 */
export async function leaseMessages(
  db: Database,
  lease: { leaseMs: number; atOnce: number },
): Promise<LeasedMessage[]> {
  const { rows } = await sql<LeasedMessage>`
    with due as materialized (
      select one.id from webhook_endpoint as endpoint
      cross join lateral (
        select message.id from webhook_message as message
        where message.endpoint_id = endpoint.id and message.state = 'pending' and message.due_at <= clock_timestamp()
          and (message.leased_until is null or message.leased_until <= clock_timestamp())
        order by message.due_at, message.sequence
        limit greatest(0, ${lease.atOnce} - (
          select count(*) from webhook_message as busy
          where busy.endpoint_id = endpoint.id and busy.state = 'pending' and busy.leased_until > clock_timestamp()))
        for update skip locked
      ) as one
      where endpoint.disabled_at is null
    )
    update webhook_message as message
    set attempts = attempts + 1, leased_until = clock_timestamp() + ${lease.leaseMs} * interval '1 millisecond'
    from due, webhook_endpoint as endpoint
    where message.id = due.id and endpoint.id = message.endpoint_id
    returning message.id, endpoint.id as "endpointId", url, body, attempts as attempt,
      array_remove(array[secret, case when previous_until > now() then previous_secret end], null) as secrets`.execute(
    db,
  );
  return rows;
}

/** What became of one try. */
export interface Attempt {
  readonly id: string;
  readonly attempt: number;
  readonly result: string;
  /** `again` in so many milliseconds; `gone`: the endpoint wants nothing any more. */
  readonly end: { state: 'sent' | 'dead' | 'gone' } | { state: 'again'; inMs: number };
}

/** Notes a try, unless the lease ran out and another try was begun. An endpoint that is gone is disabled with all it had. */
export async function noteAttempt(db: Database, { id, attempt, result, end }: Attempt): Promise<void> {
  if (end.state === 'again') {
    await sql`
      update webhook_message as message set leased_until = null, last_result = ${result},
        due_at = clock_timestamp() + ${Math.round(end.inMs)} * interval '1 millisecond',
        state = case when disabled_at is null then 'pending' else 'dead' end,
        finished_at = case when disabled_at is not null then clock_timestamp() end
      from webhook_endpoint as endpoint
      where message.id = ${id}::uuid and attempts = ${attempt} and state = 'pending' and endpoint.id = endpoint_id`.execute(
      db,
    );
    return;
  }
  const state = end.state === 'gone' ? 'dead' : end.state;
  await db.transaction().execute(async (tx) => {
    const { rows } = await sql<{ endpointId: string }>`
      update webhook_message set leased_until = null, last_result = ${result}, state = ${state}, finished_at = clock_timestamp()
      where id = ${id}::uuid and attempts = ${attempt} and state = 'pending'
      returning endpoint_id as "endpointId"`.execute(tx);
    const [noted] = rows;
    if (end.state !== 'gone' || noted === undefined) return;
    await sql`
      with disabled as (
        update webhook_endpoint set disabled_at = now(), disabled_reason = 'gone'
        where id = ${noted.endpointId}::uuid and disabled_at is null returning id
      )
      insert into event (kind, actor, detail)
      select 'webhook_disabled', 'bascule', jsonb_build_object('endpoint', id) from disabled`.execute(tx);
    await sql`
      update webhook_message set state = 'dead', last_result = 'endpoint_gone', finished_at = clock_timestamp()
      where endpoint_id = ${noted.endpointId}::uuid and state = 'pending'
        and (leased_until is null or leased_until <= clock_timestamp())`.execute(tx);
  });
}

/** Forgets what was sent long ago; dead ones are kept longer, for somebody must look at them. */
export async function forgetMessages(db: Database, kept: { sentDays: number; deadDays: number }): Promise<void> {
  await sql`
    delete from webhook_message
    where (state = 'sent' and finished_at < now() - ${kept.sentDays} * interval '1 day')
      or (state = 'dead' and finished_at < now() - ${kept.deadDays} * interval '1 day')`.execute(db);
}

export interface WebhookFigures {
  readonly pending: number;
  readonly dead: number;
  readonly disabledEndpoints: number;
  /** Of the oldest message that is pending. */
  readonly oldestSeconds: number;
}

export async function readWebhookFigures(db: Database): Promise<WebhookFigures> {
  const { rows } = await sql<WebhookFigures>`
    select count(*) filter (where state = 'pending') as pending, count(*) filter (where state = 'dead') as dead,
      (select count(*) from webhook_endpoint where disabled_at is not null) as "disabledEndpoints",
      coalesce(extract(epoch from now() - min(created_at) filter (where state = 'pending')), 0)::float8 as "oldestSeconds"
    from webhook_message where state <> 'sent'`.execute(db);
  return rows[0] ?? { pending: 0, dead: 0, disabledEndpoints: 0, oldestSeconds: 0 };
}
