import { sql } from 'kysely';
import QueryStream from 'pg-query-stream';
import { z } from 'zod';
import type { DeliveryState, Difference } from '#libs/vocabulary';
import type { Database, Ledger } from './open.js';

/** Rows in one entry of feed_row_pack. */
export const rowsInPack = 1_000;

export interface DeliveryRow {
  readonly id: string;
  readonly source: string;
  readonly mode: 'full' | 'delta';
  readonly mediaType: string;
  readonly contentEncoding: string | null;
  readonly state: DeliveryState;
  /** Why a delivery was refused: the reason, a colon, and a sentence with the fix. */
  readonly cause: string | null;
  readonly payloadSha256: string | null;
  /** What a full delivery is the whole of; '' is everybody of the source. */
  readonly population: string;
  /** From when it is true: an older delivery never overwrites a newer record. Null while it is received. */
  readonly effectiveAt: Date | null;
  /** What it would change or has changed, as the guard counts it; null before it was checked. */
  readonly difference: Pick<Difference, 'fingerprint' | 'measures'> | null;
  /** What a person said of it when it was held. */
  readonly decision: {
    readonly verdict: 'approved' | 'rejected';
    readonly by: string;
    readonly at: string;
    readonly note: string;
  } | null;
  /** The held delivery of the same source that must be decided before this one can be applied. */
  readonly waitsFor: string | null;
  /** new + updated + unchanged + rejected = total; the others count some of these once more. */
  readonly rows: {
    readonly total: number;
    readonly new: number;
    readonly updated: number;
    readonly unchanged: number;
    readonly rejected: number;
    /** Of the unchanged: rows that repeat an earlier row of the same delivery. */
    readonly duplicate: number;
    /** Of the unchanged: rows of people about whom something newer is known. */
    readonly older: number;
    /** People who are terminated and were not before: by their row, or absent from full deliveries for the second time. */
    readonly leaver: number;
    /** No rows: known people of the population whom a full delivery does not name; see docs/safeguards.md. */
    readonly absent: number;
  };
  readonly receivedAt: Date;
  readonly finishedAt: Date | null;
}

/** Without a condition: add `where`. */
export const selectDelivery = `
  select id, source, mode, population, effective_at as "effectiveAt", media_type as "mediaType",
    content_encoding as "contentEncoding", state, cause,
    encode(payload_sha256, 'hex') as "payloadSha256",
    jsonb_build_object('total', rows_total, 'new', rows_new, 'updated', rows_updated, 'unchanged', rows_unchanged,
      'rejected', rows_rejected, 'duplicate', rows_duplicate, 'older', rows_older, 'leaver', rows_leaver, 'absent', rows_absent) as rows,
    difference - 'counts' as difference,
    case when decision is not null then jsonb_build_object(
      'verdict', decision, 'by', decided_by, 'at', decided_at, 'note', coalesce(decision_note, '')) end as decision,
    case state when 'received' then (
      select head.id from feed_delivery as head where head.source = feed_delivery.source and head.state = 'held'
        and (head.received_at, head.sequence) < (feed_delivery.received_at, feed_delivery.sequence) limit 1
    ) end as "waitsFor",
    received_at as "receivedAt", finished_at as "finishedAt"
  from feed_delivery `;

/** What is asked of a delivery before its bytes come. */
export interface WantedDelivery {
  readonly source: string;
  readonly mode: 'full' | 'delta';
  /** Of a full delivery; left out it is everybody of the source. */
  readonly population?: string;
  /** Left out it is the time at which the bytes were there. */
  readonly effectiveAt?: Date | undefined;
  readonly mediaType: string;
  readonly contentEncoding: string | null;
  readonly idempotencyKey: string | null;
  readonly actor: string;
}

/**
 * Opens a delivery for its bytes. With an idempotency key that was used before, gives the delivery that has it instead;
 * an upload that broke off with its process gives its key free.
 */
