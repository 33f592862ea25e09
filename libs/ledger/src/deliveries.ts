import { sql } from 'kysely';
import type { PoolClient } from 'pg';
import QueryStream from 'pg-query-stream';
import { z } from 'zod';
import type { DeliveryState } from '#libs/vocabulary';
import { copyInto } from './copy.js';
import type { Database, Ledger } from './open.js';

export interface DeliveryRow {
  readonly id: string;
  readonly sequence: number;
  readonly source: string;
  readonly mode: 'full' | 'delta';
  readonly mediaType: string;
  readonly contentEncoding: string | null;
  readonly state: DeliveryState;
  readonly cause: string | null;
  readonly payloadSha256: string | null;
  readonly rows: {
    readonly total: number;
    readonly new: number;
    readonly updated: number;
    readonly unchanged: number;
    readonly leaver: number;
    readonly rejected: number;
    /** Known people of the source whom a full delivery does not name: counted and marked, nothing more. */
    readonly absent: number;
  };
  readonly receivedAt: Date;
  readonly finishedAt: Date | null;
}

const selectDelivery = sql`
  select id, sequence, source, mode, media_type as "mediaType", content_encoding as "contentEncoding", state, cause,
    encode(payload_sha256, 'hex') as "payloadSha256",
    jsonb_build_object('total', rows_total, 'new', rows_new, 'updated', rows_updated, 'unchanged', rows_unchanged,
      'leaver', rows_leaver, 'rejected', rows_rejected, 'absent', rows_absent) as rows,
    received_at as "receivedAt", finished_at as "finishedAt"
  from feed_delivery`;

/**
 * Opens a delivery for its bytes. With an idempotency key that was used before, gives the delivery that has it instead.
 */
export async function openDelivery(
  db: Database,
  delivery: {
    source: string;
    mode: 'full' | 'delta';
    mediaType: string;
    contentEncoding: string | null;
    idempotencyKey: string | null;
    actor: string;
  },
): Promise<{ id: string; opened: boolean }> {
  const { rows } = await sql<{ id: string }>`
    insert into feed_delivery (source, mode, media_type, content_encoding, idempotency_key, received_by, state)
    values (${delivery.source}, ${delivery.mode}, ${delivery.mediaType}, ${delivery.contentEncoding},
      ${delivery.idempotencyKey}, ${delivery.actor}, 'uploading')
    on conflict (source, idempotency_key) do nothing returning id`.execute(db);
  if (rows[0] !== undefined) return { id: rows[0].id, opened: true };
  const { rows: earlier } = await sql<{ id: string }>`
    select id from feed_delivery where source = ${delivery.source} and idempotency_key = ${delivery.idempotencyKey}`.execute(
    db,
  );
  const [first] = earlier;
  if (first === undefined) throw new Error('the ledger gave no delivery');
  return { id: first.id, opened: false };
}

const pieceBytes = 1_048_576;

/** Stores the bytes piece by piece as they come; the delivery counts as received only when all are committed. */
export async function storePayload(ledger: Ledger, deliveryId: string, bytes: AsyncIterable<Buffer>): Promise<void> {
  let piece = 0;
  let waiting: Buffer[] = [];
  let size = 0;
  const flush = async () => {
    if (size === 0) return;
    await sql`
      insert into feed_payload (delivery_id, piece, bytes)
      values (${deliveryId}::uuid, ${piece}, ${Buffer.concat(waiting)})`.execute(ledger.db);
    piece += 1;
    waiting = [];
    size = 0;
  };
  for await (const chunk of bytes) {
    waiting.push(chunk);
    size += chunk.length;
    if (size >= pieceBytes) await flush();
  }
  await flush();
}

export async function receiveDelivery(
  db: Database,
  deliveryId: string,
  payload: { sha256: Uint8Array; bytes: number },
): Promise<void> {
  await sql`
    update feed_delivery set state = 'received', payload_sha256 = ${Buffer.from(payload.sha256)}, payload_bytes = ${payload.bytes}
    where id = ${deliveryId}::uuid`.execute(db);
}

/** An upload that broke off leaves nothing behind, so that its key can be used again. */
export async function dropDelivery(db: Database, deliveryId: string): Promise<void> {
  await sql`delete from feed_delivery where id = ${deliveryId}::uuid and state = 'uploading'`.execute(db);
}

export async function readDelivery(db: Database, source: string, id: string): Promise<DeliveryRow | undefined> {
  const { rows } = await sql<DeliveryRow>`
    ${selectDelivery} where source = ${source} and id = ${id}::uuid`.execute(db);
  return rows[0];
}

