import { sql } from 'kysely';
import type { PoolClient } from 'pg';
import type { MigrationId } from '#libs/vocabulary';
import { transact, type Ledger, type LedgerTransaction } from './open.js';

/** Bytes of a message's worker ids, and their number: Standard Webhooks advises bodies of at most 20 KB. */
const idBytesMax = 15_000;
const idsMax = 500;

/**
 * A message for each listening endpoint and each row of a query (event, source, data). The body is made once: every try sends
 * the same bytes.
 */
const intoOutbox = (told: string) => `
  insert into webhook_message (endpoint_id, event, body)
  select endpoint.id, told.event, jsonb_build_object('type', told.event, 'data', told.data,
    'timestamp', to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'))::text
  from webhook_endpoint as endpoint
  join (${told}) as told on told.event = any(endpoint.events) and (endpoint.source is null or endpoint.source = told.source)
  where endpoint.disabled_at is null`;

/** Nobody is gathered for nobody. */
const isListenedTo = `exists (select from webhook_endpoint where disabled_at is null)`;

/**
 * Workers (event, source, worker) gathered into as few messages as their sizes allow: a start of 160,000 is told in some
 * hundred messages.
 */
const gathered = (workers: string) => `
  select event, source, jsonb_build_object('source', source, 'count', count(*), 'workers', jsonb_agg(worker order by worker)) as data
  from (
    select event, source, worker,
      sum(octet_length(to_json(worker)::text) + 2) over run / ${idBytesMax} as by_bytes,
      (row_number() over run - 1) / ${idsMax} as by_number
    from (${workers}) as worker
    window run as (partition by event, source order by worker rows unbounded preceding)
  ) as sized
  group by event, source, by_bytes, by_number`;

/** Around the delivery's id. The reason is the first word of the cause: the rest is for people. */
const deliveryTold = intoOutbox(`
  select 'delivery.' || state as event, source, jsonb_build_object('source', source, 'delivery', id, 'mode', mode,
    'state', state, 'reason', substring(cause from '^[a-z_]+'), 'rows', jsonb_build_object('total', rows_total,
    'new', rows_new, 'updated', rows_updated, 'unchanged', rows_unchanged, 'rejected', rows_rejected,
    'leaver', rows_leaver)) as data
  from feed_delivery where id = ? and state in ('held', 'done', 'refused')`).split('?');

/** Tells how a delivery stands now, if that is held, done or refused. To be called in the transaction that brings it there. */
export async function noteDelivery(client: PoolClient, id: string): Promise<void> {
  await client.query(deliveryTold.join('$1::uuid'), [id]);
}

/** The same of a delivery that a person decided on. */
export async function noteDecision(tx: LedgerTransaction, id: string): Promise<void> {
  const [before = '', after = ''] = deliveryTold;
  await sql`${sql.raw(before)}${id}::uuid${sql.raw(after)}`.execute(tx);
}

/**
 * HR told that they have left, or their last day is over: by UTC, and somewhere on Earth where that is why they were suspended.
 * Columns: status, record, action of the latest enrolment.
 */
export const hasLeftSql = (status: string, record: string, action: string) => `(${status} = 'terminated' or coalesce(
  ${record} ->> 'endDate' < to_char(now() at time zone 'UTC'
    + case when ${action} = 'suspend' then interval '14 hours' else interval '0' end, 'YYYY-MM-DD'), false))`;

/** What a finished enrolment tells of its worker; null for nothing. */
const finishedEvent = `case
    when enrolment.state in ('failed', 'conflict') then 'workers.failed'
    when enrolment.state = 'done' and (
      select ${hasLeftSql('employee.status', 'newest.record', 'enrolment.action')} from employee_version as newest
      where newest.employee_id = employee.id and newest.version = employee.version) then 'workers.left'
    when enrolment.state = 'done' then 'workers.provisioned'
    when enrolment.state = 'skipped' and enrolment.reason = 'left' then 'workers.left'
  end`;

/** Around the migration's id. */
const startTold = intoOutbox(
  gathered(`
    with started as materialized (
      select enrolment.*, employee.source, employee.employee_number, ${finishedEvent} as finished
      from enrolment join employee on employee.id = enrolment.employee_id
      where migration_id = ? and ${isListenedTo}
    )
    select 'workers.addresses_allocated' as event, source, employee_number as worker
    from started
    join plan_item on plan_item.plan_id = started.plan_id and plan_item.employee_id = started.employee_id
    join address_reservation as reserved
      on reserved.address = plan_item.address and reserved.employee_id = started.employee_id
    where reserved.issued_at = now()
    union all
    select finished, source, employee_number from started where not live and finished is not null`),
).split('?');

/**
 * Tells whom a start gave an address for good, and who is finished by it already: those with nothing to do and those in
 * conflict. To be called at the end of the start's transaction.
 */
export async function noteStart(tx: LedgerTransaction, migrationId: MigrationId): Promise<void> {
  const [before = '', after = ''] = startTold;
  await sql`${sql.raw(before)}${migrationId}::uuid${sql.raw(after)}`.execute(tx);
}

/**
 * Tells which workers were finished since the last look. The numbers of finished enrolments are drawn before their
 * transactions commit, so a look notes the highest number, and the next one tells up to it once every transaction that was
 * under way then has ended: nobody is missed, nobody is told twice, and the run itself writes nothing more. Only one
 * process looks at a time. Ends with how many messages were written.
 */
export async function noteFinished(ledger: Ledger, pauseMs: number): Promise<number> {
  return transact(ledger.db, async (tx) => {
    const { rows } = await sql<{ ended: boolean }>`
      select mark_xid <= pg_snapshot_xmin(pg_current_snapshot())
        or mark_xid > pg_snapshot_xmax(pg_current_snapshot()) as ended from webhook_cursor
      where looked_at <= clock_timestamp() - ${pauseMs} * interval '1 millisecond' for update skip locked`.execute(tx);
    if (rows[0]?.ended !== true) return 0;
    const { numAffectedRows } = await sql`
      ${sql.raw(
        intoOutbox(
          gathered(`
            select ${finishedEvent} as event, employee.source, employee.employee_number as worker
            from webhook_cursor
            join migration on migration.started_at is not null
              and (migration.finished_at is null or migration.finished_at > looked_at - interval '1 day')
            cross join lateral (
              select * from enrolment
              where enrolment.migration_id = migration.id and finished_seq > told and finished_seq <= mark
            ) as enrolment
            join employee on employee.id = enrolment.employee_id
            where told < mark and ${finishedEvent} is not null and ${isListenedTo}`),
        ),
      )}`.execute(tx);
    // The number first, the snapshot after it: whoever drew a number up to this one is older than the snapshot.
    const { rows: drawn } = await sql<{ last: number }>`
      select case when is_called then last_value else 0 end as last from enrolment_finished_seq`.execute(tx);
    await sql`
      update webhook_cursor set told = mark, mark = ${drawn[0]?.last ?? 0},
        mark_xid = pg_snapshot_xmax(pg_current_snapshot()), looked_at = clock_timestamp()`.execute(tx);
    return Number(numAffectedRows ?? 0n);
  });
}