export async function openDelivery(
  db: Database,
  delivery: WantedDelivery,
): Promise<{ id: string; earlier: DeliveryRow | undefined }> {
  // An earlier delivery may go away between the two statements, when its upload breaks off.
  for (let attempt = 0; attempt < 10; attempt += 1) {
    await dropLostUploads(db);
    const { rows } = await sql<{ id: string }>`
      insert into feed_delivery (source, mode, population, effective_at, media_type, content_encoding, idempotency_key,
        received_by, state)
      values (${delivery.source}, ${delivery.mode}, ${delivery.population ?? ''}, ${delivery.effectiveAt ?? null}, ${delivery.mediaType}, ${delivery.contentEncoding},
        ${delivery.idempotencyKey}, ${delivery.actor}, 'uploading')
      on conflict (source, idempotency_key) do nothing returning id`.execute(db);
    if (rows[0] !== undefined) return { id: rows[0].id, earlier: undefined };
    const { rows: found } = await sql<DeliveryRow>`
      ${sql.raw(selectDelivery)} where source = ${delivery.source} and idempotency_key = ${delivery.idempotencyKey}`.execute(
      db,
    );
    if (found[0] !== undefined) return { id: found[0].id, earlier: found[0] };
  }
  throw new Error('a delivery could be neither opened nor found');
}

/** Uploads that have stored nothing for two minutes: their process is gone, or their sender. */
async function dropLostUploads(db: Database): Promise<void> {
  await sql`
    delete from feed_delivery where state = 'uploading' and touched_at < now() - interval '2 minutes'`.execute(db);
}

/** The upload was given up meanwhile, because nothing came for too long. */
export class UploadLostError extends Error {
  constructor() {
    super('the upload was given up because nothing came for two minutes');
    this.name = 'UploadLostError';
  }
}

const pieceBytes = 1_048_576;
/** A slow sender stores smaller pieces, so that its upload is not taken for a lost one. */
const pieceMsMax = 20_000;

/**
 * Stores the bytes piece by piece as they come; the delivery counts as received only when all are committed.
 *
 * @throws UploadLostError when the upload was given up.
 */
export async function storePayload(ledger: Ledger, deliveryId: string, bytes: AsyncIterable<Buffer>): Promise<void> {
  let piece = 0;
  let waiting: Buffer[] = [];
  let size = 0;
  let since = performance.now();
  const flush = async () => {
    if (size === 0) return;
    const { numAffectedRows } = await sql`
      with alive as (
        update feed_delivery set touched_at = clock_timestamp()
        where id = ${deliveryId}::uuid and state = 'uploading' returning id
      )
      insert into feed_payload (delivery_id, piece, bytes)
      select id, ${piece}, ${Buffer.concat(waiting)} from alive`.execute(ledger.db);
    if (numAffectedRows !== 1n) throw new UploadLostError();
    piece += 1;
    waiting = [];
    size = 0;
    since = performance.now();
  };
  for await (const chunk of bytes) {
    waiting.push(chunk);
    size += chunk.length;
    if (size >= pieceBytes || performance.now() - since > pieceMsMax) await flush();
  }
  await flush();
}

/**
 * All bytes are safe: from here on the delivery will be applied, after those of its source that came before.
 *
 * @throws UploadLostError when the upload was given up.
 */
export async function receiveDelivery(
  db: Database,
  deliveryId: string,
  payload: { sha256: Uint8Array; bytes: number },
): Promise<void> {
  const { numAffectedRows } = await sql`
    update feed_delivery set state = 'received', received_at = clock_timestamp(),
      effective_at = coalesce(effective_at, clock_timestamp()),
      payload_sha256 = ${Buffer.from(payload.sha256)}, payload_bytes = ${payload.bytes}
    where id = ${deliveryId}::uuid and state = 'uploading'`.execute(db);
  if (numAffectedRows !== 1n) throw new UploadLostError();
}