/** Deliveries whose bytes are safe but which are not applied: taken up again after a crash. */
export async function unfinishedDeliveries(db: Database): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    select id from feed_delivery where state in ('received', 'checking', 'applying') order by sequence`.execute(db);
  return rows.map(({ id }) => id);
}

const pieceSchema = z.object({ bytes: z.instanceof(Buffer) });

export async function* payloadPieces(ledger: Ledger, deliveryId: string): AsyncGenerator<Buffer> {
  const client = await ledger.pool.connect();
  try {
    const stream = client.query(
      new QueryStream('select bytes from feed_payload where delivery_id = $1 order by piece', [deliveryId], {
        batchSize: 2,
      }),
    );
    for await (const row of stream) yield pieceSchema.parse(row).bytes;
  } finally {
    client.release();
  }
}

export interface StagedRow {
  readonly row: number;
  readonly line: number;
  readonly employeeNumber: string | null;
  readonly problems: readonly { field: string; reason: string; message: string }[];
  /** Canonical JSON; null for a rejected row. */
  readonly record: string | null;
  readonly fingerprint: Uint8Array | null;
  readonly search: { name: string; addresses: readonly string[] } | null;
}

/**
 * Runs `work` in one transaction with the source's lock, so that a source's deliveries are applied one at a time and in
 * the order of their arrival; a delivery that is applied already is left alone.
 */
export async function takeDelivery(
  ledger: Ledger,
  deliveryId: string,
  work: (delivery: DeliveryRow, client: PoolClient) => Promise<{ refused: string } | undefined>,
): Promise<void> {
  const client = await ledger.pool.connect();
  try {
    await client.query('begin');
    const { rows } = await client.query<{ source: string; state: string }>(
      'select source, state from feed_delivery where id = $1',
      [deliveryId],
    );
    const [found] = rows;
    if (found === undefined) throw new Error('there is no such delivery');
    await client.query("select pg_advisory_xact_lock(hashtextextended('feed ' || $1, 0))", [found.source]);
    const delivery = await readDelivery(ledger.db, found.source, deliveryId);
    if (delivery !== undefined && delivery.state !== 'done' && delivery.state !== 'refused') {
      const end = await work(delivery, client);
      if (end === undefined)
        await client.query("update feed_delivery set state = 'applying' where id = $1", [deliveryId]);
      else {
        await client.query('rollback');
        await client.query('begin');
        await client.query(
          "update feed_delivery set state = 'refused', cause = $2, finished_at = now() where id = $1",
          [deliveryId, end.refused],
        );
      }
    }
    await client.query('commit');
  } catch (error) {
    await client.query('rollback');
    throw error;
  } finally {
    client.release();
  }
}

/** The bytes have done their work once every row has its answer. */
export async function finishDelivery(db: Database, deliveryId: string): Promise<void> {
  await sql`
    with finished as (
      update feed_delivery set state = 'done', finished_at = now()
      where id = ${deliveryId}::uuid and state = 'applying' returning id
    )
    delete from feed_payload using finished where delivery_id = finished.id`.execute(db);
}

/** Copies the checked rows into a table of this transaction's own. */
export async function stageRows(
  client: PoolClient,
  delivery: DeliveryRow,
  rows: AsyncIterable<StagedRow>,
): Promise<void> {
  await client.query(`
    create temporary table staged (
      row integer, line integer, employee_number text, problems jsonb, record jsonb, fingerprint bytea,
      folded_name text, addresses text[], outcome text
    ) on commit drop`);
  await copyInto(
    client,
    'staged (row, line, employee_number, problems, record, fingerprint, folded_name, addresses)',
    mapped(rows),
  );
  await client.query('create index on staged (employee_number); analyze staged');
  await client.query("update feed_delivery set state = 'checking' where id = $1", [delivery.id]);
}

async function* mapped(rows: AsyncIterable<StagedRow>) {
  for await (const row of rows) {
    yield [
      row.row,
      row.line,
      row.employeeNumber,
      row.problems.length === 0 ? '[]' : JSON.stringify(row.problems),
      row.record,
      row.fingerprint,
      row.search?.name ?? null,
      row.search === null ? null : [...row.search.addresses],
    ];
  }
}

/**
 * Applies the staged rows set-wise: first tell who is new, changed or unchanged by fingerprint, then write only what
 * changed (an anti-join beats ON CONFLICT, which locks every row). Every row gets its outcome.
 */
export async function applyStaged(client: PoolClient, delivery: DeliveryRow): Promise<undefined> {
  const conflictProblem = JSON.stringify([
    {
      field: 'employeeNumber',
      reason: 'duplicate_conflict',
      message: 'The same worker stands there with other values.',
    },
  ]);
  await client.query(`update staged set outcome = case when record is null then 'rejected' else null end`);
  await client.query(
    `update staged set outcome = 'rejected', problems = $1::jsonb
     from (select employee_number from staged where record is not null
           group by employee_number having count(distinct fingerprint) > 1) as clash
     where staged.employee_number = clash.employee_number and outcome is null`,
    [conflictProblem],
  );
  await client.query(
    `update staged set outcome = 'duplicate'
     from (select employee_number, min(row) as first from staged where outcome is null group by employee_number) as firsts
     where staged.employee_number = firsts.employee_number and staged.row > firsts.first and outcome is null`,
  );
  await client.query(
    `update staged set outcome = case when employee.id is null then 'new'
        when employee.fingerprint = staged.fingerprint then 'unchanged' else 'updated' end
     from staged as self left join employee on employee.source = $1 and employee.employee_number = self.employee_number
     where self.row = staged.row and staged.outcome is null`,
    [delivery.source],
  );
  await writeEmployees(client, delivery);
  await client.query(
    `insert into feed_row (delivery_id, line, row, employee_number, outcome, problems)
     select $1, line, row, employee_number, outcome, problems from staged`,
    [delivery.id],
  );
  await markAbsent(client, delivery);
  await client.query(
    `update feed_delivery set rows_total = total, rows_new = new, rows_updated = updated,
       rows_unchanged = unchanged, rows_rejected = rejected, rows_leaver = leaver
     from (
       select count(*) as total, count(*) filter (where outcome = 'new') as new,
         count(*) filter (where outcome = 'updated') as updated,
         count(*) filter (where outcome in ('unchanged', 'duplicate')) as unchanged,
         count(*) filter (where outcome = 'rejected') as rejected,
         count(*) filter (where outcome in ('new', 'updated') and record ->> 'status' = 'terminated') as leaver
       from staged) as counted
     where id = $1`,
    [delivery.id],
  );
  return undefined;
}

async function writeEmployees(client: PoolClient, delivery: DeliveryRow): Promise<void> {
  await client.query(
    `with added as (
       insert into employee (source, employee_number, version, fingerprint, status, last_delivery)
       select $1, employee_number, 1, fingerprint, record ->> 'status', $2 from staged where outcome = 'new'
       returning id, employee_number
     ), versions as (
       insert into employee_version (employee_id, version, record, delivery_id)
       select added.id, 1, staged.record, $3::uuid from added join staged using (employee_number)
       where staged.outcome = 'new'
     )
     insert into employee_search (employee_id, folded_name, addresses)
     select added.id, folded_name, addresses from added join staged using (employee_number) where staged.outcome = 'new'`,
    [delivery.source, delivery.sequence, delivery.id],
  );
  await client.query(
    `with changed as (
       update employee set version = employee.version + 1, fingerprint = staged.fingerprint,
         status = staged.record ->> 'status', last_delivery = $2, updated_at = now(), absent_since = null
       from staged
       where staged.outcome = 'updated' and employee.source = $1 and employee.employee_number = staged.employee_number
       returning employee.id, employee.version, staged.record, staged.folded_name, staged.addresses
     ), versions as (
       insert into employee_version (employee_id, version, record, delivery_id)
       select id, version, record, $3::uuid from changed
     )
     update employee_search set folded_name = changed.folded_name, addresses = changed.addresses
     from changed where employee_search.employee_id = changed.id`,
    [delivery.source, delivery.sequence, delivery.id],
  );
}

/** Absent from a full delivery: marked and counted. A rejected row is present: it never makes a leaver. */
async function markAbsent(client: PoolClient, delivery: DeliveryRow): Promise<void> {
  if (delivery.mode !== 'full') return;
  await client.query(
    `update employee set absent_since = null
     where source = $1 and absent_since is not null
       and exists (select from staged where staged.employee_number = employee.employee_number)`,
    [delivery.source],
  );
  const { rowCount } = await client.query(
    `update employee set absent_since = coalesce(absent_since, now())
     where source = $1 and status <> 'terminated'
       and not exists (select from staged where staged.employee_number = employee.employee_number)`,
    [delivery.source],
  );
  await client.query('update feed_delivery set rows_absent = $2 where id = $1', [delivery.id, rowCount ?? 0]);
}

/** A page of a delivery's rows, in the order in which they stood. */
export async function deliveryRecords(
  db: Database,
  deliveryId: string,
  page: { outcome?: string; after: number; limit: number },
): Promise<{ row: number; line: number; employeeNumber: string | null; outcome: string; problems: unknown[] }[]> {
  const { rows } = await sql<{
    row: number;
    line: number;
    employeeNumber: string | null;
    outcome: string;
    problems: unknown[];
  }>`
    select row, line, employee_number as "employeeNumber", outcome, problems from feed_row
    where delivery_id = ${deliveryId}::uuid and row > ${page.after}
      and (${page.outcome ?? null}::text is null or outcome = ${page.outcome ?? null})
    order by row limit ${page.limit}`.execute(db);
  return rows;
}