/** An upload that broke off leaves nothing behind, so that its key can be used again. */
export async function dropDelivery(db: Database, deliveryId: string): Promise<void> {
  await sql`delete from feed_delivery where id = ${deliveryId}::uuid and state = 'uploading'`.execute(db);
}

export async function readDelivery(db: Database, source: string, id: string): Promise<DeliveryRow | undefined> {
  const { rows } = await sql<DeliveryRow>`
    ${sql.raw(selectDelivery)} where source = ${source} and id = ${id}::uuid`.execute(db);
  return rows[0];
}

const pieceSchema = z.object({ bytes: z.instanceof(Buffer) });

export async function* payloadPieces(ledger: Ledger, deliveryId: string): AsyncGenerator<Buffer> {
  const client = await ledger.pool.connect();
  try {
    const stream = client.query(
      new QueryStream('select bytes from feed_payload where delivery_id = $1 order by piece', [deliveryId], {
        batchSize: 1,
      }),
    );
    for await (const row of stream) yield pieceSchema.parse(row).bytes;
  } finally {
    client.release();
  }
}

/** What became of one row of a delivery. */
export interface DeliveryRecord {
  /** Counted from 1 in the order of the file. */
  readonly row: number;
  /** Where the row begins in the file, from 1. */
  readonly line: number;
  /** What the sender calls the row, in an upload by SCIM. */
  readonly bulkId: string | null;
  readonly employeeNumber: string | null;
  readonly outcome: string;
  readonly problems: readonly { field: string; reason: string; message: string }[];
}

/** A page of a delivery's rows, in the order in which they stood. */
export async function deliveryRecords(
  db: Database,
  deliveryId: string,
  page: { outcome?: string | undefined; after: number; limit: number },
): Promise<DeliveryRecord[]> {
  const { rows } = await sql<DeliveryRecord>`
    with pack as (
      select rows, lines, employee_numbers, outcome,
        coalesce(sum(cardinality(rows)) over (
          order by first_row groups between unbounded preceding and 1 preceding), 0) as rows_before
      from feed_row_pack
      where delivery_id = ${deliveryId}::uuid and first_row > ${page.after - rowsInPack}
        and (${page.outcome ?? null}::text is null or outcome = ${page.outcome ?? null})
    ), record as (
      (
        select one.row, one.line, one.employee_number, outcome, '[]'::jsonb as problems
        from pack, unnest(rows, lines, employee_numbers) as one (row, line, employee_number)
        -- The first thousand may lie before the page.
        where rows_before < ${page.limit + rowsInPack} and one.row > ${page.after}
        order by one.row limit ${page.limit}
      ) union all (
        select row, line, employee_number, outcome, problems from feed_row
        where delivery_id = ${deliveryId}::uuid and row > ${page.after}
          and (${page.outcome ?? null}::text is null or outcome = ${page.outcome ?? null})
        order by row limit ${page.limit}
      )
    )
    select record.row, line, bulk_id as "bulkId", employee_number as "employeeNumber", outcome, problems
    from record left join feed_operation on feed_operation.delivery_id = ${deliveryId}::uuid and feed_operation.row = record.row
    order by record.row limit ${page.limit}`.execute(db);
  return rows;
}

/** A page of a source's deliveries, newest first; `before` is the id of the last one of the page before. */
export async function listDeliveries(
  db: Database,
  source: string,
  page: { state?: string | undefined; before?: string | undefined; limit: number },
): Promise<DeliveryRow[]> {
  const { rows } = await sql<DeliveryRow>`
    ${sql.raw(selectDelivery)} where source = ${source} and state <> 'uploading'
      and (${page.state ?? null}::text is null or state = ${page.state ?? null})
      and (${page.before ?? null}::uuid is null or sequence < (
        select sequence from feed_delivery where id = ${page.before ?? null}::uuid and source = ${source}))
    order by sequence desc limit ${page.limit}`.execute(db);
  return rows;
}
